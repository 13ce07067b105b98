"""The server's side of ``DB_PATH=quack:HOST:PORT``: one file, kept for many machines.

DuckDB's own protocol carries the statements; who may be inside a transaction is
``writer_lock``'s. The command that runs this is ``commands.warehouse_server``'s.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import duckdb

from vibe_pipeline.warehouse.connection import alone, attached, in_words, stored
from vibe_pipeline.warehouse.extensions import load_extensions
from vibe_pipeline.warehouse.literals import literal
from vibe_pipeline.warehouse.schema import bring_up_to_date
from vibe_pipeline.warehouse.writer_lock import LEASE_SECONDS, WriterLock

log = logging.getLogger(__name__)

_MAY = "vibe_may"
_LOOK_SECONDS = 0.5
_EXTENSIONS = ("httpfs", "quack")
"""Sessions' keys are drawn by the cryptography of httpfs; what DuckDB carries itself only reads."""
_NO_PROGRESS_BAR = "SET enable_progress_bar = false"
"""DuckDB draws one into the log wherever it takes its Python for a console."""
_LISTS_TABLES = "SELECT schema_name, sql, 'table'"
"""How a client that attaches asks for every table and view, to have them as its own: it cannot
read a view of a schema of ours, and needs none, for it sends whole statements.
"""


class WarehouseServer:
    """A DuckDB file that is served until it is told to stop; one transaction at a time."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, *, listen: str, token: str, lock: WriterLock
    ) -> None:
        self._database = database
        self._listen = listen
        self._token = token
        self._lock = lock

    def start(self) -> None:
        """Listen from now on."""
        self._database.execute(
            f"CALL quack_serve({literal(self._listen)}, token = {literal(self._token)},"
            " allow_other_hostname = true)"
        )

    def stop(self) -> None:
        """Listen no more; what was inside a transaction is undone."""
        self._database.execute(f"CALL quack_stop({literal(self._listen)})")

    def watch(self, ended: threading.Event) -> None:
        """Until the end: take the turn from a client that is gone, and undo what it had begun.

        DuckDB keeps a lost client's transaction open for ever. Only the listener as a whole can be
        closed; whoever else is connected has no turn, so nothing is under way for them, and they
        connect again.
        """
        while not ended.wait(_LOOK_SECONDS):
            session = self._lock.overdue()
            if session is not None and not self._at_work(session):
                log.warning("a client was gone in the middle of a transaction; it is undone")
                self._lock.revoke()
                self.stop()
                self.start()
                self._lock.resume()

    def _at_work(self, session: str) -> bool:
        rows = self._database.execute(
            "SELECT 1 FROM quack_active_connections() WHERE connection_id = ? AND state = 'active'",
            [session],
        ).fetchall()
        return bool(rows)


def _allowed(lock: WriterLock, session: str, statement: str) -> str | None:
    """What is to be run instead of a client's statement: mostly the same; ``None`` refuses it."""
    if statement.lstrip().startswith(_LISTS_TABLES):
        return f"{statement.rstrip()} LIMIT 0"
    return statement if lock.allows(session, statement) else None


@contextmanager
def serving(
    path: Path, *, listen: str, token: str, patience: float = 30.0, lease: float = LEASE_SECONDS
) -> Iterator[WarehouseServer]:
    """Serve this file at ``quack:HOST:PORT`` for as long as the ``with`` lasts.

    The file is ours alone meanwhile, as it is in a transaction without a server.

    Raises:
        WarehouseError: the file cannot be used.
    """
    lock, deadline = WriterLock(lease=lease), time.monotonic() + patience
    with (
        alone(path, patience=patience),
        in_words(path),
        closing(duckdb.connect(config=stored(path))) as database,
        attached(database, path, deadline) as connection,
    ):
        bring_up_to_date(connection, path)
        database.execute(_NO_PROGRESS_BAR)
        load_extensions(database, *_EXTENSIONS)
        text = duckdb.sqltypes.VARCHAR
        database.create_function(
            _MAY, partial(_allowed, lock), [text, text], text, side_effects=True
        )
        database.execute(f"SET GLOBAL quack_authorization_function = '{_MAY}'")
        server = WarehouseServer(database, listen=listen, token=token, lock=lock)
        server.start()
        try:
            yield server
        finally:
            server.stop()
