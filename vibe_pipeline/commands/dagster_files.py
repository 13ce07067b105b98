"""Dagster's own databases as files: which are damaged (integrity check), and setting them aside.

What they hold is Dagster's; how they are kept open is ``launcher.sqlite_storage``'s.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from vibe_pipeline.settings import Settings

RUNS = Path("history") / "runs.db"
"""Without it no run is known; what each run said lies in files of their own."""
_BUSY_SECONDS = 5
_BESIDE = ("-wal", "-shm", "-journal")
_DAMAGE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def storage_folder(settings: Settings) -> Path | None:
    """Where Dagster keeps its databases; ``None`` where a server does."""
    return None if settings.dagster_postgres_url is not None else settings.home / "dagster"


def damaged_files(settings: Settings) -> Iterator[Path]:
    """Each database of Dagster's that cannot be read; every page of each is looked at."""
    yield from filter(_is_damaged, _databases(settings))


def trouble_writing(settings: Settings) -> str | None:
    """Which of them this user may not write, in a sentence: no run could be begun then."""
    closed = [str(path) for path in _databases(settings) if not os.access(path, os.W_OK)]
    if not closed:
        return None
    return f"Give this user ({os.geteuid()}) the right to write {', '.join(closed)}."


def _databases(settings: Settings) -> list[Path]:
    folder = storage_folder(settings)
    return sorted(folder.rglob("*.db")) if folder is not None else []


def set_aside(path: Path, *, now: datetime) -> Path:
    """Rename it, with what SQLite keeps beside it, so that a new one is made; gives its new name.

    Raises:
        OSError: the folder cannot be written.
    """
    first = path.with_name(f"{path.name}.damaged-{now:%Y%m%d-%H%M%S}")
    names = chain([first], (first.with_name(f"{first.name}-{again}") for again in count(2)))
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def _is_damaged(path: Path) -> bool:
    """Damage alone: what is in use, or not ours to read, is left to whoever opens it."""
    if path.is_dir():
        return True
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return (getattr(error, "sqlite_errorname", "") or "").startswith(_DAMAGE)
    return bool(answer != "ok")
