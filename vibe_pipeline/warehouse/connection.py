"""Opening the DuckDB file: one process at a time, and every failure in words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def transaction(path: Path, *, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection inside one transaction, committed at the end, undone after an error.

    Waits at most ``patience`` seconds for whoever has the file open. Keep it open for
    milliseconds: while it is, no other process can even read.
    """
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
        with _connection(path) as connection:
            yield connection
    finally:
        lock.release()


@contextmanager
def _connection(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        connection = duckdb.connect(path)
        try:
            bring_up_to_date(connection, path)
            connection.begin()
            try:
                yield connection
            except BaseException:
                _undo(connection)
                raise
            connection.commit()
        finally:
            connection.close()
    except duckdb.Error as error:
        translated = _translated(error, path)
        if translated is None:
            raise
        raise translated from error


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
