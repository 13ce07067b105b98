"""What people may write after a command, parsed kindly; ``None`` when it cannot be meant.

Pure: text in, value out. Full-width and other scripts' digits, commas for points, units and
politeness around the number are all understood. What to answer is the handler's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time, timedelta
from functools import cache

from babel import Locale
from babel.core import get_global

from vibe_pipeline.locales import LANGUAGES, catalogue
from vibe_pipeline.records import Mode, known_zone, zone_names

MINIMUM_SIZE, MAXIMUM_SIZE = 10, 100
TEXT_LIMIT = 200
"""Nobody means more than this by an argument."""

_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:\d{1,6}(?:[.,]\d{1,6})?|[.,]\d{1,6})(?![\w]*\d)")
_AROUND = re.compile(r"(?:[^\W\d_]|[\s%.,:!?~]){0,30}")
_TIME = re.compile(r"(\d{1,2})(?:(?:\s*[:.hчгu]\s*|\s+)(\d{2}))?(?!\d)(.*)")
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?", re.I)
_CLOCK = re.compile(r"\d{1,2}(?:\s*[:.h]\s*\d{2})?\s*(?:[ap]\.?m\.?)?", re.I)
_DAY = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./-](\d{1,2})[./-](\d{4})|(\d{1,2})\.(\d{1,2})(?!\d)"
)
_DATE = re.compile(
    r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})|(\d{1,2})([./-])(\d{1,2})(?:\6(\d{4}|\d{2}))?"
)
CENTURY = 2000
"""Of a year written with two digits; there were no lists before."""


def plain_text(text: str) -> str:
    """The argument with digits and signs as a keyboard has them, control characters gone."""
    usual = unicodedata.normalize("NFKC", text[: TEXT_LIMIT * 4])
    usual = "".join(_usual(character) for character in usual)
    return " ".join(usual.split())[:TEXT_LIMIT]


def size(text: str) -> int | None:
    """A playlist's length: ``30``, ``30 tracks``, ``３０``."""
    value = _number(plain_text(text))
    if value is None or value != int(value) or not MINIMUM_SIZE <= value <= MAXIMUM_SIZE:
        return None
    return int(value)


def share(text: str) -> float | None:
    """A share of one: ``0.8``, ``0,8``, ``80%``, ``80``."""
    words = plain_text(text)
    value = _number(words)
    if value is None:
        return None
    if "%" in words or value > 1:
        value /= 100
    return round(value, 4) if 0 <= value <= 1 else None


def adventure(text: str) -> int | None:
    """From familiar to adventurous: a whole number from 0 to 100, a percent sign is fine."""
    value = _number(plain_text(text))
    if value is None or value != int(value) or not 0 <= value <= 100:
        return None
    return int(value)


def time_of_day(text: str) -> time | None:
    """A time on a clock: ``6``, ``06:00``, ``6.30``, ``7 pm``, ``at 8 in the evening``.

    Whatever stands beside it must be understood too: of ``6:5``, ``half 7`` or ``6 in 3 days`` the
    digits alone would be another time than was meant.
    """
    read = _TIME.fullmatch(_without(_word(text), "at"))
    if read is None:
        return None
    hour, minute, rest = int(read[1]), int(read[2] or 0), read[3].strip()
    for half in ("morning", "afternoon"):
        before = _without_end(rest, half)
        if before is not None:
            hour, rest = _on_24_hours(hour, afternoon=half == "afternoon"), before
            break
    if rest and rest not in _words("bot.words.oclock"):
        return None
    return time(hour, minute) if 0 <= hour < 24 and minute < 60 else None


def _on_24_hours(hour: int, *, afternoon: bool) -> int:
    """The hour of the day; -1 for what no half of a day has."""
    return hour % 12 + (12 if afternoon else 0) if 1 <= hour <= 12 else -1


def says_off(text: str) -> bool:
    """``off``, ``no``, ``0`` or the same in any of our languages."""
    return _word(text) in _words("bot.words.off")


def says_on(text: str) -> bool:
    """``on``, ``yes`` or the same in any of our languages."""
    return _word(text) in _words("bot.words.yes")


def without_today(text: str) -> tuple[str, bool]:
    """What was said besides "today", said first or last; and whether it was."""
    words = plain_text(text)
    for today in sorted(_words("bot.words.today"), key=len, reverse=True):
        if words.casefold().endswith(f" {today}"):
            return words[: -len(today)].strip(), True
        if words.casefold().startswith(f"{today} "):
            return words[len(today) :].strip(), True
    return words, False


def mode(text: str) -> Mode | None:
    """``living`` or ``daily``, in any of our languages."""
    word = _word(text)
    for one in Mode:
        if word == one.value or word in _words(f"bot.words.{one.value}"):
            return one
    return None


def language(text: str) -> str | None:
    """A language by its code or by its name in any of our languages."""
    word = _word(text).removeprefix("-")
    for one in LANGUAGES:
        if word == one or word in _words(f"bot.words.{one}"):
            return one
    return None


def zone(text: str) -> str | None:
    """A time zone by its name, its city in any of our languages, or its distance from UTC."""
    words = plain_text(text)
    named = _zones().get(_squeezed(words))
    if named is not None:
        return _canonical(named)
    offset = _OFFSET.fullmatch(words)
    if offset is None:
        return None
    if int(offset[3] or 0) or int(offset[2]) > 14:
        return None
    hours = int(offset[1] + offset[2])
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    return name if name in zone_names() else None


