"""How the simulated services compare names: letters and digits, no accents, no case."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"}
)


@lru_cache(maxsize=200_000)
def folded(text: str) -> str:
    """Text reduced to what people mean by it: lower case, no accents, single spaces."""
    spread = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    kept = (
        letter if letter.isalnum() else " "
        for letter in spread
        if not unicodedata.combining(letter) and letter not in "'’`´"
    )
    plain = " ".join("".join(kept).split())
    return plain or text.casefold().strip()


def words(text: str) -> tuple[str, ...]:
    """The folded words of a text."""
    return tuple(folded(text).split())


def share_found(asked: tuple[str, ...], there: tuple[str, ...]) -> float:
    """Which part of the words asked for is there; a longer word may begin with a short one."""
    if not asked:
        return 0.0
    found = sum(
        1.0 if word in there else 0.6
        for word in asked
        if word in there or any(len(word) >= 3 and other.startswith(word) for other in there)
    )
    return found / len(asked)
