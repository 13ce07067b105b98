"""What people write after a command is read kindly, and never taken for what it is not."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from vibe_bot import arguments
from vibe_pipeline.records import Mode

HOSTILE = [
    "<b>40</b><script>",
    "'; DROP TABLE accounts; --",
    "../../etc/passwd",
    "\x00\x01\x02",
    "\u202e30\u202c tracks of \u2066doom",
    "🎧🎧🎧",
    "שלום עולם",
    "A" * 4096,
    "9" * 4096,
    "1e400",
    "NaN",
    "inf",
    "{0.__class__}",
    "%s%s%n",
    "30 40",
    "-",
    "½",
]


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ("30", 30),
        ("30 tracks", 30),
        ("около 45 треков", 45),
        ("３０", 30),
        ("٣٠", 30),
        ("  10  ", 10),
        ("100.", 100),
        ("30.0", 30),
        ("9", None),
        ("101", None),
        ("-30", None),
        ("30.5", None),
        ("", None),
        ("many", None),
        ("12 or 20", None),
        ("30 songs, please", 30),
        ("ongeveer 40 nummers", 40),
        ("60 min", None),
        ("30 minutes", None),
        ("not 30", None),
        ("30.000", None),
        ("10,000", None),
        ("30%", None),
        ("30k", None),
        ("+30", 30),
        ("+-30", None),
    ],
)
def test_a_length_is_a_whole_number_from_10_to_100(said: str, size: int | None) -> None:
    assert arguments.size(said) == size


USUAL_LENGTHS = [
    *("make it 30", "30 items", "30 pieces", "max 30", "up to 30", "exactly 30"),
    *("30 tracks per day", "30 tracks a day"),
    *("30 штук", "30 штуки", "30 шт.", "на 30", "хочу 30", "пусть будет 30", "30 композиций"),
    *("максимум 30", "ровно 30"),
    *("хай буде 30", "зроби 30", "рівно 30", "30 композицій"),
    *("30 stuks", "30 nrs", "maak er 30", "maximaal 30", "tot 30", "precies 30"),
]
USUAL_SHARES = [
    *("80% new music", "make it 80%", "80% новой музыки", "на 80%", "80% новинок", "80 проц"),
    *("80% нової музики", "80% nieuwe muziek", "80 pct", "80pct"),
]


@pytest.mark.parametrize("said", USUAL_LENGTHS)
def test_a_length_is_understood_in_usual_words(said: str) -> None:
    assert arguments.size(said) == 30


@pytest.mark.parametrize("said", USUAL_SHARES)
def test_a_share_is_understood_in_usual_words(said: str) -> None:
    assert arguments.share(said) == 0.8


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("80%", 0.8),
        ("80 %", 0.8),
        ("0,8", 0.8),
        ("0.8", 0.8),
        (".8", 0.8),
        ("80", 0.8),
        ("８０％", 0.8),
        ("1", 1.0),
        ("1%", 0.01),
        ("0", 0.0),
        ("100%", 1.0),
        ("0.333", 0.333),
        ("80% new", 0.8),
        ("80 процентов новых", 0.8),
        ("minstens 80 procent", 0.8),
        ("1.5%", 0.015),
        ("80% familiar", None),
        ("80 percent known", None),
        ("20% old songs", None),
        ("not 80%", None),
        ("1.5", None),
        ("80.000", None),
        ("101%", None),
        ("-1", None),
        ("half", None),
        ("", None),
    ],
)
def test_a_share_may_be_a_fraction_or_a_percentage(said: str, share: float | None) -> None:
    assert arguments.share(said) == share


@pytest.mark.parametrize(
    ("said", "value"),
    [
        *[("0", 0), ("40", 40), ("100%", 100), ("make it 50", 50), ("на 50", 50)],
        *[("101", None), ("bold", None), ("not 50", None)],
    ],
)
def test_adventure_goes_from_0_to_100(said: str, value: int | None) -> None:
    assert arguments.adventure(said) == value


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("6", time(6)),
        ("06:30", time(6, 30)),
        ("6.30", time(6, 30)),
        ("6h30", time(6, 30)),
        ("06 30", time(6, 30)),
        ("в 7:15", time(7, 15)),
        ("7 pm", time(19)),
        ("12 am", time(0)),
        ("12:30 p.m.", time(12, 30)),
        ("２２：００", time(22)),
        ("at 8 in the evening", time(20)),
        ("в 6 вечера", time(18)),
        ("о 7 ранку", time(7)),
        ("om 8 uur 's avonds", time(20)),
        ("elke dag om 6u30", time(6, 30)),
        ("6ч30", time(6, 30)),
        ("12 дня", time(12)),
        ("12:30 in the afternoon", time(12, 30)),
        ("3 часа пополудни", time(15)),
        ("7.30 n.m.", time(19, 30)),
        ("12 вечера", None),
        ("12 in the evening", None),
        ("12 uur 's avonds", None),
        ("12 утра", None),
        ("12 in the morning", None),
        ("11 дня", None),
        ("11 uur 's middags", None),
        ("1 in the evening", None),
        ("6 o'clock", time(6)),
        ("6:5", None),
        ("6.5", None),
        ("6 7", None),
        ("6:30:45", None),
        ("6:30 or 7:30", None),
        ("half 7", None),
        ("без пяти 6", None),
        ("quarter past 6", None),
        ("6 in 3 days", None),
        ("6 on sundays", None),
        ("6 ночи", None),
        ("18 вечера", None),
        ("-6", None),
        ("24:00", None),
        ("6:75", None),
        ("13 pm", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_people_write_it(said: str, at: time | None) -> None:
    assert arguments.time_of_day(said) == at


@pytest.mark.parametrize("said", ["off", "OFF", "выкл", "вимк", "uit", "нет", "0", "Stop!"])
def test_off_is_understood_in_every_language(said: str) -> None:
    assert arguments.says_off(said)


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("living", Mode.LIVING),
        ("Daily", Mode.DAILY),
        ("каждый день", Mode.DAILY),
        ("щодня", Mode.DAILY),
        ("elke dag", Mode.DAILY),
        ("один", Mode.LIVING),
        ("weekly", None),
        ("", None),
    ],
)
def test_a_mode_is_understood_in_every_language(said: str, mode: Mode | None) -> None:
    assert arguments.mode(said) == mode


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("uk", "uk"),
        ("NL", "nl"),
        ("English", "en"),
        ("українська", "uk"),
        ("Русский", "ru"),
        ("Nederlands", "nl"),
        ("по-русски", "ru"),
        ("klingon", None),
        ("", None),
    ],
)
def test_a_language_is_known_by_code_or_name(said: str, language: str | None) -> None:
    assert arguments.language(said) == language


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Kyiv", "Europe/Kyiv"),
        ("europe/amsterdam", "Europe/Amsterdam"),
        ("Київ", "Europe/Kyiv"),
        ("Киев", "Europe/Kyiv"),
        ("амстердам", "Europe/Amsterdam"),
        ("New York", "America/New_York"),
        ("Brussel", "Europe/Brussels"),
        ("UTC+2", "Etc/GMT-2"),
        ("-5", "Etc/GMT+5"),
        ("utc", "UTC"),
        ("+0", "UTC"),
        ("+25", None),
        ("+5:30", None),
        ("US/Eastern", "America/New_York"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("GMT", "UTC"),
        ("localtime", None),
        ("Factory", None),
        ("posixrules", None),
        ("Atlantis", None),
        ("../../etc/localtime", None),
        ("", None),
    ],
)
def test_a_time_zone_is_known_by_name_city_or_distance(said: str, zone: str | None) -> None:
    assert arguments.zone(said) == zone


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2026-11-20", date(2026, 11, 20)),
        ("20.11.2026", date(2026, 11, 20)),
        ("20-11-2026", date(2026, 11, 20)),
        ("20.11", date(2026, 11, 20)),
        ("24.12", date(2025, 12, 24)),
        ("yesterday", date(2026, 11, 22)),
        ("вчора", date(2026, 11, 22)),
        ("vandaag", date(2026, 11, 23)),
        ("op 20-11", date(2026, 11, 20)),
        ("20.11.25", date(2025, 11, 20)),
        ("20.11.26.", date(2026, 11, 20)),
        ("20.11.202", None),
        ("1.11 - 14.11", None),
        ("20.11 or 21.11", None),
        ("the week of 20.11", None),
        ("2026-11-20 14:00", None),
        ("2026-11/20", None),
        ("120.11.2026", None),
        ("2026-13-45", None),
        ("30.2.2026", None),
        ("29.2", None),
        ("some day", None),
    ],
)
def test_a_past_day_is_read_as_people_write_it(said: str, wanted: date | None) -> None:
    assert arguments.day(said, today=date(2026, 11, 23)) == wanted


@pytest.mark.parametrize(
    ("today", "wanted"),
    [
        (date(2028, 1, 15), None),
        (date(2028, 2, 29), date(2028, 2, 29)),
        (date(2028, 12, 31), date(2028, 2, 29)),
        (date(2029, 1, 1), date(2028, 2, 29)),
        (date(2029, 3, 1), date(2028, 2, 29)),
        (date(2030, 3, 1), None),
    ],
)
def test_a_leap_day_without_a_year_is_read_where_it_was_lately(
    today: date, wanted: date | None
) -> None:
    assert arguments.day("29.02", today=today) == wanted


def test_a_leap_day_may_begin_or_end_a_stretch_of_days() -> None:
    found = arguments.dates("29.02 - 2.03", today=date(2028, 3, 20))

    assert found == (date(2028, 2, 29), date(2028, 3, 2))


DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
WRITTEN = (
    "{0:%H:%M}",
    "{0:%H.%M}",
    "at {0.hour}:{0:%M}",
    "{0:%H %M}",
    "{0:%I:%M %p}",
    "{0:%H}h{0:%M}",
)
DATED = ("{0}", "{0.day}.{0.month}.{0.year}", "{0:%d-%m-%Y}", "{0:%d/%m/%y}", "on {0:%Y.%m.%d}")
STRANGE = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=4)


BESIDE_NUMBERS = {
    *("new", "max", "item", "pct", "song", "трек", "шт", "штук", "на", "хочу", "проц"),
    *("хай", "буде", "нове", "нові", "stuk", "nrs", "tot", "rond"),
}


@given(number=st.integers(0, 100), more=STRANGE, order=st.permutations((0, 1)))
def test_a_number_beside_a_word_that_is_not_known_is_asked_back(
    number: int, more: str, order: list[int]
) -> None:
    assume(more.casefold() not in BESIDE_NUMBERS)
    parts = (str(number), more)
    said = " ".join(parts[place] for place in order)

    assert arguments.size(said) is None
    assert arguments.share(said) is None
    assert arguments.adventure(said) is None


@given(at=TIMES, form=st.sampled_from(WRITTEN))
def test_every_time_is_read_as_it_was_written(at: time, form: str) -> None:
    assert arguments.time_of_day(form.format(at)) == at


@given(at=TIMES, form=st.sampled_from(WRITTEN), more=STRANGE, order=st.permutations((0, 1)))
def test_a_time_with_something_more_beside_it_is_asked_back(
    at: time, form: str, more: str, order: list[int]
) -> None:
    understood = {"am", "pm", "h", "ч", "u", "год", "час", "uur", "to", "at", "hrs", "в", "к", "о"}
    assume(not {more.casefold(), more.casefold()[-1:]} & understood)
    parts = (form.format(at), more)

    read = arguments.time_of_day(" ".join(parts[place] for place in order))

    assert read is None


@given(digits=st.from_regex(r"[0-9]{1,3}[:. ][0-9]{1,3}([:. ][0-9]{1,3})?", fullmatch=True))
def test_every_digit_of_a_time_counts(digits: str) -> None:
    read = arguments.time_of_day(digits)

    parts = [int(part) for part in digits.replace(".", ":").replace(" ", ":").split(":")]
    assert read is None or parts == [read.hour, read.minute]


@given(one=DAYS, today=DAYS, form=st.sampled_from(DATED))
def test_every_date_is_read_as_it_was_written(one: date, today: date, form: str) -> None:
    assert arguments.day(form.format(one), today=today) == one


@given(day=st.integers(0, 40), month=st.integers(0, 15), today=DAYS)
@example(day=29, month=2, today=date(2021, 3, 1))
def test_a_date_without_a_year_is_the_last_such_day_of_two_years_or_none(
    day: int, month: int, today: date
) -> None:
    read = arguments.day(f"{day}.{month}", today=today)

    if read is None:
        assert not any(_is_a_date(year, month, day, today) for year in (today.year, today.year - 1))
    else:
        assert (read.day, read.month) == (day, month)
        assert read <= today
        this_year = _is_a_date(today.year, month, day, today)
        assert read.year == (today.year if this_year else today.year - 1)


def _is_a_date(year: int, month: int, day: int, today: date) -> bool:
    try:
        return date(year, month, day) <= today
    except ValueError:
        return False


@given(one=DAYS, today=DAYS, form=st.sampled_from(DATED), more=STRANGE)
def test_a_date_with_something_more_beside_it_is_asked_back(
    one: date, today: date, form: str, more: str
) -> None:
    words = form.format(one)

    assert arguments.day(f"{words} {more}", today=today) is None


@given(said=st.text(max_size=60), today=DAYS)
def test_whatever_is_written_reading_it_never_fails(said: str, today: date) -> None:
    read = (
        arguments.day(said, today=today),
        arguments.dates(said, today=today),
        arguments.time_of_day(said),
        arguments.hours(said),
        arguments.zone(said),
    )

    assert all(isinstance(one, date | time | tuple | str | None) for one in read)


@pytest.mark.parametrize("said", HOSTILE)
def test_nothing_hostile_is_taken_for_a_value(said: str) -> None:
    assert arguments.size(said) in {None, 30, 40}
    assert arguments.share(said) in {None, 0.0, 0.3, 0.4}
    assert arguments.mode(said) is None
    assert arguments.language(said) is None
    assert arguments.zone(said) is None
    assert arguments.day(said, today=date(2026, 11, 23)) is None
    assert len(arguments.plain_text(said)) <= arguments.TEXT_LIMIT
