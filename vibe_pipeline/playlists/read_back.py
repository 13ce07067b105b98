"""What Spotify shows of a list that was just written (read-back), as far as it can be believed.

It may be slow, and show what stood there before. What follows from a sight is ``unusable_tracks``'s
to say, and ``publish``'s and ``restore``'s to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from vibe_pipeline.clients.errors import BrokenAnswer
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.clients.spotify_web import SERVICE
from vibe_pipeline.playlists.unusable_tracks import Shown, is_meant, unusable_tracks
from vibe_pipeline.records import ChosenTrack, Track

ANOTHER_LOOK_SECONDS = 1.0
"""So long after a strange sight the list is looked at again."""


class LinesClient(Protocol):
    """The part of Spotify that shows playlists."""

    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]: ...


async def read_back(
    spotify: LinesClient,
    playlist_id: str,
    tracks: Sequence[ChosenTrack],
    *,
    known: Collection[str],
    sleep: Sleep,
    former: Sequence[PlaylistLine] = (),
) -> Shown:
    """Each track with what Spotify shows in its place; a strange sight is followed by another.

    ``known`` are the Spotify ids of tracks that are surely what was meant; ``former`` is what was
    seen before the list was changed. Raises ``BrokenAnswer`` where both sights are of another list.
    """
    for twice in (False, True):
        if twice:
            await sleep(ANOTHER_LOOK_SECONDS)
        lines = await spotify.playlist_lines(playlist_id, written=len(tracks))
        if len(lines) != len(tracks) or (former and lines == list(former)):
            continue
        pairs = list(zip(tracks, lines, strict=True))
        if _is_believable(pairs, known, twice=twice):
            return pairs
    broken = BrokenAnswer(SERVICE, "a playlist does not show what was just written to it")
    broken.endpoint = "GET /playlists/{id}/items"
    raise broken


async def see_that_it_shows(
    spotify: LinesClient, playlist_id: str, tracks: Sequence[ChosenTrack], *, sleep: Sleep
) -> None:
    """Raise ``BrokenAnswer`` where a playlist shows another list than this, looked at twice."""
    known = {track.spotify_id for track in tracks}
    await read_back(spotify, playlist_id, tracks, known=known, sleep=sleep)


def shows_mostly(lines: Sequence[PlaylistLine], tracks: Sequence[ChosenTrack]) -> bool:
    """Whether what stands in a playlist is this list, though some tracks may have moved."""
    pairs = zip(tracks, lines, strict=False)
    there = sum(line.track is not None and _is_it(one, line.track) for one, line in pairs)
    return len(lines) == len(tracks) and 2 * there > len(tracks)


def _is_believable(pairs: Shown, known: Collection[str], *, twice: bool) -> bool:
    """Whether this shows the list that was written, and not what stood in its place before.

    ``known`` are the Spotify ids of tracks that are surely what was meant: none of them stands
    there as another. What is mostly broken, or mistaken beside nothing known, is believed only when
    it was looked at ``twice``; and mostly broken only around what is known and can be heard.
    """
    if any(_is_another(one, line) for one, line in pairs if one.spotify_id in known):
        return False
    unusable = unusable_tracks(pairs)
    mostly_broken = 2 * len(unusable.broken) > len(pairs)
    if twice:
        return not mostly_broken or _mostly_stand(pairs, known)
    alone = all(one.spotify_id not in known for one, _ in pairs)
    return not mostly_broken and not (alone and unusable.mistaken)


def _is_another(chosen: ChosenTrack, line: PlaylistLine) -> bool:
    return line.track is not None and not _is_it(chosen, line.track)


def _mostly_stand(pairs: Shown, known: Collection[str]) -> bool:
    """Whether most of what is known is there to be heard."""
    of_known = [line for one, line in pairs if one.spotify_id in known]
    return 2 * sum(line.track is not None and line.playable for line in of_known) > len(of_known)


def _is_it(chosen: ChosenTrack, track: Track) -> bool:
    """Whether this is what was written: by id, by code when it moved to another, or by names."""
    same_id = track.spotify_id == chosen.spotify_id
    same_code = chosen.isrc is not None and track.isrc == chosen.isrc
    return same_id or same_code or is_meant(chosen, track)
