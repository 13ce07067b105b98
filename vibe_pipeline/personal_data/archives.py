"""Where a person's archive lies between the run that writes it and the bot that sends it."""

from __future__ import annotations

from pathlib import Path

FOLDER = "exports"


def archive_path(home: Path, run_id: str) -> Path:
    """The archive of this run; a run's id is random and says nothing."""
    return home / FOLDER / f"{Path(run_id).name}.zip"


def unfinished(path: Path) -> Path:
    """What an archive is called until all of it is written."""
    return path.with_name(f"{path.name}.part")


def forget_archive(home: Path, run_id: str) -> None:
    """Delete the archive of this run, or as much of it as was written when the run was killed."""
    path = archive_path(home, run_id)
    path.unlink(missing_ok=True)
    unfinished(path).unlink(missing_ok=True)
