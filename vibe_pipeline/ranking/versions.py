"""Words by which a title says that it is another version: live, karaoke, sped up, remixed...

All patterns read folded text (``folding.folded``), so Cyrillic words stand here transliterated.
An aside is what a title holds in brackets or after a dash.
"""

from __future__ import annotations

import re
from enum import Flag, auto
from functools import lru_cache

from vibe_pipeline.ranking.folding import folded

_REMEMBERED = 16_384


class Version(Flag):
    """How a recording differs from the plain one of its song; several may hold at once."""

    PLAIN = 0
    LIVE = auto()
    KARAOKE = auto()
    COVER = auto()
    SPED_UP = auto()
    SLOWED = auto()
    REMIX = auto()
    EDIT = auto()
    INSTRUMENTAL = auto()
    SPOKEN = auto()
    ALTERNATE = auto()
    """Acoustic, demo, re-recorded, in another language: another recording, not a lesser one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The versions' names in a fixed order."""
        return tuple(str(one.name).lower() for one in self)


def _after(*words: str) -> str:
    """Not right after any of these words."""
    return "".join(rf"(?<!{word} )" for word in words)


def _any(*patterns: str) -> re.Pattern[str]:
    """Any of these, whole words only where they begin or end with a letter."""
    return re.compile("|".join(rf"(?<!\w)(?:{pattern})(?!\w)" for pattern in patterns))


