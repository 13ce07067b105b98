"""The warehouse that ``vibe warehouse-server`` keeps, over DuckDB's client-server protocol.

Each statement goes to the server as one text, inside a session and a transaction there; the
server's side of it, and who has the turn, is ``server``'s.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import duckdb

from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse.connection import (
    ATTACHED,
    LOOK_AGAIN_SECONDS,
    FileEngine,
    pandas_not_asked_for,
)
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.errors import (
    WarehouseError,
    WarehouseLocked,
    WarehouseNewerThanUs,
    WarehouseUnreachable,
)
from vibe_pipeline.warehouse.extensions import load_extensions
from vibe_pipeline.warehouse.literals import literal, with_literals
from vibe_pipeline.warehouse.schema import migrations
from vibe_pipeline.warehouse.writer_lock import ASK, GIVE_BACK, KEEP

_CATALOG = "server"
_REACH_SECONDS = 5.0
"""So long a server that does not answer is taken to be starting."""
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY table_name"
_COLUMNS = (
    "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND table_name = ?"
    " AND schema_name = 'main' ORDER BY column_index"
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class QuackEngine:
    """A warehouse that a server keeps; one transaction at a time among all its clients.

    A session with the server stays between two transactions, and is made anew after an error.
    Not for a process that forks afterwards.

    ``config``: DuckDB's own settings, and ``token`` instead of WAREHOUSE_TOKEN.
    """

    born = False
    undisturbed = False
    """Others may have written: the server is asked anew each time."""

    def __init__(self, place: Path, config: Mapping[str, Any] | None = None) -> None:
        ours = {**(config or {})}
        self.place = place
        self._token = str(ours.pop("token", "")) or None
        self._config = ours
        self._session: duckdb.DuckDBPyConnection | None = None

    def exists(self) -> bool:
        """The server made it when it started."""
        return True

    @contextmanager
    def transaction(
        self, *, patience: float, compacting: bool = False, frames: bool = False
    ) -> Iterator[RemoteConnection]:
        """A transaction on the server, once it is our turn.

        ``compacting`` is the server's own affair: it joins what is small when it starts.
        """
        deadline = time.monotonic() + patience
        with _in_words(self.place), nullcontext() if frames else pandas_not_asked_for():
            connection = self._begun(deadline)
            try:
                yield connection
                connection.execute(KEEP)
            except BaseException:
                self._undo(connection)
                raise
            connection.execute(GIVE_BACK)

    def copy_to(self, target: Path, *, patience: float) -> None:
        """A file of its own, filled table by table inside one transaction of the server's."""
        try:
            FileEngine(target).make()
            with self.transaction(patience=patience) as remote:
                self._copy(remote, target)
        except WarehouseError as error:
            raise TimeoutError(str(error)) from error

    def _copy(self, remote: RemoteConnection, target: Path) -> None:
        """Our DuckDB is between server and file: it has both."""
        local = remote.session
        local.execute(f"ATTACH {literal(str(target))} AS copy (TYPE duckdb)")
        try:
            for (table,) in remote.execute(_TABLES, [ATTACHED]).fetchall():
                names = remote.execute(_COLUMNS, [ATTACHED, table]).fetchall()
                columns = ", ".join(name for (name,) in names)
                rows = literal(f"SELECT {columns} FROM {table}")  # noqa: S608 - our names
                local.execute(f"DELETE FROM copy.{table}")  # noqa: S608 - our names
                local.execute(
                    f"INSERT INTO copy.{table} ({columns})"
                    f" FROM quack_query_by_name('{_CATALOG}', {rows})"
                )
        finally:
            local.execute("DETACH copy")

    def _begun(self, deadline: float) -> RemoteConnection:
        """A transaction, once the server says that it is our turn.

        A session that the server has forgotten is made anew; a server that does not answer may be
        about to start, and is waited for a little.
        """
        gone_since: float | None = None
        while True:
            try:
                session = self._session = self._session or self._connected()
                return RemoteConnection(session).execute(ASK)
            except duckdb.Error as error:
                now = time.monotonic()
                if "authorization failed" in str(error).lower():
                    gone_since = None
                    if now >= deadline:
                        raise _locked(self.place) from error
                else:
                    self._drop()
                    gone_since = gone_since or now
                    if not _is_gone(error) or now >= min(deadline, gone_since + _REACH_SECONDS):
                        raise
            time.sleep(random.uniform(1, 3) * LOOK_AGAIN_SECONDS)

    def _connected(self) -> duckdb.DuckDBPyConnection:
        session = duckdb.connect(config={"threads": "1", **self._config})
        try:
            load_extensions(session, "httpfs", "quack")
            session.execute(f"ATTACH {literal(str(self.place))} AS {_CATALOG} ({self._how()})")
            connection = RemoteConnection(session)
            connection.execute(f"USE {ATTACHED}")
            _check_version(connection, self.place)
        except BaseException:
            session.close()
            raise
        return session

    def _how(self) -> str:
        settings = read_settings()
        kept = settings.warehouse_token
        token = self._token or (kept.get_secret_value() if kept else "")
        plain = not settings.warehouse_tls or host_of(self.place) in _LOCAL
        return f"TYPE quack, TOKEN {literal(token)}, DISABLE_SSL {literal(plain)}"

    def _undo(self, connection: RemoteConnection) -> None:
        """Give the turn back with nothing done; what does not answer loses it by itself."""
        try:
            connection.execute("ROLLBACK")
            connection.execute(GIVE_BACK)
        except duckdb.Error:
            self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(duckdb.Error):
                session.close()


