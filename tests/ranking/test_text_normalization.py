"""What holds for the spelling of any text: nothing is lost, nothing changes twice."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from vibe_pipeline.ranking.identity import artist_key, parse_title, recording_key
from vibe_pipeline.ranking.text_normalization import normalized

TEXTS = st.text(max_size=40)
HINDI = st.text(alphabet=[chr(code) for code in range(0x0904, 0x0950)], min_size=1, max_size=12)
INVISIBLE = "\u00ad\u034f\u200b\u200c\u200d\u200e\u200f\u2060\ufe0f\ufeff"
FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters to Unicode, and nothing to the eye."""


@given(TEXTS)
@example("\u2e2f\u0390")
def test_a_spelling_is_its_own_spelling(text: str) -> None:
    once = normalized(text)

    assert normalized(once) == once


@given(TEXTS)
@example("Ъ")
@example("ー")
@example("๑")
def test_what_has_a_letter_or_a_number_is_never_nothing(text: str) -> None:
    assume(any(sign.isalnum() and sign not in FILLERS for sign in text))

    assert normalized(text)
    assert parse_title(text).core
    assert artist_key(text)


@given(TEXTS)
def test_composed_and_decomposed_letters_are_one(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", text)

    assert normalized(composed) == normalized(decomposed)
    assert recording_key(composed, composed) == recording_key(decomposed, decomposed)


@given(st.text(alphabet="abcdeñöжяあ한", min_size=1, max_size=12), st.sampled_from(INVISIBLE))
def test_what_cannot_be_seen_changes_nothing(text: str, sign: str) -> None:
    spoilt = text[:1] + sign + text[1:]

    assert normalized(spoilt) == normalized(text)


@given(HINDI, HINDI)
def test_two_hindi_titles_stay_two(one: str, other: str) -> None:
    assume(any(map(str.isalnum, one)) and any(map(str.isalnum, other)))
    assume(_as_written(one) != _as_written(other))

    assert recording_key("A", one) != recording_key("A", other)


def _as_written(title: str) -> str:
    """The title without what Hindi writes in two ways: a nasal by its letter or by a dot."""
    plain = unicodedata.normalize("NFKD", title)
    for nasal in ("ङ्", "ञ्", "ण्", "न्", "म्", "\u0901", "\u0902"):
        plain = plain.replace(nasal, "")
    return plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("हिन्दी", "हिंदी"),
        ("चाँद", "चांद"),
        ("ทำ", "ท\u0e4d\u0e32"),
        ("น้ำ", "น\u0e4d\u0e49\u0e32"),
        ("إنت عمري", "انت عمرى"),
        ("قهوة", "قهوه"),
        ("٢٠٢٤", "2024"),
        ("Kamakawiwoʻole", "Kamakawiwo'ole"),
        ("ＡＢＣ", "abc"),
        ("丸ノ内", "丸の内"),
    ],
)
def test_two_ways_of_writing_one_word_are_one(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("हंस", "हँस"),
        ("राज", "राज़"),
        ("มา", "ม้า"),
        ("ハハ", "ババ"),
        ("かき", "かぎ"),
        ("Мой", "Мои"),
        ("কাল", "কলা"),
    ],
)
def test_a_mark_that_belongs_to_the_word_tells_it_from_another(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)
