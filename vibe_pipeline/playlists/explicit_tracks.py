"""Writing a list without what Spotify marks as explicit, for whoever wants to hear none of that.

By what is known, and by what the playlist shows once it is written. Which list is written where is
``publish``'s and ``restore``'s; what a new list is chosen without is decided while it is chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.playlists.playlist_writes import PlaylistWrites
from vibe_pipeline.playlists.read_back import LinesClient, read_back
from vibe_pipeline.playlists.refused_tracks import write_existing
from vibe_pipeline.playlists.unusable_tracks import explicit_marks
from vibe_pipeline.records import ChosenTrack
from vibe_pipeline.sources.answers import SPOTIFY_EXPLICIT
from vibe_pipeline.warehouse import Warehouse

log = logging.getLogger(__name__)

Write = Callable[[Sequence[ChosenTrack]], Awaitable[list[ChosenTrack]]]
"""Writes tracks to a playlist; gives those of them that stand there, the others exist no more."""


def known_marks(database: Warehouse, edition: Edition, *, now: datetime) -> dict[str, bool]:
    """By Spotify id: which tracks of a list were seen marked as explicit, and which without."""
    name = SPOTIFY_EXPLICIT.name
    with database.open() as tables:
        marks = tables.lookups.answers(name, as_of=now)[name]
        likes = [like.track for like in tables.library.likes(edition.user_id)]
    liked = {track.spotify_id: track.explicit for track in likes}
    told = {
        spotify_id: [
            mark for mark in (liked.get(spotify_id), marks.get(spotify_id)) if mark is not None
        ]
        for spotify_id in (track.spotify_id for track in edition.tracks)
    }
    return {spotify_id: any(said) for spotify_id, said in told.items() if said}


async def write_clean(
    spotify: LinesClient,
    playlist_id: str,
    tracks: Sequence[ChosenTrack],
    *,
    marks: Mapping[str, bool],
    write: Write,
    sleep: Sleep,
) -> int:
    """Write the tracks but for what is marked explicit, as far as known and as Spotify shows it.

    Where it does not show the list, only what is known to bear no mark stays. Gives how many of
    the others exist no more. Raises ``ServiceError`` where nothing is known either.
    """
    unmarked = [track for track in tracks if not marks.get(track.spotify_id)]
    written = await write(unmarked)
    if not written:
        return len(unmarked)
    known = {track.spotify_id for track in written if track.confirmed}
    try:
        shown = explicit_marks(
            await read_back(spotify, playlist_id, written, known=known, sleep=sleep)
        )
        clean = [track for track in written if not shown.get(track.spotify_id)]
    except ServiceError as error:
        clean = [track for track in written if marks.get(track.spotify_id) is False]
        if not clean:
            raise
        log.warning("what is not known to be clean is left out: %s", error)
    if clean != written:
        await write(clean)
    return len(unmarked) - len(written)


async def write_former(
    spotify: LinesClient,
    writes: PlaylistWrites,
    tracks: Sequence[ChosenTrack],
    *,
    marks: Mapping[str, bool] | None,
    sleep: Sleep,
) -> bool:
    """Have the tracks that stood in a playlist stand there again; whether anything of them does.

    ``marks`` is what is known of them where the person wants nothing explicit, else ``None``. Where
    none of them is left that is not explicit, all stand there as they did: no playlist is emptied,
    and the ledger says of it what it holds.
    """
    stand: list[ChosenTrack] = []

    async def write(some: Sequence[ChosenTrack]) -> list[ChosenTrack]:
        left = await write_existing(writes, [track.uri for track in some]) if some else []
        stand[:] = [track for track in some if track.uri in left]
        return list(stand)

    if marks is None:
        await write(tracks)
    else:
        playlist_id = writes.playlist_id
        await write_clean(spotify, playlist_id, tracks, marks=marks, write=write, sleep=sleep)
        if not stand:
            await write(tracks)
    return bool(stand)
