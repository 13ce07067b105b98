"""Dagster's storage in SQLite files, with connections that stay open: fewer disk syncs.

Dagster's own opens a file anew for every event, which makes SQLite wind up its write-ahead log each
time. Files, tables and contents are the same; a home can change to the stock storage and back.
A damaged file is set aside by whoever meets it, and begun anew with the next question.
Not here: what is stored (Dagster decides), and our own databases (``accounts``, ``warehouse``).
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dagster import Field, StringSource
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError
from watchdog.observers import Observer

from vibe_pipeline.installation.sqlite_file import (
    readable_text,
    set_aside_if_damaged,
    tells_of_damage,
)
from vibe_pipeline.launcher.dagster_internals import (
    ConfigurableClassData,
    DagsterSqliteStorage,
    DagsterStorage,
    EventLogWatchdog,
    SqliteEventLogStorage,
    SqliteRunStorage,
    SqliteScheduleStorage,
    UserConfigSchema,
    sqlite_url,
)
from vibe_pipeline.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster import EventLogEntry
    from sqlalchemy.pool import ConnectionPoolEntry
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

INDEX = "index"
"""The event log's file across runs; every other file is one run's."""
RUNS_KEPT_OPEN = 16
"""So many runs' event logs stay open in a process, those used last."""
CONNECTIONS_KEPT_OPEN = 2
"""For each file; a further one is opened when needed and closed after use."""
BUSY_TIMEOUT_SECONDS = 30


