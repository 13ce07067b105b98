"""A damaged warehouse file: told from somebody else's file, set aside, never deleted.

Where all its rows can still be read, they are written into a new one.

What a new one gets from the account store is ``playlists.warehouse_recovery``'s.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock

from vibe_pipeline.installation.set_aside import damaged_name, replace_keeping, set_aside
from vibe_pipeline.installation.warehouse_file import was_a_warehouse
from vibe_pipeline.warehouse.connection import (
    ROWS_ADDED_TOGETHER,
    alone,
    in_words,
    not_a_warehouse,
    stored,
)
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.errors import NotAWarehouse, WarehouseError, WarehouseLocked
from vibe_pipeline.warehouse.warehouse import Tables, Warehouse

_LOG = ".wal"
_HEADERS = 3 * 4096
"""What lies before the first block: DuckDB's main header and its two others."""
_LISTS = "SELECT count(DISTINCT edition_id) FROM recommendation_history"
_LAST_BLOCK = (
    "SELECT max(greatest(block_id, coalesce(list_max(additional_block_ids), -1)))"
    " FROM pragma_storage_info('{name}') WHERE persistent"
)


def set_aside_if_damaged(warehouse: Warehouse, *, now: datetime) -> Path | None:
    """Rename a file that was a DuckDB database and cannot be read any more; gives its new name.

    A file of another kind stays where it is: DB_PATH may name it by mistake. Where only the log
    beside it cannot be read, which a crash leaves there, the log alone is renamed (``is_a_log``).
    """
    path = warehouse.path
    looked_at = _inode(path)
    if not was_a_warehouse(path) or not is_damaged(warehouse):
        return None
    with FileLock(f"{path}.lock", timeout=warehouse.patience):
        if looked_at is None or _inode(path) != looked_at:
            return None  # somebody else has set it aside, and what lies there now is new
        if not _log_of(path).exists():
            return set_aside(path, now=now)
        log = _log_of(path).rename(_log_of(damaged_name(path, now)))
    return set_aside_if_damaged(warehouse, now=now) or log


def is_a_log(aside: Path) -> bool:
    """Whether of a warehouse only its log was set aside under this name."""
    return aside.suffix == ".wal"


def write_anew(warehouse: Warehouse, *, now: datetime) -> Path:
    """Put a file with the same rows in its place; gives the name that the former one has now.

    For a file that DuckDB calls damaged although all its rows can be read: what cannot be is an
    index, or a block meant for rows to come, and only whoever adds rows meets it.

    Raises:
        WarehouseError: its rows cannot be read, or there is no room for a second file.
    """
    path = warehouse.path
    with warehouse.open():
        pass  # who has found it damaged too may have set it aside: there is a new one now
    anew = path.with_name(f"{path.name}.anew")
    with alone(path, patience=warehouse.patience), in_words(path):
        try:
            _copy_rows(path, anew)
            shutil.copymode(path, anew)
            aside = replace_keeping(path, anew, now=now, beside=(_LOG,))
        finally:
            _unlink(anew)
    return aside


def _copy_rows(path: Path, anew: Path) -> None:
    _unlink(anew)  # of one that was killed meanwhile
    with closing(duckdb.connect(config=stored(anew))) as database:
        for name, place, how in (
            ("former", path, "READ_ONLY"),
            ("anew", anew, f"ROW_GROUP_SIZE {ROWS_ADDED_TOGETHER}"),
        ):
            quoted = str(place).replace("'", "''")
            database.execute(f"ATTACH '{quoted}' AS {name} (TYPE duckdb, {how})")
        database.execute("COPY FROM DATABASE former TO anew")


def _unlink(path: Path) -> None:
    for one in (path, _log_of(path)):
        one.unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{_LOG}")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def trouble_with(path: Path, *, patience: float = 5.0) -> WarehouseError | None:
    """What keeps this file from being used, looked at without making or changing anything.

    Whoever has it open meanwhile is waited for, and is no trouble in itself.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with in_words(path), closing(duckdb.connect(str(path), read_only=True)) as connection:
                connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
                if _cut_off(connection, path):
                    return not_a_warehouse(path)
        except WarehouseLocked as busy:
            if time.monotonic() > deadline:
                return busy
            time.sleep(0.05)
        except WarehouseError as trouble:
            return trouble
        else:
            return None


def lists_in(path: Path) -> int:
    """How many lists this file remembers, looked at as ``trouble_with`` does.

    Raises:
        WarehouseError: it cannot be read now.
    """
    with in_words(path), closing(duckdb.connect(str(path), read_only=True)) as connection:
        rows = connection.execute(_LISTS).fetchone() if _remembers(connection) else None
    return 0 if rows is None else int(rows[0])


def _remembers(connection: duckdb.DuckDBPyConnection) -> bool:
    names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    return ("recommendation_history",) in names


def _cut_off(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether a block that is used lies beyond the file's end; its tables are listed all the same.

    DuckDB gives free blocks at the end back to the disk and goes on counting them.
    """
    size, used = connection.execute(
        "SELECT block_size, used_blocks FROM pragma_database_size()"
    ).fetchone() or (0, 0)
    blocks = max(int(used), *(last + 1 for last in _last_blocks(connection)))
    return path.stat().st_size < _HEADERS + int(size) * blocks


def _last_blocks(connection: duckdb.DuckDBPyConnection) -> Iterator[int]:
    """The highest block of the catalog, and of each table."""
    queries = ["SELECT max(block_id) FROM pragma_metadata_info()"]
    queries += [_LAST_BLOCK.format(name=name) for name in _names(connection)]
    for query in queries:
        row = connection.execute(query).fetchone()
        yield -1 if row is None or row[0] is None else int(row[0])


def is_damaged(warehouse: Warehouse) -> bool:
    """Whether some of its rows cannot be read; reads all of them."""
    try:
        with warehouse.open() as tables:
            _read_everything(tables)
    except NotAWarehouse:
        return True
    return False


def _read_everything(tables: Tables) -> None:
    for name in _names(tables.connection):
        query = f"SELECT bit_xor(hash(one)) FROM {name} one"  # noqa: S608 - our names
        tables.connection.execute(query).fetchall()


def _names(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
    ).fetchall()
    return [str(name) for (name,) in rows]
