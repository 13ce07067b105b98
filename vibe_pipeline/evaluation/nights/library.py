"""The listener's library as we come to know it: production's own sync against a simulated account.

What a list has left for sources and lookups depends on what reading the library cost, so each
call is counted as the real runs spend it:

- Connecting syncs likes and plays once, and is charged to the first list.
- Each list then reads the newest likes and plays again, and the first one the top items: two calls
  on a usual day, more while likes are unknown or after something was un-liked.
- Between lists plays are collected every two hours and top items every week, at no list's cost.
  So every play of the listener's day is known by the next list; plays before the first night only
  as far as Spotify remembers.

What the listener does and likes is ``listener``; who answers searches is ``world``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from vibe_pipeline.accounts.call_allowance import SPOTIFY
from vibe_pipeline.clients.spotify_records import LikedPage, RecentPlays
from vibe_pipeline.evaluation.nights.listener import SimulatedListener
from vibe_pipeline.playlists.unsynced_likes import PER_CALL, as_likes
from vibe_pipeline.records import LikedTrack, Play, TopItem, Track
from vibe_pipeline.sources.artist_pages import TrackSearch
from vibe_pipeline.taste.library_refresh import (
    LibraryDelta,
    RefreshPlan,
    library_delta,
    top_items_wanted,
    walk_pages,
)
from vibe_pipeline.taste.library_sync import MOST_PLAYS
from vibe_pipeline.taste.unliked import PAGE
from vibe_pipeline.warehouse import LibraryState


@dataclass(slots=True, kw_only=True)
class SimulatedAccount:
    """What Spotify tells a listener; every answer counts as one call.

    Searches are counted by the ``catalogue``, which everybody shares.
    """

    life: SimulatedListener
    catalogue: TrackSearch
    calls: Counter[str]
    now: datetime

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = PAGE) -> LikedPage:
        """A page of likes, newest first."""
        self.calls[SPOTIFY] += 1
        likes = newest_first(self.life.likes.values())
        page = likes[offset : offset + limit]
        return LikedPage(likes=tuple(page), total=len(likes), entries=len(page))

    async def recently_played(self) -> RecentPlays:
        """The last fifty plays, newest first."""
        self.calls[SPOTIFY] += 1
        plays = tuple(self.life.plays[:MOST_PLAYS])
        return RecentPlays(plays=plays, entries=len(plays))

    async def top_artists(self, time_range: str) -> list[TopItem]:
        """The artists played most in this range."""
        return self._top("artist", time_range)

    async def top_tracks(self, time_range: str) -> list[TopItem]:
        """The tracks played most in this range."""
        return self._top("track", time_range)

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        """Which of these the listener has saved."""
        self.calls[SPOTIFY] += -(-len(uris) // PER_CALL)
        saved = {like.track.uri for like in self.life.likes.values()}
        return {uri: uri in saved for uri in uris}

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        """Tracks of the catalogue, whoever asks."""
        return await self.catalogue.search_tracks(query, limit=limit)

    def _top(self, kind: str, time_range: str) -> list[TopItem]:
        self.calls[SPOTIFY] += 1
        items = self.life.top_items(self.now)
        return [item for item in items if (item.kind, item.time_range) == (kind, time_range)]


@dataclass(slots=True, kw_only=True)
class SyncedLibrary:
    """What is known of a listener's library, as the warehouse would hold it."""

    account: SimulatedAccount
    state: LibraryState = field(default_factory=LibraryState)
    likes: list[LikedTrack] = field(default_factory=list)
    top: list[TopItem] = field(default_factory=list)

    @property
    def plays(self) -> list[Play]:
        """Every play since the listener connected, and what Spotify remembered of before."""
        return self.account.life.plays

    async def connect(self) -> None:
        """The sync that follows a person's consent."""
        pages = walk_pages(self.state, syncing=True)
        await self._refresh(RefreshPlan(likes_pages=pages, plays=True, top_items=False))

    async def collect(self) -> None:
        """What is kept between two lists."""
        top = top_items_wanted(self.state, making_a_list=False, now=self.account.now)
        await self._refresh(RefreshPlan(likes_pages=None, plays=True, top_items=top))

    async def refresh(self) -> None:
        """What a list reads before it is made."""
        top = top_items_wanted(self.state, making_a_list=True, now=self.account.now)
        pages = walk_pages(self.state, syncing=False)
        await self._refresh(RefreshPlan(likes_pages=pages, plays=True, top_items=top))

    def take_in(self, tracks: Sequence[Track]) -> None:
        """Likes found out before the walk through the library came to them."""
        self._add(as_likes(tracks, self.likes, now=self.account.now))

    async def _refresh(self, plan: RefreshPlan) -> None:
        delta = await library_delta(self.account, plan, state=self.state, likes=self.likes)
        self._keep(delta)

    def _keep(self, delta: LibraryDelta) -> None:
        now = self.account.now
        if delta.likes is not None and not delta.likes.doubted:
            gone = delta.likes.gone
            self.likes = [like for like in self.likes if like.track.spotify_id not in gone]
            self._add(delta.likes.added)
            self.state = replace(
                self.state,
                likes_total=delta.likes.total,
                likes_walked=delta.likes.walked,
                likes_searched=delta.likes.searched,
                likes_search_end=delta.likes.search_end,
                likes_unkept=delta.likes.unkept,
            )
        if delta.plays is not None and delta.plays.plays:
            cursor = max(play.played_at for play in delta.plays.plays)
            self.state = replace(self.state, plays_cursor=cursor)
        if delta.top is not None:
            self.top = delta.top
            self.state = replace(self.state, top_fetched_at=now)

    def _add(self, likes: Sequence[LikedTrack]) -> None:
        known = {like.track.spotify_id: like for like in self.likes}
        known |= {like.track.spotify_id: like for like in likes}
        self.likes = newest_first(known.values())


def newest_first(likes: Collection[LikedTrack]) -> list[LikedTrack]:
    """Likes in the order Spotify and the warehouse give them."""
    return sorted(likes, key=lambda like: (-like.added_at.timestamp(), like.track.spotify_id))