_PLACE_AFTER_LIVE = (
    "at|in|from|on|a|au|aus|im|bei|de|desde|dal|en|auf|uit|op|vanuit|with|feat|i|v|u|na|version"
    "|versie|sessions?|takes?|recording|performance|video|acoustic|lounge|aid|concert|tour|bonus"
    r"|mix|edit|studio|remaster|remastered|\d{2,4}"
)
_WORD_AFTER_LIVE = (
    "version|sessions?|recording|performance|video|take|edit|mix|acoustic|remaster|remastered"
)
_LIVE_IS_A_VERB = _after(
    *("to", "we", "i", "you", "they", "who", "can", "will", "must", "let", "and", "long", "people"),
    *("never", "how", "dont", "cant", "still", "ill"),
)
_MIX_IS_NO_REMIX = _after(
    *("original", "album", "single", "radio", "extended", "mono", "stereo", "main", r"\d"),
    *("live", "rough", "new", "long", "short", "studio", "full", "surround", "atmos"),
)
_VERSION_IS_THE_SAME = _after(
    *("album", "single", "original", "lp", "studio", "explicit", "clean", "main", "remastered"),
    *("remaster", "mono", "stereo", "soundtrack", "deluxe", "official", "film", "movie", "dirty"),
    "full",
)
_IN_ASIDE: tuple[tuple[Version, re.Pattern[str]], ...] = (
    (
        Version.LIVE,
        _any(
            "^live$",
            f"^live (?:{_PLACE_AFTER_LIVE})",
            rf"{_LIVE_IS_A_VERB}live(?: (?:{_WORD_AFTER_LIVE}))?(?: \d{{4}})?$",
            "unplugged|in concert|concert version|tiny desk|live lounge",
            "(?:en|ao) vivo|(?:en|in) directo?|dal vivo|en (?:public|concert)",
            "(?:in|live|peel|kexp|spotify|radio|studio|desk|bbc) sessions?",
            r"kontsert\w*|nazh[iy]vo|vzh[iy]vuyu|zh[iy]va?[yo]\w*",
        ),
    ),
    (
        Version.KARAOKE,
        _any(
            "karaoke|sing ?along|backing track|minus(?:ovka)?$",
            "originally performed by|in the style of|made (?:famous|popular) by",
        ),
    ),
    (
        Version.COVER,
        _any("cover(?: version)?$|^cover (?:of|by)|covered by|tribute|rendition", r"k[ao]ver\w*$"),
    ),
    (
        Version.SPED_UP,
        _any(
            "sp(?:ed|eed|eeded) ?up|nightcore|(?:fast|speed|faster) version",
            r"uskor\w+|pr[iy]skor\w+",
        ),
    ),
    (
        Version.SLOWED,
        _any(
            "slowed|slow(?:$| and| reverb| down| version)|reverb(?:ed)?$|daycore",
            r"chopped (?:and )?screwed|zamedl\w+|spov[iy]ln\w+",
        ),
    ),
    (
        Version.REMIX,
        _any(
            r"remix\w*|rmx|remiks\w*|re ?work\w*|refix|flip$|bootleg|mash ?up|vip|megamix",
            "dub(?: mix| version)?$",
            f"{_MIX_IS_NO_REMIX}(?<!^)mix$",
        ),
    ),
    (
        Version.EDIT,
        _any(
            "edit(?:ed)?|radio (?:mix|version|cut)|extended|^mixed|mixed$|tv size|snippet|teaser",
            "(?:short|long|full|full length|tv|video|12|7) (?:version|mix|cut)|(?:12|7) inch",
            "8d(?: audio)?|loop(?:ed)?$|1 hour",
        ),
    ),
    (Version.INSTRUMENTAL, _any(r"instrumental\w*|inst$|(?:no|without|off) vocals?")),
    (
        Version.SPOKEN,
        _any(
            "spoken|skit|commentary|interview|track by track|podcast|monologue?|dialogue?|speech",
            "audiobook|audiokn[iy]ga|horbuch|horspiel|hoorspel|luisterboek|voice memo|reading by",
        ),
    ),
    (
        Version.ALTERNATE,
        _any(
            r"acoustic|akoestisch\w*|akustik\w*|akust[iy]ch\w*|acoustique|acustic[oa]",
            r"demo|alternat(?:e|ive)|take \d+|outtake|rehearsal|rough mix|early version|stripped",
            r"piano|orchestral?|symphonic|strings?|a ?cap+el+a|reprise|re ?record\w*",
            f"{_VERSION_IS_THE_SAME}(?<!^)(?:version|versie|versiya|versii)$",
        ),
    ),
)
_SAME = re.compile(
    "|".join(
        (
            r"^(?:\d{4} |digital(?:ly)? |\d+ bit |hd |new |the )*re ?master\w*",
            r"\bremaster\w*(?: \d{4})?(?: version| edition)?$|\bremaster(?:ed)? \d{4}\b",
            (
                "^(?:album|single|lp|original|studio|explicit|clean|dirty|main|mono|stereo|soundtrack"
                "|deluxe|official|full|film|movie)(?: (?:version|versie|mix|audio|edit))?$"
            ),
            "^original (?:mix|version|recording|motion picture.*|soundtrack.*)$",
            r"^\d{4} (?:mix|stereo mix)$|^\d{4}(?: version)?$",
            r"^(?:mono|stereo)(?: \d{4})?(?: remaster\w*)?$",
            (
                r"^(?:\w+ )*(?:deluxe|expanded|anniversary|special|bonus|collectors?|limited|legacy"
                r"|japanese)(?: \w+)*$|^hidden track$"
            ),
            "^official(?: music| lyrics?| hd)*(?: video| audio| visuali[sz]er| clip)(?: hd| hq)?$",
            "^(?:lyrics?|(?:lyric|music) video|video|videoclip|audio|hd|hq|4k|visuali[sz]er)$",
            r"^ofi(?:tsialn|cialn)\w*\b.*$|^prod(?:uced)?(?: by)? .+$",
            (
                "^from (?:the )?.*\\b(?:motion picture|soundtrack|film|movie|series|musical|ost"
                "|original|game|netflix|album|ep|show)\\b.*$|\\bsoundtrack$|^ost(?: .*)?$"
            ),
        )
    )
)
_TRAILING: tuple[tuple[Version, re.Pattern[str]], ...] = tuple(
    (version, re.compile(rf"(?<=\S) (?:{pattern})$"))
    for version, pattern in (
        (Version.SPED_UP, r"sp(?:ed|eed) up(?: version)?|nightcore(?: version)?"),
        (Version.SLOWED, r"(?:super )?slowed(?: (?:and )?reverb| down)?(?: version)?|slow reverb"),
        (Version.KARAOKE, r"karaoke(?: version)?"),
        (Version.INSTRUMENTAL, r"instrumental version"),
        (Version.EDIT, r"radio (?:edit|version)|(?:extended|club) edit"),
        (Version.REMIX, r"(?:club |dance )?remix|remiks"),
        (Version.COVER, r"cover version|kaver"),
        (Version.LIVE, r"live version|live (?:at|from) \S.*|mtv unplugged|(?:en|ao) vivo"),
        (Version.ALTERNATE, r"(?:acoustic|demo|piano|alternate) version"),
    )
)
_TRAILING_WORDS = frozenset(
    {"up", "nightcore", "slowed", "reverb", "karaoke", "version", "edit", "remix", "remiks"}
    | {"kaver", "live", "unplugged", "vivo"}
)
_MAKERS: tuple[tuple[Version, re.Pattern[str]], ...] = (
    (
        Version.KARAOKE,
        _any(r"karaoke|sing king|party tyme|ameritz|sunfly|backing tracks?|sing2\w*|the hit crew"),
    ),
    (
        Version.COVER,
        _any(
            "tribute (?:band|to|players?|stars?|artists?|team)|tributes?$|piano tribute",
            "cover band|cover (?:nation|crew|girls|all stars)|8 bit (?:arcade|universe)",
            "vitamin string quartet|rockabye baby|lullaby (?:players|renditions?|baby)",
        ),
    ),
    (Version.SPED_UP, _any("sped up|nightcore|speed radio")),
    (Version.SLOWED, _any("slowed|slowerd")),
)
_GENERIC = re.compile(
    r"\b(?:live|at|the|in|from|on|version|versie|recorded|remix|remixed|rmx|remiks|mix|edit|cover"
    r"|karaoke|instrumental|acoustic|sped|speed|up|nightcore|slowed|reverb|and|official|audio|video"
    r"|radio|demo|by)\b|\b\d{4} (?:digital )?remaster\w*|\bremaster\w*(?: \d{4})?"
)


