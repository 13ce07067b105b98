"""Pages of Spotify's search for an artist: one call, up to ten tracks, kept for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from vibe_pipeline.lookup_cache import (
    PAGE_DAYS,
    SPOTIFY_ARTIST_PAGES,
    SPOTIFY_TRACKS,
    Lookups,
    track_as_json,
)
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Track


class TrackSearch(Protocol):
    """The part of Spotify that finds tracks."""

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]: ...


async def look_up_page(spotify: TrackSearch, lookups: Lookups, name: str) -> list[Track]:
    """What a search for an artist finds, others' tracks among it.

    Every hit is kept by its recording, and the artist's own as the artist's page.
    """
    artist = name.replace('"', " ")
    hits = await spotify.search_tracks(f'artist:"{artist}"')
    remember_tracks(lookups, hits, days=PAGE_DAYS)
    key = artist_key(name)
    lookups.remember(SPOTIFY_ARTIST_PAGES, {key: page_of(key, hits)}, days=PAGE_DAYS)
    return hits


def page_of(key: str, hits: Sequence[Track]) -> list[dict[str, Any]] | None:
    """The artist's own tracks among the hits, as they are kept; ``None`` when there are none."""
    theirs = [track for track in hits if any(artist_key(name) == key for name in track.artists)]
    return [track_as_json(track) for track in theirs] or None


def remember_tracks(lookups: Lookups, tracks: Sequence[Track], *, days: int) -> None:
    """Keep where recordings are on Spotify, so that nobody looks for them again."""
    by_key: dict[str, Any] = {}
    for track in tracks:
        by_key.setdefault(recording_key(track.artist, track.title), track_as_json(track))
    if by_key:
        lookups.remember(SPOTIFY_TRACKS, by_key, days=days)
