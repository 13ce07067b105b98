"""Who a credit line names: leaders, guests, joint credits, and names that stand for nobody.

Reads what is written and gives it back in parts; keys are ``ranking.identity``'s, and whether two
credits mean the same people is ``ranking.recording_match``'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from vibe_pipeline.ranking.text_normalization import normalized

GUEST_WORD = (
    r"(?:feat|ft|featuring|при\s+уч(?:астии)?|за\s+уч(?:астю|асті|астi)?|п\.\s?у|уч|совместно с"
    r"|com\s+participa[cç][aã]o(?:\s+de)?|part\.(?!\s*(?:\d|[ivx]+\b|one\b|two\b|three\b)))"
)
_TOGETHER = r"with|met|avec|con|mit|com|עם|مع|ร่วมกับ"
_NOBODY = (
    r"(?:an?|my|your|his|her|our|their|this|that|these|those|me|you|him|us|them|it|all|no|every"
    r"|some(?:body|one|thing)|any(?:body|one|thing)|every(?:body|one|thing)|nobody|nothing|or|out"
    r"|love|god|only|just|mij|je|jou|hem|haar|ons|een|mijn|moi|toi|lui|elle|nous|vous|eux|un|une"
    r"|mon|ton|mi|tu|su|te|ti|una|uno|migo|lei|lui|noi|voi|mir|dir|ihm|ihr|uns|euch|einem|einer"
    r"|mim|voc[eê]|n[oó]s|um|uma|meu|teu)"
)
_GUESTS = re.compile(
    rf"^\s*(?:(?:{GUEST_WORD}[.:]?\s|w/)|(?:{_TOGETHER})\s(?!\s*{_NOBODY}\b))\s*\S", re.I
)
GUEST_TAIL = re.compile(rf"[\s,]+(?:{GUEST_WORD}[.:]?\s|w/)\s*\S.*$", re.I)
_LED_TAIL = re.compile(rf"[\s,]+(?:(?:{GUEST_WORD}[.:]?|avec)\s|w/)\s*\S.*$", re.I)
_GUEST_PART = re.compile(rf"[\s,(\[]+(?:{GUEST_WORD}[.:]?\s|w/)\s*", re.I)
_VERSUS = re.compile(r"\s+(?:vs\.?|x|×)\s+(?![&+/,;x×]|and\b|vs\b)", re.I)
_ARTICLES = frozenset(
    {"the", "a", "an", "el", "la", "los", "las", "le", "les", "die", "der", "das"}
)
_AND = re.compile(r"[&+]|\b(?:and|y|und|et|e|en|и|і|та)\b", re.I)
_JOINED = re.compile(r"\s+(?:&|\+|and|y|und|et|и|і|та)\s+", re.I)
_LISTED = re.compile(r"\s*;\s*|\s+/\s+")
_MANY = re.compile(
    rf"[&+,;(\[×]|\s/\s|w/|\s(?:{GUEST_WORD}|x|vs\.?|with|and|y|und|et|и|і|та)[\s.:]", re.I
)
"""What a credit of several names holds; most hold none of it."""
_WITH = re.compile(r"\s+with\s+", re.I)
_THE = re.compile(r"\s*the\b", re.I)
_BRACKETED = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff\u3040-\ud7ff]")
_PLACEHOLDERS = frozenset(
    {"various artists", "various", "various artist", "unknown artist", "unknown artists", "unknown"}
    | {"va", "v a", "null", "undefined", "no artist", "n a", "artist unknown", "untitled artist"}
    | {"varios artistas", "varios interpretes", "artistas varios", "artista desconocido", "varios"}
    | {
        "artistes divers",
        "artiste inconnu",
        "divers artistes",
        "varies artistes",
        "interpretes divers",
    }
    | {"verschiedene interpreten", "diverse interpreten", "verschiedene", "unbekannter interpret"}
    | {"unbekannter kunstler", "verschiedene kunstler", "diverse kunstler", "unbekannt"}
    | {"artisti vari", "autori vari", "aa vv", "aavv", "artista sconosciuto", "sconosciuto"}
    | {"varios artistas", "artista desconhecido", "vari artisti", "diversos artistas"}
    | {"diverse artiesten", "verschillende artiesten", "onbekende artiest", "diverse artister"}
    | {"blandade artister", "okand artist", "ukjent artist", "ukendt kunstner", "eri esittajia"}
    | {"tuntematon esittaja", "tuntematon artisti", "rozni wykonawcy", "nieznany wykonawca"}
    | {"nieznany artysta", "rozni artysci", "ruzni interpreti", "neznamy interpret"}
    | {"kulonbozo eloadok", "ismeretlen eloado", "diversi artisti", "artist necunoscut"}
    | {
        "cesitli sanatcilar",
        "bilinmeyen sanatci",
        "karisik",
        "nhieu nghe si",
        "nghe si khong xac dinh",
    }
    | {"raznye ispolniteli", "neizvestnyy ispolnitel", "neizvestnyy artist", "neizvesten"}
    | {
        "neizvestno",
        "neizvestnyy",
        "sbornik",
        "raznye artisty",
        "rizni vykonavtsi",
        "nevidomyy vykonavets",
    }
    | {"nevidomyi vykonavets", "rizni vykonavci", "nevidomyy artyst", "diafori kallitechnes"}
    | {"agnostos kallitechnis", "diaforoi kallitechnes", "diafori", "agnostos"}
    | {"群星", "佚名", "未知艺术家", "未知藝人", "未知歌手", "未知艺人", "合辑", "合輯", "华语群星"}
    | {"ヴァリアス アーティスト", "ヴァリアスアーティスト", "オムニバス", "不明なアーティスト"}
    | {
        "アーティスト不明",
        "不明",
        "여러 아티스트",
        "알 수 없는 아티스트",
        "알 수 없음",
        "다양한 아티스트",
    }
    | {"فنانون متنوعون", "فنان غير معروف", "غير معروف", "منوعات", "מבצעים שונים", "אמן לא ידוע"}
    | {"אמנים שונים", "ศิลปินรวม", "รวมศิลปิน", "ไม่ทราบศิลปิน", "विभिन्न कलाकार", "अज्ञात कलाकार", "अज्ञात"}
)
"""Names in one spelling (``normalized``) that catalogues and players put where they know none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The names of a credit line as written, the leaders in order.

    ``listed``: they stand in a list (``A, B``; ``A x B``), which no band's own name looks like;
    an ``and`` may belong to a name (``Hall & Oates``).
    """

    leaders: tuple[str, ...]
    guests: tuple[str, ...] = ()
    listed: bool = False


def is_guest_credit(aside: str) -> bool:
    """Whether a bracket names guests: ``feat. B``, ``with B``; not the song's own ``with you``."""
    return _GUESTS.match(aside) is not None


