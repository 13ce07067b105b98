"""What a playlist is called: part of the day, mood and style of what is in it, by rule.

The same edition always gets the same title; it is kept with the edition. A name the person fixed
stands instead. The sentences are the catalogues', what a list sounds like is ``ranking.flavour``'s.
"""

from __future__ import annotations

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

_SOFT = ("warm", "calm", "tender", "wistful", "dreamy")
_GUITARS = ("bright", "dreamy", "wistful", "raw", "hazy")
_MACHINES = ("deep", "lively", "hazy", "dreamy", "dark")
_GROOVES = ("dusty", "warm", "bright", "deep", "calm")
_LOUD = ("raw", "lively", "dark")
_FITTING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "alternative": _GUITARS,
        "ambient": ("calm", "deep", "dreamy", "hazy"),
        "blues": ("dusty", "warm", "raw", "wistful"),
        "bossa_nova": ("warm", "calm", "bright", "tender"),
        "chanson": ("tender", "dusty", "wistful", "warm"),
        "classical": ("calm", "tender", "wistful", "bright"),
        "country": ("dusty", "warm", "wistful", "bright"),
        "disco": ("bright", "lively", "dusty"),
        "dream_pop": ("dreamy", "hazy", "tender", "wistful"),
        "drum_and_bass": ("lively", "deep", "dark"),
        "dub": ("deep", "hazy", "calm"),
        "electronic": _MACHINES,
        "folk": _SOFT,
        "funk": ("dusty", "bright", "lively", "warm"),
        "garage_rock": ("raw", "lively", "dusty", "bright"),
        "grunge": ("raw", "dark", "wistful"),
        "hip_hop": ("deep", "lively", "dusty", "warm"),
        "house": ("deep", "lively", "warm", "bright"),
        "indie_pop": ("bright", "tender", "dreamy", "wistful"),
        "indie_rock": _GUITARS,
        "jazz": ("warm", "calm", "dusty", "deep"),
        "latin": ("warm", "lively", "bright"),
        "lo_fi": ("hazy", "calm", "dusty", "tender"),
        "metal": _LOUD,
        "new_wave": ("dusty", "dark", "bright", "lively"),
        "piano": ("calm", "tender", "wistful"),
        "pop": ("bright", "lively", "tender", "dreamy"),
        "post_punk": ("dark", "raw", "wistful"),
        "post_rock": ("dreamy", "deep", "wistful", "hazy"),
        "progressive_rock": ("deep", "hazy", "dusty"),
        "psychedelic_rock": ("hazy", "dusty", "dreamy", "bright"),
        "punk": _LOUD,
        "reggae": ("warm", "bright", "calm", "deep"),
        "rembetiko": ("dusty", "warm", "wistful"),
        "rnb": _GROOVES,
        "rock": _GUITARS,
        "shoegaze": ("dreamy", "hazy", "wistful"),
        "singer_songwriter": _SOFT,
        "soul": _GROOVES,
        "synthpop": ("bright", "dreamy", "dusty", "lively"),
        "techno": ("deep", "dark", "lively", "hazy"),
        "trance": ("lively", "dreamy", "bright"),
        "trip_hop": ("hazy", "deep", "calm", "dark"),
        "world": ("warm", "bright", "lively"),
    }
)
"""The moods that may be said of a style without sounding odd."""
_UNFITTING = MappingProxyType(
    {"early": ("dark",), "morning": ("dark",), "late": ("bright",), "after_midnight": ("bright",)}
)
"""What nobody feels at that part of the day."""
_FROM_HOUR = (
    (0, "after_midnight"),
    (5, "early"),
    (9, "morning"),
    (12, "afternoon"),
    (17, "evening"),
    (22, "late"),
)
_SEASONS = ("winter", "spring", "summer", "autumn")
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
    style, turn = _style(summary.styles, edition.vibe_date)
    if style is None:
        return say(account.language, f"season.{_season(edition.vibe_date, account.timezone)}")
    mood = _mood(style, summary.moods, _part_of_day(account, edition), turn)
    return say(account.language, f"mood.{mood}", style=say(account.language, f"style.{style}"))


def mood_of_edition(account: Account, edition: Edition, summary: Summary) -> str | None:
    """The mood that the title of this edition speaks of; ``None`` where it speaks of none."""
    style, turn = _style(summary.styles, edition.vibe_date)
    if style is None:
        return None
    return _mood(style, summary.moods, _part_of_day(account, edition), turn)


def own_name(text: str) -> str | None:
    """A name a person wrote, as a playlist can bear it; ``None`` when nothing of it is left.

    Control and direction signs go, and what is beyond ``LONGEST_NAME`` characters.
    """
    usual = unicodedata.normalize("NFC", text[: LONGEST_NAME * 8])
    seen = "".join(
        character if character == _JOINER or not _is_strange(character) else " "
        for character in usual
    )
    name = " ".join(seen.split())[:LONGEST_NAME].strip(f"{_JOINER} ")
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


def _season(vibe_date: date, timezone: str) -> str:
    southern = timezone.startswith(_SOUTHERN)
    return _SEASONS[(vibe_date.month // 3 + (2 if southern else 0)) % 4]


def _mood(style: str, moods: Sequence[str], part_of_day: str, turn: int) -> str:
    """A mood the tags speak of, if it can be said of the style; every other time one that fits."""
    unfitting = _UNFITTING.get(part_of_day, ())
    fitting = [mood for mood in _FITTING[style] if mood not in unfitting]
    spoken_of = [mood for mood in moods if mood in fitting]
    choices = spoken_of if spoken_of and turn % 2 == 0 else fitting
    return choices[(turn // 2) % len(choices)]


def _style(styles: Sequence[str], vibe_date: date) -> tuple[str | None, int]:
    """One of a list's strongest styles, another each day, and how often it had its turn before."""
    known = [style for style in styles if style in _FITTING]
    if not known:
        return None, 0
    turn, index = divmod(vibe_date.toordinal(), len(known))
    return known[index], turn
