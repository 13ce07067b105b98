"""An account store that is set up and empty: made once in a process, and copied wherever needed."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from vibe_pipeline.accounts.database import sqlite_path
from vibe_pipeline.accounts.schema import migrate


def set_up_store(url: str) -> None:
    """What ``migrate`` does, in a hundredth of its time where an SQLite file is not there yet."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_blank())
    migrate(url)


@cache
def _blank() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.sqlite"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()
