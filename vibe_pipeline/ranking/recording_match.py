"""Whether two namings mean one recording, asked about just two: more forgiving than a key can be.

Used where a wrong "no" is costly and a candidate is at hand: checking what a search brought, what
was remembered, what carries the same ISRC, and who shares a joint credit in another order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import fuzz

from vibe_pipeline.ranking.artist_credits import Credit, credit_of, is_placeholder, other_spelling
from vibe_pipeline.ranking.identity import Title, Version, artist_key, parse_title, version_of
from vibe_pipeline.ranking.text_normalization import normalized

_GUESTS = re.compile(r"[\s(\[{]+(?:feat|ft|featuring)\b\.?:?\s*", re.IGNORECASE)
_NOT_LATIN = re.compile("[\u0370-\u04ff]")
_FIGURES = re.compile(r"\d+")
_RESEMBLING = 80
"""On ``rapidfuzz``'s scale of 0 to 100; two songs of an album rarely come above 60."""
_GREEK_SOUNDS = (("ch", "h"), ("ai", "e"), ("ei", "i"), ("oi", "i"), ("ou", "u"), ("oo", "u"))
_OWN_WORDS = frozenset({"of", "the", "a", "my", "in", "no"})
"""A name that begins with one of these is the beginning of a band's name: ``Of Mice & Men``."""


def same_recording(artist: str, title: str, artists: Sequence[str], other_title: str) -> bool:
    """Whether ``artist – title`` is this track: same song, same version, the same artists.

    ``artists`` may be one credit line or, as Spotify has it, each of them by themselves.
    """
    if is_placeholder(artist) or any(map(is_placeholder, artists)):
        return False
    if version_of(artist, title) != version_of(artists[0] if artists else "", other_title):
        return False
    mine, theirs = parse_title(title), parse_title(other_title)
    loose = is_transliterated(title, other_title)
    if not any(_alike(one, other, loose=loose) for one in _names(mine) for other in _names(theirs)):
        return False
    if not _details_agree(mine, theirs):
        return False
    loose = is_transliterated(artist, "".join(artists))
    return _any_of(artist, artists, loose=loose) or same_artists(
        _together((artist,), title), _together(artists, other_title), loose=loose
    )


def same_artists(one: Credit, other: Credit, *, loose: bool = False) -> bool:
    """Whether two credits mean the same people: in any order, or one of a joint credit alone.

    Of a name that holds an "and" no part stands for the whole: ``Hall`` is not ``Hall & Oates``.
    ``loose`` levels the ways of writing Cyrillic and Greek in Latin letters.
    """
    mine, theirs = _keys(one, loose=loose), _keys(other, loose=loose)
    if mine[0] == theirs[0] or mine[0] | mine[1] == theirs[0] | theirs[1]:
        return True
    fewer, more, of_more = (
        (mine[0], theirs[0], other) if len(mine[0]) < len(theirs[0]) else (theirs[0], mine[0], one)
    )
    if fewer < more:
        return len(fewer) > 1 or of_more.listed or _are_several(of_more, fewer)
    return len(mine[0]) > 1 and _share_surnames(one.leaders, other.leaders)


def same_credit(one: str, other: str) -> bool:
    """Whether two credit lines mean the same people, by either spelling of a name that has two."""
    return _any_of(one, (other,), loose=False) or same_artists(credit_of(one), credit_of(other))


def agrees(artist: str, title: str, other_artist: str, other_title: str) -> bool:
    """Whether two namings may well mean one recording, where a code already says that they do.

    Labels enter wrong ISRCs, so the names must not contradict: artist or title agrees, and the
    other is alike, or cannot be compared because the scripts differ. Versions must be the same.
    """
    if version_of(artist, title) != version_of(other_artist, other_title):
        return False
    mine, theirs = parse_title(title), parse_title(other_title)
    titles = mine.core == theirs.core or _resemble(title, other_title)
    artists = _any_of(artist, (other_artist,), loose=True) or same_artists(
        credit_of(artist), credit_of(other_artist), loose=True
    )
    if titles:
        return artists or _resemble(artist, other_artist) or _scripts_differ(artist, other_artist)
    return artists and _scripts_differ(title, other_title)


@lru_cache(maxsize=50_000)
def credited(credit: str, title: str = "") -> frozenset[str]:
    """The keys of everybody a credit line names, and of guests that the title names."""
    _, *guests = _GUESTS.split(title)
    written = [credit, *(guest.rstrip(")]} ") for guest in guests)]
    return frozenset(name for part in written for name in _everybody(part))


