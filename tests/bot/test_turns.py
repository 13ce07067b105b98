"""A crowd's turns come in order, and nobody who hangs holds it up for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from vibe_bot.turns import Turns


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
