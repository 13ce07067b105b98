"""What makes two namings one recording: keys from artist and title, and versions told apart.

A key holds no id of any service. Feature credits, remasters and editions do not change it; a live,
remixed or otherwise other version does, and carries its version in the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from vibe_pipeline.ranking.artist_credits import (
    GUEST_TAIL,
    LATIN,
    in_another_script,
    is_guest_credit,
    lead,
)
from vibe_pipeline.ranking.text_normalization import (
    letters_only,
    normalized,
    punctuation_unified,
    umlauts_spelt_out,
)
from vibe_pipeline.ranking.versions import (
    Version,
    aside_is_edition,
    aside_names_source,
    aside_version,
    maker_version,
    telling_words,
    without_trailing_version,
)

__all__ = [
    "Title",
    "Version",
    "artist_key",
    "other_keys",
    "parse_title",
    "recording_key",
    "song_key",
    "version_of",
]

_REMEMBERED = 65_536
_SEPARATOR = "|"
_BRACKETED = re.compile(r"[(\[{（【]([^()\[\]{}（）【】]*)[)\]}）】]")
_OPENING = re.compile(r"[(\[{（【]")
_DASHED = re.compile(r"\s+[-–—―~]+\s+|\s+/\s+|\s*;\s+")
_DATED = re.compile(r"\b(?:19|20)\d\d\b")
_SWUNG = re.compile(r"\s[-~〜～‐]\s?(?=[^\s-])([^-~〜～‐]+(?:-[^-~〜～‐]+)*?)\s?[-~〜～‐]\s*$")
"""An aside as Japanese titles write it: ``Song -Album mix-``."""
_SWINGING = frozenset("-~〜～‐")
_MOVEMENT = re.compile(r"(?:(?<=^)|(?<=:\s)|(?<=-\s))([IVX]{1,4})\.\s(?=\S)")
"""``II. Floe`` as catalogues write it of suites; elsewhere ``2. Floe``."""
_TRACK_NUMBER = re.compile(r"^0\d\s?[.–-]\s+(?=\S)")
_NUMBER = r"\d+|i{1,3}|iv|v|vi{1,3}|ix|x|one|two|three|four|five|six|seven|eight|nine|ten"
_PART = re.compile(
    r"\b(?:parts?|pts?|parte|partie|teil|deel|czesc|cz|chast|chastyna|chastina|ch)\b ?"
    rf"({_NUMBER})\b(?: ({_NUMBER})\b)?"
)
_JOINED_BY = re.compile(r"^(\w+ .*?\w) and \w+ \w.*$")
"""A full name and others: ``Bob Marley & The Wailers``, not ``Earth Wind & Fire``."""
_VOLUME = re.compile(r"\b(?:volume|vol)\b(?= (?:\d|[ivx]+\b))")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMERALS = {name: str(n) for names in (_ROMAN, _WORDS) for n, name in enumerate(names, start=1)}
_SPELT_OUT = {name: _NUMERALS[name] for name in _WORDS}
_LAST_ROMAN = frozenset(_ROMAN) - {"i", "v", "x"}
_NUMBER_SIGNS = frozenset({"no", "nos", "nr", "nrs", "number", "numbers", "numero"})
_NUMBER_SIGN = re.compile(r"\b(?:nos?|nrs?|numbers?|numero) (?=\d)")
_LATER_NUMBER_SIGN = re.compile(r"(?<=\w )(?:nos?|nrs?|numbers?|numero) (?=\d)")
"""``Mambo Number Five`` is ``Mambo No. 5``; ``Number One`` is not ``One``."""
_LONG = 4
"""A title of more words loses its first "the": ``The House of the Rising Sun``, not ``The End``."""
_NUMBERED_WORDS = frozenset(
    {"part", "pt", "parts", "pts", "parte", "teil", "deel", "volume", "vol"}
    | {"chast", "chastyna", "chastina", "partie", "czesc", "cz", "ch"}
)
_COUNTING = _NUMBERED_WORDS | _NUMBER_SIGNS | frozenset(_WORDS) | _LAST_ROMAN
_NAMELESS = frozenset(
    {"main title", "main titles", "main theme", "theme", "theme song", "love theme", "opening"}
    | {"opening titles", "end title", "end titles", "end credits", "ending", "prologue", "epilogue"}
    | {"overture", "finale", "suite", "credits", "intro", "outro", "title", "opening theme"}
)
_TELLING = frozenset(
    {"sped", "speed", "slowed", "slow", "nightcore", "karaoke", "version", "edit", "remix", "live"}
    | {"unplugged", "vivo", "feat", "ft", "featuring", "8d", "skit"}
)
_NO_NAMES = frozenset(
    {
        "intro",
        "outro",
        "prelude",
        "skit",
        "bonus",
        "club",
        "rock",
        "jazz",
        "band",
        "orchestra",
        "dj",
    }
    | {"house", "trap", "dance", "strings", "solo", "duet", "female", "male", "movie", "film", "mr"}
    | {"drama", "anime", "tv", "radio", "english", "japanese", "korean", "chinese", "thai", "hindi"}
    | {
        "part",
        "pt",
        "edition",
        "original",
        "new",
        "studio",
        "home",
        "title",
        "theme",
        "size",
        "lofi",
    }
    | {
        "reprise",
        "cut",
        "single",
        "album",
        "clean",
        "explicit",
        "pop",
        "ballad",
        "winter",
        "summer",
    }
    | {"mv", "ost", "teaser", "preview", "mix", "lounge", "chill", "deep", "party", "kids", "choir"}
)
"""Words by which a bracket tells versions apart rather than says the name again."""
_AMBIGUOUS_VERSION = re.compile(
    r"版|バージョン|ヴァージョン|버전|\bver\b|เวอร์ชั|वर्शन|वर्ज़न|גרס|נוסח|نسخ|ヴォーカル", re.I
)
_ALPHABET = re.compile("[\u0370-\u05ff]")
"""Greek, Cyrillic, Armenian, Hebrew: there one Latin word in brackets is as often a style."""
_SIMPLE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A song's name, which version of it a title means, and what tells that from others."""

    core: str
    version: Version
    detail: str = ""
    other: str = ""
    """The name in another script, where the title gives both: ``봄날 (Spring Day)``."""


