"""/title and /cover in four languages: by command, by button, and what /status says then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.support.bot_world import BotWorld, ChatUser, data_of
from vibe_pipeline.clients.spotify_accounts import COVER_SCOPE
from vibe_pipeline.locales import LANGUAGES, catalogue, say
from vibe_pipeline.playlists.title import flavoured_title

SEASONS = [text for key, text in catalogue("en").items() if key.startswith("season.")]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_name_is_kept_shown_and_let_go(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    question = await anna.says("/title")
    assert question["text"] == say(language, "bot.settings.title_ask")
    answer = await anna.says("  My <b>own</b> 朝 mix ")
    assert answer["text"] == say(language, "bot.settings.title_set", name="My <b>own</b> 朝 mix")
    assert anna.account.own_title == "My <b>own</b> 朝 mix"
    status = await anna.says("/status")
    assert say(language, "bot.status.title_own", name="My <b>own</b> 朝 mix") in status["text"]

    shown = await anna.says("/title")
    assert shown["text"] == say(language, "bot.settings.title_is", name="My <b>own</b> 朝 mix")
    await anna.taps("tf")
    await anna.sees(lambda one: one["text"] == say(language, "bot.settings.title_free"))
    assert anna.account.own_title is None


async def test_one_tap_keeps_the_last_list_s_name_or_the_usual_one(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    keep = f"tk:{anna.edition().edition_id}"

    assert data_of(await anna.says("/title")) == [keep, "tu"]
    await anna.taps(keep)
    await anna.sees(lambda one: "is called “" in one["text"])
    kept = anna.account.own_title
    assert kept is not None
    assert kept.partition(", ")[2] in SEASONS

    await anna.says("/title")
    await anna.taps("tu")
    await anna.sees(lambda one: "“Your daily vibe”" in one["text"] and not one["buttons"])
    assert anna.account.own_title == "Your daily vibe"


async def test_the_name_that_was_shown_is_kept_though_another_list_came_since(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    shown = anna.edition(vibe_date=date(2026, 11, 20))
    keep = data_of(await anna.says("/title"))[0]

    anna.edition("00000000-0000-4000-8000-00000000beef", vibe_date=date(2026, 11, 21))
    await anna.taps(keep)
    await anna.sees(lambda one: "is called “" in one["text"])

    assert shown.summary is not None
    assert anna.account.own_title == flavoured_title(anna.account, shown, shown.summary)


async def test_a_name_is_kept_from_nobody_elses_list(place: BotWorld) -> None:
    anna, boris = await place.person(), await place.person(202, name="Boris")
    await anna.says("/start")
    await boris.says("/start")
    theirs = anna.edition()

    await boris.says("/title")
    await boris.taps_forged(f"tk:{theirs.edition_id}")
    await boris.notices(say("en", "bot.stale_button"))

    assert boris.account.own_title is None


async def test_after_a_tap_the_next_words_are_no_name(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/title")
    await anna.taps("tu")
    await anna.sees(lambda one: "“Your daily vibe”" in one["text"])

    answer = await anna.says("thanks!")

    assert answer["text"] == say("en", "bot.unknown_text")
    assert anna.account.own_title == "Your daily vibe"


@pytest.mark.parametrize("hostile", ["\u202e\u200b", "'; DROP TABLE accounts; --", "x" * 3000])
async def test_a_hostile_name_is_made_harmless_or_asked_again(
    place: BotWorld, hostile: str
) -> None:
    anna = await place.person()

    await anna.says(f"/title {hostile}")

    own = anna.account.own_title
    assert own is None or (len(own) <= 80 and own.isprintable())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_covers_are_asked_for_with_the_consent_they_need(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()

    assert (await anna.says("/cover"))["text"] == say(language, "bot.settings.cover_ask")
    assert (await anna.says("/cover <b>?"))["text"] == say(language, "bot.settings.cover_wrong")
    assert not anna.account.covers

    await anna.says("/cover")
    await anna.taps("go:cover:on")
    await anna.sees(lambda one: say(language, "bot.settings.cover_consent") == one["text"])
    await anna.sees(lambda one: "/connect/" in str(one["buttons"]) + one["text"])
    assert anna.account.covers
    assert say(language, "bot.status.cover_waits") in (await anna.says("/status"))["text"]

    _agrees(place, anna)
    assert say(language, "bot.status.cover") in (await anna.says("/status"))["text"]
    assert (await anna.says("/cover on"))["text"] == say(language, "bot.settings.cover_on")
    off = await anna.says("/cover off")
    assert off["text"] == say(language, "bot.settings.cover_off")
    assert not anna.account.covers


async def test_spotify_is_asked_about_pictures_only_by_whoever_wants_covers(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    linking = place.services().linking

    before = linking.spotify_address(anna.account.user_id)
    await anna.says("/cover on")
    after = linking.spotify_address(anna.account.user_id)

    assert COVER_SCOPE not in before
    assert COVER_SCOPE in after


def _agrees(place: BotWorld, anna: ChatUser) -> None:
    tokens = place.store.tokens.get(anna.account.user_id)
    assert tokens is not None
    wider = replace(tokens, scopes=tokens.scopes | {COVER_SCOPE})
    assert place.store.tokens.save(anna.account.user_id, wider)
