"""Every kind of outbox message has its sentence, filled with exactly what its record holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args

import pytest

from tests.bot.test_catalogues import blanks
from tests.support.accounts_site import greeting, put_as_stored
from tests.support.bot_world import BotWorld, ChatUser, data_of, saying
from vibe_bot.announcements import night_greeting
from vibe_bot.reminders import reminder_now
from vibe_bot.zone_guesses import city, guessed_zones, zone_label
from vibe_pipeline.accounts.messages import (
    ChangedBackByOperator,
    Connected,
    ConsentEnded,
    ConsentEnds,
    ListGivenUp,
    MadeByOperator,
    Message,
    NightFailed,
    NightLate,
    NightReady,
    PlaylistLetGo,
    ReadyAfterAll,
    ZoneQuestion,
    ZoneUnknown,
)
from vibe_pipeline.accounts.records import EditionState, FailureCause, PendingConnection
from vibe_pipeline.authorization import ToConfirm
from vibe_pipeline.locales import LANGUAGES, catalogue, day, moment, say

KEYBOARD_LABELS = frozenset({"generate"})
"""Filled by the bot itself, with what its own keyboard says."""

IN_THE_SENTENCE: Mapping[type[Message], frozenset[str]] = {
    Connected: frozenset({"spotify_name"}),
    NightReady: frozenset(),
    NightLate: frozenset({"day"}),
    ReadyAfterAll: frozenset(),
    ListGivenUp: frozenset(),
    MadeByOperator: frozenset(),
    ChangedBackByOperator: frozenset(),
    PlaylistLetGo: frozenset(),
    ZoneQuestion: frozenset(),
    ZoneUnknown: frozenset({"zone"}),
    ConsentEnds: frozenset({"count", "date"}),
    ConsentEnded: frozenset(),
    NightFailed: frozenset({"day", "until"}),
}
BESIDE_THE_SENTENCE: Mapping[type[Message], frozenset[str]] = {
    NightReady: frozenset({"edition_id"}),
    NightLate: frozenset({"occasion"}),
    ReadyAfterAll: frozenset({"edition_id"}),
    ListGivenUp: frozenset({"edition_id"}),
    MadeByOperator: frozenset({"edition_id"}),
    ChangedBackByOperator: frozenset({"edition_id"}),
    NightFailed: frozenset({"cause"}),
    ConsentEnded: frozenset({"consented_at"}),
}
"""``edition_id`` leads to the list that follows, ``consented_at`` to a day; ``cause`` chooses the
sentence."""


@pytest.mark.parametrize("kind", get_args(Message))
def test_a_record_holds_what_its_sentence_needs_and_nothing_else(kind: type[Message]) -> None:
    fields = {field.name for field in dataclasses.fields(kind)} - {"dedupe_key"}

    assert fields == IN_THE_SENTENCE[kind] | BESIDE_THE_SENTENCE.get(kind, frozenset())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [Connected, NightReady, ReadyAfterAll, ConsentEnds])
def test_a_records_sentence_has_exactly_its_blanks(
    language: str, kind: type[Connected | NightReady | ReadyAfterAll | ConsentEnds]
) -> None:
    assert blanks(catalogue(language)[kind.key]) - KEYBOARD_LABELS == IN_THE_SENTENCE[kind]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", FailureCause)
def test_a_failed_nights_sentences_have_exactly_its_blanks(
    language: str, cause: FailureCause
) -> None:
    sentences = catalogue(language)
    key = f"{NightFailed.prefix}{cause}"

    assert blanks(sentences[key]) == set()
    assert blanks(sentences.get(f"{key}_until", "{until}")) == {"until"}
    assert blanks(sentences["bot.failed.night"]) == {"day"}
    assert blanks(sentences["bot.failed.next_night"]) == {"until"}


async def _connected(place: BotWorld) -> ChatUser:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    return anna


async def test_somebody_without_a_display_name_is_greeted_by_their_account(
    place: BotWorld,
) -> None:
    anna = await _connected(place)
    account = anna.account
    tokens = place.store.tokens.get(account.user_id)
    assert tokens is not None

    pending = PendingConnection(
        user_id=account.user_id,
        spotify_account_id="31x7q",
        spotify_name=None,
        market=None,
        tokens=tokens,
    )
    confirmed = ToConfirm(account=account, pending=pending)

    place.services().linking.link(confirmed)

    message = await anna.sees(lambda one: "Connected to Spotify as" in one["text"])
    assert "31x7q" in message["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_renews_a_consent_is_not_promised_a_first_list(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition()

    place.store.outbox.put(anna.account.user_id, greeting("connected:2", "Anna S."))

    told = say(
        language,
        "bot.connected_again",
        spotify_name="Anna S.",
        generate=say(language, "keyboard.generate"),
    )
    await anna.sees(lambda one: one["text"] == told.replace("<b>", "").replace("</b>", ""))


async def test_what_0_1_0_left_waiting_is_said(place: BotWorld) -> None:
    anna = await _connected(place)
    edition = anna.edition()
    night = {"edition_id": edition.edition_id, "title": "x", "url": "x", "count": 12, "new": 9}
    rows: list[tuple[str, Mapping[str, Any]]] = [
        ("bot.connected", {"spotify": "Anna S."}),
        ("bot.night_ready", night | {"familiar": 3}),
        ("bot.failed.quota", {"date": "2026-11-23", "until": "2026-11-24T04:00:00+00:00"}),
    ]
    anna.connected(ago=timedelta(days=175))
    reminder = reminder_now(anna.account, datetime.now(UTC))
    assert reminder is not None

    for key, params in rows:
        put_as_stored(place.store, anna.account.user_id, key, params, key)
    put_as_stored(
        place.store, anna.account.user_id, reminder.key, reminder.params(), reminder.dedupe_key
    )

    await anna.sees(lambda one: "Connected to Spotify as Anna S. again" in one["text"])
    await anna.sees(lambda one: "Anna's day <3" in one["text"])
    await anna.sees(lambda one: "couldn't make your list for 23 November 2026" in one["text"])
    ends = f"in {reminder.count} days, on {day('en', reminder.date)}"
    last = await anna.sees(saying(ends))
    assert data_of(last) == ["go:connect"]


async def test_a_list_mended_by_a_rerun_puts_the_message_right_that_told_its_failure(
    place: BotWorld,
) -> None:
    anna = await place.person()
    failed = await anna.says("/status")
    edition = anna.edition()
    store, user_id = place.store, anna.account.user_id
    store.watches.add(
        edition.edition_id, user_id, anna.telegram_id, failed["message_id"], "daily_vibe"
    )
    store.watches.finish(edition.edition_id)

    store.outbox.put(user_id, ReadyAfterAll.of(edition.edition_id))
    told = await anna.sees(saying("Anna's day"), since=failed["message_id"])
    corrected = await anna.sees(saying(say("en", "bot.mended")))

    assert say("en", "bot.ready_after_all") in told["text"]
    assert corrected["message_id"] == failed["message_id"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_night_s_failure_is_put_right_where_it_was_told_once_the_list_is_there(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    edition, outbox, user_id = (
        anna.edition(recorded=False),
        place.store.outbox,
        anna.account.user_id,
    )
    why = say(language, "bot.failed.service_unavailable")
    outbox.put(user_id, NightFailed.of(edition, FailureCause.SERVICE_UNAVAILABLE))
    failed = await anna.sees(saying(why))

    place.store.editions.advance(edition.edition_id, EditionState.CHOSEN, EditionState.RECORDED)
    outbox.put(user_id, MadeByOperator.of(edition.edition_id))
    corrected = await anna.sees(saying(say(language, "bot.mended")))

    assert corrected["message_id"] == failed["message_id"]
    assert not any(why in one["text"] for one in await anna.said_by_bot())


@pytest.mark.parametrize(("hours", "named"), [(3, True), (-3, False)])
async def test_a_nights_next_try_is_the_one_to_come_whenever_it_is_told(
    place: BotWorld, hours: int, *, named: bool
) -> None:
    anna = await _connected(place)
    anna.connected(nightly_at=time(7))
    until = datetime.now(UTC) + timedelta(hours=hours)
    failed = NightFailed.of(anna.edition(recorded=False), FailureCause.QUOTA, until=until)

    place.store.outbox.put(anna.account.user_id, failed)
    message = await anna.sees(saying("couldn't make your list"))

    when = moment("en", until, anna.account.zone)
    again = say("en", "bot.failed.next_night", until="").rstrip(" .")
    assert (when in message["text"]) is named
    assert again in message["text"]
    assert (say("en", "bot.failed.quota_then") in message["text"]) is not named


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("hour", "greeting"),
    [(5, ""), (11, ""), (12, "_afternoon"), (18, "_evening"), (22, "_evening"), (23, "_late")],
)
def test_a_night_s_list_is_greeted_by_the_hour_at_which_it_comes(
    language: str, hour: int, greeting: str
) -> None:
    evening = datetime(2026, 11, 23, hour, 30, tzinfo=UTC)

    assert night_greeting(evening.hour) == greeting
    assert catalogue(language)[f"{NightReady.key}{greeting}"]


@pytest.mark.parametrize(
    ("language", "country", "first"),
    [
        ("nl", "BE", "Europe/Brussels"),
        ("en", "PT", "Europe/Lisbon"),
        ("en", "us", "America/New_York"),
        ("uk", None, "Europe/Kyiv"),
        ("ru", "UZ", "Asia/Samarkand"),
        ("en", "??", "Europe/London"),
    ],
)
def test_a_place_is_guessed_from_the_country_that_spotify_names_or_the_language(
    language: str, country: str | None, first: str
) -> None:
    guesses = guessed_zones(language, country)

    assert guesses[0] == first
    assert 1 < len(guesses) <= 4
    assert all(len(f"go:timezone:{zone}") <= 64 and city(language, zone) for zone in guesses)


def test_cities_bear_the_names_of_the_language_also_where_their_zone_was_renamed() -> None:
    winter = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)

    assert zone_label("uk", "Europe/Kyiv", winter) == "Київ · 07:00"
    assert zone_label("ru", "Europe/Kyiv", winter) == "Киев · 07:00"
    assert zone_label("nl", "America/Los_Angeles", winter) == "Los Angeles · 21:00"
    assert zone_label("ru", "UTC", winter) == "UTC · 05:00"
