"""What people write after a command is read kindly, and never taken for what it is not."""

from __future__ import annotations

from datetime import date, time

import pytest

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
    ],
)
def test_a_length_is_a_whole_number_from_10_to_100(said: str, size: int | None) -> None:
    assert arguments.size(said) == size


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
        ("101%", None),
        ("-1", None),
        ("half", None),
        ("", None),
    ],
)
def test_a_share_may_be_a_fraction_or_a_percentage(said: str, share: float | None) -> None:
    assert arguments.share(said) == share


@pytest.mark.parametrize(
    ("said", "value"), [("0", 0), ("40", 40), ("100%", 100), ("101", None), ("bold", None)]
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
        ("2026-13-45", None),
        ("30.2.2026", None),
        ("29.2", None),
        ("some day", None),
    ],
)
def test_a_past_day_is_read_as_people_write_it(said: str, wanted: date | None) -> None:
    assert arguments.day(said, today=date(2026, 11, 23)) == wanted


@pytest.mark.parametrize("said", HOSTILE)
def test_nothing_hostile_is_taken_for_a_value(said: str) -> None:
    assert arguments.size(said) in {None, 30, 40}
    assert arguments.share(said) in {None, 0.0, 0.3, 0.4}
    assert arguments.mode(said) is None
    assert arguments.language(said) is None
    assert arguments.zone(said) is None
    assert arguments.day(said, today=date(2026, 11, 23)) is None
    assert len(arguments.plain_text(said)) <= arguments.TEXT_LIMIT
