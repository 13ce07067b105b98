"""What a playlist is called: part of the day, mood and style of what is in it, by rule.

The same edition always gets the same title; it is kept with the edition. A name the person fixed
stands instead. The sentences are the catalogues', what a list sounds like is ``ranking.flavour``'s.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from babel.dates import get_day_names

from vibe_pipeline.accounts.records import Account, Edition, Summary
from vibe_pipeline.locales import day, say, spoken
from vibe_pipeline.records import Mode

LONGEST_NAME = 80
"""Characters of a name a person gives; Spotify takes 100, and a day may follow."""

_SOFT = ("warm", "calm", "tender", "wistful", "dreamy", "dusty")
_GUITARS = ("bright", "dreamy", "wistful", "raw", "hazy", "lively")
_MACHINES = ("deep", "lively", "hazy", "dreamy", "dark", "bright")
_GROOVES = ("dusty", "warm", "bright", "deep", "calm", "lively")
_LOUD = ("raw", "lively", "dark", "deep")
_FITTING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "alternative": _GUITARS,
        "ambient": ("calm", "deep", "dreamy", "hazy", "dark", "wistful"),
        "blues": ("dusty", "warm", "raw", "wistful", "deep", "lively"),
        "bossa_nova": ("warm", "calm", "bright", "tender", "dreamy", "lively"),
        "chanson": ("tender", "dusty", "wistful", "warm", "calm", "bright"),
        "classical": ("calm", "tender", "wistful", "bright", "deep", "dreamy"),
        "country": ("dusty", "warm", "wistful", "bright", "calm", "lively"),
        "disco": ("bright", "lively", "dusty", "warm", "hazy"),
        "dream_pop": ("dreamy", "hazy", "tender", "wistful", "bright", "calm"),
        "drum_and_bass": ("lively", "deep", "dark", "hazy", "raw"),
        "dub": ("deep", "hazy", "calm", "warm", "dark"),
        "electronic": _MACHINES,
        "folk": _SOFT,
        "funk": ("dusty", "bright", "lively", "warm", "raw"),
        "garage_rock": ("raw", "lively", "dusty", "bright"),
        "grunge": ("raw", "dark", "wistful", "lively", "hazy"),
        "hip_hop": ("deep", "lively", "dusty", "warm", "bright", "raw", "calm", "hazy"),
        "house": ("deep", "lively", "warm", "bright", "hazy"),
        "indie_pop": ("bright", "tender", "dreamy", "wistful", "lively", "warm"),
        "indie_rock": _GUITARS,
        "jazz": ("warm", "calm", "dusty", "deep", "lively", "tender"),
        "latin": ("warm", "lively", "bright", "tender", "dusty"),
        "lo_fi": ("hazy", "calm", "dusty", "tender", "warm", "dreamy"),
        "metal": _LOUD,
        "new_wave": ("dusty", "dark", "bright", "lively", "wistful"),
        "piano": ("calm", "tender", "wistful", "bright", "deep"),
        "pop": ("bright", "lively", "tender", "dreamy", "warm", "wistful"),
        "post_punk": ("dark", "raw", "wistful", "lively", "hazy"),
        "post_rock": ("dreamy", "deep", "wistful", "hazy", "calm", "dark"),
        "progressive_rock": ("deep", "hazy", "dusty", "lively", "dreamy"),
        "psychedelic_rock": ("hazy", "dusty", "dreamy", "bright", "warm"),
        "punk": _LOUD,
        "reggae": ("warm", "bright", "calm", "deep", "lively"),
        "rembetiko": ("dusty", "warm", "wistful", "lively"),
        "rnb": _GROOVES,
        "rock": _GUITARS,
        "shoegaze": ("dreamy", "hazy", "wistful", "deep", "raw", "bright"),
        "singer_songwriter": _SOFT,
        "soul": _GROOVES,
        "synthpop": ("bright", "dreamy", "dusty", "lively", "wistful", "dark"),
        "techno": ("deep", "dark", "lively", "hazy", "raw"),
        "trance": ("lively", "dreamy", "bright", "deep"),
        "trip_hop": ("hazy", "deep", "calm", "dark", "warm", "dreamy"),
        "world": ("warm", "bright", "lively", "calm", "dusty"),
    }
)
"""The moods that may be said of a style without sounding odd."""
_UNFITTING = MappingProxyType(
    {"early": ("dark",), "morning": ("dark",), "late": ("bright",), "after_midnight": ("bright",)}
)
"""What nobody feels at that part of the day."""
_OF_THE_HOUR = MappingProxyType(
    {
        "early": ("calm", "tender", "hazy"),
        "morning": ("bright", "lively", "tender"),
        "afternoon": ("bright", "warm", "lively"),
        "evening": ("warm", "dusty", "raw"),
        "late": ("deep", "dark", "dreamy"),
        "after_midnight": ("deep", "dark", "hazy"),
    }
)
_OF_THE_SEASON = MappingProxyType(
    {
        "winter": ("deep", "calm", "dark"),
        "spring": ("bright", "tender", "dreamy"),
        "summer": ("bright", "lively", "hazy"),
        "autumn": ("wistful", "dusty", "warm"),
    }
)
"""What people feel then, where no tag speaks of a mood."""
_FROM_HOUR = (
    (0, "after_midnight"),
    (5, "early"),
    (9, "morning"),
    (12, "afternoon"),
    (17, "evening"),
    (22, "late"),
)
_SEASONS = ("winter", "spring", "summer", "autumn")
_SEASON_WORDS = ("", "_songs", "_light")
"""A season has words for three days in a row."""
_TURNS = {1: (0, 0, 0, 0, 0), 2: (0, 1, 0, 0, 1), 3: (0, 1, 0, 2, 0)}
"""By how many styles a list has: whose turn it is on each of five days, mostly the first's."""
_SOUTHERN = (
    "Australia/",
    "Antarctica/",
    "America/Argentina/",
    "America/Asuncion",
    "America/Montevideo",
    "America/Punta_Arenas",
    "America/Santiago",
    "America/Sao_Paulo",
    "Africa/Gaborone",
    "Africa/Harare",
    "Africa/Johannesburg",
    "Africa/Maputo",
    "Africa/Maseru",
    "Africa/Mbabane",
    "Africa/Windhoek",
    "Pacific/Auckland",
)
_STRANGE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINER = "\u200d"
_HEAPED_MARKS = re.compile("([\u0300-\u036f]{2})[\u0300-\u036f]+")
"""No language writes more than two of these on a letter."""


