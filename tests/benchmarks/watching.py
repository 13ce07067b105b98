"""What an installation's processes use while something happens: processor seconds, and memory.

Counted is everything that was started except the simulator. Linux only, for the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

LOOKS_EVERY_SECONDS = 1.0
_SIMULATOR = "simulator"
_MIB = 2**20


@dataclass(slots=True)
class Usage:
    """Grows while it is watched; MiB are the proportional set size of all processes together."""

    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    samples: list[float] = field(default_factory=list)


def product_processes() -> list[psutil.Process]:
    """Every process that was started from here, without the simulated world."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if _SIMULATOR not in child.cmdline():
                found += [child, *child.children(recursive=True)]
    return found


def cpu_seconds() -> float:
    """What all of them, and their children that have ended, have used so far."""
    total = 0.0
    for process in product_processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mib() -> float:
    """What all of them hold now."""
    total = 0.0
    for process in product_processes():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total / _MIB


@asynccontextmanager
async def watched() -> AsyncIterator[Usage]:
    """What is used while the block lasts; processor seconds are known at its end."""
    usage, before = Usage(), cpu_seconds()

    async def look() -> None:
        while True:
            usage.samples.append(await asyncio.to_thread(memory_mib))
            usage.peak_mib = max(usage.samples)
            await asyncio.sleep(LOOKS_EVERY_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield usage
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        usage.cpu_seconds = cpu_seconds() - before
