"""What people may write after a command, parsed kindly; ``None`` when it cannot be meant.

Pure: text in, value out. Full-width and other scripts' digits, commas for points, units and
politeness around the number are all understood. What to answer is the handler's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from datetime import date, time, timedelta
from functools import cache
from typing import NamedTuple

from babel import Locale
from babel.core import get_global

from vibe_pipeline.locales import LANGUAGES, catalogue
from vibe_pipeline.records import Mode, known_zone, zone_names

MINIMUM_SIZE, MAXIMUM_SIZE = 10, 100
TEXT_LIMIT = 200
"""Nobody means more than this by an argument."""

_NUMBER = r"-?(?:\d{1,6}(?:[.,]\d{1,6})?|[.,]\d{1,6})"
_THOUSANDS = re.compile(r"-?0*[1-9]\d*[.,]\d{3}")
"""A sign before three digits parts thousands in one country, tenths in the next."""
_TIME = re.compile(r"(\d{1,2})(?:(?:\s*[:.hчгu]\s*|\s+)(\d{2}))?(?!\d)(.*)")
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?", re.I)
_CLOCK_OR_DATE = re.compile(r"\d{1,2}\s*[:./]\s*\d{1,2}|\d{4}-\d{1,2}")
_DATE = re.compile(
    r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})|(\d{1,2})([./-])(\d{1,2})(?:\6(\d{4}|\d{2}))?"
)
_HALVES: Mapping[str, tuple[Container[int], int]] = {
    "am": (range(1, 13), 0),
    "pm": (range(1, 13), 12),
    "morning": (range(1, 12), 0),
    "afternoon": ((12, 1, 2, 3, 4, 5, 6), 12),
    "evening": (range(4, 12), 12),
}
"""By its words: of which hours on a clock's face people say it, and what they are later."""
_WITHOUT_DATES = ("today", "yesterday", "stretch")
CENTURY = 2000
"""Of a year written with two digits; there were no lists before."""
LEAP_YEAR = 2000
"""A year that has every day."""
LONGEST_GUESSED = timedelta(days=180)
"""A stretch of days of which a year had to be guessed is hardly longer."""


def plain_text(text: str) -> str:
    """The argument as ``usually_spelled``, no longer than anybody means it."""
    return usually_spelled(text[: TEXT_LIMIT * 4])[:TEXT_LIMIT]


def usually_spelled(text: str) -> str:
    """Words with digits and signs as a keyboard has them, control characters gone.

    A name that an argument is looked for in must be spelled the same way.
    """
    usual = unicodedata.normalize("NFKC", text)
    usual = "".join(_usual(character) for character in usual)
    return " ".join(usual.split())


def size(text: str) -> int | None:
    """A playlist's length: ``30``, ``30 tracks``, ``+30``, ``３０``."""
    value = _number(plain_text(text).removeprefix("+"), "tracks", "beside")
    if value is None or value != int(value) or not MINIMUM_SIZE <= value <= MAXIMUM_SIZE:
        return None
    return int(value)


def share(text: str) -> float | None:
    """A share of one: ``0.8``, ``0,8``, ``80%``, ``80``; ``1.5`` may be either, so it is none."""
    words = plain_text(text)
    value = _number(words, "percent", "new", "tracks", "beside")
    if value is None:
        return None
    if value >= 2 or re.search(_beside("percent"), words, re.I):
        value /= 100
    return round(value, 4) if 0 <= value <= 1 else None


def adventure(text: str) -> int | None:
    """From familiar to adventurous: a whole number from 0 to 100, a percent sign is fine."""
    value = _number(plain_text(text), "percent", "beside")
    if value is None or value != int(value) or not 0 <= value <= 100:
        return None
    return int(value)


def time_of_day(text: str) -> time | None:
    """A time on a clock: ``6``, ``06:00``, ``6.30``, ``7 pm``, ``at 8 in the evening``.

    Whatever stands beside it must be understood too: of ``6:5``, ``half 7`` or ``6 in 3 days`` the
    digits alone would be another time than was meant.
    """
    read = _clock_time(text)
    return None if read is None else read.at


