"""Many people at once: everybody is answered, sees their place, and is served in their order."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta

import pytest

from tests.support.bot_world import WITHIN, BotWorld, ChatUser, living_bot, saying, until
from tests.support.pipeline_stand_in import StandInRun
from vibe_bot import progress
from vibe_bot.jobs import Job
from vibe_bot.progress import EDITS_A_SECOND, SharedEdits, not_begun
from vibe_bot.queue_pace import QueuePace
from vibe_pipeline.locales import LANGUAGES, say


async def people(place: BotWorld, count: int, *, language: str = "en") -> list[ChatUser]:
    """So many who are connected already."""
    crowd = [await place.person(200 + number, language=language) for number in range(count)]
    for user in crowd:
        await user.says("/start")
        user.connected()
    return crowd


async def all_asked(place: BotWorld, crowd: list[ChatUser]) -> list[StandInRun]:
    """Everybody's run, in the order of asking."""
    for user in crowd:
        await user.types("/generate")
    await until(lambda: len(place.store.watches.open()) == len(crowd))
    return place.pipeline.launched


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_waits_sees_how_many_are_before_them_and_that_it_gets_less(
    place: BotWorld, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUEUE_WORTH_SAYING", timedelta())
    crowd = await people(place, 3, language=language)
    anna, _, carl = crowd
    first, second, _ = await all_asked(place, crowd)

    await anna.sees(saying(say(language, "bot.progress.queued")))
    await carl.sees(saying(say(language, "bot.progress.queued_behind", count=2)))
    first.status = "STARTING"
    await carl.sees(saying(say(language, "bot.progress.queued_behind", count=1)))
    second.status = "STARTING"

    assert await carl.sees(saying(say(language, "bot.progress.queued")))


async def test_what_nobody_watches_is_not_counted_as_before_anybody(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUEUE_WORTH_SAYING", timedelta())
    (anna,) = await people(place, 1)
    for night in ("u1", "u2"):
        place.pipeline.begin("daily_vibe", night, status="QUEUED")

    await all_asked(place, [anna])

    assert await anna.sees(saying(say("en", "bot.progress.queued")))


async def test_a_run_that_leaves_the_queue_at_once_is_not_said_to_wait(place: BotWorld) -> None:
    (anna,) = await people(place, 1)
    await all_asked(place, [anna])

    message = await anna.sees(saying("0:01"))

    assert say("en", "bot.progress.starting") in message["text"]


async def test_runs_are_queued_in_the_order_they_were_asked_for(place: BotWorld) -> None:
    crowd = await people(place, 8)

    runs = await all_asked(place, crowd)

    assert [run.tags["dagster/partition"] for run in runs] == [
        user.account.user_id for user in crowd
    ]


async def test_a_launch_that_hangs_holds_up_nobodys_answer_and_all_learn_their_place(
    place: BotWorld,
) -> None:
    crowd = await people(place, 5)
    place.pipeline.launches_hang = True

    began = [await user.types("/generate") for user in crowd]
    answers = [await user.sees(since=sent) for user, sent in zip(crowd, began, strict=True)]

    assert {say("en", "bot.progress.starting") in one["text"] for one in answers} == {True}
    assert place.store.watches.open() == []
    place_of_last = say("en", "bot.progress.queued_behind", count=4)
    waiting = await crowd[-1].sees(saying(place_of_last), since=began[-1])
    assert "0:0" in waiting["text"]
    place.pipeline.launches_hang = False
    await until(lambda: len(place.store.watches.open()) == len(crowd))


def test_the_more_messages_there_are_the_seldomer_each_is_brought_up_to_date() -> None:
    edits = SharedEdits()
    with ExitStack() as messages:
        for _ in range(120):
            messages.enter_context(edits.one_more())
        crowded = edits.spacing

    assert crowded * EDITS_A_SECOND == pytest.approx(120)
    assert edits.spacing == 0


def test_how_soon_a_turn_comes_is_told_by_the_last_results_and_not_at_all_without_any() -> None:
    now = [0.0]
    pace = QueuePace(clock=lambda: now[0])
    unknown = pace.minutes(100)
    for _ in range(20):
        now[0] += 3.0
        pace.served()
    far, next_one = pace.minutes(61), pace.minutes(2)
    now[0] += 600

    assert (unknown, far, next_one, pace.minutes(61)) == (None, 4, None, None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_waits_behind_many_reads_how_many_and_how_long(language: str) -> None:
    pace = QueuePace(clock=iter(range(0, 1000, 30)).__next__)
    for _ in range(5):
        pace.served()

    words = not_begun(language, Job.daily, ahead=7, pace=pace)

    assert say(language, "bot.progress.queued_behind", count=7) in words
    assert say(language, "bot.progress.queued_for", count=4) in words


async def test_one_question_serves_all_who_wait_and_nobody_is_asked_when_none_does(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place, speed=1):
        crowd = await people(empty_place, 12)
        runs = await all_asked(empty_place, crowd)
        empty_place.pipeline.asked.clear()
        await asyncio.sleep(1.6)
        while_waiting = dict(empty_place.pipeline.asked)
        for user, run in zip(crowd, runs, strict=True):
            user.edition(run.run_id)
        await until(lambda: empty_place.store.watches.open() == [])

        assert set(while_waiting.values()) <= {2, 3, 4}
        async with asyncio.timeout(WITHIN):
            while empty_place.pipeline.asked:
                empty_place.pipeline.asked.clear()
                await asyncio.sleep(1.2)
