"""Where a person's archive lies between the run that writes it and the bot that sends it."""

from __future__ import annotations

from pathlib import Path

FOLDER = "exports"


def archive_path(home: Path, run_id: str) -> Path:
    """The archive of this run; a run's id is random and says nothing."""
    return home / FOLDER / f"{Path(run_id).name}.zip"
