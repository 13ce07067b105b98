"""Setting the account store up, and leading it from any former version to this one, by Alembic.

Alembic is slow to load; whether it is needed at all is asked of ``accounts.schema`` first.
"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from vibe_pipeline.accounts import migrations
from vibe_pipeline.accounts.database import Database, foreign_tables, revision_of, shown_place
from vibe_pipeline.accounts.errors import AccountsNotADatabase

_ADVISORY_LOCK = 7_221_090_311
_one_at_a_time = threading.Lock()


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the tables to this version in one transaction, which is also the lock.

    Whoever comes second waits for the first and then finds nothing to do: on SQLite the write
    lock sees to that, on Postgres an advisory one. Alembic keeps its context in a global, hence
    the lock between threads. ``to``: an earlier revision, as an older program left a store.
    """
    with _one_at_a_time, database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
        if revision_of(connection) is None:
            _refuse_foreign_tables(connection)
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def _refuse_foreign_tables(connection: Connection) -> None:
    if inspect(connection).get_table_names():
        raise AccountsNotADatabase(foreign_tables(shown_place(connection.engine.url)))
