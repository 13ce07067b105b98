"""Likes that the walk through a long library has not reached yet.

Until it has, a track may be liked without our knowing. Spotify tells for forty tracks in one call
whether the person has saved them, so those about to be recommended as new are asked about.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vibe_pipeline.clients.errors import AuthorizationExpired, ServiceError
from vibe_pipeline.records import DropReason, LikedTrack, Ranked, Track, UserId
from vibe_pipeline.warehouse.warehouse import Tables

log = logging.getLogger(__name__)

PER_CALL = 40
_LATER = {None, DropReason.LOWER_RANKED, DropReason.SOURCE_CAP}


class SavedTracksClient(Protocol):
    """The part of Spotify this room asks."""

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTracksCheck:
    """Which tracks to ask about: the new ones chosen, and those that would take their places."""

    tracks: Sequence[Track]

    @classmethod
    def about(
        cls, ranked: Sequence[Ranked], *, calls: int, asked: Collection[str] = frozenset()
    ) -> SavedTracksCheck:
        """As many as so many calls can answer for; the chosen first, then by rank.

        Those with URIs that were ``asked`` about before are left out.
        """
        new = [entry for entry in ranked if entry.is_new and entry.dropped in _LATER]
        new.sort(key=lambda entry: (entry.position is None, entry.rank))
        by_uri = {entry.track.uri: entry.track for entry in new if entry.track is not None}
        tracks = [track for uri, track in by_uri.items() if uri not in asked]
        return cls(tracks=tracks[: PER_CALL * calls])

    async def saved(self, spotify: SavedTracksClient) -> dict[str, bool]:
        """By URI whether the person has saved it; empty when Spotify cannot tell."""
        if not self.tracks:
            return {}
        try:
            return await spotify.library_contains([track.uri for track in self.tracks])
        except AuthorizationExpired:
            raise
        except ServiceError as error:
            log.warning("could not ask which of the chosen are liked: %s", error)
            return {}


def calls_for(size: int) -> int:
    """How many calls it takes to ask about a whole list."""
    return -(-size // PER_CALL)


def as_likes(
    tracks: Sequence[Track], likes: Sequence[LikedTrack], *, now: datetime
) -> list[LikedTrack]:
    """These as likes: saved before all we know of, for the walk goes from the newest on."""
    oldest = min((like.added_at for like in likes), default=now)
    return [LikedTrack(track=track, added_at=oldest - timedelta(seconds=1)) for track in tracks]


def take_in(tables: Tables, user_id: UserId, tracks: Sequence[Track], *, now: datetime) -> None:
    """Keep likes that were found out before the walk through the library came to them."""
    found = as_likes(tracks, tables.library.likes(user_id), now=now)
    tables.library.add_likes(user_id, found, seen_at=now)