class _ClockTime(NamedTuple):
    at: time
    of_a_half: bool
    """Whether it was said which half of the day is meant."""

    @property
    def of_either_half(self) -> bool:
        """Whether it may be in the other half of the day as well."""
        return not self.of_a_half and 1 <= self.at.hour <= 12


def _clock_time(text: str) -> _ClockTime | None:
    read = _TIME.fullmatch(_without(_word(text), "at"))
    if read is None:
        return None
    hour, minute, rest = int(read[1]), int(read[2] or 0), read[3].strip()
    of_a_half = False
    for half in _HALVES:
        before = _without_end(rest, half)
        if before is not None:
            hour, rest = _on_24_hours(hour, half), before
            of_a_half = True
            break
    if rest and rest not in _words("bot.words.oclock"):
        return None
    if not (0 <= hour < 24 and minute < 60):
        return None
    return _ClockTime(at=time(hour, minute), of_a_half=of_a_half)


def _on_24_hours(hour: int, half: str) -> int:
    """The hour of the day; -1 for what nobody says of that half, as "12 in the evening"."""
    said_of, added = _HALVES[half]
    return hour % 12 + added if hour in said_of else -1


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
    """A part of every day: ``22:00-07:00``, ``from 22 to 7``, ``10 pm - 7 am``.

    Of ``8 - 10 pm`` the first end may be in either half of the day, so it is asked back.
    """
    parts = _until().split(_without_since(plain_text(text)))
    ends = [end for end in map(_clock_time, parts) if end is not None]
    if len(parts) != 2 or len(ends) != 2:
        return None
    halves = any(end.of_a_half for end in ends) and any(end.of_either_half for end in ends)
    start, end = (one.at for one in ends)
    return None if halves or start == end else (start, end)


def dates(text: str, *, today: date) -> tuple[date, date] | None:
    """A stretch of days, or one: ``2026-11-01..2026-11-14``, ``1.11 - 14.11``, ``1.11.2026``.

    A year that is missing comes from the other end. Where both are, the last day is the nearest
    such day. A long stretch of guessed years is asked back.
    """
    words = plain_text(text)
    alone = _written_day(words)
    if alone is not None:
        day = alone.nearest(today)
        return None if day is None else (day, day)
    ends = _written_ends(words)
    return None if ends is None else _stretch(*ends, today)


def means_dates(text: str) -> bool:
    """Whether two days that a calendar has were written, though ``dates`` may not take them.

    ``14.11 - 1.11`` could be read as times on a clock too; ``22.00 - 7.00`` names no days.
    """
    ends = _written_ends(plain_text(text))
    return ends is not None and all(end.in_year(LEAP_YEAR) is not None for end in ends)


def named_artist(text: str) -> str | None:
    """Whom somebody calls an artist in so many words: ``artist: 3-11 Porter``."""
    word, colon, name = plain_text(text).partition(":")
    return name.strip() if colon and _word(word) in _words("bot.words.artist") else None


def means_a_range(text: str) -> bool:
    """Whether somebody may have meant hours or dates, readable or not, rather than a name."""
    words = plain_text(text).casefold()
    has_digits = any(character.isdigit() for character in words)
    has_letters = any(character.isalpha() for character in words)
    if not has_letters:
        return any(sign in words for sign in ":.-/")
    if any(_word(words) in _words(f"bot.words.{key}") for key in _WITHOUT_DATES):
        return True
    return has_digits and (
        _CLOCK_OR_DATE.search(words) is not None
        or not _months().isdisjoint(re.findall(r"[^\W\d_]+", words))
        or time_of_day(words) is not None
        or any(_is_introduced(words, by) for by in ("since", "until"))
        or _has_an_end_of_hours(words)
    )


def _is_introduced(words: str, by: str) -> bool:
    """Whether a number follows such a word at the beginning."""
    number = _without(words, by)
    return number != words and number[:1].isdigit()


