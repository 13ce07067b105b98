"""How fast a service may be asked: so many calls at once, so many a second on average, in bursts.

One bucket per service, shared by all processes of this machine, or of several (then it is
``accounts.paces``'): the generic cell rate algorithm
(GCRA, ITU-T I.371), whose whole state is one number, the theoretical arrival time. After a rest a
burst of calls starts at once; over any longer stretch no more start than the rate allows.
Daily quotas are no pace: they belong to the budget.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock

Sleep = Callable[[float], Awaitable[None]]

_LONGEST_QUEUE = 120.0
"""What a file of turns says beyond this is not believed: a clock was moved, or it is damaged."""
_LOOKS_EVERY_SECONDS = 0.002
"""How often a process that waits for the file looks again; it is held for less than this."""


class SlotBook(Protocol):
    """Who may start when."""

    def book(self, interval: float, burst: int = 1) -> float:
        """Take the next free start; gives the seconds until then.

        ``interval``: seconds between two starts on average. ``burst``: so many may start together
        after a rest.
        """
        ...

    def hold(self, seconds: float, interval: float = 0.0, burst: int = 1) -> None:
        """Let nobody start for this long, and then no burst: the bucket is empty."""
        ...


class ProcessSlotBook:
    """The turns of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._arrival = 0.0

    def book(self, interval: float, burst: int = 1) -> float:
        """Take the next free start."""
        wait, self._arrival = _booked(self._clock(), self._arrival, interval, burst)
        return wait

    def has_room(self, interval: float, burst: int = 1) -> bool:
        """Whether whoever books now starts at once; a smaller burst leaves room for others."""
        return _booked(self._clock(), self._arrival, interval, burst)[0] <= 0

    def hold(self, seconds: float, interval: float = 0.0, burst: int = 1) -> None:
        """Let nobody here start for this long."""
        self._arrival = _held(self._clock(), self._arrival, seconds, interval, burst)


class SharedSlotBook:
    """The turns of all processes on this machine, in a small file that is locked for a moment."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock")
        self._clock = clock

    def book(self, interval: float, burst: int = 1) -> float:
        """Take the next free start, whoever else is waiting."""
        return self._change(lambda now, arrival: _booked(now, arrival, interval, burst))

    def hold(self, seconds: float, interval: float = 0.0, burst: int = 1) -> None:
        """Let nobody on this machine start for this long."""
        self._change(lambda now, arrival: (0.0, _held(now, arrival, seconds, interval, burst)))

    def _change(self, change: Callable[[float, float], tuple[float, float]]) -> float:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.acquire(poll_interval=_LOOKS_EVERY_SECONDS):
            now = self._clock()
            answer, arrival = change(now, _believed(self._written(), now))
            self._path.write_text(f"{arrival:.3f}", encoding="ascii")
        return answer

    def _written(self) -> str:
        try:
            return self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return ""


def _booked(now: float, arrival: float, interval: float, burst: int) -> tuple[float, float]:
    """Seconds until the next free start, and the arrival time theoretically due after it."""
    due = max(now, arrival)
    return max(0.0, due - (burst - 1) * interval - now), due + interval


def _held(now: float, arrival: float, seconds: float, interval: float, burst: int) -> float:
    """The arrival time that lets nobody start for so long, and one at a time from then on."""
    return max(arrival, now + seconds + (burst - 1) * interval)


def _believed(written: str, now: float) -> float:
    """The arrival time as the file has it, when that makes sense; now otherwise."""
    try:
        start = float(written)
    except ValueError:
        return now
    return start if now < start <= now + _LONGEST_QUEUE else now


class RateLimiter:
    """Turns for everybody who shares this object, in the order they came.

    ``interval``: seconds between two calls on average; ``burst``: so many may start together
    after a rest; ``at_once``: so many are under way at the same time.
    """

    def __init__(
        self,
        *,
        interval: float = 0.0,
        burst: int = 1,
        at_once: int = 4,
        turns: SlotBook | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._interval = interval
        self._burst = burst
        self._turns = turns or ProcessSlotBook()
        self._sleep = sleep
        self._places = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is our turn; the place is given back at the end."""
        async with self._places:
            wait = self._turns.book(self._interval, self._burst)
            if wait > 0:
                await self._sleep(wait)
            yield

    def hold(self, seconds: float) -> None:
        """Nobody starts for this long: the service asked us to slow down."""
        self._turns.hold(seconds, self._interval, self._burst)