@lru_cache(maxsize=65536)
def is_placeholder(artist: str) -> bool:
    """Whether a name stands for nobody, in any language: ``Various Artists``, ``[unknown]``.

    Such a "name" is no one's taste: it must neither seed a list nor propose a track.
    """
    return normalized(artist) in _placeholders()


@lru_cache(maxsize=1)
def _placeholders() -> frozenset[str]:
    """The names as ``normalized`` writes them today."""
    return frozenset(map(normalized, _PLACEHOLDERS))


def lead(credit: str) -> str:
    """What a credit line leads with: guests, opponents and further names of a list cut off."""
    name = without_bracketed_guests(credit)
    if " " in name:
        name = _without_versus(_LED_TAIL.sub("", name))
    return _first_of_list(name) if ", " in name else name


def without_bracketed_guests(name: str) -> str:
    """A name without guests in brackets, nor the same name in another script."""
    if "(" not in name and "[" not in name:
        return name
    main = _BRACKETED.sub(lambda found: "" if is_guest_credit(found[1]) else found[0], name)
    spelt = _BRACKETED.search(main)
    if spelt and main[: spelt.start()].strip() and not main[spelt.end() :].strip():
        outside, inside = main[: spelt.start()].strip(), spelt[1].strip()
        if in_another_script(outside, inside):
            return outside if LATIN.search(outside) else inside
    return main


