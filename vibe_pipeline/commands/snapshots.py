"""What a backup holds: a copy of every store, taken while others use it, and where each belongs.

The archive's format is ``installation.backup_archive``'s; arguments and words are
``commands.backup``'s. A Postgres account store is its own tools' to dump, and left out.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock
from sqlalchemy import select

from vibe_pipeline.accounts.cipher import Cipher, key_file
from vibe_pipeline.accounts.database import connect, sqlite_path
from vibe_pipeline.accounts.records import EditionState
from vibe_pipeline.accounts.tables import editions, tokens
from vibe_pipeline.settings import FILE, Settings, sqlite_address, warehouse_form
from vibe_pipeline.warehouse import NotAWarehouse, Warehouse
from vibe_pipeline.warehouse.damage import is_damaged
from vibe_pipeline.warehouse.errors import WarehouseFull

ACCOUNTS = "accounts.sqlite"
WAREHOUSE = "warehouse.duckdb"
DAGSTER = "dagster"
KEY = "secret.key"
BESIDE = ("", "-wal", "-shm", "-journal", ".wal")
"""What SQLite and DuckDB keep beside a file of theirs belongs to that file."""
MOTHERDUCK = "md"
"""The form of warehouse that keeps snapshots of its own, and is no file of ours to copy."""
BUSY_SECONDS = 30


class StoreDamaged(Exception):
    """A copied or unpacked store cannot be read; the text says which."""


def take(settings: Settings, folder: Path, *, with_key: bool) -> Mapping[str, Path]:
    """Copy every store into this folder; gives the copies by their names in the archive.

    The accounts come first: a list that is recorded there is in every later copy of the
    warehouse. Nobody has to stop; each store is copied as it is between two transactions.

    Raises:
        OSError: a store cannot be read, or there is no room for its copy (``ENOSPC``).
        StoreDamaged: a database cannot be read, or the account store or the warehouse is gone.
    """
    with _key_unchanged(settings, with_key=with_key):
        _copy_accounts(settings, folder)
        if with_key and key_file(settings.home).exists():
            _write(folder / KEY, key_file(settings.home).read_bytes())
    _copy_warehouse(settings, folder)
    dagster = settings.home / DAGSTER
    for path in sorted(dagster.rglob("*.db")):
        _copy_sqlite(path, folder / DAGSTER / path.relative_to(dagster))
    check(folder)
    return {path.relative_to(folder).as_posix(): path for path in _files(folder)}


def check(folder: Path) -> None:
    """Read every store that was copied or unpacked here; raises ``StoreDamaged``."""
    for path in _files(folder):
        if path.suffix in {".sqlite", ".db"}:
            _check_sqlite(path)
    warehouse = folder / WAREHOUSE
    if warehouse.exists():
        try:
            damaged = is_damaged(Warehouse(warehouse))
        except NotAWarehouse:
            damaged = True
        except WarehouseFull as error:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(warehouse)) from error
        if damaged:
            raise StoreDamaged(f"The {WAREHOUSE} for the backup cannot be read.")
        Path(f"{warehouse}.lock").unlink(missing_ok=True)


def use_write_ahead_log(folder: Path) -> None:
    """Let readers and a writer work side by side in what was unpacked here, as in the originals.

    Copies are made without, so that each is one file.
    """
    for path in _files(folder):
        if path.suffix in {".sqlite", ".db"}:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")


def closed_tokens(address: str, keys: str | None) -> int:
    """How many people's tokens in the account store at this address these keys do not open.

    Raises:
        AccountsUnreadable: they are no keys, or the store cannot be read.
    """
    cipher = Cipher(keys) if keys else None
    with connect(address).reading() as connection:
        sealed = connection.execute(select(tokens.c.sealed)).scalars().all()
    return sum(cipher is None or not cipher.opens(one) for one in sealed)


def targets(settings: Settings, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Where each store unpacked in this folder belongs: pairs of a file or folder and its place.

    Also what the backup does not hold, because there was none then; but never a key or accounts.
    """
    places = {WAREHOUSE: _file(settings.warehouse_path), DAGSTER: settings.home / DAGSTER}
    if (folder / ACCOUNTS).exists():
        places[ACCOUNTS] = sqlite_path(settings.accounts_address)
    if (folder / KEY).exists():
        places[KEY] = key_file(settings.home)
    for name, place in places.items():
        if place is not None:
            yield folder / name, place


def _file(place: Path) -> Path | None:
    """A warehouse that a server keeps is put back on the server's machine."""
    return place if warehouse_form(place) == FILE else None


@contextmanager
def _key_unchanged(settings: Settings, *, with_key: bool) -> Iterator[None]:
    """Keep ``vibe rotate-key`` waiting, so that the copied key is the one that sealed the copy."""
    lock = settings.home / f"{key_file(settings.home).name}.lock"
    with FileLock(lock, timeout=BUSY_SECONDS, mode=0o600) if with_key else nullcontext():
        yield


def _copy_accounts(settings: Settings, folder: Path) -> None:
    path = sqlite_path(settings.accounts_address)
    if path is None:
        return
    if not path.exists():
        raise StoreDamaged(f"The account store {path} is gone.")
    _copy_sqlite(path, folder / ACCOUNTS)


def _copy_warehouse(settings: Settings, folder: Path) -> None:
    """One that was never made is left out; one that is gone is none to call a backup good by."""
    place = settings.warehouse_path
    if warehouse_form(place) == MOTHERDUCK:
        return
    warehouse = Warehouse(place)
    if warehouse.exists():
        warehouse.copy_to(folder / WAREHOUSE)
    elif place.is_symlink() or _lists_recorded(settings, folder):
        raise StoreDamaged(
            f"The warehouse {place} is gone, though lists were made: bring back the disk it lies"
            " on, or let vibe up make a new one."
        )


def _lists_recorded(settings: Settings, folder: Path) -> bool:
    copy = folder / ACCOUNTS
    address = sqlite_address(copy) if copy.exists() else settings.accounts_address
    begun = EditionState.STARTED.value
    query = select(editions.c.edition_id).where(editions.c.state != begun).limit(1)
    with connect(address).reading() as connection:
        return connection.execute(query).first() is not None


def _copy_sqlite(path: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(_to_read(path), uri=True, timeout=BUSY_SECONDS)) as of,
            closing(sqlite3.connect(target)) as copy,
        ):
            of.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if _no_room(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise StoreDamaged(f"{path} cannot be copied ({error}).") from error


def _no_room(error: sqlite3.Error) -> bool:
    """Whether the copy could not be written; what cannot be read is the store's own fault."""
    name = getattr(error, "sqlite_errorname", "") or ""
    read = ("SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS")
    return name.startswith(("SQLITE_FULL", "SQLITE_IOERR")) and name not in read


def _to_read(path: Path) -> str:
    """SQLite's address of a file that is only looked at."""
    return f"{path.absolute().as_uri()}?mode=ro"


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(_to_read(path), uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise StoreDamaged(f"The {path.name} for the backup cannot be read ({answer}).")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
