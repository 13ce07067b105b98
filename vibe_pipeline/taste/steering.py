"""A person's steering wishes as an edition keeps and uses them.

Stored beside the edition's settings with tags and weight, so that it can be made again whatever
the vocabulary becomes; nothing is stored for whoever asked for nothing. How a wish weighs is
``ranking.steering``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vibe_pipeline.accounts.records import SteeringWish, WishKind
from vibe_pipeline.ranking.flavour import MOODS, STYLES
from vibe_pipeline.ranking.steering import LESS, MOOD, MORE, Steer, squashed

STEERING = "steering"
"""The name under which wishes stand among an edition's settings."""
STYLE_KEY, MOOD_KEY, TAG_KEY = "style:", "mood:", "tag:"
_WEIGHTS = {WishKind.MORE: MORE, WishKind.LESS: LESS, WishKind.MOOD: MOOD}


def tags_of(key: str) -> frozenset[str]:
    """The tags that a wish's key speaks of, squashed."""
    kind, _, name = key.partition(":")
    known = {"style": STYLES, "mood": MOODS}.get(kind, {})
    return frozenset(squashed(tag) for tag in known.get(name, (name,))) - {""}


def wishes_kept(wishes: Iterable[SteeringWish]) -> dict[str, Any]:
    """Wishes as they are kept among an edition's settings; nothing for none."""
    kept = [
        {"key": wish.key, "tags": sorted(tags_of(wish.key)), "weight": _WEIGHTS[wish.kind]}
        for wish in wishes
    ]
    return {STEERING: sorted(kept, key=lambda one: str(one["key"]))} if kept else {}


def steers_of(settings: Mapping[str, Any]) -> tuple[Steer, ...]:
    """Wishes out of an edition's settings."""
    kept: Sequence[Mapping[str, Any]] = settings.get(STEERING, ())
    return tuple(
        Steer(key=one["key"], tags=frozenset(one["tags"]), weight=one["weight"]) for one in kept
    )