def _everybody(credit: str) -> set[str]:
    names = credit_of(credit)
    return {artist_key(credit), *map(artist_key, (*names.leaders, *names.guests))}


def _together(artists: Sequence[str], title: str) -> Credit:
    credits_ = [credit_of(artist) for artist in artists]
    _, *guests = _GUESTS.split(title)
    return Credit(
        leaders=tuple(name for credit in credits_ for name in credit.leaders),
        guests=(
            *(name for credit in credits_ for name in credit.guests),
            *(name for guest in guests for name in credit_of(guest.rstrip(")]} ")).leaders),
        ),
        listed=len(artists) > 1 or any(credit.listed for credit in credits_),
    )


def _any_of(artist: str, artists: Iterable[str], *, loose: bool) -> bool:
    """Whether one of these is the artist, by either of two spellings."""
    mine = _spellings(artist)
    return any(
        _alike(one, other, loose=loose)
        for name in artists
        for other in _spellings(name)
        for one in mine
    )


def _spellings(artist: str) -> set[str]:
    other = other_spelling(artist)
    return {artist_key(artist), artist_key(other)} if other else {artist_key(artist)}


def _keys(credit: Credit, *, loose: bool) -> tuple[set[str], set[str]]:
    def keys(names: Iterable[str]) -> set[str]:
        return {_sounding(artist_key(name)) if loose else artist_key(name) for name in names}

    return keys(credit.leaders), keys(credit.guests)


def _are_several(credit: Credit, one: set[str]) -> bool:
    """Whether ``A & B`` are artists of their own: a full name, none ``The Mechanics``."""
    for name in credit.leaders:
        words = normalized(name).split()
        is_the_one = artist_key(name) in one
        if words[:1] == ["the"] and words[-1].endswith("s"):
            return False
        if len(words) > 1 and not (is_the_one and words[0] in _OWN_WORDS):
            return True
    return False


def _share_surnames(one: Sequence[str], other: Sequence[str]) -> bool:
    """``Hall & Oates`` are ``Daryl Hall & John Oates``."""
    if len(one) != len(other):
        return False
    pairs = [
        sorted((normalized(a).split(), normalized(b).split()), key=len)
        for a, b in zip(one, other, strict=True)
    ]
    return all(short and long[-len(short) :] == short for short, long in pairs)


def _names(title: Title) -> tuple[str, ...]:
    return (title.core, title.other) if title.other else (title.core,)


def _details_agree(mine: Title, theirs: Title) -> bool:
    """What tells versions of a kind apart: one may say less than the other, but no other figure."""
    if mine.detail not in theirs.detail and theirs.detail not in mine.detail:
        return False
    if mine.version & Version.LIVE or not mine.detail or not theirs.detail:
        return True
    return _FIGURES.findall(mine.detail) == _FIGURES.findall(theirs.detail)


def is_transliterated(one: str, other: str) -> bool:
    """Whether just one of two names is in Cyrillic or Greek letters."""
    return (_NOT_LATIN.search(one) is None) != (_NOT_LATIN.search(other) is None)


def _scripts_differ(one: str, other: str) -> bool:
    """Whether two names cannot be compared letter by letter."""
    mine, theirs = normalized(one), normalized(other)
    return mine.isascii() != theirs.isascii() or is_transliterated(one, other)


def _resemble(one: str, other: str) -> bool:
    """Alike but for a typo, an ordinal, or a part left out; figures must not differ."""
    mine, theirs = normalized(one), normalized(other)
    figures, others = _FIGURES.findall(mine), _FIGURES.findall(theirs)
    if figures and others and figures != others:
        return False
    return fuzz.token_set_ratio(mine, theirs) >= _RESEMBLING


def _alike(one: str, other: str, *, loose: bool) -> bool:
    if one == other or not loose:
        return one == other
    return _sounding(one) == _sounding(other) or _spoken_greek(one) == _spoken_greek(other)


@lru_cache(maxsize=16_384)
def sound_of(artist: str) -> str:
    """What an artist's name sounds like, however Cyrillic or Greek is spelt."""
    return _spoken_greek(artist_key(artist))


def _spoken_greek(name: str) -> str:
    """Two vowels written for one sound, in Greek and in English spellings of names."""
    for written, sound in _GREEK_SOUNDS:
        name = name.replace(written, sound)
    return _sounding(name)


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