@lru_cache(maxsize=_REMEMBERED)
def artist_key(name: str) -> str:
    """One key for every spelling of an artist; guests and a leading "the" do not count.

    Where a name shows that it is several artists, the first counts, as on Spotify.
    """
    plain = lead(name)
    words = normalized(plain)
    if words.startswith("the ") and words != "the the":
        words = words[4:]
    elif words.endswith(" the") and re.search(r",\s*the\s*$", plain, re.I):
        words = words[:-4]
    if " and " in words:
        words = _JOINED_BY.sub(r"\1", words)
    return punctuation_unified(words).replace(" ", "") or letters_only(plain) or letters_only(name)


@lru_cache(maxsize=_REMEMBERED)
def recording_key(artist: str, title: str) -> str:
    """One key for every naming of a recording: ``artist|title`` or ``artist|title|version``."""
    apart = parse_title(title)
    version, maker = apart.version, _version_of_maker(artist)
    if maker is not Version.PLAIN:
        version |= maker
    key = artist_key(artist).replace(_SEPARATOR, "") + _SEPARATOR
    key += apart.core.replace(_SEPARATOR, "")
    if version is Version.PLAIN:
        return key
    return key + _SEPARATOR + "+".join(version.names) + (f":{apart.detail}" if apart.detail else "")


def other_keys(artist: str, title: str) -> tuple[str, ...]:
    """Further keys of the recording: by a title's name in another script, by umlauts spelt out."""
    if title.isascii() and artist.isascii():
        return ()
    keys = []
    spelt = umlauts_spelt_out(artist), umlauts_spelt_out(title)
    if spelt != (artist.casefold(), title.casefold()):
        keys.append(recording_key(*spelt))
    apart = parse_title(title)
    if apart.other and apart.version is Version.PLAIN:
        keys.append(_SEPARATOR.join((artist_key(artist).replace(_SEPARATOR, ""), apart.other)))
    return tuple(keys)


def song_key(key: str) -> str:
    """The key of the song, whatever the version: the recording key without its version."""
    return _SEPARATOR.join(key.split(_SEPARATOR, 2)[:2])


def version_in_key(key: str) -> Version:
    """The version a recording key carries."""
    if key.count(_SEPARATOR) < 2:
        return Version.PLAIN
    names = key.split(_SEPARATOR, 2)[2].partition(":")[0].split("+")
    found = Version.PLAIN
    for name in names:
        found |= Version.__members__.get(name.upper(), Version.PLAIN)
    return found


def version_of(artist: str, title: str) -> Version:
    """Which version of its song this recording is; ``Version.PLAIN`` for the one all know."""
    return parse_title(title).version | _version_of_maker(artist)