def day(text: str, *, today: date) -> date | None:
    """A past day: ``2026-11-20``, ``20.11.2026``, ``20.11``, ``yesterday``.

    Without a year it is this year's such day, or last year's if that is still to come.
    """
    word = _word(text)
    if word in _words("bot.words.today"):
        return today
    if word in _words("bot.words.yesterday"):
        return today - timedelta(days=1)
    read = _DATE.fullmatch(_without(word, "on"))
    if read is None:
        return None
    if read[1]:
        return _date(int(read[1]), int(read[3]), int(read[4]))
    if read[8]:
        year = int(read[8]) + (CENTURY if len(read[8]) == 2 else 0)
        return _date(year, int(read[7]), int(read[5]))
    years = (today.year, today.year - 1)
    days = [_date(year, int(read[7]), int(read[5])) for year in years]
    return next((one for one in days if one is not None and one <= today), None)


def hours(text: str) -> tuple[time, time] | None:
    """A part of every day: ``22:00-07:00``, ``from 22 to 7``, ``10 pm - 7 am``."""
    words = _without_since(plain_text(text))
    parts = [part.strip() for part in _until().split(words) if part and part.strip()]
    if len(parts) != 2 or not all(_CLOCK.fullmatch(part) for part in parts):
        return None
    start, end = (time_of_day(part) for part in parts)
    return None if start is None or end is None or start == end else (start, end)


def dates(text: str, *, today: date) -> tuple[date, date] | None:
    """A stretch of days, or one: ``2026-11-01..2026-11-14``, ``1.11 - 14.11``, ``1.11.2026``."""
    words = _without_since(plain_text(text))
    between = [part for part in _until().split(_DAY.sub(" ", words)) if part.strip(" .")]
    found = list(_DAY.finditer(words))
    if between or not 1 <= len(found) <= 2:
        return None
    read = [_dated(one, today) for one in found]
    days = sorted(one for one in read if one is not None)
    return (days[0], days[-1]) if len(days) == len(read) else None


def looks_like_a_range(text: str) -> bool:
    """Whether somebody meant hours or dates, readable or not: digits and signs alone."""
    words = plain_text(text)
    signs = any(sign in words for sign in ":.-/")
    return signs and not any(character.isalpha() for character in words)


def _dated(found: re.Match[str], today: date) -> date | None:
    """A day; without a year the nearest such day is meant."""
    if found[1]:
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found[4]:
        return _date(int(found[6]), int(found[5]), int(found[4]))
    years = (today.year + more for more in (-1, 0, 1))
    days = [_date(year, int(found[8]), int(found[7])) for year in years]
    return min(
        (one for one in days if one is not None), key=lambda one: abs(one - today), default=None
    )


def _date(year: int, month: int, day: int) -> date | None:
    """``None`` for a day that no calendar has."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _without_since(words: str) -> str:
    return _without(words, "since")


def _without(words: str, introduction: str) -> str:
    """The words without one of those that may stand before them."""
    for one in sorted(_words(f"bot.words.{introduction}"), key=len, reverse=True):
        if words.casefold().startswith(f"{one} "):
            return words[len(one) + 1 :].strip()
    return words


def _without_end(words: str, ending: str) -> str | None:
    """The words without one of those that may end them; ``None`` when none of them does."""
    for one in sorted(_words(f"bot.words.{ending}"), key=len, reverse=True):
        if words == one or words.endswith(f" {one}"):
            return words.removesuffix(one).strip()
    return None


def _canonical(name: str) -> str:
    """The name that stays: ``US/Eastern`` is New York's clock. One this machine lacks is no use."""
    usual: Mapping[str, str] = get_global("zone_aliases")
    canonical = usual.get(name, name)
    canonical = "UTC" if canonical in {"Etc/UTC", "Etc/GMT"} else canonical
    return canonical if known_zone(canonical) is not None else name


@cache
def _until() -> re.Pattern[str]:
    """What stands between the ends of a range: a dash, dots, or a word in any language."""
    words = sorted(_words("bot.words.until"), key=len, reverse=True)
    return re.compile(rf"\s+(?:{'|'.join(map(re.escape, words))})\s+|\s*(?:-|\.\.+)\s*", re.I)


def _number(words: str) -> float | None:
    """The one number in a few plain words; markup and code are no way to name one."""
    found = _NUMBER.findall(words)
    if len(found) != 1 or not _AROUND.fullmatch(words.replace(found[0], " ", 1)):
        return None
    return float(found[0].replace(",", "."))


def _usual(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in "−–—":
        return "-"
    if character == "٪":
        return "%"
    if character == "٫":
        return "."
    return " " if unicodedata.category(character) in {"Cc", "Cf"} else character


def _word(text: str) -> str:
    return plain_text(text).casefold().strip(" .!?\"'«»„“")


@cache
def _words(key: str) -> frozenset[str]:
    """The words for one thing in all languages, written in the catalogues with commas between."""
    texts = (catalogue(one)[key] for one in LANGUAGES)
    return frozenset(
        word.strip().casefold()
        for text in texts
        if isinstance(text, str)
        for word in text.split(",")
    )


def _squeezed(words: str) -> str:
    return re.sub(r"[\s_\-']+", "", words).casefold()


@cache
def _zones() -> dict[str, str]:
    """Every way we know to name a zone; full names win over cities, English over the others."""
    names = sorted(zone_names())
    known = {_squeezed(name): name for name in names}
    places = [name for name in names if "/" in name and not name.startswith(("Etc/", "SystemV/"))]
    for name in places:
        known.setdefault(_squeezed(name.rsplit("/", 1)[-1]), name)
    usual: Mapping[str, str] = get_global("zone_aliases")
    for tongue in LANGUAGES:
        for name, words in Locale.parse(tongue).time_zones.items():
            if "city" in words and name in known.values():
                known.setdefault(_squeezed(words["city"]), usual.get(name, name))
    return known
