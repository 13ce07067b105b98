"""Opening the DuckDB file: one process at a time, one transaction, and every failure in words.

The lock is held from opening to closing; what stays between two openings is a DuckDB without any
file. SQL belongs to the module of its tables.
"""

from __future__ import annotations

import errno
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from vibe_pipeline.warehouse.errors import (
    NotAWarehouse,
    WarehouseError,
    WarehouseFolderMissing,
    WarehouseFull,
    WarehouseLocked,
    WarehouseNewerThanUs,
    WarehouseReadOnly,
)
from vibe_pipeline.warehouse.schema import bring_up_to_date, file_version, migrations

_WORDS: tuple[tuple[type[WarehouseError], tuple[str, ...]], ...] = (
    (WarehouseNewerThanUs, ("database file with version number", "newer version of duckdb")),
    (
        NotAWarehouse,
        (
            "not a valid duckdb",
            "corrupt",
            "checksum",
            "could not read enough bytes",
            "failure while replaying wal",
            "input/output error",
        ),
    ),
    (WarehouseLocked, ("could not set lock", "conflicting lock")),
    (WarehouseFull, ("no space left", "file too large", "disk quota", "out of disk")),
    (WarehouseReadOnly, ("permission denied", "read-only", "operation not permitted")),
    (WarehouseFolderMissing, ("no such file or directory",)),
)
_ERRNOS: dict[int, type[WarehouseError]] = {
    errno.EACCES: WarehouseReadOnly,
    errno.EPERM: WarehouseReadOnly,
    errno.EROFS: WarehouseReadOnly,
    errno.ENOSPC: WarehouseFull,
    errno.EFBIG: WarehouseFull,
    errno.EDQUOT: WarehouseFull,
    errno.ENOENT: WarehouseFolderMissing,
    errno.ENOTDIR: WarehouseFolderMissing,
}


ATTACHED = "warehouse"
"""The file's name inside DuckDB while it is open."""
_STORED: Mapping[str, str] = {
    "storage_compatibility_version": "v1.5.0",
    "zstd_min_string_length": "200",
    "threads": "1",
}
"""What is long is compressed (terms, tracks, answers), and what a transaction left as it was is not
written again; every DuckDB we allow reads that. A second thread costs more to wake than it saves.
"""
ROWS_ADDED_TOGETHER = 16_384
"""DuckDB writes a table's last group anew whenever rows are added: with its own 122,880 rows a list
of one person would rewrite those of a hundred others.
"""
_ROWS_KEPT_TOGETHER = 122_880
"""Compacting joins small groups to such, for each one read or passed by costs the same."""
_REBUILD = "vacuum_rebuild_indexes"
LOOK_AGAIN_SECONDS = 0.01
_FIRST_HEADER = 4096
"""Where DuckDB's two headers begin, and how long each is."""
MOST_ROWS_COMPACTED = 5_000_000
"""Longer tables are left as they are: rebuilding their indexes would keep others waiting."""


