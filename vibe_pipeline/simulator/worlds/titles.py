"""Invented titles, in the script of the artist's name."""

from __future__ import annotations

import random
from collections.abc import Sequence

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds import vocabulary as say

Vocabulary = tuple[Sequence[str], Sequence[str]]


def vocabulary_for(name: str) -> Vocabulary:
    """Nouns and adjectives in the script of a name."""
    if any("а" <= letter <= "ї" for letter in name.casefold()):
        return say.CYRILLIC_WORDS, ()
    if any("α" <= letter <= "ω" for letter in name.casefold()):
        return say.GREEK_WORDS, ()
    return say.NOUNS, say.ADJECTIVES


def titles(vocabulary: Vocabulary, rng: random.Random, *, wanted: int) -> list[str]:
    """Different titles, from nouns and adjectives."""
    made: dict[str, str] = {}
    for _ in range(wanted * 20):
        if len(made) == wanted:
            break
        title = _title(vocabulary, rng)
        made.setdefault(folded(title), title)
    return list(made.values())


def _title(vocabulary: Vocabulary, rng: random.Random) -> str:
    nouns, adjectives = vocabulary
    one, two = rng.sample(nouns, k=2)
    shapes = [one, f"{one}, {two}", f"{one} / {two}", f"{one} {rng.randint(2, 9)}"]
    if adjectives:
        adjective, other = rng.choice(adjectives), rng.choice(adjectives)
        shapes += [
            f"{adjective} {one}",
            f"{adjective} {one}",
            f"{one} of {two}",
            f"{one} in the {two}",
            f"The {adjective} {one}",
            f"{adjective} {one}, {other} {two}",
            f"Don't Lose the {one}",
            f"Where the {one} Goes",
            f"{one} & {two}",
            f"{adjective} {one} (Part {rng.randint(1, 2)})",
        ]
    return rng.choice(shapes)
