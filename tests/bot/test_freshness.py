"""What waited while Telegram was away, or its person, is told only as far as it is still true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from telegram import Bot

from tests.support.accounts_site import messages_waiting
from tests.support.bot_world import BotWorld, ChatUser, living_bot
from vibe_bot import outbox
from vibe_bot.late_nights import Late, tell_of_late_nights
from vibe_bot.outbox import OutboxRelay
from vibe_bot.reminders import remind, reminder_now
from vibe_pipeline.accounts.messages import (
    ConsentEnded,
    ListGivenUp,
    Message,
    NightFailed,
    NightLate,
    NightReady,
)
from vibe_pipeline.accounts.records import Edition, EditionState, FailureCause
from vibe_pipeline.locales import LANGUAGES, day, say
from vibe_pipeline.records import Mode

NOTHING = timedelta()
AGREED_AGO = timedelta(days=150)


@pytest.fixture
async def anna(empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch) -> ChatUser:
    """Somebody who is connected, and a bot that is not running."""
    monkeypatch.setattr(outbox, "CHAT_SPACING", NOTHING)
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/start")
    anna.connected(ago=AGREED_AGO, nightly_at=time(6))
    return anna


def standing_at(moment: datetime) -> Callable[[], datetime]:
    """A clock that stands there."""
    return lambda: moment


def put(anna: ChatUser, message: Message) -> bool:
    return anna.bot_world.store.outbox.put(anna.account.user_id, message)


async def told(anna: ChatUser, *, later: timedelta = NOTHING) -> list[str]:
    """What the bot says when it gets to it so much later; nothing waits any more then."""
    place = anna.bot_world
    before = len(await anna.said_by_bot())
    services = place.services(now=lambda: datetime.now(UTC) + later)
    address = f"{place.settings.telegram_api_url}/bot"
    async with Bot(place.telegram.token, base_url=address) as bot:
        relay = OutboxRelay(services=services, bot=bot)
        while await relay.deliver_due():
            pass
    assert messages_waiting(place.store) == 0
    return [one["text"] for one in (await anna.said_by_bot())[before:]]


def recorded(anna: ChatUser, edition: Edition) -> None:
    """The list comes after all."""
    editions = anna.bot_world.store.editions
    assert editions.advance(edition.edition_id, EditionState.CHOSEN, EditionState.RECORDED)


def agreed_again(anna: ChatUser) -> None:
    anna.connected(nightly_at=time(6))


async def test_a_night_whose_list_came_before_its_failure_was_told_is_not_said_to_have_failed(
    anna: ChatUser,
) -> None:
    edition = anna.edition(recorded=False)
    put(anna, NightFailed.of(edition, FailureCause.SERVICE_UNAVAILABLE))
    recorded(anna, edition)
    put(anna, NightReady.of(edition.edition_id))

    (only,) = await told(anna)

    assert say("en", "bot.failed.service_unavailable") not in only
    assert "Anna's day" in only


async def test_a_night_that_could_not_begin_is_not_told_once_its_list_is_there(
    anna: ChatUser,
) -> None:
    edition = anna.edition()
    paused = NightFailed.before_it_began(
        anna.account.user_id,
        edition.occasion,
        FailureCause.QUOTA,
        day=edition.vibe_date,
        until=datetime.now(UTC) + timedelta(hours=2),
    )
    put(anna, paused)

    assert await told(anna) == []


async def test_a_failure_that_is_told_late_says_nothing_of_today_and_names_the_try_to_come(
    anna: ChatUser,
) -> None:
    now = datetime.now(UTC)
    resting = NightFailed.before_it_began(
        anna.account.user_id,
        "nightly:long-ago",
        FailureCause.QUOTA,
        day=now.date(),
        until=now + timedelta(hours=1),
    )
    put(anna, resting)

    (late,) = await told(anna, later=timedelta(hours=20))

    assert say("en", "bot.failed.quota_then") in late
    assert "The next try is" in late


async def test_that_a_list_is_given_up_is_not_told_beside_a_later_one(anna: ChatUser) -> None:
    edition = anna.edition(asked="x", recorded=False)
    put(anna, ListGivenUp.of(edition.edition_id))
    first = await told(anna)
    given_up = anna.edition(asked="y", recorded=False)
    anna.edition(asked="z")
    put(anna, ListGivenUp.of(given_up.edition_id))

    assert first == [say("en", "bot.list_given_up")]
    assert await told(anna) == []


async def test_of_a_night_whose_next_try_moved_on_only_the_last_one_is_told(
    anna: ChatUser,
) -> None:
    edition, until = anna.edition(recorded=False), datetime.now(UTC) + timedelta(hours=2)
    first = NightFailed.of(edition, FailureCause.QUOTA, until=until)
    put(anna, first)
    put(
        anna, NightFailed.of(edition, FailureCause.QUOTA, until=until + timedelta(hours=9)).again(1)
    )

    assert len(await told(anna)) == 1


async def test_a_night_that_nothing_is_seen_of_is_said_to_be_late_once(anna: ChatUser) -> None:
    place, night = anna.bot_world, datetime.now(UTC).replace(minute=0) + timedelta(days=1)
    anna.connected(timezone="UTC", nightly_at=night.time().replace(second=0, microsecond=0))

    late: frozenset[Late] = frozenset()
    put_at = {}
    for minutes in (30, 70, 100, 130):
        now = night + timedelta(minutes=minutes)
        late = tell_of_late_nights(place.services(now=standing_at(now)), late)
        put_at[minutes] = (len(late), messages_waiting(place.store))
    texts = await told(anna)

    assert put_at == {30: (0, 0), 70: (1, 0), 100: (1, 1), 130: (1, 1)}
    assert texts == [say("en", "bot.night_late", day=day("en", night.date()))]


async def test_who_was_promised_a_try_or_whose_list_has_begun_is_not_told_that_it_is_late(
    anna: ChatUser,
) -> None:
    place, night = anna.bot_world, datetime.now(UTC).replace(minute=0) + timedelta(days=1)
    anna.connected(timezone="UTC", nightly_at=night.time().replace(second=0, microsecond=0))
    occasion, later = f"nightly:{night.date()}", night + timedelta(minutes=90)
    put(anna, NightLate.of(anna.account.user_id, "asked:x", night.date()))
    anna.edition(asked="x", recorded=False)
    promised = NightFailed.before_it_began(
        anna.account.user_id, occasion, FailureCause.QUOTA, day=night.date(), until=later
    )

    put(anna, promised)

    assert tell_of_late_nights(place.services(now=standing_at(later)), frozenset()) == frozenset()
    assert len(await told(anna)) == 1


async def test_of_a_nights_failures_that_waited_only_the_last_is_told(anna: ChatUser) -> None:
    edition = anna.edition(recorded=False)
    put(anna, NightFailed.of(edition, FailureCause.SERVICE_UNAVAILABLE))
    put(anna, NightFailed.of(edition, FailureCause.STORE_BUSY))

    (only,) = await told(anna)

    assert say("en", "bot.failed.store_busy") in only


async def test_a_consent_that_failed_a_night_is_not_told_to_who_has_connected_again(
    anna: ChatUser,
) -> None:
    failed = NightFailed.of(anna.edition(recorded=False), FailureCause.CONSENT_EXPIRED)
    put(anna, failed)
    agreed_again(anna)

    assert await told(anna) == []
    assert put(anna, failed), "it can be told should it come true again"


async def test_a_consent_that_failed_a_night_is_told_however_late_and_a_passing_cause_is_not(
    anna: ChatUser,
) -> None:
    edition = anna.edition(recorded=False)
    put(anna, NightFailed.of(edition, FailureCause.UNEXPECTED))
    passing = await told(anna, later=timedelta(hours=37))
    put(anna, NightFailed.of(edition, FailureCause.CONSENT_EXPIRED))
    (lasting,) = await told(anna, later=timedelta(days=5))

    assert passing == []
    assert say("en", "bot.failed.consent_expired") in lasting


async def test_an_ended_consent_is_told_though_a_list_came_before_it_was_found(
    anna: ChatUser,
) -> None:
    night = anna.edition("run-1", recorded=False)
    anna.edition("run-2")
    store, agreed_at = anna.bot_world.store, anna.account.consented_at
    assert agreed_at is not None
    store.tokens.expire_consent(anna.account.user_id, agreed_at)
    store.editions.fail(
        night.edition_id,
        FailureCause.CONSENT_EXPIRED,
        tell=NightFailed.of(night, FailureCause.CONSENT_EXPIRED),
        instead_of=ConsentEnded.of(anna.account.user_id, agreed_at),
    )

    (only,) = await told(anna)

    assert say("en", "bot.failed.consent_expired") in only


def until_the_end(anna: ChatUser, days: float) -> timedelta:
    ends = anna.account.consent_ends_at
    assert ends is not None
    return ends - datetime.now(UTC) - timedelta(days=days)


def remind_at(anna: ChatUser, days: float) -> None:
    """The reminder of so many days before the consent ends is put."""
    reminder = reminder_now(anna.account, datetime.now(UTC) + until_the_end(anna, days))
    assert reminder is not None
    assert put(anna, reminder)


async def test_a_reminder_counts_the_days_that_are_left_when_it_is_told(anna: ChatUser) -> None:
    remind_at(anna, 13)

    (only,) = await told(anna, later=until_the_end(anna, 9))

    assert "in 9 days" in only


async def test_a_reminder_of_a_consent_that_was_renewed_meanwhile_is_not_told(
    anna: ChatUser,
) -> None:
    late = until_the_end(anna, 2)
    remind_at(anna, 3)
    agreed_again(anna)

    assert await told(anna, later=late) == []


async def test_who_comes_back_long_after_their_consent_ended_reads_of_no_day_to_come(
    anna: ChatUser,
) -> None:
    remind_at(anna, 3)

    assert await told(anna, later=until_the_end(anna, -60)) == []


async def test_of_reminders_that_waited_only_the_nearest_is_told(anna: ChatUser) -> None:
    remind_at(anna, 29)
    remind_at(anna, 13)

    (only,) = await told(anna, later=until_the_end(anna, 12))

    assert "in 12 days" in only
    noon = (datetime.now(UTC) + until_the_end(anna, 11)).replace(hour=12)
    assert remind(anna.bot_world.services(now=lambda: noon)) == 0


async def test_a_list_whose_place_another_has_taken_is_not_told_as_ready(anna: ChatUser) -> None:
    yesterday, today = anna.edition("run-1"), anna.edition("run-2")
    put(anna, NightReady.of(today.edition_id))
    put(anna, NightReady.of(yesterday.edition_id))

    (only,) = await told(anna)

    greetings = ["", "_afternoon", "_evening", "_late"]
    assert any(say("en", f"bot.night_ready{one}") in only for one in greetings)


async def test_a_list_that_was_taken_back_or_is_two_days_old_is_not_told_as_ready(
    anna: ChatUser,
) -> None:
    old = anna.edition()
    put(anna, NightReady.of(old.edition_id))
    two_days_later = await told(anna, later=timedelta(hours=37))
    put(anna, NightReady.of(old.edition_id))
    anna.bot_world.store.editions.take_back(old.edition_id)

    assert (two_days_later, await told(anna)) == ([], [])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_list_of_yesterday_that_has_a_playlist_of_its_own_is_told_by_its_day(
    anna: ChatUser, language: str
) -> None:
    store = anna.bot_world.store
    store.people.change(anna.account.user_id, language=language)
    for edition in (anna.edition("run-1", mode=Mode.DAILY), anna.edition("run-2", mode=Mode.DAILY)):
        put(anna, NightReady.of(edition.edition_id))

    both = await told(anna, later=timedelta(hours=26))

    of_day = say(language, "bot.night_ready_of_day", day=day(language, date(2026, 11, 20)))
    assert [of_day in one for one in both] == [True, True]
