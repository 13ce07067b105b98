"""Settings by command, by button and by answering the question, in four languages."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from tests.support.bot_world import BotWorld, data_of
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.locales import LANGUAGES, clock, moment, percent, say
from vibe_pipeline.nightly import next_night, vibe_date_due
from vibe_pipeline.records import Mode

QUESTIONS = {
    "/setsize": "bot.settings.size_ask",
    "/setratio": "bot.settings.ratio_ask",
    "/adventure": "bot.settings.adventure_ask",
    "/mode": "bot.settings.mode_ask",
    "/explicit": "bot.settings.explicit_ask",
    "/nightly": "bot.settings.night_ask",
    "/timezone": "bot.settings.zone_ask",
    "/lang": "bot.settings.language_ask",
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_command_without_its_argument_asks_with_buttons(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)

    for command, question in QUESTIONS.items():
        message = await anna.says(command)
        start = say(
            language, question, count=30, share="|", value=40, now="|", zone="|", clock="|"
        ).split("|")[0]
        assert message["text"].startswith(start[:25]), command
        assert all(one.startswith(f"go:{command[1:]}:") for one in data_of(message)), command
        assert data_of(message), command


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", ["<b>lots</b>", "'; DROP TABLE accounts; --", "../../etc"])
async def test_what_cannot_be_meant_is_answered_with_what_can(
    place: BotWorld, language: str, hostile: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    before = anna.account

    for command in QUESTIONS:
        message = await anna.says(f"{command} {hostile}")
        assert data_of(message), command
        assert say(language, "bot.trouble") not in message["text"]

    assert anna.account == before


@pytest.mark.parametrize("language", LANGUAGES)
async def test_explicit_tracks_are_left_out_and_let_in_again(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/explicit")

    await anna.taps("go:explicit:off")
    await anna.sees(lambda one: one["text"] == say(language, "bot.settings.explicit_off"))
    status = await anna.says("/status")
    assert say(language, "bot.status.explicit") in status["text"]
    anna.edition()
    assert say(language, "bot.why.explicit") in (await anna.says("/why"))["text"]
    shown = await anna.says("/explicit")
    assert shown["text"] == say(language, "bot.settings.explicit_is")

    answer = await anna.says(say(language, "bot.words.yes").split(",")[0])
    assert answer["text"] == say(language, "bot.settings.explicit_on")
    assert say(language, "bot.status.explicit") not in (await anna.says("/status"))["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_settings_take_effect_and_status_shows_them(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    for said in (
        "/setsize 45 tracks",
        "/setratio 0,7",
        "/adventure ８０",
        "/mode daily",
        "/nightly 6:30",
        "/timezone Europe/Kyiv",
    ):
        await anna.says(said)
    account, status = anna.account, await anna.says("/status")

    assert account.playlist_size == 45
    assert account.min_new_ratio == 0.7
    assert account.adventure == 80
    assert account.mode is Mode.DAILY
    assert account.nightly_at == time(6, 30)
    assert account.timezone == "Europe/Kyiv"
    assert say(language, "bot.count.tracks", count=45) in status["text"]
    assert percent(language, 0.7) in status["text"]
    assert say(language, "bot.status.mode_daily") in status["text"]


async def test_a_tapped_choice_is_shown_in_place_of_the_question(place: BotWorld) -> None:
    anna = await place.person()
    question = await anna.says("/setsize")

    await anna.taps("go:setsize:50")
    message = await anna.sees(lambda one: "50 tracks" in one["text"])

    assert message["message_id"] == question["message_id"]
    assert anna.account.playlist_size == 50


async def test_a_tapped_choice_answers_the_question(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/setsize")
    await anna.taps("go:setsize:50")
    await anna.sees(lambda one: "50 tracks" in one["text"])

    message = await anna.says("20")

    assert message["text"] == say("en", "bot.unknown_text")
    assert anna.account.playlist_size == 50


async def test_the_words_after_a_question_are_its_answer(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/setratio")

    message = await anna.says("65 %")

    assert anna.account.min_new_ratio == 0.65
    assert "65%" in message["text"]


async def test_a_question_is_forgotten_after_another_command(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/setratio")
    await anna.says("/status")

    message = await anna.says("65 %")

    assert message["text"] == say("en", "bot.unknown_text")
    assert anna.account.min_new_ratio == 0.8


async def test_nightly_lists_can_be_turned_off_and_on(place: BotWorld) -> None:
    anna = await place.person(language="uk")

    await anna.says("/nightly вимк")
    off = anna.account.nightly_at
    await anna.says("/nightly 7")

    assert off is None
    assert anna.account.nightly_at == time(7)


async def test_an_hour_that_has_passed_today_begins_with_the_night_that_is_told(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/nightly off")
    anna.connected(ago=timedelta(days=3))
    an_hour_ago = utc_now() - timedelta(hours=1)

    told = await anna.says(f"/nightly {an_hour_ago:%H:%M}")

    night = next_night(anna.account, utc_now())
    assert night is not None
    assert moment("en", night, anna.account.zone) in told["text"]
    assert vibe_date_due(anna.account, utc_now()) is None
    assert vibe_date_due(anna.account, night) == night.date()


@pytest.mark.parametrize("said", ["6:5", "half 7", "6 on sundays"])
async def test_an_hour_half_understood_is_asked_back_and_changes_nothing(
    place: BotWorld, said: str
) -> None:
    anna = await place.person()
    await anna.says("/nightly 22:00")

    answer = await anna.says(f"/nightly {said}")

    assert answer["text"] == say("en", "bot.settings.night_wrong")
    assert anna.account.nightly_at == time(22)


async def test_another_language_changes_words_keyboard_and_menu(place: BotWorld) -> None:
    anna = await place.person(language="en")
    await anna.says("/start")

    message = await anna.says("/lang nederlands")

    assert message["text"] == say("nl", "bot.settings.language_set")
    assert say("nl", "keyboard.generate") in str((await anna.chat())["keyboard"])
    assert anna.account.language == "nl"
    again = await anna.says("/start")
    assert say("nl", "keyboard.generate") in str((await anna.chat())["keyboard"])
    assert "Hoi Anna" in again["text"]


@pytest.mark.parametrize(
    ("said", "zone"),
    [("Київ", "Europe/Kyiv"), ("амстердам", "Europe/Amsterdam"), ("+2", "Etc/GMT-2")],
)
async def test_a_clock_is_set_by_naming_a_place(place: BotWorld, said: str, zone: str) -> None:
    anna = await place.person()

    told = await anna.says(f"/timezone {said}")

    assert anna.account.timezone == zone
    assert "Etc" not in told["text"]
    assert (f"UTC{said}" in told["text"]) == (zone == "Etc/GMT-2")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_is_not_connected_is_promised_no_night_but_shown_the_way(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)

    told = await anna.says("/nightly 07:00")

    at = clock(language, time(7))
    assert told["text"] == say(language, "bot.settings.night_set_waits", clock=at)
    assert data_of(told) == ["go:connect"]
    assert anna.account.nightly_at == time(7)
