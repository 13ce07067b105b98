"""What was typed while no bot was there to read it, and is read hours later."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.bot.test_generate import connected
from tests.support.bot_world import BotWorld, data_of, living_bot, until
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.locales import LANGUAGES, say

A_DAY_LATER = timedelta(hours=20)
WISHES = {
    "/generate": "go:generate",
    "/preview": "go:preview",
    "/sync": "go:sync",
    "/export": "go:export",
    "/undo": "go:undo",
}


def later() -> datetime:
    return utc_now() + A_DAY_LATER


@pytest.mark.parametrize(("wish", "again"), WISHES.items())
async def test_what_was_asked_for_hours_ago_is_asked_back_and_begins_nothing(
    empty_place: BotWorld, wish: str, again: str
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    anna.edition()
    asked = await anna.types(wish)

    async with living_bot(empty_place, now=later):
        answer = await anna.sees(since=asked)

    assert answer["text"] == say("en", "bot.progress.too_old")
    assert data_of(answer) == [again]
    assert empty_place.pipeline.launched == []
    assert empty_place.store.pending_launches.open() == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_tap_on_what_was_asked_back_begins_it(empty_place: BotWorld, language: str) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place, language=language)
    edition = anna.edition()
    asked = await anna.types("/undo")

    async with living_bot(empty_place, now=later):
        await anna.sees(lambda one: data_of(one) == ["go:undo"], since=asked)
    async with living_bot(empty_place):
        await anna.taps("go:undo")
        await until(lambda: len(empty_place.pipeline.launched) == 1)

    (run,) = empty_place.pipeline.launched
    assert run.tags["vibe/edition"] == edition.edition_id
    assert "vibe/undo" in run.tags
