"""People hear in time, and once each, that their consent ends."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from tests.support.bot_world import BotWorld, ChatUser, data_of, saying
from vibe_bot.reminders import remind, reminder_now
from vibe_bot.services import BotServices
from vibe_pipeline.locales import LANGUAGES, say


def services(place: BotWorld, moment: datetime) -> BotServices:
    return place.services(now=lambda: moment)


def before_the_end(anna: ChatUser, days: int, at: time = time(12)) -> datetime:
    """So many days before the consent ends, at this time of day."""
    ends = anna.account.consent_ends_at
    assert ends is not None
    return datetime.combine((ends - timedelta(days=days)).date(), at, UTC)


async def somebody_connected(place: BotWorld, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected(timezone="UTC")
    return anna


async def test_thirty_fourteen_and_three_days_before_and_once_each(place: BotWorld) -> None:
    anna = await somebody_connected(place)

    told = {
        days: [remind(services(place, before_the_end(anna, days))) for _ in range(2)]
        for days in (60, 32, 29, 20, 13, 5, 2, 1, -1)
    }

    assert told == {
        **{days: [0, 0] for days in (60, 32, 20, 5, 1, -1)},
        **{days: [1, 0] for days in (29, 13, 2)},
    }


async def test_a_bot_that_was_off_on_those_days_tells_the_latest_of_them_once(
    place: BotWorld,
) -> None:
    anna = await somebody_connected(place)

    told = [remind(services(place, before_the_end(anna, days))) for days in (31, 10, 9, 1)]

    assert told == [0, 1, 0, 1]


async def test_nobody_is_woken_for_it(place: BotWorld) -> None:
    anna = await somebody_connected(place)

    assert remind(services(place, before_the_end(anna, 2, time(4)))) == 0
    assert remind(services(place, before_the_end(anna, 2, time(10)))) == 1


async def test_whose_consent_ends_before_they_wake_is_told_at_night(place: BotWorld) -> None:
    anna = await somebody_connected(place)
    ends = anna.account.consent_ends_at
    assert ends is not None
    ahead = (7 - ends.hour + 12) % 24 - 12
    place.store.people.change(anna.account.user_id, timezone=f"Etc/GMT{-ahead:+d}")

    assert remind(services(place, ends - timedelta(hours=2))) == 1


async def test_a_clock_this_machine_lacks_is_asked_for_once(place: BotWorld) -> None:
    anna = await somebody_connected(place)
    place.store.people.change(anna.account.user_id, timezone="Mars/Olympus")
    noon = datetime(2027, 1, 5, 12, tzinfo=UTC)

    told = [remind(services(place, noon)) for _ in range(2)]
    message = await anna.sees(saying("🕰"))

    assert told == [1, 0]
    assert "Mars/Olympus" in message["text"]
    assert data_of(message) == ["go:timezone"]
    assert await anna.says("/status")


async def test_a_renewed_consent_is_not_said_to_end(place: BotWorld) -> None:
    anna = await somebody_connected(place)
    late = before_the_end(anna, 2)
    assert anna.account.consented_at is not None
    place.store.tokens.expire_consent(anna.account.user_id, anna.account.consented_at)

    assert remind(services(place, late)) == 0


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_reminder_says_when_and_offers_the_way(place: BotWorld, language: str) -> None:
    anna = await somebody_connected(place, language)
    ends = anna.connected(ago=timedelta(days=175)).consent_ends_at
    assert ends is not None
    reminder = reminder_now(anna.account, datetime.now(UTC))
    assert reminder is not None

    place.store.outbox.put(anna.account.user_id, reminder)
    message = await anna.sees(saying("⏰"))

    assert str(ends.year) in message["text"]
    assert data_of(message) == ["go:connect"]
    label = say(language, "button.renew")
    assert [one["text"] for row in message["buttons"] for one in row] == [label]
