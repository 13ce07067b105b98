"""When asking ends for somebody who waits, and what is under way then: it ends by itself.

A cooperative deadline: nothing is cancelled that was sent, for the call is spent and its answer is
good for the next one; nothing new is sent. How long asking may take is the sources' and the
resolver's, keeping late answers that of whoever asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)

LateCalls = set[asyncio.Task[Any]]
"""What was still under way when its deadline came."""


def asking_has_ended() -> bool:
    """Whether whoever began this waits no more, so that nothing new should be asked."""
    ends_at = _ends_at.get()
    return ends_at is not None and asyncio.get_running_loop().time() >= ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment by the event loop's clock, ``None`` for never; what is late is put in ``late``."""

    ends_at: float | None = None
    late: LateCalls = field(default_factory=set)

    async def within(self, *works: Coroutine[Any, Any, object]) -> bool:
        """Do these side by side; false when some were still under way at the deadline.

        Those go on. What is raised in time is raised here.
        """
        if self.ends_at is not None and self.ends_at <= asyncio.get_running_loop().time():
            for work in works:
                work.close()
            return False
        tasks = self._begun(works)
        try:
            done, late = await asyncio.wait(tasks, timeout=self._left())
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise
        self.late.update(late)
        for task in done:
            task.result()
        return not late

    async def answer(self, work: Coroutine[Any, Any, T]) -> T:
        """What this gives, if it does in time.

        Raises:
            TimeoutError: the deadline came first; the work goes on.
        """
        task: list[asyncio.Task[T]] = []

        async def keeping() -> None:
            task.append(asyncio.ensure_future(work))
            await task[0]

        if not await self.within(keeping()):
            if not task:
                work.close()
            raise TimeoutError
        return task[0].result()

    def _begun(self, works: tuple[Coroutine[Any, Any, object], ...]) -> LateCalls:
        before = _ends_at.set(self.ends_at)
        try:
            return {asyncio.create_task(work) for work in works}
        finally:
            _ends_at.reset(before)

    def _left(self) -> float | None:
        if self.ends_at is None:
            return None
        return max(0.0, self.ends_at - asyncio.get_running_loop().time())


async def ended(late: LateCalls) -> None:
    """Once all of it has ended, well or not."""
    await asyncio.gather(*late, return_exceptions=True)
