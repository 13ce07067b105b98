"""Waking those who wait for something to happen, across threads and event loops."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any


class Signal:
    """Something happened: every waiter looks again whether it concerns them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}
        self._numbers = 0
        self.closed = False

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiters)

    def notify(self) -> None:
        """Wake all waiters; may be called from any thread."""
        with self._lock:
            waiters = list(self._waiters.values())
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Nobody waits any longer, so that a server can stop at once."""
        self.closed = True
        self.notify()

    async def wait_until(
        self,
        holds: Callable[[], bool],
        *,
        seconds: float,
        given_up: asyncio.Future[None] | None = None,
    ) -> None:
        """Return when ``holds`` does, when time is up, or when the caller has gone."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._numbers += 1
            number = self._numbers
            self._waiters[number] = (loop, event)
        deadline = loop.time() + seconds
        try:
            while not (holds() or self.closed or (given_up is not None and given_up.done())):
                left = deadline - loop.time()
                if left <= 0:
                    return
                await self._next(event, left, given_up)
        finally:
            with self._lock:
                del self._waiters[number]

    @staticmethod
    async def _next(
        event: asyncio.Event, seconds: float, given_up: asyncio.Future[None] | None
    ) -> None:
        woken = asyncio.ensure_future(event.wait())
        waiting: set[asyncio.Future[Any]] = {woken}
        if given_up is not None:
            waiting.add(given_up)
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        event.clear()
