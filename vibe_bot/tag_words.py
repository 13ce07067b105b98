"""What people call styles and moods, in any of our languages and with a slip of the finger.

From words to a wish's key and back; what the keys mean for a list is ``taste.steering``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rapidfuzz import fuzz, process

from vibe_bot import arguments
from vibe_pipeline.locales import LANGUAGES, catalogue, say
from vibe_pipeline.ranking.flavour import MOODS, STYLES
from vibe_pipeline.ranking.steering import squashed

LONGEST_TAG = 40
_ALIKE, _ALIKE_MOOD = 86.0, 72.0
"""Of a hundred: so much alike a misspelt name must be to what is meant. Moods are few, and bend."""
_LONGEST_KEY = 80
_LEAST_LETTERS = 4
"""Shorter names are too easily taken for one another."""


def wished(text: str) -> str | None:
    """The key of the style or mood that is meant; a tag of the person's own, if we know no such.

    ``None`` for what can be no tag.
    """
    words = arguments.plain_text(text)
    plain = squashed(words)
    if not plain or len(words) > LONGEST_TAG:
        return None
    return _known(plain, _names(), _ALIKE) or f"tag:{words.casefold()}"[:_LONGEST_KEY]


def mood_wished(text: str) -> str | None:
    """The key of a mood; ``None`` for what we know no mood by."""
    plain = squashed(arguments.plain_text(text))
    moods = {name: key for name, key in _names().items() if key.startswith("mood:")}
    by_tag = {squashed(tag): f"mood:{mood}" for mood, tags in MOODS.items() for tag in tags}
    return _known(plain, by_tag | moods, _ALIKE_MOOD) if plain else None


def shown(language: str, key: str) -> str:
    """What a wish's key is called in this language."""
    kind, _, name = key.partition(":")
    if kind == "style" and name in STYLES:
        return say(language, f"style.{name}")
    return say(language, f"mood_name.{name}") if kind == "mood" and name in MOODS else name


def _known(plain: str, names: Mapping[str, str], alike: float) -> str | None:
    if plain in names:
        return names[plain]
    if len(plain) < _LEAST_LETTERS:
        return None
    close = process.extractOne(plain, names.keys(), scorer=fuzz.ratio, score_cutoff=alike)
    return names[close[0]] if close else None


@cache
def _names() -> Mapping[str, str]:
    """Every name of ours for a style or a mood, squashed, in all languages; styles come first."""
    names: dict[str, str] = {}
    for section, kind in (("style.", "style"), ("mood_name.", "mood")):
        for language in LANGUAGES:
            for key, text in catalogue(language).items():
                if key.startswith(section) and isinstance(text, str):
                    names.setdefault(squashed(text), f"{kind}:{key.removeprefix(section)}")
        for name in STYLES if kind == "style" else MOODS:
            names.setdefault(squashed(name), f"{kind}:{name}")
    return names