class RemoteConnection:
    """SQL in one session on the server; what a statement answers is held here."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    @property
    def description(self) -> Any:
        """Name and type of each column of the last answer."""
        return self.session.description

    def execute(self, query: str, parameters: Any = None, /) -> RemoteConnection:
        """Run one statement there, with its values written into it."""
        text = with_literals(query, list(parameters or ()))
        self.session.execute(f"CALL quack_query_by_name('{_CATALOG}', {literal(text)})")
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or ``None``."""
        return self.session.fetchone()

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return self.session.fetchall()

    def df(self) -> Any:
        """The rows that are left, as a pandas frame."""
        return self.session.df()


def host_of(place: Path) -> str:
    """The host in ``quack:HOST:PORT``."""
    rest = str(place).partition(":")[2].lstrip("/")
    return rest.partition("]")[0] + "]" if rest.startswith("[") else rest.partition(":")[0]


def _check_version(connection: Connection, place: Path) -> None:
    """Client and server are of one version, or neither would understand the other's tables."""
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    theirs, ours = int(row[0]) if row else 0, migrations()[-1].version
    if theirs != ours:
        raise WarehouseNewerThanUs(
            place,
            f"The server at {place} keeps tables of another version of this program (step"
            f" {theirs}, ours is {ours}): run the same version on all machines.",
        )


@contextmanager
def _in_words(place: Path) -> Iterator[None]:
    """Turn what the connection complains of into one of our errors."""
    try:
        yield
    except duckdb.Error as error:
        if _is_gone(error):
            raise WarehouseUnreachable(
                place,
                f"The warehouse's server at {place} does not answer, or was started anew: look"
                " whether `vibe warehouse-server` runs there; what was begun is undone.",
            ) from error
        if isinstance(error, duckdb.TransactionException):
            raise _locked(place) from error
        if "authentication failed" in str(error).lower():
            raise WarehouseUnreachable(
                place,
                f"The warehouse's server at {place} does not know us: WAREHOUSE_TOKEN must be the"
                " same here and there.",
            ) from error
        raise


_GONE = ("could not connect", "failed to send", "invalid connection id", "database was closed")


def _locked(place: Path) -> WarehouseLocked:
    sentence = f"Others keep the warehouse {place} busy: try again in a minute."
    return WarehouseLocked(place, sentence)


def _is_gone(error: duckdb.Error) -> bool:
    return any(sign in str(error).lower() for sign in _GONE)
