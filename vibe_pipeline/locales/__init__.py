"""Every sentence we say, in four languages, and ``say`` which finds and fills it (i18n, plurals).

One catalogue per language, nested tables; a table of ``one few many other`` holds plural forms,
chosen by ``count``. Numbers, dates and times among the blanks are written as the language does.
Texts under ``[bot]`` are Telegram's HTML and their blanks are escaped by the bot; all others are
plain. Not here: which sentence is said when, nor anything for operators, who read English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

LANGUAGES = ("en", "ru", "uk", "nl")
FALLBACK = "en"
PLURAL_CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})

Text = str | dict[str, str]


def say(language: str, key: str, /, **blanks: object) -> str:
    """The sentence ``key`` in this language (English if we do not speak it), its blanks filled.

    ``count`` chooses among plural forms. An unknown key or a missing blank is a ``KeyError``.
    """
    language = spoken(language)
    text = catalogue(language)[key]
    if isinstance(text, dict):
        text = text[_plural_category(language, blanks["count"])]
    filled = {name: written(language, blank) for name, blank in blanks.items()}
    return text.format_map(filled)


def spoken(hint: object) -> str:
    """The language of ours that a tag such as ``uk-UA`` asks for; English for anything else."""
    language = (
        (hint if isinstance(hint, str) else "").strip().replace("_", "-").split("-")[0].lower()
    )
    return language if language in LANGUAGES else FALLBACK


def knows(key: str) -> bool:
    """Whether the catalogues hold this sentence."""
    return key in catalogue(FALLBACK)


@cache
def catalogue(language: str) -> Mapping[str, Text]:
    """All sentences of one language by dotted key; plural forms are a table."""
    path = Path(__file__).with_name(f"{language}.toml")
    return _flat(tomllib.loads(path.read_text(encoding="utf-8")))


def written(language: str, blank: object) -> object:
    """A blank as this language writes it; text stays as it is."""
    match blank:
        case bool():
            raise TypeError("yes and no are sentences, not blanks")
        case int() | float():
            return number(language, blank)
        case datetime():
            return moment(language, blank)
        case date():
            return day(language, blank)
        case time():
            return clock(language, blank)
        case _:
            return blank


def number(language: str, value: float) -> str:
    """A number: ``12,5`` or ``12.5``."""
    return format_decimal(value, locale=spoken(language))


def percent(language: str, share: float) -> str:
    """A share of one in hundredths: ``80%``, ``80 %``."""
    return format_percent(share, locale=spoken(language))


def day(
    language: str, value: date, style: Literal["short", "medium", "long", "full"] = "long"
) -> str:
    """A date: ``20 November 2026``."""
    return format_date(value, style, locale=_locale(language))


def clock(language: str, value: time | datetime, zone: tzinfo | None = None) -> str:
    """A time of day, 24 hours; a moment is moved to ``zone`` first."""
    if isinstance(value, datetime) and zone is not None:
        value = value.astimezone(zone).timetz()
    return format_time(value, "HH:mm", locale=_locale(language))


def moment(language: str, value: datetime, zone: tzinfo | None = None) -> str:
    """A day and time on the clock of ``zone``: ``20 Nov, 06:00``."""
    local = value.astimezone(zone) if zone is not None else value
    return format_datetime(local, "d MMM, HH:mm", tzinfo=local.tzinfo, locale=_locale(language))


def listed(language: str, items: list[str]) -> str:
    """Several things as one phrase: ``a, b and c``."""
    return format_list(items, locale=_locale(language))


def _plural_category(language: str, count: object) -> str:
    if not isinstance(count, int | float):
        raise TypeError("count must be a number")
    return Locale.parse(language).plural_form(count)


def _locale(language: str) -> str:
    """Days before months for English readers too: most of ours are in Europe."""
    return "en_GB" if spoken(language) == "en" else spoken(language)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Text]:
    flat: dict[str, Text] = {}
    for name, value in table.items():
        if isinstance(value, dict) and not _is_plural(value):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _is_plural(table: Mapping[str, Any]) -> bool:
    return "other" in table and PLURAL_CATEGORIES.issuperset(table)
