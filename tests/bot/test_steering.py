"""/more, /less, /mood and the switches of /sources, in four languages."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Unpack

import pytest

from tests.support.bot_world import WITHIN, BotWorld, ChatUser, data_of, until
from vibe_bot.results import source_name
from vibe_bot.tag_words import mood_wished, wished
from vibe_pipeline.accounts.people import People
from vibe_pipeline.accounts.records import Account, AccountChanges, SteeringWish, WishKind
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.ranking.flavour import MOODS, STYLES
from vibe_pipeline.records import Source, UserId


def wishes(anna: ChatUser) -> list[SteeringWish]:
    return anna.bot_world.store.steering.list(anna.account.user_id)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_wish_is_kept_narrowed_to_today_shown_and_let_go(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    name = say(language, "style.shoegaze")

    told = await anna.says("/more shoegaze")
    assert told["text"] == say(language, "bot.steering.more", name=name)
    today, gone = data_of(told)
    await anna.taps(today)
    await anna.sees(lambda one: one["text"] == say(language, "bot.steering.more_today", name=name))
    (wish,) = wishes(anna)
    assert (wish.kind, wish.key) == (WishKind.MORE, "style:shoegaze")
    assert wish.only_on == datetime.now(UTC).date()

    status = await anna.says("/status")
    assert say(language, "bot.steering.line_more_today", name=name) in status["text"]
    assert data_of(status)[-1] == gone.replace("sg:", "ss:")
    await anna.taps(gone)
    await anna.sees(lambda one: one["text"] == say(language, "bot.steering.let_go", name=name))
    assert wishes(anna) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_today_is_understood_and_the_opposite_gives_way(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    today = say(language, "bot.words.today").split(",")[0]
    metal = say(language, "style.metal")

    await anna.says(f"/more {metal}")
    told = await anna.says(f"/less {metal.upper()} {today}")

    assert told["text"] == say(language, "bot.steering.less_today", name=metal)
    (wish,) = wishes(anna)
    assert (wish.kind, wish.key, wish.only_on is None) == (WishKind.LESS, "style:metal", False)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_mood_holds_at_a_time_and_an_unknown_one_is_answered_with_ours(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)

    asked = await anna.says("/mood")
    wrong = await anna.says("/mood <b>zzz</b>")
    await anna.says("/mood calm")
    told = await anna.says(f"/mood {say(language, 'mood_name.dark')}")

    assert asked["text"] == say(language, "bot.steering.mood_ask")
    assert wrong["text"] == say(language, "bot.steering.mood_wrong")
    assert {f"go:mood:{mood}" for mood in MOODS} <= set(data_of(wrong))
    assert told["text"] == say(language, "bot.steering.mood", name=say(language, "mood_name.dark"))
    assert [wish.key for wish in wishes(anna)] == ["mood:dark"]


async def test_a_wish_without_words_asks_and_takes_the_next_ones(place: BotWorld) -> None:
    anna = await place.person()

    assert (await anna.says("/more"))["text"] == say("en", "bot.steering.more_ask")
    assert (await anna.says("!!!"))["text"] == say("en", "bot.steering.more_wrong")
    assert (await anna.says("zeuhl"))["text"] == say("en", "bot.steering.more", name="zeuhl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_style_and_mood_is_known_by_its_own_name_and_one_slip_is_forgiven(
    language: str,
) -> None:
    for style in STYLES:
        assert wished(say(language, f"style.{style}")) == f"style:{style}"
    for mood in MOODS:
        assert mood_wished(say(language, f"mood_name.{mood}")) == f"mood:{mood}"
    assert wished("shoegase") == "style:shoegaze"
    assert wished("Hip Hop") == "style:hip_hop"
    assert wished("doom metal") == "tag:doom metal"
    assert wished("\u202e") is wished("") is wished("x" * 500) is None


async def test_a_source_is_switched_off_and_on_with_a_tap(place: BotWorld) -> None:
    anna = await place.person()
    message = await anna.says("/sources")
    name = source_name("en", Source.LISTENBRAINZ)
    assert {f"so:{source.value}:off" for source in Source} <= set(data_of(message))

    await anna.taps("so:listenbrainz:off")
    await anna.notices(say("en", "bot.sources.switched_off", source=name))
    assert anna.account.sources_off == {Source.LISTENBRAINZ}
    await anna.taps("so:listenbrainz:on")
    await anna.notices(say("en", "bot.sources.switched_on", source=name))
    assert anna.account.sources_off == frozenset()


async def test_two_sources_that_are_tapped_at_once_are_both_switched_off(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await place.person()
    await anna.says("/sources")
    change, both_here = People.change, threading.Event()

    def changes(people: People, user_id: UserId, **wanted: Unpack[AccountChanges]) -> Account:
        assert both_here.wait(WITHIN)
        return change(people, user_id, **wanted)

    monkeypatch.setattr(People, "change", changes)
    await anna.taps("so:listenbrainz:off")
    await anna.taps("so:loved_once:off")
    await until(lambda: len(place.telegram.updates) == 0)
    both_here.set()

    for source in (Source.LISTENBRAINZ, Source.LOVED_ONCE):
        name = source_name("en", source)
        await anna.notices(say("en", "bot.sources.switched_off", source=name))
    assert anna.account.sources_off == {Source.LISTENBRAINZ, Source.LOVED_ONCE}


async def test_a_button_of_a_former_version_turns_a_source_round(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/sources")
    name = source_name("en", Source.LISTENBRAINZ)

    await anna.taps_forged("so:listenbrainz")

    await anna.notices(say("en", "bot.sources.switched_off", source=name))
    assert anna.account.sources_off == {Source.LISTENBRAINZ}


async def test_a_wish_of_a_former_day_is_no_longer_shown(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.store.steering.set(
        anna.account.user_id,
        WishKind.MORE,
        "style:jazz",
        "jazz",
        only_on=date(2020, 1, 1),
    )

    assert "jazz" not in (await anna.says("/status"))["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_wish_let_go_under_status_leaves_the_rest_of_it_standing(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/more shoegaze")
    await anna.says("/more dub")
    status = await anna.says("/status")
    _, dub, shoegaze = data_of(status)

    await anna.taps(dub)
    name = say(language, "style.dub")
    await anna.notices(say(language, "bot.steering.let_go", name=name))
    after = await anna.sees(lambda one: data_of(one) == ["go:connect", shoegaze])
    await anna.taps_forged(dub)
    await anna.notices(say(language, "bot.steering.gone"))

    gone = say(language, "bot.steering.line_more", name=name)
    assert after["message_id"] == status["message_id"]
    assert [line for line in status["text"].split("\n") if line != gone] == after["text"].split(
        "\n"
    )
    assert len(wishes(anna)) == 1