@lru_cache(maxsize=16_384)
def other_spelling(name: str) -> str:
    """The name in the other script that a bracket gives: ``방탄소년단 (BTS)``; empty if none."""
    spelt = _BRACKETED.search(name)
    if spelt is None:
        return ""
    outside, inside = name[: spelt.start()].strip(), spelt[1].strip()
    if not in_another_script(outside, inside):
        return ""
    return inside if LATIN.search(outside) else outside


def in_another_script(one: str, other: str) -> bool:
    """Whether one is in Latin letters alone and the other in none of them."""
    return bool(
        (_purely(LATIN, _OTHER_SCRIPT, one) and _purely(_OTHER_SCRIPT, LATIN, other))
        or (_purely(_OTHER_SCRIPT, LATIN, one) and _purely(LATIN, _OTHER_SCRIPT, other))
    )


def _purely(script: re.Pattern[str], not_this: re.Pattern[str], name: str) -> bool:
    return script.search(name) is not None and not_this.search(name) is None


@lru_cache(maxsize=16_384)
def credit_of(credit: str) -> Credit:
    """The names of a credit line, told apart."""
    if _MANY.search(credit) is None:
        return Credit(leaders=(credit,))
    bracketed = [found[1] for found in _BRACKETED.finditer(credit) if is_guest_credit(found[1])]
    plain = without_bracketed_guests(credit)
    main, *tails = _GUEST_PART.split(plain)
    inside = [
        re.sub(rf"^\s*(?:{GUEST_WORD}[.:]?|w/|{_TOGETHER})\s*", "", one, flags=re.I)
        for one in bracketed
    ]
    guests = tuple(name for tail in (*tails, *inside) for name in _all_names(tail))
    listed = _listed(main)
    if len(listed) > 1:
        leaders = tuple(name for one in listed for name in _joined(one))
        return Credit(leaders=leaders, guests=guests, listed=True)
    return Credit(leaders=_joined(main), guests=guests)


def _all_names(part: str) -> list[str]:
    return [name for one in _listed(part.strip(" )]")) for name in _joined(one)]


def _listed(credit: str) -> list[str]:
    """The entries of a list; one entry where there is none."""
    entries = [one for part in _LISTED.split(credit) for one in _opponents(part)]
    names = [name for one in entries for name in _of_commas(one)]
    return [name.strip() for name in names if normalized(name)] or [credit]


def _of_commas(credit: str) -> list[str]:
    return [credit] if _first_of_list(credit) == credit else credit.split(", ")


def _joined(name: str) -> tuple[str, ...]:
    """The parts of ``A & B``; ``with`` joins full names only (``Sleeping with Sirens``)."""
    parts = [part for part in _JOINED.split(name) if normalized(part)]
    whole: list[str] = []
    for part in parts:
        one, *others = _WITH.split(part)
        full = others and " " in one.strip() and not re.match(_NOBODY + r"\b", others[0], re.I)
        whole += [one, *others] if full else [part]
    return tuple(part.strip(" ,") for part in whole) or (name,)


def _opponents(credit: str) -> list[str]:
    """The sides of ``A x B`` and ``A vs B``; ``The X Factor`` and ``Kramer vs. Kramer`` are one."""
    sides = _VERSUS.split(credit)
    names = {normalized(side) for side in sides}
    if len(names) < len(sides) or names & _ARTICLES or "" in names:
        return [credit]
    return sides


def _without_versus(credit: str) -> str:
    return _opponents(credit)[0]


def _first_of_list(credit: str) -> str:
    """The first of artists listed with commas; a band's own comma stays, as does ``Strokes, The``.

    A band that holds a comma is single words and an "and" (``Earth, Wind & Fire``).
    """
    first, *others = credit.split(", ")
    band = _AND.search(credit) and " " not in first.strip()
    if band or first in others or not first.strip() or any(map(_THE.match, others)):
        return credit
    return first
