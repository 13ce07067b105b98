"""Opening the DuckDB file: one process at a time, one transaction, and every failure in words.

The lock is held from opening to closing. SQL belongs to the module of its tables.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

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
from vibe_pipeline.warehouse.schema import bring_up_to_date

_WORDS: tuple[tuple[type[WarehouseError], tuple[str, ...]], ...] = (
    (WarehouseNewerThanUs, ("database file with version number", "newer version of duckdb")),
    (NotAWarehouse, ("not a valid duckdb", "corrupt", "checksum")),
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


_STORED: Mapping[str, str] = {
    "storage_compatibility_version": "v1.2.0",
    "zstd_min_string_length": "200",
}
"""New files compress what is long (terms, tracks, answers); every DuckDB we allow reads them."""
_REBUILD = "vacuum_rebuild_indexes"
_LOOK_AGAIN_SECONDS = 0.05
MOST_ROWS_COMPACTED = 5_000_000
"""Longer tables are left as they are: rebuilding their indexes would keep others waiting."""


@contextmanager
def transaction(
    path: Path, *, patience: float, compacting: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection inside one transaction, committed at the end, undone after an error.

    Waits at most ``patience`` seconds for whoever has the file open, be it one of us or a shell
    that only looks. Keep it open for milliseconds: while it is, no other process can even read.

    ``compacting`` gives the room of deleted rows back on closing. By itself DuckDB keeps them in
    every table with a primary key; only a whole database can be asked for more. A DuckDB that
    does not know the setting (1.5 calls it experimental) does what it does by itself.
    """
    config = {**_STORED, **(_compacting() if compacting else {})}
    deadline = time.monotonic() + patience
    with _alone(path, patience=patience), _connection(path, config, deadline) as connection:
        connection.begin()
        try:
            yield connection
        except BaseException:
            _undo(connection)
            raise
        connection.commit()


def _compacting() -> dict[str, str]:
    with closing(duckdb.connect()) as connection:
        known = connection.execute("SELECT name FROM duckdb_settings() WHERE name = ?", [_REBUILD])
        return {_REBUILD: str(MOST_ROWS_COMPACTED)} if known.fetchone() else {}


@contextmanager
def _alone(path: Path, *, patience: float) -> Iterator[None]:
    if not path.parent.is_dir():
        raise _named(WarehouseFolderMissing, path)
    lock = FileLock(f"{path}.lock", timeout=patience)
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
def _connection(
    path: Path, config: Mapping[str, str], deadline: float
) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        connection = _opened(path, config, deadline)
        try:
            bring_up_to_date(connection, path)
            yield connection
        finally:
            connection.close()
    except duckdb.Error as error:
        translated = _translated(error, path)
        if translated is None:
            raise
        raise translated from error


def _opened(path: Path, config: Mapping[str, str], deadline: float) -> duckdb.DuckDBPyConnection:
    """A connection; a stranger who has the file open knows nothing of our lock, so we ask again."""
    while True:
        try:
            return duckdb.connect(path, config=dict(config))
        except duckdb.IOException as error:
            in_use = isinstance(_translated(error, path), WarehouseLocked)
            if not in_use or time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_AGAIN_SECONDS)


def _undo(connection: duckdb.DuckDBPyConnection) -> None:
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
