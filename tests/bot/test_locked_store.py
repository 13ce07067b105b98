"""Another process holds the account store: nothing stands still, nothing is lost, in order."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from tests.bot.test_lists import unhandled
from tests.support.accounts_site import greeting, messages_waiting
from tests.support.bot_world import BotWorld, living_bot, saying, until
from vibe_bot.inbox import LOCKED_AFTER
from vibe_pipeline.locales import say

LOOK_SECONDS = 0.02
STANDS_STILL = 0.5
"""A loop that is so late stands still, also on a busy machine."""


@dataclass(slots=True)
class Lag:
    """How late the event loop was at most."""

    seconds: float = 0.0


@asynccontextmanager
async def locked(place: BotWorld) -> AsyncIterator[Lag]:
    """Hold the store's write lock, and watch the loop meanwhile."""
    lag = Lag()

    async def watch() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            lag.seconds = max(lag.seconds, time.monotonic() - began - LOOK_SECONDS)

    path = place.store.database.engine.url.database
    with closing(sqlite3.connect(str(path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        watching = asyncio.create_task(watch())
        try:
            yield lag
        finally:
            watching.cancel()
            other.execute("ROLLBACK")


async def test_others_are_answered_while_the_store_is_locked_and_nothing_is_lost(
    place: BotWorld,
) -> None:
    anna, boris = await place.person(), await place.person(202, name="Boris")
    await anna.says("/help")
    await boris.says("/help")
    await until(lambda: unhandled(place) == 0)
    place.store.outbox.put(anna.account.user_id, greeting("connected:1", "waiting"))

    async with locked(place) as lag:
        await anna.types("/block Radiohead")
        answered = await boris.says("/latest")
        again = await boris.says("/status")
        await asyncio.sleep(1.0)
    told = await anna.sees(saying("Radiohead"))
    await anna.sees(saying("waiting"))

    assert lag.seconds < STANDS_STILL
    assert say("en", "keyboard.generate") in answered["text"]
    assert again["text"]
    assert told["text"] == say("en", "bot.block.artist", name="Radiohead")
    assert [one.name for one in place.store.blocks.list(anna.account.user_id)] == ["Radiohead"]
    await until(lambda: unhandled(place) == 0 and messages_waiting(place.store) == 0)


WRITES = (
    *("/block Radiohead", "/unblock Radiohead", "/leaveout Muse", "/more jazz", "/notify off"),
    *("/setsize 20", "/connect", "/artists off", "/history_from off", "/title Mine", "/mode"),
)


async def test_what_one_person_asks_for_meanwhile_is_done_in_that_order(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/help")
    await until(lambda: unhandled(place) == 0)

    async with locked(place) as lag:
        for words in WRITES:
            await anna.types(words)
        for size in (30, 40, 50):
            await anna.types(f"/setsize {size}")
        await asyncio.sleep(1.0)
    await until(lambda: anna.account.playlist_size == 50 and unhandled(place) == 0)

    user_id = anna.account.user_id
    assert lag.seconds < STANDS_STILL
    assert (anna.account.playlist_size, anna.account.own_title) == (50, "Mine")
    assert place.store.blocks.list(user_id) == []
    assert [one.name for one in place.store.exclusions.list(user_id)] == ["Muse"]
    assert len(place.store.steering.list(user_id)) == 1


async def test_a_newcomer_and_who_left_or_is_forgotten_hold_up_nobody(place: BotWorld) -> None:
    anna, boris = await place.person(), await place.person(202, name="Boris")
    asked = await anna.says("/forget")
    await until(lambda: unhandled(place) == 0)

    async with locked(place) as lag:
        await boris.types("/start")
        await anna.taps(asked["buttons"][0][0]["callback_data"])
        await asyncio.sleep(1.0)
    await boris.sees()
    await until(lambda: place.store.people.by_chat(anna.telegram_id) is None)

    assert lag.seconds < STANDS_STILL


async def test_a_wish_that_is_tapped_twice_while_the_store_is_locked_is_begun_once(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    await until(lambda: unhandled(place) == 0)

    async with locked(place) as lag:
        await anna.types("/generate")
        await anna.types("/generate")
        await asyncio.sleep(1.0)
    await anna.sees(saying(say("en", "bot.progress.already")))
    await until(lambda: unhandled(place) == 0)
    await until(lambda: len(place.pipeline.launched) > 0)
    await asyncio.sleep(0.3)

    assert lag.seconds < STANDS_STILL
    assert len(place.pipeline.launched) == 1


async def test_what_is_not_written_down_yet_stays_at_telegram_and_is_done_once(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/help")
        await until(lambda: unhandled(empty_place) == 0)
        async with locked(empty_place):
            sent = await anna.types("/latest")
            await anna.sees(since=sent)
            await asyncio.sleep(LOCKED_AFTER)
            kept = len(empty_place.telegram.updates)
        await until(lambda: len(empty_place.telegram.updates) == 0)
    async with living_bot(empty_place):
        await asyncio.sleep(0.3)

    texts = [one for one in await anna.said_by_bot() if one["message_id"] > sent]
    assert kept == 1
    assert len(texts) == 1
