"""How the account store's database is reached: engine, connections, transactions, faults in words.

Tables stand in ``accounts.tables``; what is asked of them, in the repository of each subject.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    FromClause,
    Select,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.types import TypeDecorator

from vibe_pipeline.accounts.errors import (
    AccountsBusy,
    AccountsGone,
    AccountsNotADatabase,
    AccountsNotPermitted,
    AccountsNotSetUp,
    AccountsUnreachable,
    AccountsUnreadable,
    IndexContradicts,
)
from vibe_pipeline.installation.sqlite_file import readable_text

BUSY_SECONDS = 15
"""How long a transaction waits for another process's before it gives up."""

_WRITES = "vibe_writes"
_SYNCED = "vibe_synced"


class Moment(TypeDecorator[datetime]):
    """A moment kept in UTC and given back aware; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Make what comes back aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _CompilerWithHints(SQLiteCompiler):
    """Writes a table's hint behind its name, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        """What ``past_indexes`` says of it."""
        return text


@dataclass(frozen=True, slots=True)
class Database:
    """Short transactions on one engine; every connection is opened and closed with its own.

    Nothing is pooled: run workers are forked, and a connection must not cross a fork. Programs
    that stay keep the file open beside that (``held_open``).
    """

    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only looks."""
        with self.faults_in_words(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, synced: bool = True) -> Iterator[Connection]:
        """A transaction that changes; on SQLite it holds the write lock from its first moment.

        Not ``synced``: for what counts or can be found again. A process that dies loses none of it,
        a machine that loses power the last seconds, and nobody waits for the disk.
        """
        writes = self.engine.execution_options(**{_WRITES: True, _SYNCED: synced})
        with self.faults_in_words(), writes.begin() as connection:
            yield connection

    def look_through(self) -> None:
        """Read every page of an SQLite file, and hold indexes against their rows.

        A server looks after its own. Raises ``AccountsNotADatabase`` when some are damaged, and
        ``IndexContradicts`` when each is well by itself.
        """
        if self.engine.dialect.name != "sqlite":
            return
        with self.reading() as connection:
            if _is_sound(connection, "integrity_check"):
                return
            if _is_sound(connection, "quick_check"):
                raise IndexContradicts(_contradiction(self.engine.url.database or ""))
            raise self.damaged()

    def damaged(self) -> AccountsNotADatabase:
        """The error for a store in which something is not as it should be."""
        url = self.engine.url
        in_a_file = self.engine.dialect.name == "sqlite"
        return AccountsNotADatabase(_damaged(url.database or "" if in_a_file else shown_place(url)))

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the file open for as long as a program serves people; not for one that forks.

        The last connection to leave an SQLite file writes its log back and syncs the disk, some
        twenty milliseconds; among short transactions that would be nearly every one, in every
        process. While somebody stays, only what is to be ``synced`` waits for the disk.
        """
        if self.engine.dialect.name != "sqlite":
            yield
            return
        with self.faults_in_words():
            connection = self.engine.connect()
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            connection.rollback()
        try:
            yield
        finally:
            connection.close()

    @contextmanager
    def faults_in_words(self) -> Iterator[None]:
        """Turn the database's own faults into ``AccountsUnreadable``; ours stay as they are."""
        try:
            yield
        except DBAPIError as error:
            fault = _fault(error, self.engine)
            if fault is None:
                raise
            raise fault from None
        except sqlite3.Error as error:
            fault = _sqlite_fault(error, self.engine.url.database or "")
            if fault is None:
                raise
            raise fault from None
        except UnicodeDecodeError:  # SQLite's own words, which name what is damaged
            raise self.damaged() from None


def connect(url: str) -> Database:
    """A database at this address; nothing is opened yet."""
    with _usable_address():
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        engine.dialect.statement_compiler = _CompilerWithHints
        event.listen(engine, "do_connect", _open_what_is_there)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "do_connect", _open)
    return Database(engine)


@contextmanager
def _usable_address() -> Iterator[None]:
    try:
        yield
    except (ArgumentError, ModuleNotFoundError, NoSuchModuleError, ValueError) as error:
        raise AccountsUnreachable(
            "ACCOUNTS_URL is not an address we can use; write something like"
            " sqlite:////var/lib/vibe/accounts.sqlite or postgresql+psycopg://name@host/base,"
            f" and install the driver it names ({type(error).__name__})."
        ) from None


