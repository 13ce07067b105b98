"""Turns: one after the other, in the order of coming (a fair lock that nobody can hold for ever).

How long somebody waits does not matter, only how long somebody takes: a crowd stays in order
however long it is. What is done in a turn is its caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary


class Timer(Protocol):
    """What can be called off."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


def _by_the_loop(seconds: float, what: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, what)


@dataclass(slots=True, weakref_slot=True, kw_only=True)
class Turns:
    """Whoever takes longer than ``seconds`` goes on, and the next one's turn comes."""

    seconds: float
    later: Later = _by_the_loop
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for our turn, and have it."""
        await self._lock.acquire()
        ours = True

        def hand_on() -> None:
            nonlocal ours
            if ours:
                ours = False
                self._lock.release()

        timer = self.later(self.seconds, hand_on)
        try:
            yield
        finally:
            timer.cancel()
            hand_on()


@dataclass(slots=True, kw_only=True)
class TurnsByChat:
    """Each chat's own turns; whoever comes in one waits for nobody of another."""

    seconds: float
    later: Later = _by_the_loop
    _turns: WeakValueDictionary[int, Turns] = field(default_factory=WeakValueDictionary)
    """Of the chats that somebody waits in or is served in; the others' are forgotten."""

    def of(self, chat_id: int) -> Turns:
        """The turns of this chat; to be held by whoever waits for one."""
        return self._turns.setdefault(chat_id, Turns(seconds=self.seconds, later=self.later))
