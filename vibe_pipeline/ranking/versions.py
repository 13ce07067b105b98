"""Words by which a title says that it is another version: live, karaoke, sped up, remixed...

All patterns read folded text (``text_normalization.folded``), so Cyrillic words stand here
transliterated. An aside is what a title holds in brackets or after a dash. Whether versions are
wanted on a list is ``ranking.selection``'s.
"""

from __future__ import annotations

import re
from enum import Flag, auto
from functools import lru_cache

from vibe_pipeline.ranking.text_normalization import normalized

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
    return "".join(rf"(?<!\b{word} )" for word in words)


def _any(*patterns: str) -> re.Pattern[str]:
    """Any of these, whole words only where they begin or end with a letter."""
    return re.compile("|".join(rf"(?<!\w)(?:{pattern})(?!\w)" for pattern in patterns))


_PLACE_AFTER_LIVE = (
    "at|in|from|on|a|au|aus|im|bei|de|desde|dal|en|auf|uit|op|vanuit|with|feat|i|v|u|na|version"
    "|versie|sessions?|takes?|recording|performance|video|acoustic|lounge|aid|concert|tour|bonus"
    r"|mix|edit|studio|remaster|remastered|uitvoering|\d{1,4}|.*\d{4}$"
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
    *(r"\d{4}", "live", "rough", "new", "long", "short", "studio", "full", "surround", "atmos"),
)
_VERSION_IS_THE_SAME = _after(
    *("album", "single", "original", "lp", "studio", "explicit", "clean", "main", "remastered"),
    *("remaster", "mono", "stereo", "soundtrack", "deluxe", "official", "dirty"),
    "full",
)
_VERSION_WORD = "(?:version|ver|versie|versiya|versii|versione|versao|wersja|fassung)"
_OF_ITS_OWN = r"(?!album|single|original|studio|deluxe|estudio|remaster|of\b)\w+"
_IN_ASIDE: tuple[tuple[Version, re.Pattern[str]], ...] = (
    (
        Version.LIVE,
        _any(
            "^live$",
            f"^live (?:{_PLACE_AFTER_LIVE})",
            rf"{_LIVE_IS_A_VERB}live(?: (?:{_WORD_AFTER_LIVE}))?(?: \d{{4}})?$",
            "unplugged|in concerto?|concert version|tiny desk|live lounge|boiler room|colors show",
            "(?:en|ao) vivo|(?:en|in) directo?|dal vivo|en (?:public|concert|concierto)",
            "version live|(?<!^)sessions?$|sessions? version",
            "radio (?:appearance|broadcast|performance)",
            "canli performans|truc tiep|elo felvetel|koncertfelvetel",
            r"im konzert|konzertversion|(?:konzert|live)mitschnitt|canli|na zywo|zontan[ai]",
            r"kontsert\w*|nazh[iy]vo|vzh[iy]vuyu|zh[iy]va?[yo]\w*|zh[iy]vem|layv",
        ),
    ),
    (
        Version.KARAOKE,
        _any(
            "karaoke|sing ?along|backing track|minus(?:ovka)?$|al estilo de",
            "originally performed by|in the style of|made (?:famous|popular) by",
        ),
    ),
    (
        Version.COVER,
        _any(
            r"cover(?: version)?$|^cover (?:of|by)|covered by|tribute|rendition",
            r"k[ao]ver\w*$|^kaver|versiya kaver|diaskevi",
        ),
    ),
    (
        Version.SPED_UP,
        _any(
            "sp(?:ed|eed|eeded) ?up|s p e d u p|nightcore|na[iy]tkor|(?:fast|speed|faster) version",
            "chipmunks?|hyper ?speed|spedup|hizlandirilmis|przyspieszon[ea]",
            r"uskor\w+|pr[iy]skor\w+|pr[iy]shv[iy]dsh\w+|spid ?ap|acelerad[oa]",
        ),
    ),
    (
        Version.SLOWED,
        _any(
            "yavaslatilmis|spowolnion[ea]|ralenti",
            "slowed|s l o w e d|slow(?:$| and| reverb| down| version)|reverb(?:ed)?$|daycore",
            r"chopped (?:and )?screwed|zamedl\w+|spov[iy]ln\w+|sloud|ralentizad[oa]",
        ),
    ),
    (
        Version.REMIX,
        _any(
            r"remix\w*|rmx|remiks\w*|remezcl\w+|re ?(?:work|boot)\w*|refix|flip$",
            "bootleg|mash ?up|vip|megamix|dub(?: mix| version)?$",
            f"{_MIX_IS_NO_REMIX}(?<!^)mix$",
        ),
    ),
    (
        Version.EDIT,
        _any(
            "edit(?:ed)?|radio (?:mix|version|cut)|extended|^mixed|mixed$|tv size|snippet|teaser",
            r"radio ?(?:vers\w+|edit)",
            "(?:short|long|full|full length|tv|video|12|7) (?:version|mix|cut)|(?:12|7) inch",
            "8d(?: audio)?|loop(?:ed)?$|1 hour",
        ),
    ),
    (
        Version.INSTRUMENTAL,
        _any(
            r"instrumental\w*|inst$|(?:no|without|off) vocals?|enstrumantal|strumentale",
            r"orchistrik\w*",
        ),
    ),
    (
        Version.SPOKEN,
        _any(
            "spoken|skit|commentary|interview|track by track|podcast|monologue?|dialogue?|speech",
            "audiobook|audiokn[iy]ga|horbuch|horspiel|hoorspel|luisterboek|voice memo|reading by",
            r"intervyu|podkast\w*|kommentar\w*|interlude|interlyudiya|interludio",
        ),
    ),
    (
        Version.ALTERNATE,
        _any(
            r"acoustic|akoestisch\w*|a[kc]ustik\w*|akustyczn\w+|akousti\w+|akust[iy]ch\w*|acoustique|acustic[oa]",
            r"demo|alternat(?:e|ive)|take \d+|outtake|rehearsal|rough mix|early version|stripped",
            r"piano|orchestral?|symphonic|strings?|a ?[ck]ap+el+a|reprise|re ?record\w*",
            r"recorded (?:at|live)|spotify singles?",
            f"{_VERSION_IS_THE_SAME}(?<!^){_VERSION_WORD}$|^vers(?:ion|ao|ione) {_OF_ITS_OWN}",
        ),
    ),
)
_IN_OTHER_SCRIPTS: tuple[tuple[Version, re.Pattern[str]], ...] = tuple(
    (version, re.compile("|".join(patterns)))
    for version, *patterns in (
        (
            Version.LIVE,
            *("ライ[ブヴ]|生演奏", "[現现][场場]|演唱[会會]", "라이브|콘서트", "مباشر|حفل[هة]"),
            *("לייב|הופעה|הקלטה חיה", "แสดงสด|คอนเสิร์ต", "लाइव"),
        ),
        (
            Version.KARAOKE,
            *("カラオケ", "伴奏", "노래방|반주", "كاريوكي", "קריוקי|פלייבק", "คาราโอเกะ"),
            "कराओके|कैराओके",
        ),
        (
            Version.COVER,
            *("翻唱", "커버", "カバー|歌ってみた", "קאבר|גרסת כיסוי", "كوفر", "คัฟเวอร์", "कवर"),
        ),
        (
            Version.SPED_UP,
            *("加速|倍速", "스페드 ?업|빠른 버전", "מואץ", "تسريع|مسرع", "เร่งความเร็ว"),
            "スピードアップ",
        ),
        (
            Version.SLOWED,
            "[慢降減减]速",
            "느린 버전|슬로우",
            "מואט",
            "بطي",
            "スロー版|スローダウン",
        ),
        (
            Version.REMIX,
            *("リミックス", "리믹스", "混音|dj版", "ريم[يى]?كس", "רי?מיקס", "รีมิกซ์"),
            "रीमिक्स|रिमिक्स",
        ),
        (
            Version.INSTRUMENTAL,
            *("[纯純]音[乐樂]", "インスト|オフボーカル", "연주곡|인스트", "אינסטרומנטלי"),
            *("موسيقي فقط|بدون كلمات", "บรรเลง", "वाद्य"),
        ),
        (
            Version.ALTERNATE,
            *("アコースティック|弾き語り", "어쿠스틱", "不插[电電]|[钢鋼]琴版", "אקוסטי"),
            *("[اأ]كوستيك", "อะคูสติก", "अकूस्टिक|एकॉस्टिक|अनप्लग्ड"),
        ),
    )
)
"""Words of scripts that are not folded to Latin and put no space, or a prefix, before a word."""
_SAME = re.compile(
    "|".join(
        (
            r"^(?:\d{4} |digital(?:ly)? |\d+ bit |hd |new |the )*re ?master\w*",
            r"\bremaster\w*(?: \d{4})?(?: version| edition)?$|\bremaster(?:ed)? \d{4}\b",
            (
                "^(?:album|single|lp|original|studio|explicit|clean|dirty|main|mono|stereo|soundtrack"
                "|deluxe|official|full)(?: (?:version|ver|versie|mix|audio|edit))?$"
                "|^version (?:album|single|original|studio|estudio)"
            ),
            "^original (?:mix|version|recording|motion picture.*|soundtrack.*)$",
            r"^\d{4} (?:mix|stereo mix)$|^\d{4}(?: version)?$",
            r"^(?:mono|stereo)(?: \d{4})?(?: remaster\w*)?$",
            (
                r"^(?:\w+ )*(?:deluxe|expanded|anniversary|special|bonus|collectors?|limited|legacy"
                r"|japanese|tour)(?: \w+)* (?:edition|version|release|issue|tracks?|remaster\w*)\b"
                r"|^(?:\w+ )?deluxe$|^\d+\w* anniversary\b|^bonus$|^hidden track$"
                r"|^(?:\d{4} )?re ?issue(?: \d{4})?$"
            ),
            r"^official\b.*\b(?:video|audio|visuali[sz]er|clip|mv|m v)\b",
            r"^(?:music )?(?:video ?clip|video|audio|clip) (?:of+ici[ae]l\w*|ufficiale)$",
            r"^offi[cz]ielles? (?:\w+ )?(?:video|audio|clip)$|^resmi (?:video|klip|audio)$",
            "^(?:mv|m v|music video|lyrics? video)$",
            r"\brimasterizzat\w*|\bremasteri[sz]\w*|\bnagranie oryginalne$",
            "リマスター|리마스터|重[製制]|ريماستر|רימאסטר|官方|公式|オフィシャル|뮤직비디오|오피셜",
            "^(?:專輯版|专辑版|アルバムバージョン|アルバム ver|앨범 버전|앨범버전)$",
            "^(?:lyrics?|(?:lyric|music) video|video|videoclip|audio|visuali[sz]er)$",
            r"^(?:hd|hq|4k|uhd|1080p)(?: \w+)?$",
            r"^ofi(?:tsialn|cialn)\w*\b.*$|^prod(?:uced)?(?: by)? .+$",
            (
                "^from (?:the )?.*\\b(?:motion picture|soundtrack|film|movie|series|musical|ost"
                "|original|game|netflix|album|ep|show|vault)\\b.*$|\\bsoundtrack$|^ost(?: .*)?$"
            ),
        )
    )
)
_FROM_A_WORK = re.compile(r"(?:\w+ ){0,3}from\b|.*\b(?:soundtrack|ost)\b")
_FROM_A_NAMED_WORK = re.compile(
    r"^\s*(?:(?:(?:love|main|title) )?(?:theme|song|track) |(?:original )?music )?from\b"
    r".*(?:[\"\u201c\u201d\u201e«»]|[\u2018'].*['\u2019]\s*$)",
    re.I,
)
_A_THING = _after("a", "the", "my", "your", "this", "that", "our", "no")
_TRAILING: tuple[tuple[Version, re.Pattern[str]], ...] = tuple(
    (version, re.compile(rf"(?<=\S) (?:{pattern})$"))
    for version, pattern in (
        (Version.SPED_UP, r"sp(?:ed|eed) up(?: and reverb)?(?: version)?|nightcore(?: version)?"),
        (Version.SLOWED, r"(?:super )?slowed(?: (?:and )?reverb| down)?(?: version)?|slow reverb"),
        (Version.KARAOKE, rf"{_A_THING}karaoke(?: version)?"),
        (Version.INSTRUMENTAL, r"instrumental version"),
        (Version.EDIT, r"radio (?:edit|version)|(?:extended|club) edit|8d(?: audio)?"),
        (Version.SPOKEN, rf"{_A_THING}skit"),
        (Version.REMIX, rf"{_A_THING}(?:club |dance )?(?:remix|remiks)"),
        (Version.COVER, r"cover version|kaver"),
        (
            Version.LIVE,
            rf"live version|{_LIVE_IS_A_VERB}live (?:at|from) \S.*|mtv unplugged|(?:en|ao) vivo",
        ),
        (Version.ALTERNATE, r"(?:acoustic|demo|piano|alternate) version"),
    )
)
_TRAILING_WORDS = frozenset(
    {"up", "nightcore", "slowed", "reverb", "karaoke", "version", "edit", "remix", "remiks"}
    | {"kaver", "live", "unplugged", "vivo", "8d", "audio", "skit"}
)
_MAKERS: tuple[tuple[Version, re.Pattern[str]], ...] = (
    (
        Version.KARAOKE,
        _any(r"karaoke|sing king|party tyme|ameritz|sunfly|backing tracks?|sing2\w*|the hit crew"),
    ),
    (
        Version.COVER,
        _any(
            "tributes?|cover band|cover (?:nation|crew|all stars)|8 bit (?:arcade|universe)",
            "vitamin string quartet|rockabye baby|lullaby (?:players|renditions?|baby)",
        ),
    ),
    (Version.SPED_UP, _any("sped up|nightcore|speed radio|chipmunks")),
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
    words = normalized(aside)
    found = Version.PLAIN
    for version, pattern in _IN_ASIDE if words.isascii() else (*_IN_ASIDE, *_IN_OTHER_SCRIPTS):
        if pattern.search(words):
            found |= version
    if found & ~Version.ALTERNATE:
        found &= ~Version.ALTERNATE
    return found


@lru_cache(maxsize=_REMEMBERED)
def aside_is_edition(aside: str) -> bool:
    """Whether an aside names only the edition: a remaster, a bonus track, the film it is from."""
    return (
        _SAME.search(normalized(aside)) is not None or _FROM_A_NAMED_WORK.match(aside) is not None
    )


def aside_names_source(aside: str) -> bool:
    """Whether an aside names the film or show a track is from."""
    return _FROM_A_WORK.match(normalized(aside)) is not None


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
    words = normalized(artist)
    found = Version.PLAIN
    for version, pattern in _MAKERS:
        if pattern.search(words):
            found |= version
    return found


@lru_cache(maxsize=_REMEMBERED)
def telling_words(aside: str, version: Version) -> str:
    """What tells this version from others of its kind: the place, the remixer, the year."""
    words = _GENERIC.sub(" ", normalized(aside))
    if version & (Version.EDIT | Version.SPED_UP | Version.SLOWED) and "radio" in normalized(aside):
        words += " radio"
    return words.replace(" ", "")
