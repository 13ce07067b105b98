"""Whether the tables are of this version; light enough to ask at every start.

No Alembic here: that is ``accounts.migration_runner``'s, loaded only when there is work for it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect

from vibe_pipeline.accounts.database import (
    BUSY_SECONDS,
    Database,
    connect,
    foreign_tables,
    not_there,
    revision_of,
    shown_place,
    sqlite_path,
)
from vibe_pipeline.accounts.errors import (
    AccountsGone,
    AccountsNotADatabase,
    AccountsNotPermitted,
    AccountsTooNew,
)
from vibe_pipeline.accounts.tables import metadata

HEAD = "0018"
"""The revision this version of the program works with."""

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    HEAD,
)
"""Every revision there has been, oldest first."""


def migrate(url: str, *, to: str = HEAD) -> None:
    """Set the store up or bring it to this version; safe for many processes at once.

    Does nothing, quickly, when the store is as it should be. ``to``: the revision of a former
    version, for a store that is made now.
    """
    database, path = connect(url), sqlite_path(url)
    if path is not None:
        _make_file(path)
    if _revision(database) != to:
        _upgrade(database, path, to)


def upgrade_existing(url: str) -> None:
    """Bring a store that is there to this version; for all who never make one.

    Raises:
        AccountsGone: there is none, or nothing was set up in it.
    """
    database, path = connect(url), sqlite_path(url)
    revision = _revision(database)
    if revision is None:
        place = shown_place(database.engine.url)
        raise AccountsGone(not_there(place if path is None else str(path)))
    if revision != HEAD:
        _upgrade(database, path)


def check_tables(database: Database) -> None:
    """Look whether a start could use what is there; nothing is changed.

    Raises:
        AccountsTooNew: a newer version has been here.
        AccountsNotADatabase: tables of ours are missing, or nothing says what they are.
    """
    place, revision = shown_place(database.engine.url), _revision(database)
    with database.reading() as connection:
        names = set(inspect(connection).get_table_names())
    missing = sorted(metadata.tables.keys() - names) if revision == HEAD else []
    if revision is None and names:
        raise AccountsNotADatabase(foreign_tables(place))
    if missing:
        raise AccountsNotADatabase(
            f"{place} lacks tables ({', '.join(missing)}); put a backup in its place, or point"
            " ACCOUNTS_URL elsewhere."
        )


def _upgrade(database: Database, path: Path | None, to: str = HEAD) -> None:
    if path is not None:
        _use_write_ahead_log(database, path)
    # Alembic takes a third of a second to import, and is needed once in a version's life.
    from vibe_pipeline.accounts.migration_runner import upgrade  # noqa: PLC0415

    upgrade(database, to)


def _revision(database: Database) -> str | None:
    """The revision the store is at, which this version must know; none where nothing is."""
    with database.reading() as connection:
        revision = revision_of(connection)
    if revision is not None and revision not in REVISIONS:
        place = shown_place(database.engine.url)
        raise AccountsTooNew(
            f"The account store {place} was changed by a newer version of this program; run that"
            " version, or restore a backup made before the upgrade."
        )
    return revision


def _make_file(path: Path) -> None:
    """Make the file ourselves, so that nobody but its owner can ever read it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise AccountsNotPermitted(
            f"We may not make or write the account store {path} ({error.strerror}); give the user"
            " who runs this program the right to its folder and file, or set VIBE_HOME."
        ) from None


def _use_write_ahead_log(database: Database, path: Path) -> None:
    """Let readers and a writer work side by side; a property of the file, set once."""
    deadline = time.monotonic() + BUSY_SECONDS
    with database.faults_in_words(), closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait here when somebody else is changing the mode.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
