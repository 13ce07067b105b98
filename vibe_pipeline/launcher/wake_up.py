"""A wake-up call between processes of one machine: a named pipe (FIFO) that one of them listens on.

It says that there is something to look at, never what; a call that nobody hears is not kept, so
whoever listens looks by itself now and then. Not here: what is looked at (``run_queue``).
"""

from __future__ import annotations

import contextlib
import os
import select
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

QUEUE_PIPE = "run_queue.wake"
_BUFFER = 65536


class HasHome(Protocol):
    """What has a folder of its own, as a Dagster instance has."""

    @property
    def root_directory(self) -> str: ...


def queue_pipe(instance: HasHome) -> Path:
    """Where the daemon listens for a run that was submitted, or a place that is free."""
    return Path(instance.root_directory) / QUEUE_PIPE


@dataclass(frozen=True, slots=True)
class WakeUpCall:
    """Calls whoever listens at this path; costs nothing when nobody does."""

    path: Path

    def ring(self) -> None:
        """Wake the listener, if there is one; never waits and never fails."""
        with contextlib.suppress(OSError):
            pipe = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"!")
            finally:
                os.close(pipe)


@dataclass(frozen=True, slots=True)
class WakeUpListener:
    """The end that is woken, for one thread; calls that come between two waits count as one."""

    _pipe: int

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Listen at this path; ``None`` where the machine or the folder has no such pipes."""
        try:
            with contextlib.suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            if not path.is_fifo():
                return None
            return cls(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        except (AttributeError, OSError):
            return None

    def wait(self, seconds: float) -> bool:
        """Wait to be called, no longer than this; says whether somebody called."""
        called, _, _ = select.select([self._pipe], [], [], seconds)
        if called:
            os.read(self._pipe, _BUFFER)
        return bool(called)
