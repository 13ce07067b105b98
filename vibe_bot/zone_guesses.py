"""Where somebody may live, guessed from the country Spotify names and the language we speak.

Guesses to tap only; reading what people write is ``vibe_bot.arguments``'.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from babel import Locale
from babel.core import get_global

from vibe_pipeline.locales import clock, say
from vibe_pipeline.records import known_zone, zone_or_utc

MOST_GUESSES = 4
_OFFSET = re.compile(r"Etc/GMT([+-]\d+)")
_OF_WIDE_COUNTRIES: Mapping[str, Sequence[str]] = {
    "AR": ("America/Argentina/Buenos_Aires",),
    "AU": ("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Perth"),
    "BR": ("America/Sao_Paulo", "America/Manaus", "America/Fortaleza", "America/Rio_Branco"),
    "CA": ("America/Toronto", "America/Winnipeg", "America/Edmonton", "America/Vancouver"),
    "KZ": ("Asia/Almaty",),
    "MX": ("America/Mexico_City", "America/Cancun", "America/Hermosillo", "America/Tijuana"),
    "RU": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk", "Asia/Vladivostok"),
    "UA": ("Europe/Kyiv",),
    "US": ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
}
"""Where a country has many zones, those in which most of its people live."""


def offered_zones(language: str) -> list[str]:
    """Where most people who speak this language are; a catalogue lists them with commas."""
    return [zone.strip() for zone in say(language, "bot.words.zones").split(",")]


def guessed_zones(language: str, country: str | None) -> list[str]:
    """The likeliest first; a country that Spotify names counts more than a language."""
    spoken = offered_zones(language)
    here = _zones_of(country.upper()) if country else ()
    ordered = sorted(here, key=lambda zone: (zone not in spoken, here.index(zone)))
    known = (zone for zone in dict.fromkeys((*ordered, *spoken)) if known_zone(zone))
    return list(known)[:MOST_GUESSES]


def city(language: str, zone: str) -> str:
    """The zone by its city, as the language calls it."""
    if _OFFSET.fullmatch(zone):
        return zone_name(zone)
    named = Locale.parse(language).time_zones
    known = next((one for one in (zone, *_former_names(zone)) if one in named), zone)
    return str(named.get(known, {}).get("city") or zone.rpartition("/")[2].replace("_", " "))


@cache
def _former_names(zone: str) -> Sequence[str]:
    """What the zone was called before, and still is where cities are named: ``Europe/Kiev``."""
    aliases: Mapping[str, str] = get_global("zone_aliases")
    return sorted(former for former, name in aliases.items() if name == zone)


def zone_name(zone: str) -> str:
    """A zone as people say it: ``UTC+7``, which the zone database calls ``Etc/GMT-7``."""
    offset = _OFFSET.fullmatch(zone)
    return f"UTC{-int(offset.group(1)):+d}" if offset else zone


def zone_label(language: str, zone: str, now: datetime) -> str:
    """Short enough for a button of two in a row: the city, and what its clocks say."""
    return f"{city(language, zone)} · {clock(language, now, zone_or_utc(zone))}"


def _zones_of(country: str) -> Sequence[str]:
    return _OF_WIDE_COUNTRIES.get(country) or _by_country().get(country, ())


@cache
def _by_country() -> Mapping[str, Sequence[str]]:
    """Zones by country, a country's European ones first: its islands and exclaves come after."""
    by_country: defaultdict[str, list[str]] = defaultdict(list)
    territories: Mapping[str, str] = get_global("zone_territories")
    for zone, country in territories.items():
        by_country[country].append(zone)
    return {
        country: sorted(zones, key=lambda zone: (not zone.startswith("Europe/"), zone))
        for country, zones in by_country.items()
    }