def parse_title(title: str) -> Title:
    """The song's name without credits and editions, and the version they speak of."""
    lowered = title.lower()
    if _SIMPLE.issuperset(lowered) and _TELLING.isdisjoint(words := lowered.split()) and words:
        if "n" in words:
            words = normalized(lowered).split()
        if not _COUNTING.isdisjoint(words):
            words = _numbered(" ".join(words)).split()
        return Title(core=_joined(words), version=Version.PLAIN)
    asides: list[str] = []
    if "." in title:
        title = _MOVEMENT.sub(_movement_number, title)
    if not _SWINGING.isdisjoint(title):
        title = _SWUNG.sub(_bracketed_aside, title)
    if title.startswith("0"):
        title = _TRACK_NUMBER.sub("", title)
    other = "" if title.isascii() else _in_other_script(title)
    main = _without_brackets(title.replace(other, "") if other else title, asides)
    main = _without_dashes(main, asides)
    words_left, version = without_trailing_version(normalized(GUEST_TAIL.sub("", main)))
    details: list[str] = []
    for aside in asides:
        if found := aside_version(aside):
            version |= found
            details.append(telling_words(aside, found))
    if words_left in _NAMELESS:
        words_left = _with_source(words_left, asides)
    core = _joined(_numbered(words_left).split()) or letters_only(main) or letters_only(title)
    detail = "".join(sorted(details)) if version else ""
    return Title(core=core, version=version, detail=detail, other=letters_only(other))


_version_of_maker = lru_cache(maxsize=8192)(maker_version)


def _without_brackets(title: str, asides: list[str]) -> str:
    """The title without brackets; what a speaking one holds goes to ``asides``."""

    def judged(found: re.Match[str]) -> str:
        inside = found[1]
        if is_guest_credit(inside) and not without_trailing_version(normalized(inside))[1]:
            return " "
        if _speaks(inside):
            asides.append(GUEST_TAIL.sub("", inside))
            return " "
        return f" {inside} "

    while _OPENING.search(title) and (shorter := _BRACKETED.sub(judged, title)) != title:
        title = shorter
    return title.strip()


def _movement_number(found: re.Match[str]) -> str:
    return f"{_NUMERALS.get(found[1].lower(), found[1])}. "


def _bracketed_aside(found: re.Match[str]) -> str:
    return f" ({found[1]})" if _speaks(found[1]) else found[0]


def _in_other_script(title: str) -> str:
    """What a bracket gives as the song's name in another script; empty if none does."""
    for found in _BRACKETED.finditer(title):
        inside, outside = found[1], title[: found.start()] + title[found.end() :]
        words = normalized(inside).split()
        if (
            in_another_script(outside, inside)
            and _NO_NAMES.isdisjoint(words)
            and not (len(words) == 1 and LATIN.search(inside) and _ALPHABET.search(outside))
            and not (_speaks(inside) or is_guest_credit(inside) or any(map(str.isdigit, inside)))
            and _NUMERALS.keys().isdisjoint(words)
            and not _AMBIGUOUS_VERSION.search(inside)
        ):
            return inside
    return ""


def _without_dashes(main: str, asides: list[str]) -> str:
    """What stands before the dashes; parts after them that do not speak of a version stay."""
    first, *others = _DASHED.split(main)
    kept = [first]
    for part in others:
        if is_guest_credit(part):
            continue
        if _speaks(part):
            asides.append(GUEST_TAIL.sub("", part))
        elif asides and _DATED.search(part) and Version.LIVE in aside_version(asides[-1]):
            asides[-1] += f" {part}"
        else:
            kept.append(part)
    if len(kept) > 1 and aside_version(first) & (Version.KARAOKE | Version.SPED_UP):
        asides.append(kept.pop(0))
    return " ".join(kept)


@lru_cache(maxsize=16_384)
def _speaks(aside: str) -> bool:
    return bool(aside_version(GUEST_TAIL.sub("", aside))) or aside_is_edition(aside)


def _with_source(words: str, asides: list[str]) -> str:
    """The song's name and its film: ``Main Title`` alone is nobody's own name."""
    return " ".join((words, *sorted(normalized(one) for one in asides if aside_names_source(one))))


def _joined(words: list[str]) -> str:
    """One word of many; a long title's leading "the" does not count."""
    if words and words[0] == "the" and len(words) > _LONG:
        words = words[1:]
    return punctuation_unified(" ".join(words)).replace(" ", "")


def _numbered(words: str) -> str:
    """Numbers as figures, however written; ``Mambo No. 5`` is ``mambo 5``."""
    if _COUNTING.isdisjoint(words.split()):
        return words
    apart = words.split()
    if not words.isascii() or not _NUMBERED_WORDS.isdisjoint(apart):
        words = _PART.sub(lambda found: "part" + "to".join(_figures(found)), words)
        words = _VOLUME.sub("vol", words)
    signed = not words.isascii() or not _NUMBER_SIGNS.isdisjoint(apart)
    if signed:
        words = _NUMBER_SIGN.sub("", words)
    *first, last = words.split()
    if last in _LAST_ROMAN and first:
        last = _NUMERALS[last]
    words = " ".join([_SPELT_OUT.get(word, word) for word in (*first, last)])
    return _LATER_NUMBER_SIGN.sub("", words) if signed else words


def _figures(found: re.Match[str]) -> list[str]:
    return [_NUMERALS.get(number, number) for number in found.groups() if number]
