"""A person's explicit feedback, thumbs and blocks, by the keys that taste and ranking go by.

Nothing here stores it: that is the account store's, and an edition's inputs keep a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from vibe_pipeline.accounts.records import Block, BlockKind, Thumb


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Blocks and thumbs as the taste and the ranking want them: by key."""

    blocked_artists: frozenset[str]
    blocked_tracks: frozenset[str]
    thumbs: Mapping[str, int]
    artist_thumbs: Mapping[str, int]

    @classmethod
    def of(cls, blocks: Iterable[Mapping[str, Any]], thumbs: Iterable[Mapping[str, Any]]) -> Self:
        """Feedback out of what is kept with an edition's inputs."""
        barred: dict[str, set[str]] = {}
        for block in blocks:
            barred.setdefault(block["kind"], set()).add(block["key"])
        tracks: dict[str, int] = {}
        artists: Counter[str] = Counter()
        for thumb in thumbs:
            tracks[thumb["key"]] = thumb["value"]
            artists[thumb["artist_key"]] += thumb["value"]
        return cls(
            blocked_artists=frozenset(barred.get(BlockKind.ARTIST, ())),
            blocked_tracks=frozenset(barred.get(BlockKind.TRACK, ())),
            thumbs=tracks,
            artist_thumbs=dict(artists),
        )


def feedback_of(
    blocks: Iterable[Block], thumbs: Iterable[Thumb]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Blocks and thumbs as they are kept with an edition's inputs, in a fixed order."""
    kept_blocks = [{"kind": str(block.kind), "key": block.key} for block in blocks]
    kept_thumbs = [
        {"key": thumb.key, "artist_key": thumb.artist_key, "value": thumb.value} for thumb in thumbs
    ]
    return (
        sorted(kept_blocks, key=lambda block: (block["kind"], block["key"])),
        sorted(kept_thumbs, key=lambda thumb: str(thumb["key"])),
    )
