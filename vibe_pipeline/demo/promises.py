"""What every list must hold, checked against what the simulated Spotify really saw and keeps.

Acceptance checks from outside; nothing the product says of itself is believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.ranking.identity import artist_key, recording_key

ARTIST_CAP = 2
MOST_SEEDS = 5
_SEED_KINDS = ("seed_artists", "seed_tracks", "seed_genres")
_OLD_PLAYLIST_PATHS = ("/tracks", "/followers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The outside world's own account: its requests, the person's likes, their playlists."""

    requests: Sequence[Mapping[str, Any]]
    likes: Sequence[Mapping[str, Any]]
    playlists: Sequence[Mapping[str, Any]]


def broken_promises(edition: Edition, account: Account, seen: Observed) -> list[str]:
    """Every promise that this edition does not hold, in words; none is the only good answer."""
    return [
        *_seeds(seen),
        *_no_recording_twice(edition),
        *_artist_cap(edition),
        *_honest_about_new(edition, account, seen),
        *_written_by_todays_rules(edition, seen),
    ]


def _seeds(seen: Observed) -> Iterator[str]:
    for request in seen.requests:
        if urlsplit(request["path"]).path.endswith("/recommendations"):
            query = request["query"]
            count = sum(len(query[kind].split(",")) for kind in _SEED_KINDS if query.get(kind))
            if count > MOST_SEEDS:
                yield f"S5: a request for recommendations named {count} seeds"


def _no_recording_twice(edition: Edition) -> Iterator[str]:
    names = Counter(recording_key(track.artist, track.title) for track in edition.tracks)
    for name, count in names.items():
        if count > 1:
            yield f"S6: {name} is in the list {count} times"
    codes = Counter(track.isrc for track in edition.tracks if track.isrc)
    for code, count in codes.items():
        if count > 1:
            yield f"S6: the recording {code} is in the list {count} times"


def _artist_cap(edition: Edition) -> Iterator[str]:
    artists = Counter(artist_key(track.artist) for track in edition.tracks)
    for artist, count in artists.items():
        if count > ARTIST_CAP:
            yield f"S6: {artist} is in the list {count} times"


def _honest_about_new(edition: Edition, account: Account, seen: Observed) -> Iterator[str]:
    likes = [like for like in seen.likes if "title" in like and not like["vanished"]]
    liked_uris = {like["uri"] for like in likes}
    liked_codes = {like["isrc"] for like in likes if like["isrc"]}
    liked_names = {recording_key(like["artist"], like["title"]) for like in likes}
    for track in edition.tracks:
        liked = (
            track.uri in liked_uris
            or track.isrc in liked_codes
            or recording_key(track.artist, track.title) in liked_names
        )
        if track.is_new and liked:
            yield f"S6: {track.artist} - {track.title} is called new and is liked"
    summary = edition.summary
    if summary is None:
        yield "S6: the edition has no counts"
        return
    new = sum(track.is_new for track in edition.tracks)
    if (summary.new, summary.familiar) != (new, len(edition.tracks) - new):
        yield f"S6: counted {summary.new} new tracks where there are {new}"
    if new < account.min_new_ratio * len(edition.tracks) and not summary.notes:
        yield f"S6: only {new} of {len(edition.tracks)} tracks are new, and nothing says why"
    if new == 0 and not summary.notes:
        yield "S7: a list of nothing new that does not say so"


def _written_by_todays_rules(edition: Edition, seen: Observed) -> Iterator[str]:
    for request in seen.requests:
        method, path = request["method"], request["path"]
        if method != "GET" and "/playlists" in path and path.endswith(_OLD_PLAYLIST_PATHS):
            yield f"S8: {method} {path} is gone today"
        if method == "POST" and "/users/" in path:
            yield f"S8: {method} {path} is gone today"
    found = next((p for p in seen.playlists if p["id"] == edition.playlist_id), None)
    if found is None:
        yield f"S8: Spotify knows no playlist {edition.playlist_id}"
        return
    written = [item["uri"] for item in found["items"]]
    if written != [track.uri for track in edition.tracks]:
        yield "S8: what is on the playlist is not what the person was told"
