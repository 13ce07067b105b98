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


def being_sent(path: Path) -> Path:
    """Stands beside an archive from the moment on in which it is handed over: it may be there."""
    return path.with_name(f"{path.name}.sent")


def forget_archive(home: Path, run_id: str) -> None:
    """Delete the archive of this run, or as much of it as was written when the run was killed."""
    forget_files(archive_path(home, run_id))


def forget_files(path: Path) -> None:
    """Delete an archive with all that stands beside it; the mark last, for it says what was."""
    for one in (path, unfinished(path), being_sent(path)):
        one.unlink(missing_ok=True)