@lru_cache(maxsize=_REMEMBERED)
def aside_version(aside: str) -> Version:
    """The versions an aside speaks of."""
    words = folded(aside)
    found = Version.PLAIN
    for version, pattern in _IN_ASIDE:
        if pattern.search(words):
            found |= version
    if found & ~Version.ALTERNATE:
        found &= ~Version.ALTERNATE
    return found


@lru_cache(maxsize=_REMEMBERED)
def aside_is_edition(aside: str) -> bool:
    """Whether an aside names only the edition: a remaster, a bonus track, the film it is from."""
    return _SAME.search(folded(aside)) is not None


def without_trailing_version(words: str) -> tuple[str, Version]:
    """Folded words of a title without the version at their end, and that version."""
    if _TRAILING_WORDS.isdisjoint(words.split()):
        return words, Version.PLAIN
    for version, pattern in _TRAILING:
        stripped = pattern.sub("", words)
        if stripped != words:
            return stripped, version
    return words, Version.PLAIN


def maker_version(artist: str) -> Version:
    """What an artist's name alone says: karaoke labels, tribute bands, lullaby renditions."""
    words = folded(artist)
    found = Version.PLAIN
    for version, pattern in _MAKERS:
        if pattern.search(words):
            found |= version
    return found


@lru_cache(maxsize=_REMEMBERED)
def telling_words(aside: str, version: Version) -> str:
    """What tells this version from others of its kind: the place, the remixer, the year."""
    words = _GENERIC.sub(" ", folded(aside))
    if version & (Version.EDIT | Version.SPED_UP | Version.SLOWED) and "radio" in folded(aside):
        words += " radio"
    return words.replace(" ", "")
