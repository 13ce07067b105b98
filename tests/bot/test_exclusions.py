"""Leaving listening out of one's taste, and counting it again, in four languages."""

from __future__ import annotations

from datetime import date, time

import pytest

from tests.support.bot_world import BotWorld, data_of
from vibe_bot import arguments
from vibe_pipeline.accounts.records import ExclusionKind
from vibe_pipeline.locales import LANGUAGES, day, say
from vibe_pipeline.ranking.identity import artist_key

TODAY = date(2026, 11, 23)
NIGHT = time(22), time(7)


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("22:00-07:00", NIGHT),
        ("22:00 – 7:00", NIGHT),
        ("22-7", NIGHT),
        ("22.00 - 07.00", NIGHT),
        ("２２：００－０７：００", NIGHT),
        ("10 pm - 7 am", NIGHT),
        ("from 22:00 to 07:00", NIGHT),
        ("с 22:00 до 7:00", NIGHT),
        ("з 22:00 до 7:00", NIGHT),
        ("van 22:00 tot 7:00", NIGHT),
        ("22:00..07:00", NIGHT),
        ("22:00-22:00", None),
        ("25:00-07:00", None),
        ("22:00", None),
        ("1-2-3", None),
        ("3-11 Porter", None),
        ("Simon and Garfunkel", None),
        ("", None),
    ],
)
def test_hours_are_read_as_people_write_them(said: str, hours: tuple[time, time] | None) -> None:
    assert arguments.hours(said) == hours


@pytest.mark.parametrize(
    ("said", "dates"),
    [
        ("2026-11-01..2026-11-14", (date(2026, 11, 1), date(2026, 11, 14))),
        ("2026-11-01 - 2026-11-14", (date(2026, 11, 1), date(2026, 11, 14))),
        ("2026-11-14 to 2026-11-01", (date(2026, 11, 1), date(2026, 11, 14))),
        ("1.11.2026-14.11.2026", (date(2026, 11, 1), date(2026, 11, 14))),
        ("с 1.11 по 14.11", (date(2026, 11, 1), date(2026, 11, 14))),
        ("van 20.12 t/m 5.1", (date(2026, 12, 20), date(2027, 1, 5))),
        ("2026-11-20", (date(2026, 11, 20), date(2026, 11, 20))),
        ("2026-13-01..2026-13-02", None),
        ("30.2.2026", None),
        ("1.11 2.11 3.11", None),
        ("Take That 2026-11-01", None),
        ("22:00-07:00", None),
        ("", None),
    ],
)
def test_dates_are_read_as_people_write_them(said: str, dates: tuple[date, date] | None) -> None:
    assert arguments.dates(said, today=TODAY) == dates


@pytest.mark.parametrize("language", LANGUAGES)
async def test_artists_hours_and_dates_are_left_out_listed_and_counted_again(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)

    artist = await anna.says("/leaveout The <b>Rain</b> & Co")
    hours = await anna.says("/leaveout 22:00-07:00")
    dates = await anna.says("/leaveout 2026-11-01..2026-11-14")
    listed = await anna.says("/leaveout")

    assert "The <b>Rain</b> & Co" in artist["text"]
    assert "22:00" in hours["text"]
    assert "07:00" in hours["text"]
    assert day(language, date(2026, 11, 14)) in dates["text"]
    kept = place.store.exclusions.list(anna.account.user_id)
    assert {(one.kind, one.key) for one in kept} == {
        (ExclusionKind.ARTIST, artist_key("The <b>Rain</b> & Co")),
        (ExclusionKind.HOURS, "22:00-07:00"),
        (ExclusionKind.DATES, "2026-11-01..2026-11-14"),
    }
    assert listed["text"].count("•") == 3
    assert len(data_of(listed)) == 3
    for one in data_of(listed):
        await anna.taps(one)
    await anna.sees(lambda one: one["text"] == say(language, "bot.leaveout.ask"))
    assert place.store.exclusions.list(anna.account.user_id) == []


async def test_without_an_argument_it_asks_and_takes_the_answer(place: BotWorld) -> None:
    anna = await place.person()
    asked = await anna.says("/leaveout")

    answer = await anna.says("White Noise Lab")

    assert asked["text"] == say("en", "bot.leaveout.ask")
    assert answer["text"] == say("en", "bot.leaveout.artist", name="White Noise Lab")
    (kept,) = place.store.exclusions.list(anna.account.user_id)
    assert kept.name == "White Noise Lab"


@pytest.mark.parametrize("said", ["25:00-07:00", "2026-13-01..2026-13-09", "22:00-22:00", "-", "…"])
async def test_a_range_that_is_none_is_no_artist_either(place: BotWorld, said: str) -> None:
    anna = await place.person()

    message = await anna.says(f"/leaveout {said}")

    assert message["text"] == say("en", "bot.leaveout.wrong")
    assert place.store.exclusions.list(anna.account.user_id) == []


async def test_leaving_out_twice_is_once_and_can_be_taken_back_at_once(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/leaveout 22:00-07:00")
    message = await anna.says("/leaveout 22-7")
    (back,) = data_of(message)
    assert len(place.store.exclusions.list(anna.account.user_id)) == 1

    await anna.taps(back)

    await anna.notices(say("en", "bot.leaveout.back", name="22:00–07:00"))
    assert place.store.exclusions.list(anna.account.user_id) == []


async def test_an_old_button_says_that_it_counts_already(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/leaveout 22:00-07:00")

    await anna.taps_forged("lo:0123456789abcdef")

    await anna.notices(say("en", "bot.leaveout.gone"))
    assert len(place.store.exclusions.list(anna.account.user_id)) == 1
