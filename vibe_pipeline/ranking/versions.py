"""Words by which a title says that it is another version: live, karaoke, sped up, remixed...

All patterns read folded text (``folding.folded``), so Cyrillic words stand here transliterated.
An aside is what a title holds in brackets or after a dash.
"""

from __future__ import annotations

import re
from enum import Flag, auto

from vibe_pipeline.ranking.folding import folded


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


_VERB_BEFORE_LIVE = (
    r"(?<!to )(?<!we )(?<!i )(?<!you )(?<!they )(?<!who )(?<!can )(?<!will )(?<!must )(?<!let )"
    r"(?<!and )(?<!long )(?<!people )(?<!never )(?<!how )(?<!dont )(?<!cant )(?<!still )(?<!ill )"
)
_IN_ASIDE: tuple[tuple[Version, re.Pattern[str]], ...] = tuple(
    (version, re.compile(pattern))
    for version, pattern in (
        (
            Version.LIVE,
            r"^live$|^live (?:at|in|from|on|a|au|aus|im|bei|de|desde|dal|en|auf|uit|op|vanuit|version"
            r"|versie|sessions?|takes?|recording|performance|video|acoustic|lounge|aid|concert|tour"
            r"|bonus|mix|edit|studio|remaster|remastered|with|feat|\d{2,4}|i|v|u|na)\b"
            rf"|{_VERB_BEFORE_LIVE}\blive(?: version| sessions?| recording| performance| video| take"
            r"| edit| mix| acoustic| remaster(?:ed)?)?(?: \d{4})?$"
            r"|\bunplugged\b|\bin concert\b|\b(?:en|ao) vivo\b|\b(?:en|in) directo?\b|\bdal vivo\b"
            r"|\ben (?:public|concert)\b|\b(?:in|live|peel|kexp|spotify|radio|studio|desk|bbc) sessions?\b"
            r"|\btiny desk\b|\blive lounge\b|\bkontsert\w*|\bnazh[iy]vo\b|\bvzh[iy]vuyu\b"
            r"|\bzh[iy]va?[yo]\w*\b|\bconcert version\b",
        ),
        (
            Version.KARAOKE,
            r"\bkaraoke\b|\boriginally performed by\b|\bin the style of\b|\bmade (?:famous|popular) by\b"
            r"|\bsing ?along\b|\bbacking track\b|\bminus(?:ovka)?$",
        ),
        (
            Version.COVER,
            r"\bcover(?: version)?$|^cover (?:of|by)\b|\bcovered by\b|\btribute\b|\bk[ao]ver\w*$"
            r"|\brendition\b",
        ),
        (
            Version.SPED_UP,
            r"\bsp(?:ed|eed|eeded) ?up\b|\bnightcore\b|\b(?:fast|speed|faster) version\b|\buskor\w+"
            r"|\bpryskor\w+|\bpriskor\w+",
        ),
        (
            Version.SLOWED,
            r"\bslow(?:ed)?(?: down)?\b(?=$| and| reverb| down| version| to)|\bslowed\b"
            r"|\breverb(?:ed)?$|\bdaycore\b|\bchopped (?:and )?screwed\b|\bzamedl\w+|\bspov[iy]ln\w+",
        ),
        (
            Version.REMIX,
            r"\bremix\w*\b|\brmx\b|\bremiks\w*|\bre ?work\w*\b|\brefix\b|\bflip$|\bbootleg\b"
            r"|\bmash ?up\b|\bvip\b|\bmegamix\b|\bdub(?: mix| version)?$"
            r"|(?<!original )(?<!album )(?<!single )(?<!radio )(?<!extended )(?<!mono )(?<!stereo )"
            r"(?<!main )(?<!\d )(?<!\d{4} )(?<!live )(?<!rough )(?<!new )(?<!long )(?<!short )"
            r"(?<!studio )(?<!full )(?<!surround )(?<!atmos )\b(?<!^)mix$",
        ),
        (
            Version.EDIT,
            r"\bedit(?:ed)?\b|\bradio (?:mix|version|cut)\b|\bextended\b|^mixed\b|\bmixed$"
            r"|\b(?:short|long|full|full length|tv|tv size|video|12|7|12 inch|7 inch) "
            r"(?:version|mix|cut)\b|\btv size\b|\bsnippet\b|\b8d(?: audio)?\b|\bteaser\b"
            r"|\b(?:12|7) inch\b|\bloop(?:ed)?$|\b1 hour\b",
        ),
        (
            Version.INSTRUMENTAL,
            r"\binstrumental\w*|\binst$|\b(?:no|without|off) vocals?\b|\bkaraoke instrumental\b",
        ),
        (
            Version.SPOKEN,
            r"\bspoken\b|\bskit\b|\bcommentary\b|\binterview\b|\btrack by track\b|\baudiobook\b"
            r"|\baudiokn[iy]ga\b|\bpodcast\b|\bmonologue?\b|\bdialogue?\b|\bspeech\b|\bvoice memo\b"
            r"|\bhorspiel\b|\bhorbuch\b|\bhoorspel\b|\bluisterboek\b|\breading by\b",
        ),
        (
            Version.ALTERNATE,
            r"\bacoustic\b|\bakoestisch\w*|\bakustik\w*|\bakust[iy]ch\w*|\bacoustique\b|\bacustic[oa]\b"
            r"|\bdemo\b|\balternat(?:e|ive)\b|\btake \d+\b|\bouttake\b|\brehearsal\b|\brough mix\b"
            r"|\bpiano\b|\borchestral?\b|\bsymphonic\b|\bstrings?\b|\bstripped\b|\bre ?record\w*\b"
            r"|\ba ?cap+el+a\b|\breprise\b|\bearly version\b"
            r"|(?<!album )(?<!single )(?<!original )(?<!lp )(?<!studio )(?<!explicit )(?<!clean )"
            r"(?<!main )(?<!remastered )(?<!remaster )(?<!mono )(?<!stereo )(?<!soundtrack )"
            r"(?<!deluxe )(?<!official )(?<!film )(?<!movie )(?<!dirty )(?<!full )"
            r"(?<!^)\b(?:version|versie|versiya|versii)$",
        ),
    )
)
_SAME = re.compile(
    r"^(?:\d{4} |digital(?:ly)? |\d+ bit |hd |new |the )*re ?master\w*"
    r"|\bremaster\w*(?: \d{4})?(?: version| edition)?$|\bremaster(?:ed)? \d{4}\b"
    r"|^(?:album|single|lp|original|studio|explicit|clean|dirty|main|mono|stereo|soundtrack|deluxe"
    r"|official|full|film|movie)(?: (?:version|versie|mix|album version|audio|edit))?$"
    r"|^original (?:mix|version|recording|motion picture.*|soundtrack.*)$|^\d{4} (?:mix|stereo mix)$"
    r"|^(?:mono|stereo)(?: \d{4})?(?: remaster\w*)?$|^\d{4}(?: version)?$"
    r"|^(?:\w+ )*(?:deluxe|expanded|anniversary|special|bonus|collectors?|limited|legacy|japanese)"
    r"(?: \w+)*$|^bonus(?: track)?(?: version)?$|^hidden track$"
    r"|^official(?: music| lyrics?| hd)*(?: video| audio| visuali[sz]er| clip)(?: hd| hq)?$"
    r"|^(?:lyrics?|lyric video|music video|video|videoclip|audio|hd|hq|visuali[sz]er|full song|4k)$"
    r"|^(?:ofitsialn\w*|oficialn\w*)\b.*$|^(?:album|single|explicit|clean)$"
    r"|^prod(?:uced)?(?: by)? .+$|^from (?:the )?.*\b(?:motion picture|soundtrack|film|movie|series"
    r"|musical|ost|original|game|netflix|album|ep|show)\b.*$|\bsoundtrack$|^ost(?: .*)?$"
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
_MAKERS: tuple[tuple[Version, re.Pattern[str]], ...] = (
    (
        Version.KARAOKE,
        re.compile(
            r"\bkaraoke\b|\bsing king\b|\bparty tyme\b|\bzoom karaoke\b|\bameritz\b|\bsunfly\b"
            r"|\bbacking tracks?\b|\bsing2\w*|\bthe hit crew\b"
        ),
    ),
    (
        Version.COVER,
        re.compile(
            r"\btribute (?:band|to|players?|stars?|artists?|team)\b|\btributes?$|\bcover band\b"
            r"|\bvitamin string quartet\b|\brockabye baby\b|\blullaby (?:players|renditions?|baby)\b"
            r"|\bpiano tribute\b|\bcover (?:nation|crew|girls|all stars)\b|\b8 bit (?:arcade|universe)\b"
        ),
    ),
    (Version.SPED_UP, re.compile(r"\bsped up\b|\bnightcore\b|\bspeed radio\b")),
    (Version.SLOWED, re.compile(r"\bslowed\b|\bslowerd\b")),
)
_GENERIC = re.compile(
    r"\b(?:live|at|the|in|from|on|version|versie|recorded|remix|remixed|rmx|remiks|mix|edit|cover"
    r"|karaoke|instrumental|acoustic|sped|speed|up|nightcore|slowed|reverb|and|official|audio|video"
    r"|radio|demo|by)\b|\b\d{4} (?:digital )?remaster\w*|\bremaster\w*(?: \d{4})?"
)


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


def aside_is_edition(aside: str) -> bool:
    """Whether an aside names only the edition: a remaster, a bonus track, the film it is from."""
    return _SAME.search(folded(aside)) is not None


def without_trailing_version(words: str) -> tuple[str, Version]:
    """Folded words of a title without the version at their end, and that version."""
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


def telling_words(aside: str, version: Version) -> str:
    """What tells this version from others of its kind: the place, the remixer, the year."""
    words = _GENERIC.sub(" ", folded(aside))
    if version & (Version.EDIT | Version.SPED_UP | Version.SLOWED) and "radio" in folded(aside):
        words += " radio"
    return words.replace(" ", "")
