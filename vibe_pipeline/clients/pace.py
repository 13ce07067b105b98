"""How fast a service may be asked: so many at once, so long between two starts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """Turns for everybody who shares this object, in the order they came."""

    def __init__(
        self,
        *,
        interval: float = 0.0,
        at_once: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._interval = interval
        self._monotonic = monotonic
        self._sleep = sleep
        self._places = asyncio.Semaphore(at_once)
        self._next_start = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is our turn; the place is given back at the end."""
        async with self._places:
            now = self._monotonic()
            start = max(now, self._next_start)
            self._next_start = start + self._interval
            if start > now:
                await self._sleep(start - now)
            yield

    def hold(self, seconds: float) -> None:
        """Nobody starts for this long: the service asked us to slow down."""
        self._next_start = max(self._next_start, self._monotonic() + seconds)
