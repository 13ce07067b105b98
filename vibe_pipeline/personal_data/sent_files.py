"""Files that people sent to the bot, from the download until a run has taken them in.

A spool: a folder for each person, readable by its owner only. What a file holds is
``taste.streaming_archive``'s, and fetching it from Telegram the bot's.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from vibe_pipeline.records import UserId

FOLDER = "sent"
KEPT = timedelta(days=2)
"""A file that no run took in is thrown away after this."""
_UNFINISHED = ".part"
_LONGEST_NAME = 80
_MOST_BYTES = 180
"""File systems take 255 bytes for a name; a letter has up to four of them."""
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def sent_name(request_id: str, file_name: str) -> str:
    """What a file is called here: the same each time the same message is handled."""
    end = _NOT_IN_NAMES.sub("_", file_name)[-_LONGEST_NAME:].encode()[-_MOST_BYTES:]
    return f"{request_id[:12]}-{end.decode(errors='ignore')}"


def sent_file(home: Path, user_id: UserId, name: str) -> Path:
    """Where a file of this person's lies; a name leads nowhere else."""
    return _folder(home, user_id) / (Path(name).name.lstrip(".") or "nameless")


def waiting_files(home: Path, user_id: UserId, *, before: datetime | None = None) -> int:
    """How many files of this person's no run has taken in yet; with ``before``, of the earlier."""
    return len(_waiting(home, user_id, before))


@contextmanager
def receiving(path: Path) -> Iterator[BinaryIO]:
    """Write a file that is there whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + _UNFINISHED)
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def forget_files(home: Path, user_id: UserId, *, before: datetime | None = None) -> int:
    """Delete every file this person sent, or the earlier; says how many there were."""
    files = _waiting(home, user_id, before)
    for path in files:
        path.unlink(missing_ok=True)
    if before is None:
        shutil.rmtree(_folder(home, user_id), ignore_errors=True)
    return len(files)


def drop_old_files(home: Path, *, now: datetime) -> int:
    """Delete what no run took in for long; says how many."""
    oldest = (now - KEPT).timestamp()
    old = [path for path in (home / FOLDER).glob("*/*") if path.stat().st_mtime < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _waiting(home: Path, user_id: UserId, before: datetime | None) -> list[Path]:
    files = _folder(home, user_id).glob("*")
    return [file for file in files if before is None or file.stat().st_mtime < before.timestamp()]


def _folder(home: Path, user_id: UserId) -> Path:
    return home / FOLDER / Path(user_id).name
