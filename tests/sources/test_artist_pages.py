"""Artists' pages: kept for everybody, and hardly at all where Spotify finds nothing."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.records import Track
from vibe_pipeline.sources.answers import SPOTIFY_ARTIST_PAGES
from vibe_pipeline.sources.artist_pages import Absences, look_up_page

NAMES = ["A", "B", "C", "D", "E", "F"]


class Search:
    """Knows a song of each of these artists."""

    def __init__(self, artists: Collection[str]) -> None:
        self.artists = artists

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        artist = query.split('"')[1]
        song = Track(spotify_id=artist, uri=artist, title="Song", artists=(artist,))
        return [song] if artist in self.artists else []


@pytest.mark.parametrize(("artists", "remembered"), [("", "abc"), ("A", "abcdef"), ("F", "abcf")])
async def test_from_the_fourth_search_on_that_finds_nothing_no_absence_is_remembered(
    artists: str, remembered: str
) -> None:
    lookups, absences = InMemoryLookups(), Absences()

    for name in NAMES:
        await look_up_page(Search(artists), lookups, name, name.lower(), absences)

    known = SPOTIFY_ARTIST_PAGES.known(lookups, [name.lower() for name in NAMES])
    assert "".join(known) == remembered
