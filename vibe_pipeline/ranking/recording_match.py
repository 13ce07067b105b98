"""Whether two namings mean one recording, asked about just two: more forgiving than a key can be.

Used where a wrong "no" is costly and a candidate is at hand: checking what a search brought.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vibe_pipeline.ranking.identity import artist_key, parse_title, version_of
from vibe_pipeline.ranking.text_normalization import normalized

_CREDITS = re.compile(r"\s*(?:,|&|;|/|\bx\b|×|\band\b|\bvs\b\.?|\bwith\b)\s*", re.IGNORECASE)
_GUESTS = re.compile(r"[\s(\[{]+(?:feat|ft|featuring)\b\.?:?\s*", re.IGNORECASE)
_NOT_LATIN = re.compile("[\u0370-\u04ff]")


def same_recording(artist: str, title: str, artists: Sequence[str], other_title: str) -> bool:
    """Whether ``artist – title`` is this track: same song, same version, one artist in common."""
    mine, theirs = parse_title(title), parse_title(other_title)
    if version_of(artist, title) != version_of(artists[0] if artists else "", other_title):
        return False
    transliterated = _NOT_LATIN.search(title + artist) or _NOT_LATIN.search(
        other_title + "".join(artists)
    )
    if not _alike(mine.core, theirs.core, loose=bool(transliterated)):
        return False
    if mine.detail not in theirs.detail and theirs.detail not in mine.detail:
        return False
    return any(
        _alike(one, other, loose=bool(transliterated))
        for one in _names(artist)
        for name in artists
        for other in _names(name)
    )


@lru_cache(maxsize=50_000)
def credited(credit: str, title: str = "") -> frozenset[str]:
    """The keys of everybody a credit line names, and of guests that the title names."""
    _, *guests = _GUESTS.split(title)
    written = [*_GUESTS.split(credit), *(guest.rstrip(")]} ") for guest in guests)]
    return frozenset(name for part in written for name in _names(part))


def _names(credit: str) -> set[str]:
    parts = [artist_key(part) for part in _CREDITS.split(credit) if normalized(part)]
    return {artist_key(credit), *parts}


def _alike(one: str, other: str, *, loose: bool) -> bool:
    return one == other or (loose and _sounding(one) == _sounding(other))


def _sounding(name: str) -> str:
    """What is left when the ways of writing Cyrillic and Greek in Latin letters are levelled."""
    for written, plain in (
        ("shch", "sh"),
        ("ts", "c"),
        ("zh", "z"),
        ("x", "ks"),
        ("j", "i"),
        ("y", "i"),
        ("g", "h"),
        ("w", "v"),
        ("ph", "f"),
    ):
        name = name.replace(written, plain)
    return re.sub(r"(.)\1+", r"\1", name)
