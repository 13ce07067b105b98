"""How fast a service may be asked: so many at once, so long between two starts."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

Sleep = Callable[[float], Awaitable[None]]

_LONGEST_QUEUE = 120.0
"""What a file of turns says beyond this is not believed: a clock was moved, or it is damaged."""


class SlotBook(Protocol):
    """Who may start when."""

    def book(self, interval: float) -> float:
        """Take the next free start; gives the seconds until then."""
        ...

    def hold(self, seconds: float) -> None:
        """Let nobody start for this long."""
        ...


class ProcessSlotBook:
    """The turns of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_start = 0.0

    def book(self, interval: float) -> float:
        """Take the next free start."""
        now = self._clock()
        start = max(now, self._next_start)
        self._next_start = start + interval
        return start - now

    def hold(self, seconds: float) -> None:
        """Let nobody here start for this long."""
        self._next_start = max(self._next_start, self._clock() + seconds)


class SharedSlotBook:
    """The turns of all processes on this machine, in a small file that is locked for a moment."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def book(self, interval: float) -> float:
        """Take the next free start, whoever else is waiting."""
        return self._change(lambda now, next_start: (next_start - now, next_start + interval))

    def hold(self, seconds: float) -> None:
        """Let nobody on this machine start for this long."""
        self._change(lambda now, next_start: (0.0, max(next_start, now + seconds)))

    def _change(self, change: Callable[[float, float], tuple[float, float]]) -> float:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            now = self._clock()
            answer, next_start = change(now, _believed(file.read(), now))
            file.seek(0)
            file.truncate()
            file.write(f"{next_start:.3f}")
        return answer


def _believed(written: str, now: float) -> float:
    """The next free start as the file has it, when that makes sense; now otherwise."""
    try:
        start = float(written)
    except ValueError:
        return now
    return start if now < start <= now + _LONGEST_QUEUE else now


class RateLimiter:
    """Turns for everybody who shares this object, in the order they came."""

    def __init__(
        self,
        *,
        interval: float = 0.0,
        at_once: int = 4,
        turns: SlotBook | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._interval = interval
        self._turns = turns or ProcessSlotBook()
        self._sleep = sleep
        self._places = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is our turn; the place is given back at the end."""
        async with self._places:
            wait = self._turns.book(self._interval)
            if wait > 0:
                await self._sleep(wait)
            yield

    def hold(self, seconds: float) -> None:
        """Nobody starts for this long: the service asked us to slow down."""
        self._turns.hold(seconds)
