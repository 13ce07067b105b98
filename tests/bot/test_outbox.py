"""Messages from the pipeline reach people once, in their language, at Telegram's pace."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from telegram import Bot, Message

from tests.support.accounts_site import Clock, greeting, messages_waiting, put_as_stored
from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until, urls_of
from vibe_bot import outbox
from vibe_bot.announcements import announcement, night_greeting
from vibe_bot.outbox import OutboxRelay
from vibe_bot.sending import send
from vibe_bot.services import open_services
from vibe_bot.twins import LOOKED_AT, twins_of
from vibe_pipeline.accounts.messages import (
    ConsentEnded,
    MadeByOperator,
    NightFailed,
    NightReady,
    ZoneQuestion,
)
from vibe_pipeline.accounts.records import EditionState, FailureCause
from vibe_pipeline.accounts.store import open_for, utc_now
from vibe_pipeline.locales import LANGUAGES, moment, say


async def connected(place: BotWorld, *, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    return anna


EDIT_REFUSED = json.dumps(
    {"ok": False, "error_code": 400, "description": "Bad Request: message to edit not found"}
)


def failed(cause: FailureCause, until: datetime | None = None) -> NightFailed:
    return NightFailed(cause=cause, day=date(2026, 11, 23), until=until, dedupe_key="failed:1")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_connection_is_confirmed_in_the_chat(place: BotWorld, language: str) -> None:
    anna = await connected(place, language=language)
    user_id = anna.account.user_id

    place.store.outbox.put(user_id, greeting("connected:1", "A & <B>"))
    message = await anna.sees(lambda one: "A & <B>" in one["text"])

    assert say(language, "keyboard.generate") in message["text"]
    assert data_of(message) == ["go:generate"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_nights_list_is_announced_with_its_link(place: BotWorld, language: str) -> None:
    anna = await connected(place, language=language)
    edition = anna.edition()

    place.store.outbox.put(anna.account.user_id, NightReady.of(edition.edition_id))
    message = await anna.sees(lambda one: "Anna's day <3" in one["text"])

    greeting = night_greeting(datetime.now(UTC).hour)
    assert say(language, f"bot.night_ready{greeting}") in message["text"]
    assert urls_of(message) == ["https://open.spotify.com/playlist/pl1"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_night_without_a_list_says_why_and_when_it_goes_on(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place, language=language)

    place.store.outbox.put(anna.account.user_id, failed(FailureCause.SERVICE_UNAVAILABLE))
    message = await anna.sees(
        lambda one: say(language, "bot.failed.service_unavailable") in one["text"]
    )

    intro = say(language, "bot.failed.night", day="|").split("|", maxsplit=1)[0]
    again = say(language, "bot.failed.next_night", until="|").split("|", maxsplit=1)[0]
    assert message["text"].startswith(intro)
    assert again in message["text"]
    assert data_of(message) == ["go:generate"]


async def test_an_end_is_told_on_the_persons_clock(place: BotWorld) -> None:
    anna = await connected(place)
    place.store.people.change(anna.account.user_id, timezone="Europe/Kyiv")

    ends = datetime.now(UTC) + timedelta(hours=20)
    place.store.outbox.put(anna.account.user_id, failed(FailureCause.QUOTA, ends))

    on_their_clock = moment("en", ends, ZoneInfo("Europe/Kyiv"))
    assert await anna.sees(saying(f"From {on_their_clock} there are new ones"))


@pytest.mark.parametrize("deleted", [False, True])
async def test_another_next_try_of_a_night_is_told_in_the_message_that_told_of_it(
    place: BotWorld, *, deleted: bool
) -> None:
    anna = await connected(place)
    first, then = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 3))
    put, user_id = place.store.outbox.put, anna.account.user_id
    put(user_id, failed(FailureCause.SERVICE_UNAVAILABLE, first))
    told = await anna.sees(saying(moment("en", first, anna.account.zone)))
    await until(lambda: messages_waiting(place.store) == 0)
    if deleted:
        place.trouble.next = [("editMessageText", 400, EDIT_REFUSED)]

    put(user_id, failed(FailureCause.SERVICE_UNAVAILABLE, then).again(1))
    now_told = await anna.sees(saying(moment("en", then, anna.account.zone)))

    failures = [one for one in await anna.said_by_bot() if "next try" in one["text"]]
    assert (now_told["message_id"] == told["message_id"]) is not deleted
    assert len(failures) == 1 + deleted


async def test_a_night_that_is_given_up_is_told_in_a_message_of_its_own(place: BotWorld) -> None:
    anna = await connected(place)
    soon = datetime.now(UTC) + timedelta(hours=1)
    put, user_id, cause = place.store.outbox.put, anna.account.user_id, FailureCause.QUOTA
    put(user_id, failed(cause, soon))
    first = await anna.sees(saying(moment("en", soon, anna.account.zone)))
    await until(lambda: messages_waiting(place.store) == 0)

    last = replace(failed(cause), dedupe_key="failed:1:last")
    put(user_id, last)
    await until(lambda: messages_waiting(place.store) == 0)

    told = [one for one in await anna.said_by_bot() if "make your list" in one["text"]]
    assert told[0]["message_id"] == first["message_id"]
    assert len(told) == 2


async def test_an_ended_consent_comes_with_the_way_back(place: BotWorld) -> None:
    anna = await connected(place)

    place.store.outbox.put(anna.account.user_id, failed(FailureCause.CONSENT_EXPIRED))
    message = await anna.sees(lambda one: say("en", "bot.failed.consent_expired") in one["text"])

    assert data_of(message) == ["go:connect"]


async def test_a_consent_found_ended_is_told_unless_there_is_another_by_then(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    agreed = anna.account.consented_at
    assert agreed is not None
    ended = ConsentEnded.of(anna.account.user_id, agreed)
    place.store.outbox.put(anna.account.user_id, ended)
    await until(lambda: messages_waiting(place.store) == 0)
    before = await anna.said_by_bot()

    place.store.tokens.expire_consent(anna.account.user_id, agreed)
    later = ConsentEnded.of(anna.account.user_id, agreed + timedelta(seconds=1))
    place.store.outbox.put(anna.account.user_id, later)
    message = await anna.sees(lambda one: "ended the consent" in one["text"])

    assert not any("ended the consent" in one["text"] for one in before)
    assert data_of(message) == ["go:connect"]


async def test_a_row_of_no_known_kind_is_dropped_and_holds_up_nobody(place: BotWorld) -> None:
    anna = await connected(place)
    user_id = anna.account.user_id

    put_as_stored(place.store, user_id, "bot.no_such_thing", {}, "none:1")
    put_as_stored(place.store, user_id, "bot.failed.no_such_cause", {}, "none:2")
    put_as_stored(place.store, user_id, "bot.connected", {}, "none:3")
    put_as_stored(place.store, user_id, "bot.failed.quota", {"date": "soon"}, "none:4")
    place.store.outbox.put(user_id, greeting("c:1", "after them"))

    assert await anna.sees(lambda one: "after them" in one["text"])
    await until(lambda: messages_waiting(place.store) == 0)
    assert len([one for one in await anna.said_by_bot() if "Connected to" in one["text"]]) == 1


async def test_a_message_is_delivered_once_over_restarts(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        empty_place.store.outbox.put(anna.account.user_id, greeting("connected:1", "once"))
        await anna.sees(lambda one: "once" in one["text"])
        await until(lambda: messages_waiting(empty_place.store) == 0)
    async with living_bot(empty_place):
        await asyncio.sleep(0.3)

    assert len([one for one in await anna.said_by_bot() if "once" in one["text"]]) == 1


async def test_a_message_that_went_out_as_the_bot_died_is_not_doubled(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    empty_place.store.outbox.put(anna.account.user_id, greeting("connected:1", "once"))
    await sent_by_a_bot_that_died(empty_place, anna)
    async with living_bot(empty_place):
        await until(lambda: messages_waiting(empty_place.store) == 0)

    assert len([one for one in await anna.said_by_bot() if "once" in one["text"]]) == 1


async def test_a_message_is_not_doubled_where_the_next_bot_died_looking_for_its_double(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        for _ in range(LOOKED_AT):
            await anna.says("/help")
    store = empty_place.store
    store.outbox.put(anna.account.user_id, greeting("connected:1", "once"))
    first = await sent_by_a_bot_that_died(empty_place, anna)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "only_one_of", dies_after_looking)
        address = f"{empty_place.settings.telegram_api_url}/bot"
        async with Bot(empty_place.telegram.token, base_url=address) as second:
            with pytest.raises(asyncio.CancelledError):
                await OutboxRelay(empty_place.services(), second).deliver_due()
    store.outbox.failed(1, utc_now())  # as after the lease

    async with living_bot(empty_place):
        await until(lambda: messages_waiting(store) == 0)

    there = [one["message_id"] for one in await anna.said_by_bot() if "once" in one["text"]]
    assert there == [first]


async def dies_after_looking(bot: Bot, message: Message) -> int:
    """A bot that is killed once it has looked for earlier messages, before it takes one away."""
    await twins_of(bot, message)
    raise asyncio.CancelledError


async def test_a_message_that_is_there_is_not_sent_again_once_it_is_true_no_more(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    store, user_id = empty_place.store, anna.account.user_id
    edition = anna.edition(recorded=False)
    store.outbox.put(user_id, NightFailed.of(edition, FailureCause.SERVICE_UNAVAILABLE))
    number = await sent_by_a_bot_that_died(empty_place, anna)
    store.outbox.arrived(1, sent_as=number)
    store.editions.advance(edition.edition_id, EditionState.CHOSEN, EditionState.RECORDED)

    async with living_bot(empty_place):
        await until(lambda: messages_waiting(store) == 0)

    assert store.outbox.failures_told(edition) == [number]


async def sent_by_a_bot_that_died(place: BotWorld, anna: ChatUser) -> int:
    """The number of the waiting message in the chat, of which nothing is noted."""
    (taken,) = place.store.outbox.take_due(lease_seconds=0)
    address = f"{place.settings.telegram_api_url}/bot"
    async with Bot(place.telegram.token, base_url=address) as former:
        words = announcement(place.services(), anna.account, taken.content())
        sent = await send(former, anna.account.chat_id, words.text, words.markup)
    return sent.message_id


async def test_a_failure_that_went_out_as_the_bot_died_is_put_right_where_it_stands(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    store, user_id = empty_place.store, anna.account.user_id
    edition = anna.edition(recorded=False)
    store.outbox.put(user_id, NightFailed.of(edition, FailureCause.SERVICE_UNAVAILABLE))
    first = await sent_by_a_bot_that_died(empty_place, anna)

    async with living_bot(empty_place):
        await until(lambda: messages_waiting(store) == 0)
        store.editions.advance(edition.edition_id, EditionState.CHOSEN, EditionState.RECORDED)
        store.outbox.put(user_id, MadeByOperator.of(edition.edition_id))
        corrected = await anna.sees(saying(say("en", "bot.mended")))

    assert corrected["message_id"] == first


async def test_whoever_blocked_the_bot_becomes_inactive_and_is_told_on_return(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    place.telegram.block(anna.telegram_id)

    place.store.outbox.put(anna.account.user_id, greeting("c:1", "x marks it"))
    await until(lambda: not anna.account.active)
    place.telegram.unblock(anna.telegram_id)
    await anna.types("/help")

    await anna.sees(saying("x marks it"))
    await until(lambda: messages_waiting(place.store) == 0)


@pytest.mark.parametrize("words", ["Forbidden: bot was blocked by the user", "Bad Request: odd"])
async def test_one_passing_refusal_loses_neither_the_person_nor_the_message(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(outbox, "RETRY", timedelta(seconds=1))
    anna = await connected(place)
    status = 403 if words.startswith("Forbidden") else 400
    body = {"ok": False, "error_code": status, "description": words}
    place.trouble.next = [("sendMessage", status, json.dumps(body))]

    place.store.outbox.put(anna.account.user_id, greeting("c:1", "still here"))
    assert await anna.sees(lambda one: "still here" in one["text"])

    assert anna.account.active
    assert place.trouble.next == []


async def test_several_messages_to_one_chat_are_spaced(place: BotWorld) -> None:
    anna = await connected(place)
    began = datetime.now(UTC)

    for number in range(3):
        place.store.outbox.put(anna.account.user_id, greeting(f"c:{number}", f"message {number}"))
    await anna.sees(lambda one: "message 2" in one["text"])

    assert datetime.now(UTC) - began >= timedelta(seconds=2)


async def test_a_flood_pause_is_honoured_and_the_message_comes_after_it(
    empty_place: BotWorld,
) -> None:
    anna_calls = 0
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        empty_place.telegram.flood.switched_on = True
        for _ in range(9):
            await anna.types("/latest")
        empty_place.store.outbox.put(anna.account.user_id, greeting("c:1", "patient"))
        anna_calls = empty_place.calls("sendMessage")
        assert await anna.sees(lambda one: "patient" in one["text"], within=40)

    assert anna_calls < 40


async def test_telegram_being_away_delays_but_loses_nothing(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    user_id = anna.account.user_id
    empty_place.store.outbox.put(user_id, greeting("c:1", "late"))

    async with living_bot(empty_place):
        assert await anna.sees(lambda one: "late" in one["text"])


def refusal(status: int, words: str) -> tuple[str, int, str]:
    """What Telegram answers to a message."""
    body = {"ok": False, "error_code": status, "description": words}
    return "sendMessage", status, json.dumps(body)


async def deliver(place: BotWorld, clock: Clock, *, tries: int, reached: bool = True) -> None:
    """Let the outbox try so often, an hour apart, with Telegram in reach or not."""
    store = open_for(place.settings, now=clock)
    services = open_services(place.settings, place.http, store, now=clock, sleep=asyncio.sleep)
    address = f"{place.settings.telegram_api_url}/bot"
    async with Bot(place.telegram.token, base_url=address) as bot:
        if not reached:
            place.trouble.next = [refusal(502, "Bad Gateway")] * tries
        relay = OutboxRelay(services=services, bot=bot)
        for _ in range(tries):
            await relay.deliver_due()
            clock.advance(hours=1)


async def test_telegram_out_of_reach_for_days_loses_no_message(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    empty_place.store.outbox.put(anna.account.user_id, greeting("c:1", "patient"))
    clock = Clock(datetime.now(UTC))

    await deliver(empty_place, clock, tries=3 * outbox.ATTEMPTS, reached=False)
    await deliver(empty_place, clock, tries=1)

    assert await anna.sees(saying("patient"))
    assert messages_waiting(empty_place.store) == 0


async def test_what_waits_for_telegram_for_a_month_is_given_up(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    empty_place.store.outbox.put(anna.account.user_id, greeting("c:1", "patient"))
    clock = Clock(datetime.now(UTC))
    await deliver(empty_place, clock, tries=2 * outbox.ATTEMPTS, reached=False)

    waited = messages_waiting(empty_place.store)
    clock.advance(days=31)
    await deliver(empty_place, clock, tries=1, reached=False)

    assert (waited, messages_waiting(empty_place.store)) == (1, 0)


@pytest.mark.parametrize(("refusals", "arrives"), [(19, True), (20, False)])
async def test_odd_refusals_count_and_tries_that_did_not_reach_telegram_do_not(
    empty_place: BotWorld, refusals: int, *, arrives: bool
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    away, odd = refusal(502, "Bad Gateway"), refusal(401, "Unauthorized")
    empty_place.trouble.next = [away] * 5 + [odd] * refusals
    empty_place.store.outbox.put(anna.account.user_id, greeting("c:1", "patient"))
    clock = Clock(datetime.now(UTC))

    await deliver(empty_place, clock, tries=refusals + 6)

    assert messages_waiting(empty_place.store) == 0
    assert any("patient" in one["text"] for one in await anna.said_by_bot()) is arrives


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_never_said_where_they_are_is_asked_once_and_may_leave_it(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place, language=language)
    user_id = anna.account.user_id
    place.store.people.change(user_id, market="NL")
    asked = say(language, "bot.zone_question", zone="|", clock="").split("|", maxsplit=1)[0]

    place.store.outbox.put(user_id, ZoneQuestion.of(user_id))
    place.store.outbox.put(user_id, ZoneQuestion.of(user_id))
    message = await anna.sees(lambda one: one["text"].startswith(asked))

    assert data_of(message)[0] == "go:timezone:Europe/Amsterdam"
    assert data_of(message)[-2:] == ["go:timezone", "zk"]
    await anna.taps("zk")
    kept = say(language, "bot.zone_kept", zone="UTC", clock="|").split("|", maxsplit=1)[0]
    await anna.sees(lambda one: one["text"].startswith(kept[:20]) and not one["buttons"])
    assert anna.account.timezone == "UTC"
