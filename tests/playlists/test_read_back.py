"""What Spotify shows of a list that was just written."""

from __future__ import annotations

import asyncio

from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.playlists.read_back import read_back


class EmptyPlaylist:
    """Nothing stands in it."""

    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]:
        return []


async def at_once(_: float) -> None:
    return None


def test_an_empty_list_that_was_written_is_no_list_that_stood_there_before() -> None:
    shown = asyncio.run(read_back(EmptyPlaylist(), "p1", [], known=(), sleep=at_once))

    assert list(shown) == []
