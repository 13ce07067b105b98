"""A damaged SQLite file: found by an integrity check, and set aside.

For Dagster's databases, which begin anew then. The account store is not set aside: nothing would
bring its people back (``accounts.database``).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from vibe_pipeline.installation.set_aside import set_aside

_BUSY_SECONDS = 5
BESIDE = ("-wal", "-shm", "-journal")
"""How the names end of what SQLite keeps beside a file."""
_DAMAGE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def tells_of_damage(error: BaseException | None) -> bool:
    """Whether SQLite says with this error that its file is damaged, or none of its own.

    It names what is damaged, in words that may be no text any more: then they cannot be decoded.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    return (getattr(error, "sqlite_errorname", "") or "").startswith(_DAMAGE)


def readable_text(stored: bytes) -> str:
    """Text as it is stored, with a sign for each byte that is none any more.

    A connection's ``text_factory``: Python's own fails over one damaged byte, and with it whoever
    reads the rows of others too.
    """
    return stored.decode(errors="replace")


def is_damaged(path: Path) -> bool:
    """Damage alone: what is in use, or not ours to read, is left to whoever opens it."""
    if path.is_dir():
        return True
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return tells_of_damage(error)
    return bool(answer != "ok")


def set_aside_if_damaged(path: Path, *, now: datetime) -> Path | None:
    """Rename it where it is damaged, by one of all processes that find it so; gives its new name.

    Whoever has it open closes the renamed one; SQLite leaves alone what lies beside the new one.
    """
    with _one_at_a_time(path.parent):
        damaged = path.exists() and is_damaged(path)
        return set_aside(path, now=now, beside=BESIDE) if damaged else None


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """A lock of the folder itself, which ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