class PooledSqliteStorage(DagsterSqliteStorage):
    """Dagster's runs, events and schedules in SQLite files whose connections stay open.

    A commit is in the operating system's hands when it returns, so no crash of a process loses it;
    when the machine itself loses power, the last seconds' events may be missing.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        history = Path(base_dir) / "history"
        self.base_dir = base_dir
        self._run_storage = PooledRunStorage.from_local(str(history))
        self._event_log_storage = PooledEventLogStorage(str(history / "runs"))
        self._schedule_storage = PooledScheduleStorage.from_local(str(Path(base_dir) / "schedules"))
        self._inst_data = inst_data
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call,arg-type] # Dagster's own opens its own

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Dagster's way to make one."""
        return cls(config_value.get("base_dir") or _usual_folder(), inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What dagster.yaml may say: the folder, or nothing for the usual one."""
        return {"base_dir": Field(StringSource, is_required=False)}

    def dispose(self) -> None:
        """Close every file."""
        self._event_log_storage.dispose()
        self._run_storage.dispose()
        self._schedule_storage.dispose()


class _KeptOpen:
    """A database that stays open until another file lies in its place, which is opened then.

    Other processes open what lies there: with a file that was removed, the daemon's new runs would
    be unknown to the workers that are to carry them out.
    """

    def __init__(self, url: str, set_up: Callable[[str], object]) -> None:
        self._url, self._set_up = url, set_up
        self._path = Path(make_url(url).database or "")
        self._changing = threading.Lock()
        self._open_now()

    def engine(self) -> Engine:
        """The engine of the file that lies there now, made anew where somebody removed it.

        A folder that is gone as a whole is somebody's wish; it is not made again.
        """
        with self._changing:
            if _inode(self._path) != self._inode and self._path.parent.is_dir():
                log.warning("%s was removed or replaced; we go on with what lies there", self._path)
                self._engine.dispose()
                self._set_up(str(self._path.parent))
                self._open_now()
            return self._engine

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with _set_aside_when_damaged(self._path), self.engine().begin() as connection:
            yield connection

    def _open_now(self) -> None:
        self._inode, self._engine = _inode(self._path), _pooled(self._url)

    def dispose(self) -> None:
        """Close it."""
        self._engine.dispose()


class PooledRunStorage(SqliteRunStorage):
    """The table of runs."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._file = _KeptOpen(conn_string, SqliteRunStorage.from_local)
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in this folder, set up when it is new."""
        path = Path(base_dir) / "runs.db"
        with _set_aside_when_damaged(path):
            if _is_set_up(path, {"runs", "instance_info"}):
                return cls(sqlite_url(base_dir, "runs"), inst_data)
        return super().from_local(base_dir, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with self._file.connection() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._file.dispose()


class PooledScheduleStorage(SqliteScheduleStorage):
    """The ticks of schedules and sensors."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._file = _KeptOpen(conn_string, SqliteScheduleStorage.from_local)
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in this folder, set up when it is new."""
        path = Path(base_dir) / "schedules.db"
        with _set_aside_when_damaged(path):
            if _is_set_up(path, {"job_ticks"}):
                return cls(sqlite_url(base_dir, "schedules"), inst_data)
        super().from_local(base_dir, inst_data)
        return cls(sqlite_url(base_dir, "schedules"), inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with self._file.connection() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._file.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenFile:
    """A file of events that is open, and which file that was when it was opened."""

    engine: Engine
    inode: int


@dataclass(slots=True)
class _OpenFiles:
    """The files of events that are open now; the oldest are closed when there are many."""

    most: int
    _files: OrderedDict[str, _OpenFile] = field(default_factory=OrderedDict)

    def get(self, path: str) -> Engine | None:
        """The engine of this file, unless the file was removed or replaced meanwhile."""
        file = self._files.get(path)
        if file is None:
            return None
        if file.inode != _inode(Path(path)):
            self._files.pop(path).engine.dispose()
            return None
        self._files.move_to_end(path)
        return file.engine

    def add(self, path: str, engine: Engine) -> None:
        """Keep this one open, and close what was not used for longest."""
        self._files[path] = _OpenFile(engine=engine, inode=_inode(Path(path)))
        while len(self._files) > self.most:
            self._files.popitem(last=False)[1].engine.dispose()

    def close(self) -> None:
        """Close them all."""
        while self._files:
            self._files.popitem()[1].engine.dispose()


class PooledEventLogStorage(SqliteEventLogStorage):
    """What happened in each run, a file for each, and the index across runs."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._index = _OpenFiles(1)
        self._runs = _OpenFiles(RUNS_KEPT_OPEN)
        self._tables: set[str] = set()
        self._blank = b""
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        path = Path(self.path_for_shard(shard))
        with (
            self._db_lock,
            _set_aside_when_damaged(path),
            self._engine(shard).begin() as connection,
        ):
            yield connection

    def _engine(self, shard: str) -> Engine:
        path = self.path_for_shard(shard)
        files = self._index if shard == INDEX else self._runs
        engine = files.get(path)
        if engine is None:
            self._set_up(shard, Path(path))
            engine = _pooled(self.conn_string_for_shard(shard))
            files.add(path, engine)
        return engine

    def _set_up(self, shard: str, path: Path) -> None:
        """Make the tables unless they are there; a run's file begins as a copy of a blank one."""
        if _is_set_up(path, {"event_logs"}):
            return
        index = Path(self.path_for_shard(INDEX))
        if shard != INDEX and _place(path, self._blank_file(), like=index):
            return
        self._make_tables(path)

    def _blank_file(self) -> bytes:
        """What a run's file holds before its first event; to make one takes a tenth of a second."""
        if not self._blank:
            with tempfile.TemporaryDirectory(dir=self._base_dir) as folder:
                path = Path(folder) / "blank.db"
                self._make_tables(path)
                self._blank = path.read_bytes()
        return self._blank

    def _make_tables(self, path: Path) -> None:
        url = sqlite_url(str(path.parent), path.stem)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
        self._initdb(engine)
        engine.dispose()

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table; one that was there once stays."""
        if table_name not in self._tables:
            with _set_aside_when_damaged(Path(self.path_for_shard(INDEX))):
                there = super().has_table(table_name)  # which opens the file by itself
            self._tables.update([table_name] if there else [])
        return table_name in self._tables

    def watch(
        self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], None]
    ) -> None:
        """Call back for each new event of this run, in a thread of the watching."""
        observer: BaseObserver = self._obs or Observer()
        if not observer.is_alive():
            observer.start()
        self._obs = observer  # type: ignore[assignment] # Dagster declares it as nothing
        watchdog = _Watchdog(self, run_id, callback, cursor)
        watched = observer.schedule(watchdog, self._base_dir, recursive=True)
        self._watchers[run_id][callback] = (watchdog, watched)

    def wipe(self) -> None:
        """Delete every event."""
        self.dispose()
        super().wipe()

    def dispose(self) -> None:
        """Close every file, and watch none."""
        super().dispose()
        with self._db_lock:
            self._index.close()
            self._runs.close()


class _Watchdog(EventLogWatchdog):
    """Looks when a run's write-ahead log changes: there events are first, and stay for a while."""

    def dispatch(self, event: FileSystemEvent) -> None:
        """Read on when it is this run's file that changed."""
        if event.event_type == "modified" and event.src_path in self._paths:
            self._process_log()

    @property
    def _paths(self) -> tuple[str, str]:
        return self._log_path, f"{self._log_path}-wal"


def _usual_folder() -> str:
    """``DAGSTER_HOME``; for ``dg dev`` and the like without one, where ``vibe up`` would set it."""
    named = os.environ.get("DAGSTER_HOME")
    folder = Path(named) if named else read_settings().home / "dagster"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


@contextmanager
def _set_aside_when_damaged(path: Path) -> Iterator[None]:
    """Whoever asks next finds a new file; nobody would be served by the damaged one again."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if tells_of_damage(cause) and (aside := set_aside_if_damaged(path, now=datetime.now(UTC))):
            log.warning(
                "%s was damaged and is kept as %s: what Dagster knew there begins anew. Lists and"
                " accounts are not touched; vibe restore brings it back from a backup.",
                path,
                aside.name,
            )
        raise


def _pooled(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=CONNECTIONS_KEPT_OPEN,
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Leave syncing to checkpoints, which is safe only where there is a write-ahead log."""
    connection.text_factory = readable_text
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        connection.execute("PRAGMA synchronous=NORMAL")


def _is_set_up(path: Path, wanted: set[str]) -> bool:
    """Whether Dagster has made these tables here and noted their revision."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
        if not {"alembic_version", *wanted} <= tables:
            return False
        return connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None


def _place(path: Path, content: bytes, *, like: Path) -> bool:
    """Make this file, whole or not at all; says no when there is one already."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".new") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        shutil.copymode(like, file.name)
        try:
            path.hardlink_to(file.name)
        except FileExistsError:
            return False
    return True


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
