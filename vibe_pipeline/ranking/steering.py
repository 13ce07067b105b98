"""What a person asks for in so many words, as a term of the score: more of a style, less, a mood.

A wish speaks of artists by their tags, however those are spelt; whose tags nobody knows is neither
lifted nor held down. Reading what people write is ``vibe_bot.tag_words``', keeping it the account
store's; with an edition's inputs each wish is kept with its tags and weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from vibe_pipeline.ranking.tag_profile import tags_by_artist
from vibe_pipeline.records import Candidate

MORE, LESS, MOOD = 3.0, -5.0, 3.0
"""What a wish adds to the score of an artist whose first tag it names."""
MOST = 6.0
"""All wishes together add or take no more than this."""
_LATER = 0.25
"""How fast a wish counts less, the later among an artist's tags its own comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steer:
    """One wish: ``tags`` as ``squashed`` gives them, ``weight`` above 0 for more of them."""

    key: str
    tags: frozenset[str]
    weight: float


def steering_terms(pool: Iterable[Candidate], wishes: Iterable[Steer]) -> dict[str, float]:
    """By artist key the term ``steering``, in [-``MOST``, ``MOST``]; empty without wishes."""
    asked = sorted(wishes, key=lambda wish: wish.key)
    if not asked:
        return {}
    return {
        artist: max(
            -MOST, min(MOST, math.fsum(wish.weight * _strength(tags, wish) for wish in asked))
        )
        for artist, tags in tags_by_artist(pool).items()
    }


@cache
def squashed(tag: str) -> str:
    """A tag however it is spelt: letters and digits only, small."""
    return "".join(sign for sign in tag.casefold() if sign.isalnum())


def _strength(tags: tuple[str, ...], wish: Steer) -> float:
    """From 0 to 1: how much an artist with these tags, the most telling first, is what is meant."""
    return max(
        (1 / (1 + _LATER * at) for at, tag in enumerate(tags) if squashed(tag) in wish.tags),
        default=0.0,
    )
