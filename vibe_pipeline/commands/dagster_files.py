"""Dagster's own databases as files: which are damaged, and which may not be written.

What they hold is Dagster's; how they are kept open is ``launcher.sqlite_storage``'s, and setting
one aside ``installation.sqlite_file``'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vibe_pipeline.installation.sqlite_file import is_damaged
from vibe_pipeline.settings import Settings

RUNS = Path("history") / "runs.db"
"""Without it no run is known; what each run said lies in files of their own."""


def storage_folder(settings: Settings) -> Path | None:
    """Where Dagster keeps its databases; ``None`` where a server does."""
    return None if settings.dagster_postgres_url is not None else settings.home / "dagster"


def damaged_files(settings: Settings) -> Iterator[Path]:
    """Each database of Dagster's that cannot be read; every page of each is looked at."""
    yield from filter(is_damaged, _databases(settings))


def trouble_writing(settings: Settings) -> str | None:
    """Which of them this user may not write, in a sentence: no run could be begun then."""
    closed = [str(path) for path in _databases(settings) if not os.access(path, os.W_OK)]
    if not closed:
        return None
    return f"Give this user ({os.geteuid()}) the right to write {', '.join(closed)}."


def _databases(settings: Settings) -> list[Path]:
    folder = storage_folder(settings)
    return sorted(folder.rglob("*.db")) if folder is not None else []
