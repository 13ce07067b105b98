"""Turns come in order, in a crowd and in a chat, and nobody who hangs holds them up for ever."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from telegram import Chat, Message, Update, User
from telegram.constants import ChatType

from tests.support.bot_world import BotWorld
from vibe_bot.inbox import InboxProcessor, key_of
from vibe_bot.store_writes import StoreWrites
from vibe_bot.turns import Turns, TurnsByChat


@dataclass(slots=True)
class Timers:
    """Time that passes when the test says so; the last timer is the one of whoever has the turn."""

    over: list[Callable[[], None]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float, what: Callable[[], None]) -> Timers:
        self.over.append(what)
        self.seconds.append(seconds)
        return self

    def cancel(self) -> None:
        """A turn that ended in time."""


async def settled() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_crowd_is_served_one_by_one_in_the_order_of_coming_however_long_it_waits() -> None:
    timers = Timers()
    turns, done = Turns(seconds=10, later=timers), [asyncio.Event() for _ in range(30)]
    begun: list[int] = []

    async def come(number: int) -> None:
        async with turns.turn():
            begun.append(number)
            await done[number].wait()

    crowd = [asyncio.create_task(come(number)) for number in range(30)]
    seen = []
    for event in done:
        await settled()
        seen.append(list(begun))
        event.set()
    await asyncio.gather(*crowd)

    assert seen == [list(range(number + 1)) for number in range(30)]
    assert timers.seconds == [10] * 30


async def test_whoever_hangs_loses_the_turn_and_not_the_place_of_those_behind() -> None:
    timers = Timers()
    turns, hung, second = Turns(seconds=10, later=timers), asyncio.Event(), asyncio.Event()
    begun: list[str] = []

    async def come(name: str, until: asyncio.Event) -> None:
        async with turns.turn():
            begun.append(name)
            await until.wait()

    first = asyncio.create_task(come("hangs", hung))
    others = [asyncio.create_task(come(name, second)) for name in ("second", "third")]
    await settled()
    timers.over[0]()
    await settled()
    after_the_hand_over = list(begun)
    hung.set()
    await first
    await settled()
    after_its_end = list(begun)
    second.set()
    await asyncio.gather(*others)

    assert after_the_hand_over == ["hangs", "second"]
    assert after_its_end == ["hangs", "second"]
    assert begun == ["hangs", "second", "third"]


async def test_a_chat_waits_for_its_own_alone_and_is_forgotten_when_nobody_waits() -> None:
    turns, slow = TurnsByChat(seconds=10), asyncio.Event()
    begun: list[str] = []

    async def come(chat_id: int, name: str, until: asyncio.Event | None = None) -> None:
        async with turns.of(chat_id).turn():
            begun.append(name)
            if until is not None:
                await until.wait()

    coming = [
        asyncio.create_task(come(1, "Anna's first", slow)),
        asyncio.create_task(come(1, "Anna's second")),
        asyncio.create_task(come(2, "Boris's")),
    ]
    await settled()
    meanwhile = list(begun)
    slow.set()
    await asyncio.gather(*coming)
    del coming
    gc.collect()

    assert meanwhile == ["Anna's first", "Boris's"]
    assert begun == ["Anna's first", "Boris's", "Anna's second"]
    assert len(turns._turns) == 0


async def test_who_waits_for_a_chats_writes_goes_on_in_the_order_of_coming() -> None:
    writes, first, second = StoreWrites(), threading.Event(), threading.Event()
    went_on: list[str] = []

    async def wait(name: str) -> None:
        await writes.settled(1)
        went_on.append(name)

    written = asyncio.create_task(writes.write(1, first.wait))
    await settled()
    earlier = asyncio.create_task(wait("earlier"))
    await settled()
    written_too = asyncio.create_task(writes.write(1, second.wait))
    await settled()
    later = asyncio.create_task(wait("later"))
    await settled()
    first.set()
    await written
    await settled()
    second.set()
    await asyncio.gather(written_too, earlier, later)

    assert went_on == ["earlier", "later"]


def said_by(person: int, number: int) -> Update:
    """Somebody writes in their chat with us."""
    chat, user = Chat(person, ChatType.PRIVATE), User(person, "Anna", is_bot=False)
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Update(number, message=Message(number, at, chat, from_user=user, text="/setsize 20"))


async def handling(
    processor: InboxProcessor, asked: Iterable[tuple[int, Coroutine[Any, Any, None]]]
) -> list[asyncio.Task[None]]:
    """What people ask for, each with what handles it, as far as that goes by itself."""
    begun = [
        asyncio.create_task(processor.process_update(said_by(person, number), handler))
        for number, (person, handler) in enumerate(asked)
    ]
    await settled()
    return begun


async def test_what_is_asked_for_in_one_breath_is_done_in_that_order_though_the_first_takes_long(
    place: BotWorld,
) -> None:
    processor = InboxProcessor(place.store.inbox, 64, held=lambda _: False)
    looked_up = asyncio.Event()
    done: list[str] = []

    async def handle(name: str, first: asyncio.Event | None = None) -> None:
        if first is not None:
            await first.wait()
        done.append(name)

    annas = [(1, handle("Anna's first", looked_up)), (1, handle("Anna's second"))]
    begun = await handling(processor, [*annas, (2, handle("Boris's"))])
    meanwhile = list(done)
    looked_up.set()
    await asyncio.gather(*begun)

    assert meanwhile == ["Boris's"]
    assert done == ["Boris's", "Anna's first", "Anna's second"]


async def test_whoever_sends_hundreds_of_messages_at_once_keeps_nobody_else_waiting(
    place: BotWorld,
) -> None:
    processor = InboxProcessor(place.store.inbox, 2, held=lambda _: False)
    slow = asyncio.Event()
    begun: list[str] = []

    async def handle(name: str) -> None:
        begun.append(name)
        await slow.wait()

    flood = [(1, handle("Anna's")) for _ in range(300)]
    tasks = await handling(processor, [*flood, (2, handle("Boris's"))])
    meanwhile = list(begun)
    slow.set()
    await asyncio.gather(*tasks)

    assert meanwhile == ["Anna's", "Boris's"]
    assert len(begun) == 301


async def test_a_bot_that_ends_leaves_a_flood_to_the_next_one(place: BotWorld) -> None:
    processor = InboxProcessor(place.store.inbox, 64, held=lambda _: False)
    begun: list[str] = []

    async def handle(name: str, seconds: float) -> None:
        begun.append(name)
        await asyncio.sleep(seconds)

    asked = [(1, handle("short", 0.01)), (2, handle("long", 600)), (2, handle("behind it", 0))]
    for number, (person, _) in enumerate(asked):
        update = said_by(person, number)
        place.store.inbox.add(key_of(update), update.to_json())
    tasks = await handling(processor, asked)
    await processor.hand_on(0.05)
    tasks += await handling(processor, [(3, handle("after the end", 0))])
    await asyncio.gather(*tasks, return_exceptions=True)

    left = [json.loads(one.payload)["message"]["chat"]["id"] for one in place.store.inbox.take_up()]
    assert begun == ["short", "long"]
    assert left == [2, 2]
