"""Pages of Spotify's search for an artist: one call, up to ten tracks, kept for everybody.

Shared by the sources that search and by late resolution (``playlists.resolve``); no source itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Track
from vibe_pipeline.sources.answers import PAGE_DAYS, SPOTIFY_ARTIST_PAGES, SPOTIFY_TRACKS


class TrackSearch(Protocol):
    """The part of Spotify that finds tracks."""

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]: ...


async def look_up_page(spotify: TrackSearch, lookups: Lookups, name: str) -> list[Track]:
    """What a search for an artist finds, others' tracks among it; kept by ``keep_page``."""
    hits = await spotify.search_tracks(page_query(name))
    keep_page(lookups, name, hits)
    return hits


def page_query(name: str) -> str:
    """What to search for to get an artist's page."""
    artist = name.replace('"', " ")
    return f'artist:"{artist}"'


def keep_page(lookups: Lookups, name: str, hits: Sequence[Track]) -> None:
    """Keep every hit by its recording, and the artist's own as the artist's page.

    Of two pages with the same recording the later one counts, so the order of keeping must not
    depend on whose answer came first.
    """
    remember_tracks(lookups, hits)
    key = artist_key(name)
    page = {key: page_of(key, hits)}
    SPOTIFY_ARTIST_PAGES.remember(lookups, page, days_missing=PAGE_DAYS)


def page_of(key: str, hits: Sequence[Track]) -> list[Track] | None:
    """The artist's own tracks among the hits; ``None`` when there are none."""
    theirs = [track for track in hits if any(artist_key(name) == key for name in track.artists)]
    return theirs or None


def remember_tracks(lookups: Lookups, tracks: Sequence[Track]) -> None:
    """Keep where recordings are on Spotify, so that nobody looks for them again."""
    by_key: dict[str, Track | None] = {}
    for track in tracks:
        by_key.setdefault(recording_key(track.artist, track.title), track)
    SPOTIFY_TRACKS.remember(lookups, by_key, days=PAGE_DAYS)
