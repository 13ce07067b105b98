"""How fast the bot answers, alone and with two hundred chats active, and what it holds then.

Of commands that need no run; the pipeline is a stand-in. Who asks for lists is in ``crowd``.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Figure
from tests.benchmarks.report import Report
from tests.support.bot_process import started
from tests.support.bot_world import ChatUser, bot_world

CHATS = 200
COMMANDS = ("/status", "/help", "/latest", "/setsize 40", "/adventure", "/blocked")


async def answered(resident: ChatUser, text: str) -> float:
    """Seconds from a typed command to its answer on the phone."""
    began = time.perf_counter()
    sent = await resident.types(text)
    await resident.sees(since=sent, within=60)
    return time.perf_counter() - began


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """Answers in a quiet and in a busy minute, and resident memory after it."""
    alone, busy, memory = asyncio.run(_measured())
    report.add(
        Figure(name=bars.BOT_ALONE, unit="ms", values=_milliseconds(alone)),
        Figure(name=bars.BOT_BUSY, unit="ms", values=_milliseconds(busy)),
        Figure(name=bars.BOT_MEMORY, unit="MiB", values=(round(memory),)),
    )


def _milliseconds(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(1000 * value, 1) for value in seconds)


async def _measured() -> tuple[list[float], list[float], float]:
    with tempfile.TemporaryDirectory() as folder:
        async with bot_world(Path(folder)) as place:
            process = await started(place, Path(folder))
            people = [await place.person(1000 + number) for number in range(CHATS)]
            await people[0].types("/start")
            await people[0].sees(within=60)
            alone = [await answered(people[0], text) for text in COMMANDS * 5]
            for start in range(0, CHATS, 20):
                batch = people[start : start + 20]
                await asyncio.gather(*(answered(one, "/start") for one in batch))
            busy = await _all_active(people)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            process.terminate()
            await process.communicate()
    return alone, busy, memory


async def _all_active(people: list[ChatUser]) -> list[float]:
    """Each chat writes once within twenty seconds, as people do: not in step."""

    async def one(number: int, resident: ChatUser) -> float:
        await asyncio.sleep(number * 20 / CHATS)
        return await answered(resident, COMMANDS[number % len(COMMANDS)])

    return list(await asyncio.gather(*(one(*it) for it in enumerate(people))))
