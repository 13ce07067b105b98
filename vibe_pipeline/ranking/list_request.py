"""What a list is made for: the person's taste, past and settings at one moment.

Figures that are the same for everybody are the policy's (``ranking.policy``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from vibe_pipeline.ranking.artist_aliases import OtherNames
from vibe_pipeline.ranking.steering import Steer
from vibe_pipeline.records import LikedTrack, PastRecommendation, Play, SeedProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """Everything but the candidates that a list depends on; the same wishes, the same list.

    ``past`` holds what was recommended before ``vibe_date``, without the edition being made.
    Keys are those of ``ranking.identity``; thumbs are +1 or -1. ``unplayable`` are the Spotify ids
    that no list of this person may hold, whoever proposes them. ``other_names`` of artists lead to
    the name their recordings are kept under. ``steering``: what is to be more or less.
    ``explicit``: the Spotify ids of what is known to be marked explicit, for a person who wants no
    such track; ``None`` for all others.
    """

    vibe_date: date
    now: datetime
    profile: SeedProfile
    size: int = 30
    min_new_ratio: float = 0.8
    adventure: int = 40
    likes: tuple[LikedTrack, ...] = ()
    plays: tuple[Play, ...] = ()
    past: tuple[PastRecommendation, ...] = ()
    blocked_artists: frozenset[str] = frozenset()
    blocked_tracks: frozenset[str] = frozenset()
    thumbs: Mapping[str, int] = field(default_factory=dict)
    artist_thumbs: Mapping[str, int] = field(default_factory=dict)
    unplayable: frozenset[str] = frozenset()
    other_names: OtherNames = field(default_factory=dict)
    steering: tuple[Steer, ...] = ()
    explicit: frozenset[str] | None = None


def unplayable_likes(likes: Iterable[LikedTrack]) -> frozenset[str]:
    """The Spotify ids of likes that are greyed out where the person lives."""
    return frozenset(like.track.spotify_id for like in likes if not like.playable)
