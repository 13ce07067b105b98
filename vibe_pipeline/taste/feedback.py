"""A person's explicit feedback, thumbs and blocks, by the keys that taste and ranking go by.

Nothing here stores it: that is the account store's, and an edition's inputs keep a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from vibe_pipeline.accounts.records import Block, BlockKind, Thumb
from vibe_pipeline.ranking.identity import artist_key, recording_key


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
    """Blocks and thumbs as they are kept with an edition's inputs, in a fixed order.

    Both are stored with the key that a name had on their day; here they get the one it has today.
    Of two thumbs for one recording the newer counts, which comes first in ``thumbs``.
    """
    keys = {(str(block.kind), key) for block in blocks for key in _keys(block)}
    newest: dict[str, dict[str, Any]] = {}
    for thumb in thumbs:
        kept = _thumb_kept(thumb)
        newest.setdefault(str(kept["key"]), kept)
    kept_blocks = [{"kind": kind, "key": key} for kind, key in sorted(keys)]
    return kept_blocks, [newest[key] for key in sorted(newest)]


def _keys(block: Block) -> set[str]:
    """A block's key as stored, and as its name gives it today: ``Artist`` or ``Artist – Title``."""
    if block.kind is BlockKind.ARTIST:
        return {block.key, artist_key(block.name)}
    artist, separator, title = block.name.partition(" – ")
    return {block.key, recording_key(artist, title)} if separator else {block.key}


def _thumb_kept(thumb: Thumb) -> dict[str, Any]:
    return {
        "key": recording_key(thumb.artist, thumb.title),
        "artist_key": artist_key(thumb.artist),
        "value": thumb.value,
    }
