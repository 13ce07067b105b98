"""What became of recommendations: pure, from history, likes and plays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import LikedTrack, Play, Track
from vibe_pipeline.warehouse.playlists import Fate, Outcome, Recommended


def outcomes(
    recommended: Iterable[Recommended],
    *,
    likes: Sequence[LikedTrack],
    plays: Sequence[Play],
) -> list[Outcome]:
    """For each line of a past list: liked after it, played after it, or nothing yet.

    Tracks are told apart by recording, for Spotify answers under another id now and then.
    """
    liked_at: dict[str, list[datetime]] = {}
    for like in likes:
        for name in _names(like.track):
            liked_at.setdefault(name, []).append(like.added_at)
    played_at: dict[str, list[datetime]] = {}
    for play in plays:
        for name in _names(play.track):
            played_at.setdefault(name, []).append(play.played_at)
    return [_outcome(line, liked_at, played_at) for line in recommended]


def _outcome(
    line: Recommended,
    liked_at: dict[str, list[datetime]],
    played_at: dict[str, list[datetime]],
) -> Outcome:
    likes, plays = _after(line, liked_at), _after(line, played_at)
    if likes:
        fate = Fate.LIKED
    elif plays:
        fate = Fate.REPLAYED
    else:
        fate = Fate.NOTHING
    return Outcome(
        line=line,
        fate=fate,
        liked_at=min(likes, default=None),
        plays=len(plays),
        first_played_at=min(plays, default=None),
    )


def _after(line: Recommended, moments: dict[str, list[datetime]]) -> set[datetime]:
    names = [line.key, f"isrc:{line.isrc}", f"id:{line.spotify_id}"]
    return {
        moment for name in names for moment in moments.get(name, ()) if moment > line.recorded_at
    }


def _names(track: Track) -> list[str]:
    names = [recording_key(track.artist, track.title), f"id:{track.spotify_id}"]
    return [*names, f"isrc:{track.isrc}"] if track.isrc else names
