"""Spellings made equal: case, accents, scripts, ampersands and punctuation folded away.

``normalized`` keeps the words apart, ``letters_only`` joins them. Cyrillic and Greek become Latin,
so that ``Кино`` and ``Kino`` are one band; scripts that do not transliterate letter by letter stay.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ħ": "h",
        "ı": "i",
        "ŧ": "t",
        "ŋ": "n",
        "ə": "a",
    }
)
_RUSSIAN = str.maketrans(
    dict(
        zip(
            "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
            [
                "a",
                "b",
                "v",
                "g",
                "d",
                "e",
                "e",
                "zh",
                "z",
                "i",
                "y",
                "k",
                "l",
                "m",
                "n",
                "o",
                "p",
                "r",
                "s",
                "t",
                "u",
                "f",
                "kh",
                "ts",
                "ch",
                "sh",
                "shch",
                "",
                "y",
                "",
                "e",
                "yu",
                "ya",
            ],
            strict=True,
        )
    )
    | {
        "і": "i",
        "ї": "i",
        "є": "ye",
        "ґ": "g",
        "ў": "u",
        "ј": "j",
        "ђ": "dj",
        "љ": "lj",
        "њ": "nj",
        "ћ": "c",
        "џ": "dz",
        "ѓ": "g",
        "ќ": "k",
        "ѕ": "dz",
    }
)
_UKRAINIAN = _RUSSIAN | {ord("г"): "h", ord("и"): "y"}
_UKRAINIAN_ONLY = frozenset("іїєґ")
_GREEK_PAIRS = (("μπ", "b"), ("ου", "ou"), ("γγ", "ng"), ("γχ", "nch"), ("αυ", "av"), ("ευ", "ev"))
_GREEK_VOICELESS = re.compile(r"(?<=[αε])υ(?=[θκξπστφχψ]|\b)")
_GREEK_INITIALS = re.compile(r"\b(?:ντ|γκ|χ(?=[αεηιουω]))")
_AT_THE_START = {"ντ": "d", "γκ": "g", "χ": "h"}
_GREEK = str.maketrans(
    dict(
        zip(
            "αβγδεζηθικλμνξοπρστυφχψω",
            [
                "a",
                "v",
                "g",
                "d",
                "e",
                "z",
                "i",
                "th",
                "i",
                "k",
                "l",
                "m",
                "n",
                "x",
                "o",
                "p",
                "r",
                "s",
                "t",
                "y",
                "f",
                "ch",
                "ps",
                "o",
            ],
            strict=True,
        )
    )
)
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0640]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_GREEK_LETTER = re.compile("[\u0370-\u03ff]")
_SHORT_I = "\u0438\u0306"
_APOSTROPHE = "'\u2018\u2019\u02bc\u02b9`\u00b4\u2032\uff07"
_APOSTROPHES = re.compile(f"[{_APOSTROPHE}]")
_SIGNS = frozenset("&+" + _APOSTROPHE)
_AND = re.compile(r"\s*[&+]\s*|\s+['\u2018\u2019]?n['\u2018\u2019]\s*|\s+['\u2018\u2019]n\s+")
_DOLLAR_IN_WORD = re.compile(r"(?<=[^\W\d_])\$|\$(?=[^\W\d_])")
_BANG_IN_WORD = re.compile(r"(?<=[^\W\d_])!(?=[^\W\d_])")
_DROPPED_G = re.compile("(?<!['\u2018\u2019])\\b(\\w{2,}in)['\u2019](?!\\w)")
_LIKE_I = re.compile(r"(?<=[bcdfghjklmnpqrstvwxz])(?:[iy]y\b|yi\b|y)")
_NOT_WORD = re.compile(r"[\W_]+")
_LOWER_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 ")


def normalized(text: str) -> str:
    """The words of a text in one spelling, one space between; empty if it has no word at all."""
    lowered = text.casefold()
    if _LOWER_LETTERS.issuperset(lowered):
        return " ".join(lowered.split())
    return _NOT_WORD.sub(" ", _latin(lowered)).strip()


def punctuation_unified(words: str) -> str:
    """Ways to write Cyrillic in Latin letters made one, for keys: ``kh`` is ``h``, ``y`` is ``i``.

    Russian и is i and Ukrainian и is y, and a name does not say which it is; so y after a consonant
    is i in every language. й, which follows a vowel, stays apart from и, as in ``Мой`` and ``Мои``.
    """
    if "kh" in words:
        words = words.replace("kh", "h")
    if "y" in words:
        words = _LIKE_I.sub("i", words)
    return words


def letters_only(text: str) -> str:
    """``normalized`` without spaces; a text of signs alone (``???``, ``÷``) stays what it is."""
    return normalized(text).replace(" ", "") or "".join(
        unicodedata.normalize("NFKC", text).casefold().split()
    )


def _latin(lowered: str) -> str:
    if not lowered.isascii():
        lowered = _without_accents(lowered)
    if not _SIGNS.isdisjoint(lowered):
        lowered = _AND.sub(" and ", lowered)
        lowered = _DROPPED_G.sub(r"\1g", lowered)
        lowered = _APOSTROPHES.sub("", lowered)
    if "$" in lowered:
        lowered = _DOLLAR_IN_WORD.sub("s", lowered)
    if "!" in lowered:
        lowered = _BANG_IN_WORD.sub("i", lowered)
    return lowered


def _without_accents(lowered: str) -> str:
    apart = unicodedata.normalize("NFKD", lowered.replace("№", "no "))
    short_i = "\ue000"
    apart = apart.replace(_SHORT_I, short_i).replace("\u0456\u0308", "\u0457\ue001")
    bare = _MARKS.sub("", apart).replace(short_i, "й").replace("\ue001", "")
    together = unicodedata.normalize("NFKC", bare).casefold().translate(_LETTERS)
    if _CYRILLIC.search(together):
        ukrainian = not _UKRAINIAN_ONLY.isdisjoint(together)
        together = together.translate(_UKRAINIAN if ukrainian else _RUSSIAN)
    if _GREEK_LETTER.search(together):
        together = _GREEK_VOICELESS.sub("f", together)
        together = _GREEK_INITIALS.sub(lambda found: _AT_THE_START[found[0]], together)
        for pair, latin in _GREEK_PAIRS:
            together = together.replace(pair, latin)
        together = together.translate(_GREEK)
    return together
