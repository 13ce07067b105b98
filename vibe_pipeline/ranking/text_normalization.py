"""Spellings made equal: case, accents, scripts, ampersands and punctuation folded away.

``normalized`` keeps the words apart, ``letters_only`` joins them. Cyrillic and Greek become Latin,
so that ``Кино`` and ``Kino`` are one band; scripts that do not transliterate letter by letter stay.
Marks that only point or accent a word go (Latin, Hebrew, Arabic); those that are part of it, as
vowel signs in Hindi and tones in Thai, stay. What cannot be seen at all is no part of any word.
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
        "ſ": "s",
        "ɓ": "b",
        "ɖ": "d",
        "ɗ": "d",
        "ɨ": "i",
        "ʉ": "u",
        "ƙ": "k",
    }
)
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj"})
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
        "қ": "k",
        "ғ": "g",
        "ң": "n",
        "ө": "o",
        "ұ": "u",
        "ү": "u",
        "һ": "h",
        "ә": "a",
        "ѣ": "e",
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
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
"""Marks that accent or point a word and may be left out in writing it."""
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
"""What Unicode calls default-ignorable: joiners, direction marks, variation selectors, fillers."""
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_DEVANAGARI_NASALS = re.compile(
    "ङ्(?=[क-घ])|ञ्(?=[च-झ])|ण्(?=[ट-ढ])|न्(?=[त-ध])|म्(?=[प-भ])|(?<=[\u093e-\u094c])\u0901"
)
"""A nasal before a sound of its class, and a nasal vowel under a vowel sign, written as a dot."""
_THAI = re.compile("[\u0e00-\u0e7f]")
_THAI_TONE_AFTER_AM = re.compile("\u0e4d([\u0e48-\u0e4b])")
_ARABIC = re.compile("[\u0600-\u06ff]")
_ARABIC_FORMS = str.maketrans(
    {
        "\u0649": "\u064a",
        "\u06cc": "\u064a",
        "\u0629": "\u0647",
        "\u06c1": "\u0647",
        "\u06be": "\u0647",
        "\u06d5": "\u0647",
        "\u06a9": "\u0643",
        "\u0671": "\u0627",
    }
)
"""Letters that Arabic, Persian and Urdu keyboards write in different forms: ya, ha, kaf, alef."""
_DIGIT = re.compile(r"[^\D0-9]")
_HAN_NO = re.compile("(?<=[\u4e00-\u9fff])ノ(?=[\u4e00-\u9fff])")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_GREEK_LETTER = re.compile("[\u0370-\u03ff]")
_SHORT_I = "\u0438\u0306"
_APOSTROPHE = "'\u2018\u2019\u02b9\u02bb\u02bc\u02bd\u02be\u02bf`\u00b4\u2032\ua78c\uff07"
_APOSTROPHES = re.compile(f"[{_APOSTROPHE}]")
_SIGNS = frozenset("&+" + _APOSTROPHE)
_AND = re.compile(r"\s*[&+]\s*|\s+['\u2018\u2019]?n['\u2018\u2019]\s*|\s+['\u2018\u2019]n\s+")
_DOLLAR_IN_WORD = re.compile(r"(?<=[^\W\d_])\$|\$(?=[^\W\d_])")
_BANG_IN_WORD = re.compile(r"(?<=[^\W\d_])!(?=[^\W\d_])")
_DROPPED_G = re.compile("(?<!['\u2018\u2019])\\b(\\w{2,}in)['\u2019](?!\\w)")
_LIKE_I = re.compile(r"(?<=[bcdfghjklmnpqrstvwxz])(?:[iy]y\b|yi\b|y)")
_NOT_WORD = re.compile(r"[\W_]+")
_BARE_N = re.compile("(?<=[a-z]{2}) n (?=[a-z]{2})")
"""``Rock n Roll``, as it is written without apostrophes."""
_SPACES = re.compile(" +")
_LOWER_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 ")


def normalized(text: str) -> str:
    """The words of a text in one spelling, one space between; empty if it has no word at all."""
    lowered = text.casefold()
    if _LOWER_LETTERS.issuperset(lowered):
        return _BARE_N.sub(" and ", " ".join(lowered.split()))
    if lowered.isascii():
        return _BARE_N.sub(" and ", _NOT_WORD.sub(" ", _latin(lowered)).strip())
    words = _NOT_WORD.sub(_marks_kept, _latin(_INVISIBLE.sub("", lowered))).strip()
    return _BARE_N.sub(" and ", words) or _letters_as_they_are(lowered)


def _marks_kept(gap: re.Match[str]) -> str:
    """What stands between letters: a space, except for marks that belong to the word before."""
    if gap[0].isspace():
        return " "
    signs = "".join(sign if unicodedata.category(sign)[0] == "M" else " " for sign in gap[0])
    return _SPACES.sub(" ", signs)


def _letters_as_they_are(lowered: str) -> str:
    """The letters of a text of which no reading is left, such as a lone ``ъ``."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", lowered)))


def umlauts_spelt_out(text: str) -> str:
    """The text as German, Scandinavian and South Slavic names are written without their letters.

    ``Grönemeyer`` is ``Gronemeyer`` to ``normalized``, and ``Groenemeyer`` to those who know.
    """
    composed = unicodedata.normalize("NFC", text)
    return composed if composed.isascii() else composed.casefold().translate(_SPELT_OUT)


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
        _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold().split()
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
    together = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), together)
    if _ARABIC.search(together):
        together = together.translate(_ARABIC_FORMS)
    if _DEVANAGARI.search(together):
        together = _DEVANAGARI_NASALS.sub("\u0902", together)
    if _THAI.search(together):
        together = _THAI_TONE_AFTER_AM.sub("\\1\u0e4d", together).replace("เเ", "แ")
    if "ノ" in together:
        together = _HAN_NO.sub("の", together)
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
