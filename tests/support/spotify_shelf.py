"""A person's library on Spotify, without HTTP: for what decides how often to ask."""

from __future__ import annotations

from collections.abc import Sequence

from vibe_pipeline.clients.spotify_records import LikedPage, RecentPlays
from vibe_pipeline.records import LikedTrack, Play, TopItem


class Shelf:
    """A library on Spotify, counting how often it is asked.

    ``unreadable`` are entries that count but cannot be kept, such as local files; they stand at
    the end.
    """

    def __init__(self, likes: Sequence[LikedTrack], *, unreadable: int = 0) -> None:
        self.likes = sorted(likes, key=lambda like: like.added_at, reverse=True)
        self.plays: list[Play] = []
        self.unreadable = unreadable
        self.vanished: set[str] = set()
        self.calls = 0

    def vanish(self, position: int) -> LikedTrack:
        """Leave nothing of a like but its moment."""
        self.vanished.add(self.likes[position].track.spotify_id)
        return self.likes[position]

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        self.calls += 1
        total = len(self.likes) + self.unreadable
        entries = self.likes[offset : offset + limit]
        gone = [like for like in entries if like.track.spotify_id in self.vanished]
        return LikedPage(
            likes=tuple(like for like in entries if like not in gone),
            vanished=tuple(like.added_at for like in gone),
            total=total,
            entries=max(0, min(limit, total - offset)),
        )

    async def recently_played(self) -> RecentPlays:
        self.calls += 1
        plays = sorted(self.plays, key=lambda p: p.played_at, reverse=True)[:50]
        return RecentPlays(plays=tuple(plays), entries=len(plays))

    async def top_artists(self, time_range: str) -> list[TopItem]:
        self.calls += 1
        return [_top("artist", time_range)]

    async def top_tracks(self, time_range: str) -> list[TopItem]:
        self.calls += 1
        return [_top("track", time_range)]


def _top(kind: str, time_range: str) -> TopItem:
    return TopItem(kind=kind, time_range=time_range, rank=1, name="N", artist="A", spotify_id="1")
