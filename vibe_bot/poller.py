"""One poller only: two programs asking Telegram with one token steal each other's messages."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyPolling(Exception):
    """Another bot runs in this home folder; the text says what to do."""


@contextmanager
def single_poller(home: Path) -> Iterator[None]:
    """Hold the home folder's bot lock; the system lets go of it however we end."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "bot.lock"
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise AlreadyPolling(
                f"A bot already runs with {home} (process {holder}); stop it first, or give this"
                " one a VIBE_HOME and a bot token of its own."
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