def _has_an_end_of_hours(words: str) -> bool:
    """Whether numbers stand on both sides of an "until", or a time on one side of such a word."""
    parts = _until().split(words)
    if len(parts) < 2:
        return False
    has_a_word = any(re.search(r"[^\W\d_]", one[0]) for one in _until().finditer(words))
    has_a_time = any(time_of_day(part) is not None for part in parts)
    return (has_a_word and has_a_time) or all(part[:1].isdigit() for part in parts)


class _WrittenDay(NamedTuple):
    """A day as it was written, perhaps without its year."""

    year: int | None
    month: int
    day: int

    def in_year(self, year: int) -> date | None:
        return _date(year if self.year is None else self.year, self.month, self.day)

    def nearest(self, to: date) -> date | None:
        """Without a year, the nearest such day is meant."""
        days = (self.in_year(to.year + more) for more in (-1, 0, 1))
        return min(filter(None, days), key=lambda one: abs(one - to), default=None)

    def before(self, last: date) -> date | None:
        days = (self.in_year(last.year - less) for less in (0, 1))
        return next((one for one in days if one is not None and one <= last), None)

    def after(self, first: date) -> date | None:
        days = (self.in_year(first.year + more) for more in (0, 1))
        return next((one for one in days if one is not None and one >= first), None)


def _written_ends(words: str) -> tuple[_WrittenDay, _WrittenDay] | None:
    """The days at both ends of a stretch; a space alone may stand between them."""
    words = _without_since(words)
    ends = [
        (first, last)
        for between in _between_days().finditer(words)
        if (first := _written_day(words[: between.start()])) is not None
        and (last := _written_day(words[between.end() :])) is not None
    ]
    return ends[0] if len(ends) == 1 else None


def _written_day(words: str) -> _WrittenDay | None:
    """Of two numbers with a dash between them, hours may be meant as well."""
    read = _DATE.fullmatch(words.strip(" ."))
    if read is None:
        return None
    if read[1]:
        return _WrittenDay(int(read[1]), int(read[3]), int(read[4]))
    if read[8] is None:
        return None if read[6] == "-" else _WrittenDay(None, int(read[7]), int(read[5]))
    year = int(read[8]) + (CENTURY if len(read[8]) == 2 else 0)
    return _WrittenDay(year, int(read[7]), int(read[5]))


def _stretch(first: _WrittenDay, last: _WrittenDay, today: date) -> tuple[date, date] | None:
    """The days from one to the other; both ends with their years may stand in either order."""
    if first.year is not None and last.year is None:
        begin = first.nearest(today)
        end = None if begin is None else last.after(begin)
    else:
        end = last.nearest(today)
        to_the_last = first.before if first.year is None else first.nearest
        begin = None if end is None else to_the_last(end)
    if begin is None or end is None:
        return None
    guessed = first.year is None or last.year is None
    if guessed and end - begin > LONGEST_GUESSED:
        return None
    return min(begin, end), max(begin, end)


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


@cache
def _between_days() -> re.Pattern[str]:
    return re.compile(rf"{_until().pattern}|\s+", re.I)


def _number(words: str, *beside: str) -> float | None:
    """The one number in a few plain words, each of which is known to stand beside such a number.

    Whatever else stands there may turn its meaning round.
    """
    known = _beside(*beside)
    form = rf"(?:{known}|[\s:~])*({_NUMBER})(?:{known}|[\s.,:!?~])*"
    found = re.fullmatch(form, words, re.I)
    if found is None or _THOUSANDS.fullmatch(found[1]):
        return None
    return float(found[1].replace(",", "."))


@cache
def _beside(*keys: str) -> str:
    """The pattern of these words in all languages, whole ones alone."""
    known = sorted({word for key in keys for word in _words(f"bot.words.{key}")}, key=len)
    return rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, reversed(known)))})(?!\w)"


def _usual(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in "‐−–—":
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


@cache
def _months() -> frozenset[str]:
    """The names of months and their short forms, as all languages have them in dates and alone."""
    names = (
        name
        for tongue in LANGUAGES
        for use in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for name in Locale.parse(tongue).months[use][width].values()
    )
    return frozenset(name.casefold().strip(".") for name in names)


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