def title_of(account: Account, edition: Edition, summary: Summary) -> str:
    """The playlist's name for this edition, in the person's language."""
    if account.own_title is not None:
        return _dated(account.own_title, account, edition)
    return _dated(flavoured_title(account, edition, summary), account, edition)


def plain_title(account: Account, edition: Edition) -> str:
    """The name that says nothing of the music, for whoever wants one and the same, or needs it."""
    written_date = day(account.language, edition.vibe_date)
    key = "playlist.title" if edition.mode is Mode.LIVING else "playlist.title_daily"
    return say(account.language, key, date=written_date)


def flavoured_title(account: Account, edition: Edition, summary: Summary) -> str:
    """Part of the day, and what the list sounds like; the season where nobody knows that."""
    flavour = flavour_words(account, edition, summary)
    when = _when(account, edition)
    return say(account.language, "playlist.title_flavoured", when=when, flavour=flavour)


def flavour_words(account: Account, edition: Edition, summary: Summary) -> str:
    """What the list sounds like, or the season where nobody knows that: a cover's few words."""
    style = _style(summary.styles, edition.vibe_date)
    if style is None:
        words = _SEASON_WORDS[edition.vibe_date.toordinal() % len(_SEASON_WORDS)]
        return say(account.language, f"season.{season_of(account, edition)}{words}")
    mood = _mood(style, summary.moods, account, edition)
    return say(account.language, f"mood.{mood}", style=say(account.language, f"style.{style}"))


def mood_of_edition(account: Account, edition: Edition, summary: Summary) -> str | None:
    """The mood that the title of this edition speaks of; ``None`` where it speaks of none."""
    style = _style(summary.styles, edition.vibe_date)
    return None if style is None else _mood(style, summary.moods, account, edition)


def season_of(account: Account, edition: Edition) -> str:
    """The season that the person has on that day."""
    southern = account.timezone.startswith(_SOUTHERN)
    return _SEASONS[(edition.vibe_date.month // 3 + (2 if southern else 0)) % 4]


def own_name(text: str) -> str | None:
    """A name a person wrote, as a playlist can bear it; ``None`` when nothing of it is left.

    Control and direction signs go, marks heaped on one letter, and what is beyond ``LONGEST_NAME``
    characters.
    """
    usual = unicodedata.normalize("NFC", text[: LONGEST_NAME * 8])
    seen = "".join(
        character if character == _JOINER or not _is_strange(character) else " "
        for character in usual
    )
    name = " ".join(_HEAPED_MARKS.sub(r"\1", seen).split())[:LONGEST_NAME].strip(f"{_JOINER} ")
    return name or None


def _is_strange(character: str) -> bool:
    return unicodedata.category(character) in _STRANGE


def _dated(title: str, account: Account, edition: Edition) -> str:
    """A day's own playlist bears its day; the living one is what it is today."""
    if edition.mode is Mode.LIVING:
        return title
    written_date = day(account.language, edition.vibe_date)
    return say(account.language, "playlist.title_dated", title=title, date=written_date)


def _when(account: Account, edition: Edition) -> str:
    names: Mapping[int, str] = get_day_names(
        "wide", context="stand-alone", locale=spoken(account.language)
    )
    weekday = names[edition.vibe_date.weekday()]
    weekday = weekday[:1].upper() + weekday[1:]
    return say(account.language, f"part_of_day.{_part_of_day(account, edition)}", weekday=weekday)


def _part_of_day(account: Account, edition: Edition) -> str:
    begun: datetime = edition.created_at.astimezone(account.zone)
    return [part for hour, part in _FROM_HOUR if hour <= begun.hour][-1]


def _mood(style: str, moods: Sequence[str], account: Account, edition: Edition) -> str:
    """One of the style's moods whose turn it is that day: two days in a row never have the same.

    Of several it is one that the tags speak of, or else one for the hour and the season; the next
    time one for those, then any, so that a list that stays as it is has more than two names. A
    single one for the hour would come too often.
    """
    part, number = _part_of_day(account, edition), edition.vibe_date.toordinal()
    fitting = [mood for mood in _FITTING[style] if mood not in _UNFITTING.get(part, ())]
    today = fitting[number % 2 :: 2]
    turn = number // 2
    felt = {*_OF_THE_HOUR[part], *_OF_THE_SEASON[season_of(account, edition)]}
    for_now = [mood for mood in today if mood in felt]
    for_now = for_now if len(for_now) > 1 else today
    spoken_of = [mood for mood in today if mood in moods] or for_now
    choices = (spoken_of, for_now, today)[turn % 3]
    return choices[turn % len(choices)]


def _style(styles: Sequence[str], vibe_date: date) -> str | None:
    """One of a list's styles, another each day as far as there are others."""
    known = [style for style in styles if style in _FITTING][: len(_TURNS)]
    if not known:
        return None
    return known[_TURNS[len(known)][vibe_date.toordinal() % 5]]
