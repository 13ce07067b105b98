"""Leaving listening out of one's taste, and counting it again, in four languages."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("с 10 вечера до 7 утра", NIGHT),
        ("від 10 вечора до 7 ранку", NIGHT),
        ("van 22 uur tot 7 uur", NIGHT),
        ("22u-7u", NIGHT),
        ("from 10 in the evening to 7 in the morning", NIGHT),
        ("22:00 до 7 утра", NIGHT),
        ("8 - 10 pm", None),
        ("10 pm - 7", None),
        ("22:00-07:00 on weekdays", None),
        ("22:00-07:60", None),
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
        ("20.12 - 5.1", (date(2026, 12, 20), date(2027, 1, 5))),
        ("1.11-14.11.2025", (date(2025, 11, 1), date(2025, 11, 14))),
        ("01.11 – 14.11.2025", (date(2025, 11, 1), date(2025, 11, 14))),
        ("с 1.11 по 14.11.2025", (date(2025, 11, 1), date(2025, 11, 14))),
        ("between 1.11 and 14.11.2025", (date(2025, 11, 1), date(2025, 11, 14))),
        ("20.12 - 5.1.2026", (date(2025, 12, 20), date(2026, 1, 5))),
        ("20.12.2025 - 5.1", (date(2025, 12, 20), date(2026, 1, 5))),
        ("from 1.11.25 to 14.11.25", (date(2025, 11, 1), date(2025, 11, 14))),
        ("1.1.2025 - 31.12.2025", (date(2025, 1, 1), date(2025, 12, 31))),
        ("14.11 - 1.11.2025", None),
        ("5.1 - 20.12", None),
        ("29.2 - 5.3.2026", None),
        ("from 1.11.2026", None),
        ("1.11.2026 14.11.2026", (date(2026, 11, 1), date(2026, 11, 14))),
        ("2026-11-01 2026-11-14", (date(2026, 11, 1), date(2026, 11, 14))),
        ("1.11 14.11", (date(2026, 11, 1), date(2026, 11, 14))),
        ("1 - 14.11.2025", None),
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


DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
SHORT = st.integers(0, arguments.LONGEST_GUESSED.days).map(lambda days: timedelta(days=days))
BETWEEN = st.sampled_from([" - ", "-", "..", " to ", " по ", " t/m ", " and "])


@given(first=DAYS, length=SHORT, today=DAYS, between=BETWEEN, year=st.integers(0, 1))
def test_a_year_written_once_is_that_of_the_days_that_were_meant(
    first: date, length: timedelta, today: date, between: str, year: int
) -> None:
    last = first + length
    ends = [f"{one.day}.{one.month}" for one in (first, last)]
    ends[year] += f".{(first, last)[year].year}"

    assert arguments.dates(between.join(ends), today=today) == (first, last)


@given(first=DAYS, last=DAYS, today=DAYS, between=BETWEEN)
def test_days_without_any_year_are_a_short_stretch_near_today_or_asked_back(
    first: date, last: date, today: date, between: str
) -> None:
    written = between.join(f"{one:%d.%m}" for one in (first, last))

    read = arguments.dates(written, today=today)

    if read is not None:
        assert [f"{one:%d.%m}" for one in read] == [f"{one:%d.%m}" for one in (first, last)]
        assert timedelta() <= read[1] - read[0] <= arguments.LONGEST_GUESSED
        assert abs(read[1] - today) <= timedelta(days=2 * 366)


@given(first=DAYS, last=DAYS, today=DAYS, between=BETWEEN)
def test_days_with_both_years_are_read_as_they_were_written(
    first: date, last: date, today: date, between: str
) -> None:
    written = between.join(f"{one:%d.%m.%Y}" for one in (first, last))

    assert arguments.dates(written, today=today) == (min(first, last), max(first, last))


@pytest.mark.parametrize(
    "name",
    [
        *("U2", "Blink-182", "1975", "The 1975", "10cc", "30 Seconds to Mars", "A-1", "Би-2"),
        *(
            "5 Seconds of Summer",
            "Sum 41",
            "22",
            "From First to Last",
            "November Ultra",
            "7 Seconds",
        ),
    ],
)
def test_a_name_with_numbers_is_a_name(name: str) -> None:
    assert not arguments.means_a_range(name)


HALF_READ = [
    *(
        "22:00-07:00 on weekdays",
        "22:00-07:60",
        "after 22:00",
        "22 till late",
        "с 10 вечера",
        "до 7",
    ),
    *("8 - 10 pm", "10 вечера", "10 pm", "2026-11-01T10:00", "1.11 - now", "2025-11", "van 22 uur"),
    *(
        "1 november - 14 november",
        "1-14 November 2025",
        "Nov 2025",
        "с 1 по 14 ноября",
        "1 листопада",
    ),
    *("01.11.2025 г. - 14.11.2025 г.", "from 31.02.2026 to 3.03.2026", "1.11 - 14.11 and 20.11"),
    *(
        "yesterday",
        "вчера",
        "gisteren",
        "минулого тижня",
        "last week",
        "по ночам",
        "in het weekend",
    ),
    *("3-11 Porter", "Haim - 1 to 9", "2:54"),
]


@pytest.mark.parametrize("said", HALF_READ)
def test_what_may_be_hours_or_days_is_not_taken_for_a_name(said: str) -> None:
    assert arguments.hours(said) is None
    assert arguments.dates(said, today=TODAY) is None
    assert arguments.means_a_range(said)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_artist_whose_name_looks_like_hours_is_one_tap_away(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    asked = await anna.says("/leaveout 3-11 Porter")
    assert asked["text"] == say(language, "bot.leaveout.wrong")
    assert place.store.exclusions.list(anna.account.user_id) == []

    await anna.taps(data_of(asked)[0])

    told = say(language, "bot.leaveout.artist", name="3-11 Porter")
    await anna.sees(lambda one: one["text"] == told)
    await anna.says("thanks!")
    (kept,) = place.store.exclusions.list(anna.account.user_id)
    assert (kept.kind, kept.name) == (ExclusionKind.ARTIST, "3-11 Porter")


async def test_words_too_long_for_a_button_are_asked_back_without_one(place: BotWorld) -> None:
    anna = await place.person()

    asked = await anna.says(f"/leaveout с 22:00 до 7:00 {'по будням ' * 5}")

    assert asked["text"] == say("en", "bot.leaveout.wrong_without_button")
    assert data_of(asked) == []


REFUSED = [
    *("14.11 - 1.11", "20.11 - 15.11", "05.01 - 12.12", "05.01 - 20.12", "01.05 - 20.11"),
    *("с 01.02 по 10.11", "van 01.05 t/m 20.11", "29.02 - 15.11", "20.11 15.11"),
]


@pytest.mark.parametrize("said", REFUSED)
def test_two_days_that_are_asked_back_were_meant_as_days(said: str) -> None:
    assert arguments.dates(said, today=TODAY) is None
    assert arguments.means_dates(said)


@pytest.mark.parametrize("said", ["22.00-07.00", "22:00 - 07:00", "30.02 - 1.03", "14.11"])
def test_what_no_calendar_has_is_not_meant_as_two_days(said: str) -> None:
    assert not arguments.means_dates(said)


@pytest.mark.parametrize("said", ["05.01 - 20.12", "14.11 - 1.11"])
async def test_days_that_are_asked_back_are_no_hours_of_every_day(
    place: BotWorld, said: str
) -> None:
    anna = await place.person()

    asked = await anna.says(f"/leaveout {said}")

    assert asked["text"] == say("en", "bot.leaveout.wrong")
    assert place.store.exclusions.list(anna.account.user_id) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_artist_too_long_for_a_button_is_told_with_a_word_before_the_name(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    name = "Оркестр с 22:00 до 7:00 имени неизвестного ночного слушателя"
    asked = await anna.says(f"/leaveout {name}")
    word = say(language, "bot.words.artist")
    assert f"{word}:" in asked["text"]

    told = await anna.says(f"{word.capitalize()}: {name}")

    assert told["text"] == say(language, "bot.leaveout.artist", name=name)
    (kept,) = place.store.exclusions.list(anna.account.user_id)
    assert (kept.kind, kept.name) == (ExclusionKind.ARTIST, name)


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

    key = "wrong" if artist_key(said) else "wrong_without_button"
    assert message["text"] == say("en", f"bot.leaveout.{key}")
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
