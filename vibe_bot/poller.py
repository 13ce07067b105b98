"""One poller only: two programs asking Telegram with one token steal each other's messages.

A lock between processes of one machine; fetching updates is ``vibe_bot.lifecycle``'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = "bot.lock"


class AlreadyPolling(Exception):
    """Another bot runs in this home folder; the text says what to do."""


@contextmanager
def single_poller(home: Path) -> Iterator[None]:
    """Hold the home folder's bot lock; the system lets go of it however we end.

    Raises:
        AlreadyPolling: another bot holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    # A file of its own: opening a lock file may empty it, also for whoever does not get the lock.
    pid_file = home / "bot.pid"
    lock = FileLock(home / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise AlreadyPolling(
            f"A bot already runs with {home} (process {_holder(pid_file)}); stop it first, or give"
            " this one a VIBE_HOME and a bot token of its own."
        ) from None
    try:
        pid_file.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        lock.release()


def is_polled(home: Path) -> bool:
    """Whether a bot of this home folder runs now, on this machine or in a container beside us."""
    if not (home / _LOCK).exists():
        return False
    lock = FileLock(home / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _holder(pid_file: Path) -> str:
    try:
        return pid_file.read_text(encoding="ascii", errors="replace").strip() or "unknown"
    except FileNotFoundError:
        return "unknown"
