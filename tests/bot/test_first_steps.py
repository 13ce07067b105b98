"""Meeting the bot: greeting, help, connection, status, and what it does not understand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from tests.support.bot_world import (
    BotWorld,
    ChatUser,
    bot_world,
    data_of,
    living_bot,
    until,
    urls_of,
)
from vibe_bot.command_menu import LISTED
from vibe_bot.handlers import COMMANDS
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import EditionKind, EditionState, FailureCause, StateKind
from vibe_pipeline.locales import LANGUAGES, moment, say
from vibe_pipeline.nightly import ATTEMPTS, next_night
from vibe_pipeline.records import EditionId, Mode

LINK = re.compile(r"http://127\.0\.0\.1:8000/connect/(\S+)")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_newcomer_is_greeted_in_the_language_of_their_phone(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=f"{language}-XX", name="Anna <3")

    message = await anna.says("/start")

    assert message["text"].startswith(say(language, "bot.hello", name="Anna <3").strip()[:20])
    assert "/connect" in message["text"]
    assert anna.account.language == language
    keys = (await anna.chat())["keyboard"]
    assert say(language, "keyboard.generate") in str(keys)


async def test_a_phone_in_a_language_we_do_not_speak_is_greeted_in_english(place: BotWorld) -> None:
    anna = await place.person(language="zz")

    message = await anna.says("/start")

    assert message["text"].startswith("Hi Anna!")


async def test_starting_twice_makes_one_account(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")

    await anna.says("/start")

    assert len(place.store.people.all()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_help_names_every_command(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says("/help")

    assert [name for name in LISTED if f"/{name} – " not in message["text"]] == []


def test_the_menu_lists_every_command_there_is_but_the_greeting() -> None:
    assert len(LISTED) == len(set(LISTED))
    assert set(LISTED) == COMMANDS.keys() - {"start"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_command_menu_is_in_the_persons_language(
    empty_place: BotWorld, language: str
) -> None:
    anna = await empty_place.person(language=language)
    async with living_bot(empty_place):
        await anna.says("/start")
        await until(lambda: empty_place.calls("setMyCommands") == len(LANGUAGES) + 1)

    menu = (await anna.chat())["bot"]["commands"]

    assert [one["command"] for one in menu] == list(LISTED)
    assert menu[0]["description"] == say(language, "command.generate")


async def test_connect_sends_a_one_time_link_as_text_where_no_button_can_hold_it(
    place: BotWorld,
) -> None:
    anna = await place.person()

    message = await anna.says("/connect")

    found = LINK.search(message["text"])
    assert found is not None
    assert "Anna" in message["text"]
    taken = place.store.oauth_states.take(found[1], StateKind.LINK)
    assert taken is not None
    assert taken.user_id == anna.account.user_id
    assert place.store.oauth_states.take(found[1], StateKind.LINK) is None


async def test_connect_sends_a_button_where_a_phone_can_open_the_address(tmp_path: Path) -> None:
    async with (
        bot_world(tmp_path, public_url="https://vibe.example.org") as place,
        living_bot(place),
    ):
        anna = await place.person()

        message = await anna.says("/connect")
        picture = await anna.sees(lambda one: one["text"] == say("en", "bot.connect.scan"))

    (url,) = urls_of(message)
    assert "'width': " in str(picture)
    assert url.startswith("https://vibe.example.org/connect/")
    assert "/connect/" not in message["text"]


async def test_connect_says_so_when_the_operator_has_not_entered_an_app(tmp_path: Path) -> None:
    async with bot_world(tmp_path, spotify_client_id=None) as place, living_bot(place):
        anna = await place.person()

        message = await anna.says("/connect")

    assert message["text"] == say("en", "bot.connect.not_set_up")


async def test_connect_names_the_account_that_is_connected_already(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()

    message = await anna.says("/connect")

    assert "anna.music" in message["text"]
    assert LINK.search(message["text"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_status_before_anything_says_what_is_missing(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says("/status")

    assert say(language, "bot.status.not_connected") in message["text"]
    assert say(language, "bot.status.last_none") in message["text"]
    assert data_of(message) == ["go:connect"]


async def test_status_shows_connection_settings_last_list_and_next_night(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    now = datetime.now(UTC)
    anna.connected(playlist_size=42, likes_cached=1234, likes_synced_at=now, timezone="Asia/Tokyo")
    anna.edition()

    text = (await anna.says("/status"))["text"]

    assert "anna.music" in text
    assert "42 tracks" in text
    assert "1,234 liked tracks" in text
    assert "Last list: " in text
    assert "06:00 (Asia/Tokyo)" in text
    assert "180 days left" in text or "181 days left" in text or "182 days left" in text
    assert "900 calls left" in text


async def test_status_says_that_a_night_which_nothing_is_seen_of_is_being_made_or_is_late(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    anna.connected(ago=timedelta(days=2), timezone="UTC", nightly_at=hour_ago.time())
    with place.store.database.writing() as connection:
        connection.execute(sql("update accounts set nightly_set_at = null"))

    status = (await anna.says("/status"))["text"]

    assert say("en", "bot.status.night_late") in status
    assert "Next list: " in status


async def test_whoever_had_todays_list_reads_of_tomorrows(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected(nightly_at=time(0), timezone="UTC")
    today = datetime.now(UTC).date()
    editions, user_id = place.store.editions, anna.account.user_id
    night = editions.open(
        EditionId("night"),
        user_id,
        vibe_date=today,
        occasion=runs.nightly_occasion(today),
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )
    editions.advance(night.edition_id, EditionState.STARTED, EditionState.RECORDED)
    tomorrow = datetime.combine(today, time(23, 59), tzinfo=UTC) + timedelta(days=1)

    told = (await anna.says("/nightly 23:59"))["text"]
    status = (await anna.says("/status"))["text"]

    assert moment("en", tomorrow) in told
    assert moment("en", tomorrow) in status


async def with_a_failed_night(place: BotWorld, *, again: datetime) -> ChatUser:
    """Anna, whose night was two hours ago and is tried again."""
    anna = await place.person()
    await anna.says("/start")
    night = datetime.now(UTC) - timedelta(hours=2)
    anna.connected(nightly_at=night.time().replace(second=0, microsecond=0))
    editions, user_id, vibe_date = place.store.editions, anna.account.user_id, night.date()
    failed = editions.open(
        EditionId("night"),
        user_id,
        vibe_date=vibe_date,
        occasion=runs.nightly_occasion(vibe_date),
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )
    editions.fail(failed.edition_id, FailureCause.QUOTA, again)
    return anna


async def test_status_names_the_next_try_of_a_night_that_waits(place: BotWorld) -> None:
    again = datetime.now(UTC) + timedelta(hours=3)
    anna = await with_a_failed_night(place, again=again)

    text = (await anna.says("/status"))["text"]

    assert f"Next list: {moment('en', again)}" in text


async def test_status_promises_no_other_try_of_a_night_that_is_given_up(place: BotWorld) -> None:
    again = datetime.now(UTC) + timedelta(hours=3)
    anna = await with_a_failed_night(place, again=again)
    night = place.store.editions.required(EditionId("night"))
    for _ in range(ATTEMPTS):
        tried = place.pipeline.begin("daily_vibe", anna.account.user_id)
        tried.tags |= runs.occasion_tags(anna.account.user_id, night.occasion)
        tried.status = "FAILURE"

    text = (await anna.says("/status"))["text"]

    coming = next_night(anna.account, datetime.now(UTC))
    assert coming is not None
    assert f"Next list: {moment('en', coming)}" in text


@pytest.mark.parametrize(("wish", "list_is_made"), [("/export", False), ("/generate", True)])
async def test_status_says_that_a_list_is_being_made_only_where_one_is(
    place: BotWorld, wish: str, *, list_is_made: bool
) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    await anna.says(wish)
    asked = (await anna.says("/status"))["text"]
    await until(lambda: place.store.watches.open() != [])

    followed = (await anna.says("/status"))["text"]

    told = say("en", "bot.status.running")
    assert (told in asked, told in followed) == (list_is_made, list_is_made)


async def test_status_says_what_is_switched_off_and_until_when(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    later = datetime.now(UTC) + timedelta(hours=5)
    place.store.capabilities.switch_off("spotify_recommendations", later, "404")
    place.store.budget.block("spotify", later, "quota")

    text = (await anna.says("/status"))["text"]

    assert "Not available to this app: Spotify recommendations" in text
    assert "Spotify rests until" in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_status_says_why_a_source_was_missing(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition(missing="no_key")

    text = (await anna.says("/status"))["text"]

    assert say(language, "pool.no_key") in text
    assert say(language, "source.listenbrainz") in text


async def test_an_ended_consent_is_named_and_the_way_back_offered(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    assert anna.account.consented_at is not None
    place.store.tokens.expire_consent(anna.account.user_id, anna.account.consented_at)

    status = await anna.says("/status")
    asked = await anna.says("/generate")

    assert "has ended" in status["text"]
    assert "Spotify has ended the consent" in asked["text"]
    assert LINK.search(asked["text"])
    assert place.pipeline.launched == []


async def test_an_unknown_command_is_answered_helpfully(place: BotWorld) -> None:
    anna = await place.person()

    message = await anna.says("/frobnicate <b>x</b>")

    assert message["text"] == "I don't know the command /frobnicate. /help lists the ones I do."


@pytest.mark.parametrize("language", LANGUAGES)
async def test_small_talk_is_answered_with_the_buttons(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says("🎧 what's up? <script>")

    assert message["text"] == say(language, "bot.unknown_text")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_keys_of_the_keyboard_are_commands(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says(say(language, "keyboard.status"))

    assert say(language, "bot.status.title").strip("</b>") in f"<b>{message['text']}"


async def test_a_key_in_another_language_still_works(place: BotWorld) -> None:
    anna = await place.person(language="en")

    message = await anna.says(say("uk", "keyboard.status"))

    assert "How things stand" in message["text"]


async def test_a_command_may_name_the_bot_and_be_written_large(place: BotWorld) -> None:
    anna = await place.person()

    message = await anna.says("/STATUS@Daily_Vibe_bot")

    assert "How things stand" in message["text"]


async def test_whoever_blocks_the_bot_is_left_alone_and_welcomed_back(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.store.people.change(anna.account.user_id, active=False)

    await anna.says("/start")

    assert anna.account.active
