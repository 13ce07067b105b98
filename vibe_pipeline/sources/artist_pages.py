"""Pages of Spotify's search for an artist: one call, up to ten tracks, kept for everybody.

Shared by the sources that search and by late resolution (``playlists.resolve``); no source itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from vibe_pipeline.clients.spotify_records import FoundTracks
from vibe_pipeline.lookup_cache import DOUBTED_DAYS, AnswerCodec, Lookups
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Track
from vibe_pipeline.sources.answers import PAGE_DAYS, SPOTIFY_ARTIST_PAGES, SPOTIFY_TRACKS

T = TypeVar("T")

FIRST_SEARCHES = 4
"""When so many of a run have found nothing, and none anything, it is Spotify that finds nothing."""


class TrackSearch(Protocol):
    """The part of Spotify that finds tracks."""

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]: ...


class Absences:
    """How long to believe that a search found nothing, by what other searches of the run found.

    Of an evening on which Spotify finds nothing for anybody, hardly anything is to be remembered.
    """

    def __init__(self) -> None:
        self._found = False
        self._empty = 0

    def days(self, hits: Sequence[Track]) -> int | None:
        """For so many days; ``None``: as long as usual; 0: not beyond this run.

        Not for long where hits were held back: in another country they may be played.
        """
        withheld = isinstance(hits, FoundTracks) and hits.withheld
        self._found = self._found or withheld or bool(hits)
        self._empty += not self._found
        if withheld:
            return DOUBTED_DAYS
        if self._found:
            return None
        return DOUBTED_DAYS if self._empty < FIRST_SEARCHES else 0


async def look_up_page(
    spotify: TrackSearch, lookups: Lookups, name: str, key: str, absences: Absences
) -> list[Track] | None:
    """The artist's own tracks that a search finds; kept, as is whatever else it finds."""
    hits = await spotify.search_tracks(page_query(name))
    keep_page(lookups, name, hits, days_missing=absences.days(hits), also_under=key)
    return page_of(key, hits)


def page_query(name: str) -> str:
    """What to search for to get an artist's page."""
    artist = name.replace('"', " ")
    return f'artist:"{artist}"'


def keep_page(
    lookups: Lookups,
    name: str,
    hits: Sequence[Track],
    *,
    days_missing: int | None,
    also_under: str | None = None,
) -> None:
    """Keep every hit by its recording, and the artist's own as the artist's page.

    That there is none is kept for ``days_missing``, as ``Absences`` say. ``also_under``: another
    key that the artist goes by.

    Of two pages with the same recording the later one counts, so the order of keeping must not
    depend on whose answer came first.
    """
    remember_tracks(lookups, hits)
    keys = {artist_key(name), also_under or artist_key(name)}
    pages = {key: page_of(key, hits) for key in keys}
    remember_found(SPOTIFY_ARTIST_PAGES, lookups, pages, days_missing=days_missing)


def remember_found(
    kind: AnswerCodec[T],
    lookups: Lookups,
    answers: Mapping[str, T | None],
    *,
    days_missing: int | None,
) -> None:
    """Keep what was found, and what was not for so many days, or not at all."""
    told = {key: one for key, one in answers.items() if one is not None or days_missing != 0}
    kind.remember(lookups, told, days_missing=days_missing)


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