class FileEngine:
    """A DuckDB that opens and closes one file again and again, one transaction at a time.

    To make one takes 8 ms, to attach the file to it 1 ms; so it stays between two openings, while
    the file and its lock do not. After an error the next opening makes another. Not for a process
    that forks afterwards: DuckDB's threads stay behind.

    ``undisturbed``: since this engine closed the file, nobody else has written it. ``born``: this
    opening has just made it.

    ``config``: DuckDB's own settings, over those we make. ``access_mode`` is the file's here.
    """

    def __init__(self, path: Path, config: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._config = dict(config or {})
        mode = str(self._config.pop("access_mode", "automatic"))
        self._read_only = mode.lower() == "read_only"
        self._idle: duckdb.DuckDBPyConnection | None = None
        self._brought_up_to_date = False
        self._left_as: bytes | None = None
        self.undisturbed = False
        self.born = False

    @contextmanager
    def transaction(
        self, *, patience: float, compacting: bool = False, frames: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection inside one transaction, committed at the end, undone after an error.

        Waits at most ``patience`` seconds for whoever has the file open, be it one of us or a
        shell that only looks. Keep it open for milliseconds: while it is, no other process can
        even read.

        ``compacting`` gives the room of deleted rows back on closing. By itself DuckDB keeps them
        in every table with a primary key; only a whole database can be asked for more. A DuckDB
        that does not know the setting (1.5 calls it experimental) does what it does by itself.

        ``frames``: rows may be asked for as a pandas frame.
        """
        deadline = time.monotonic() + patience
        with (
            alone(self.path, patience=patience),
            self._noticing_others(),
            in_words(self.path),
            nullcontext() if frames else pandas_not_asked_for(),
            self._database(compacting=compacting) as database,
            attached(
                database, self.path, deadline, self._how_to_attach(compacting=compacting)
            ) as connection,
        ):
            if not self._read_only:
                self._bring_up_to_date(connection)
            connection.begin()
            try:
                yield connection
            except BaseException:
                undo(connection)
                raise
            connection.commit()

    @contextmanager
    def _noticing_others(self) -> Iterator[None]:
        self.undisturbed = self._left_as is not None and self._left_as == _headers(self.path)
        self._left_as = None
        yield
        self._left_as = _headers(self.path)

    @contextmanager
    def _database(self, *, compacting: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one that stays, held by nobody else meanwhile; compacting has one of its own."""
        if compacting:
            with closing(self._started(_compacting())) as database:
                yield database
            return
        database, self._idle = self._idle or self._started({}), None
        try:
            yield database
        except BaseException:
            database.close()
            raise
        self._idle = database

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection) -> None:
        """All of it once; later only whether the file is still one of ours, or a new one."""
        reached = file_version(connection)
        self.born = reached == 0
        if not self._brought_up_to_date or reached != migrations()[-1].version:
            bring_up_to_date(connection, self.path)
            self._brought_up_to_date = True

    def _started(self, config: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(config={**stored(self.path), **self._config, **config})

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def make(self) -> None:
        """An empty file with all tables, where there is none."""
        with self.transaction(patience=0):
            pass

    def copy_to(self, target: Path, *, patience: float) -> None:
        """Copy the file between two transactions; others wait for as long as that takes."""
        try:
            with FileLock(f"{self.path}.lock", timeout=patience):
                for suffix in ("", ".wal"):
                    source = Path(f"{self.path}{suffix}")
                    if source.exists():
                        shutil.copyfile(source, f"{target}{suffix}")
        except Timeout as error:
            raise TimeoutError(f"another process keeps {self.path} open") from error

    def _how_to_attach(self, *, compacting: bool) -> str:
        if self._read_only:
            return "READ_ONLY"
        rows = _ROWS_KEPT_TOGETHER if compacting else ROWS_ADDED_TOGETHER
        return f"ROW_GROUP_SIZE {rows}"


def stored(path: Path) -> dict[str, Any]:
    """The settings of a DuckDB that writes this file as all of ours do."""
    return {**_STORED, "temp_directory": f"{path}.tmp"}


def _compacting() -> dict[str, str]:
    with closing(duckdb.connect()) as connection:
        known = connection.execute("SELECT name FROM duckdb_settings() WHERE name = ?", [_REBUILD])
        return {_REBUILD: str(MOST_ROWS_COMPACTED)} if known.fetchone() else {}


@contextmanager
def pandas_not_asked_for() -> Iterator[None]:
    """Keep DuckDB from importing pandas, which it does to ask whether a bound value is one of its.

    Each run would pay for that: a third of a second of the processor, and 40 MB.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # an import fails at once
    try:
        yield
    finally:
        if sys.modules.get("pandas", ...) is None:
            del sys.modules["pandas"]


@contextmanager
def alone(path: Path, *, patience: float) -> Iterator[None]:
    """Hold the file's lock: nobody of us opens it meanwhile."""
    if not path.parent.is_dir():
        raise _named(WarehouseFolderMissing, path)
    lock = FileLock(f"{path}.lock", timeout=patience, poll_interval=LOOK_AGAIN_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise _named(WarehouseLocked, path) from None
    except OSError as error:
        raise _named(_ERRNOS.get(error.errno or 0, WarehouseReadOnly), path) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def attached(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    deadline: float = 0.0,
    how: str = f"ROW_GROUP_SIZE {ROWS_ADDED_TOGETHER}",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own to the file; what it made for itself goes with it.

    After an error the file stays attached, and is closed with its database.
    """
    _attach(database, path, deadline, how)
    with closing(database.cursor()) as connection:
        connection.execute(f"USE {ATTACHED}")
        yield connection
    database.execute(f"DETACH {ATTACHED}")


def _attach(database: duckdb.DuckDBPyConnection, path: Path, deadline: float, how: str) -> None:
    """A stranger who has the file open knows nothing of our lock, so we ask again until then."""
    quoted = str(path).replace("'", "''")
    while True:
        try:
            database.execute(f"ATTACH '{quoted}' AS {ATTACHED} (TYPE duckdb, {how})")
        except duckdb.IOException as error:
            in_use = isinstance(_translated(error, path), WarehouseLocked)
            if not in_use or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(LOOK_AGAIN_SECONDS)


def _headers(path: Path) -> bytes | None:
    """What DuckDB writes anew each time it keeps anything; ``None`` while a log lies beside it."""
    if Path(f"{path}.wal").exists():
        return None
    try:
        with path.open("rb") as file:
            file.seek(_FIRST_HEADER)
            return file.read(2 * _FIRST_HEADER)
    except OSError:
        return None


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what DuckDB complains of into one of our own errors, where it is the file's fault.

    What is no file is refused before DuckDB sees it: it would wait for a pipe for ever. Whoever
    ends the process in the middle of a question ends it: DuckDB would make an error of that.
    """
    _refuse_what_is_no_file(path)
    try:
        yield
    except duckdb.Error as error:
        translated = _translated(error, path)
        if translated is None:
            raise
        raise translated from error
    except RuntimeError as error:
        ended_by = error.__cause__
        if ended_by is None or isinstance(ended_by, Exception):
            raise
        raise ended_by from None


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAWarehouse(path, _LOOP.format(path=path)) from None
        if error.errno == errno.ENOENT and path.is_symlink():
            _refuse_dangling(path, path.parent / path.readlink())
        return
    if not stat.S_ISREG(mode):
        kind = _A_FOLDER if stat.S_ISDIR(mode) else "no file"
        raise NotAWarehouse(path, _NO_FILE.format(path=path, kind=kind))


def _refuse_dangling(link: Path, target: Path) -> None:
    """A link may lead to a file that is still to be made, not to where none can be."""
    if not target.parent.is_dir():
        sentence = _DANGLING.format(path=link, target=target)
        raise WarehouseFolderMissing(link, sentence) from None


def not_a_warehouse(path: Path) -> WarehouseError:
    """The error for a file that somebody else found to be damaged."""
    return _named(NotAWarehouse, path)


def undo(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back; a database that gave the transaction up by itself is content with that."""
    try:
        connection.rollback()
    except duckdb.Error:
        # The database gave up on the transaction by itself; the first error is the one to tell.
        return


def _translated(error: duckdb.Error, path: Path) -> WarehouseError | None:
    text = str(error).lower()
    for kind, signs in _WORDS:
        if any(sign in text for sign in signs):
            return _named(kind, path)
    return None


def _named(kind: type[WarehouseError], path: Path) -> WarehouseError:
    return kind(
        path, _SENTENCES[kind].format(path=path, folder=path.parent, ours=duckdb.__version__)
    )


_SENTENCES: dict[type[WarehouseError], str] = {
    WarehouseFolderMissing: (
        "The folder {folder} for the warehouse does not exist: make it, or change DB_PATH."
    ),
    WarehouseLocked: (
        "Another process keeps the warehouse {path} open: close whatever reads it (a DuckDB shell,"
        " a notebook) and run this again."
    ),
    WarehouseReadOnly: (
        "The warehouse {path} cannot be written: give this user the right to write it and its"
        " folder, or change DB_PATH."
    ),
    WarehouseFull: "There is no room left to write the warehouse {path}: free some disk space.",
    NotAWarehouse: (
        "{path} is not a DuckDB database, or it is damaged: change DB_PATH, or restore a backup."
    ),
    WarehouseNewerThanUs: (
        "The warehouse {path} was written by a DuckDB newer than ours ({ours}): install that"
        " version, or restore a backup made before."
    ),
}
_A_FOLDER = "a folder (Docker makes one where a volume names a file that is not there)"
_NO_FILE = "{path} is {kind}, and the warehouse has to be a file: take it away, or change DB_PATH."
_LOOP = "The link {path} for the warehouse leads back to itself: take it away, or change DB_PATH."
_DANGLING = (
    "The link {path} for the warehouse leads to {target}, whose folder does not exist: make that"
    " folder or mount its disk, or change DB_PATH."
)
