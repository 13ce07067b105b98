"""What is under way at the deadline: it ends by itself, it is kept, and nothing new is asked."""

from __future__ import annotations

import asyncio

from vibe_pipeline.clients.deadline import Deadline, asking_has_ended, ended
from vibe_pipeline.clients.errors import DeadlineReached
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.sources.answers import LABS_RECORDINGS
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceLimits


async def test_a_call_under_way_at_the_deadline_is_remembered_and_no_other_is_begun() -> None:
    lookups, asked, answers_now = InMemoryLookups(), list[str](), asyncio.Event()

    def slow(key: str) -> WantedAnswer[str]:
        async def ask() -> str:
            asked.append(key)
            await answers_now.wait()
            return f"mbid of {key}"

        return WantedAnswer(key=key, ask=ask)

    deadline = Deadline(ends_at=asyncio.get_running_loop().time() + 0.05)
    limits = SourceLimits(deadline=deadline, at_once=1)

    known = await look_up(
        lookups, LABS_RECORDINGS, [slow("one"), slow("two")], limits=limits, calls=2
    )
    answers_now.set()
    await ended(deadline.late)

    assert isinstance(known.trouble, DeadlineReached)
    assert known.answers == {}
    assert asked == ["one"]
    assert LABS_RECORDINGS.known(lookups, ["one", "two"]) == {"one": "mbid of one"}


async def test_what_is_under_way_knows_that_asking_has_ended() -> None:
    seen, go_on = list[bool](), asyncio.Event()

    async def work() -> None:
        seen.append(asking_has_ended())
        await go_on.wait()
        seen.append(asking_has_ended())

    deadline = Deadline(ends_at=asyncio.get_running_loop().time() + 0.05)

    in_time = await deadline.within(work())
    go_on.set()
    await ended(deadline.late)

    assert not in_time
    assert seen == [False, True]
    assert not asking_has_ended()
