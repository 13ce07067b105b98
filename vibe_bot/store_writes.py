"""Writes to the account store beside the event loop, which go in order for each chat.

Another process may hold the store for seconds; meanwhile nobody else's answers wait. What is
written is the handlers'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Written = TypeVar("Written")


@dataclass(slots=True)
class StoreWrites:
    """Of each chat the writes that are under way, one after the other."""

    _last: dict[int, asyncio.Task[Any]] = field(default_factory=dict)
    _waiting: WeakValueDictionary[int, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def write(self, chat_id: int, what: Callable[[], Written]) -> Written:
        """Do this in a thread, after all that was begun for this chat before."""
        task = asyncio.create_task(_after(self._last.get(chat_id), what))
        self._last[chat_id] = task
        task.add_done_callback(partial(self._forget, chat_id))
        return await task

    async def settled(self, chat_id: int) -> None:
        """Wait until nothing is being written for this chat; who waits longer goes on first."""
        place = self._waiting.setdefault(chat_id, asyncio.Lock())
        async with place:
            while (last := self._last.get(chat_id)) is not None:
                await asyncio.wait({last})

    def _forget(self, chat_id: int, task: asyncio.Task[Any]) -> None:
        if self._last.get(chat_id) is task:
            del self._last[chat_id]


async def _after(before: asyncio.Task[Any] | None, what: Callable[[], Written]) -> Written:
    if before is not None:
        await asyncio.wait({before})
    return await asyncio.to_thread(what)
