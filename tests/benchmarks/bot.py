"""``python -m tests.benchmarks.bot``: how fast the bot answers with many chats, and its memory."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bot.test_life import started
from tests.support.bot_world import ChatUser, bot_world

CHATS = 200
COMMANDS = ("/status", "/help", "/latest", "/setsize 40", "/adventure", "/blocked")


async def answered(resident: ChatUser, text: str) -> float:
    """Seconds from a typed command to its answer on the phone."""
    began = time.perf_counter()
    sent = await resident.types(text)
    await resident.sees(since=sent, within=60)
    return time.perf_counter() - began


async def measure() -> dict[str, float]:
    """Latency alone and with all chats active over a minute's typing, and resident memory."""
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
    return {
        "median_ms_alone": statistics.median(alone) * 1000,
        "median_ms_200_chats": statistics.median(busy) * 1000,
        "p95_ms_200_chats": statistics.quantiles(busy, n=20)[-1] * 1000,
        "memory_mib": memory,
    }


async def _all_active(people: list[ChatUser]) -> list[float]:
    """Each chat writes once within twenty seconds, as people do: not in step."""

    async def one(number: int, resident: ChatUser) -> float:
        await asyncio.sleep(number * 20 / CHATS)
        return await answered(resident, COMMANDS[number % len(COMMANDS)])

    return list(await asyncio.gather(*(one(*it) for it in enumerate(people))))


if __name__ == "__main__":
    for name, value in asyncio.run(measure()).items():
        sys.stdout.write(f"{name}: {value:.0f}\n")