def shown_place(url: URL) -> str:
    """Where the store lies, for people to read: no password, and no options, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite address; ``None`` for a server or for memory.

    Raises:
        AccountsUnreachable: it is no address.
    """
    with _usable_address():
        parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or parts.database in {None, "", ":memory:"}:
        return None
    return Path(str(parts.database))


def revision_of(connection: Connection) -> str | None:
    """The revision the tables are at; ``None`` before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return revision


def past_indexes(query: Select[Any], table: Table) -> Select[Any]:
    """The same question, answered by the table's rows alone: an index may be damaged unnoticed.

    For absences from which much follows; all rows are read. Servers look after their indexes.
    """
    return query.with_hint(table, "NOT INDEXED", "sqlite")


def _open(
    dialect: Dialect, _record: ConnectionPoolEntry, options: list[Any], named: dict[str, Any]
) -> DBAPIConnection:
    """A connection; before there is one, only an option that the driver does not know is ours."""
    errors = (TypeError, dialect.loaded_dbapi.ProgrammingError)
    try:
        return dialect.connect(*options, **named)
    except errors:
        raise AccountsUnreachable(
            "The database's driver does not take what follows the question mark in ACCOUNTS_URL;"
            " look for a misspelt option there."
        ) from None


def _open_what_is_there(
    _dialect: Dialect, _record: ConnectionPoolEntry, places: list[Any], options: dict[str, Any]
) -> None:
    """Have SQLite make no empty file where the store is gone; ``schema.migrate`` makes one.

    The empty host before a path from the root keeps two slashes from beginning one.
    """
    place = str(places[0])
    if place not in {"", ":memory:"} and not place.startswith("file:"):
        host = "//" if place.startswith("/") else ""
        places[0] = f"file:{host}{quote(place)}?mode=rw"
        options["uri"] = True


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    connection.text_factory = readable_text
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get(_WRITES, False)
    if writes and options.get(_SYNCED, True):
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _fault(error: DBAPIError, engine: Engine) -> AccountsUnreadable | None:
    """The sentence for a fault of the database itself; ``None`` when the fault is ours."""
    place = shown_place(engine.url)
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_fault(error.orig, engine.url.database or place)
    complaint = str(error.orig).lower()
    if "does not exist" in complaint and "relation" in complaint:
        return AccountsNotSetUp(_not_set_up(place))
    if error.connection_invalidated or type(error).__name__ == "OperationalError":
        return AccountsUnreachable(
            f"The account store at {place} does not answer; start the database, or mend"
            " ACCOUNTS_URL."
        )
    return None


def _sqlite_fault(error: sqlite3.Error, place: str) -> AccountsUnreadable | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if (absence := _absence(str(error), name, place)) is not None:
        return absence
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return AccountsBusy(
            f"Another process held the account store {place} for more than {BUSY_SECONDS} seconds;"
            " try again, and look for a process that hangs."
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return AccountsNotADatabase(_damaged(place))
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return AccountsNotPermitted(
            f"We may not open or write the account store {place}; give the user who runs this"
            " program the right to its folder and file."
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return AccountsUnreachable(
            f"The account store {place} cannot be written: the disk is full or failing; free some"
            " space, then start again."
        )
    return None


def _absence(complaint: str, name: str, place: str) -> AccountsNotSetUp | None:
    if "no such table" in complaint or "no such column" in complaint:
        return AccountsNotSetUp(_not_set_up(place))
    if name.startswith("SQLITE_CANTOPEN") and not Path(place).exists():
        return AccountsGone(not_there(place))
    return None


def _is_sound(connection: Connection, check: str) -> bool:
    return bool(connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar() == "ok")


def _contradiction(place: str) -> str:
    return (
        f"An index of the account store {place} is damaged, so that some rows are not found: stop"
        " Vibe and start it again, which mends that; where it cannot tell which is right, put a"
        " backup in its place."
    )


def _damaged(place: str) -> str:
    return (
        f"{place} is not an account store, or it is damaged; put a backup in its place, or point"
        " ACCOUNTS_URL elsewhere."
    )


def foreign_tables(place: str) -> str:
    """The sentence for tables of which nothing says that they are ours."""
    return (
        f"{place} holds another program's tables; point ACCOUNTS_URL to a database of its own, or"
        " put a backup in its place."
    )


def not_there(place: str) -> str:
    """The sentence for a store that is not where it should be."""
    return (
        f"The account store {place} is not there: bring back the disk it lies on, or run vibe"
        " restore with a backup; where nobody was connected yet, run `vibe up` once."
    )


def _not_set_up(place: str) -> str:
    return f"The account store {place} has not been set up for this version; run `vibe up` once."
