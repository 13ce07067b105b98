"""What Spotify's answers become; everything a development app may miss is optional.

Records and their ``from_api``. What all rooms speak of (``Track``) is ``vibe_pipeline.records``'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from vibe_pipeline.clients.answer_shapes import listed_entry, odd_ones, saved_entry
from vibe_pipeline.clients.json_fields import (
    Fields,
    count,
    fields,
    integer,
    moment,
    name_text,
    objects,
    text,
    track_id,
    truth,
)
from vibe_pipeline.records import LikedTrack, Play, TopItem, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotifyProfile:
    """Who a token belongs to; ``account_id`` is the stable name of the account,
    ``user_id`` the one that its playlists name as their owner.
    """

    account_id: str
    name: str | None = None
    market: str | None = None
    user_id: str | None = None

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The profile; ``None`` when the answer names nobody."""
        account_id = text(data.get("account_id")) or text(data.get("id"))
        if account_id is None:
            return None
        return cls(
            account_id=account_id,
            user_id=text(data.get("id")),
            name=name_text(data.get("display_name")),
            market=text(data.get("country")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPlays:
    """What was played last; ``entries`` counts also what is no track of ours."""

    plays: tuple[Play, ...]
    entries: int

    @classmethod
    def from_api(cls, data: Fields) -> Self:
        """The plays, newest first; local files and vanished entries are passed over."""
        entries = data.get("items")
        plays = (play_from_api(item) for item in objects(entries))
        return cls(
            plays=tuple(play for play in plays if play is not None),
            entries=len(entries) if isinstance(entries, list) else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LikedPage:
    """One page of saved tracks; ``entries`` counts also what is no track of ours.

    ``odd``: entries that nobody can make anything of; a like may hide behind each of them.
    ``vanished`` are the moments of likes whose track Spotify no longer has; ``empty`` counts them,
    and the entries of which not even that is left. ``shown``: false of what stands in the place of
    a page that Spotify did not show.
    """

    likes: tuple[LikedTrack, ...]
    total: int
    entries: int
    odd: int = 0
    vanished: tuple[datetime, ...] = ()
    empty: int = 0
    shown: bool = True

    @classmethod
    def from_api(cls, data: Fields) -> Self:
        """The page; local files, episodes and vanished entries are passed over."""
        entries = data.get("items")
        likes = tuple(
            LikedTrack(track=track, added_at=added_at, playable=_is_playable(_inside(item)))
            for item in objects(entries)
            if (track := track_from_api(_inside(item))) is not None
            and (added_at := moment(item.get("added_at"))) is not None
        )
        listed = entries if isinstance(entries, list) else []
        return cls(
            likes=likes,
            total=integer(data.get("total")) or 0,
            entries=len(listed),
            odd=odd_ones(listed, saved_entry),
            empty=sum(entry is None for entry in listed)
            + sum(_has_vanished(_inside(item)) for item in objects(entries)),
            vanished=tuple(
                added_at
                for item in objects(entries)
                if _has_vanished(_inside(item))
                and (added_at := moment(item.get("added_at"))) is not None
            ),
        )


def _has_vanished(track: Fields) -> bool:
    """Whether an entry is what is left of a track: nothing, or an id without a name."""
    other = track.get("is_local") is True or track.get("type", "track") != "track"
    return not other and name_text(track.get("name")) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundArtist:
    """An artist that a search found."""

    spotify_id: str
    name: str

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The artist; ``None`` without id or name."""
        spotify_id, name = text(data.get("id")), name_text(data.get("name"))
        if spotify_id is None or name is None:
            return None
        return cls(spotify_id=spotify_id, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist:
    """A playlist's head: who it is, not what it holds."""

    id: str
    name: str
    url: str
    description: str | None = None
    snapshot_id: str | None = None
    total: int | None = None
    owner_id: str | None = None

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The playlist; ``None`` for the ``null`` entries lists are sprinkled with."""
        playlist_id = text(data.get("id"))
        if playlist_id is None:
            return None
        url = text(fields(data.get("external_urls")).get("spotify"))
        held = fields(data.get("items") or data.get("tracks"))
        return cls(
            id=playlist_id,
            name=name_text(data.get("name")) or "",
            url=url or f"https://open.spotify.com/playlist/{playlist_id}",
            description=text(data.get("description")),
            snapshot_id=text(data.get("snapshot_id")),
            total=integer(held.get("total")),
            owner_id=text(fields(data.get("owner")).get("id")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistLine:
    """An entry of a playlist; no ``track`` where nothing is left of it, or it is none.

    What nobody can make anything of is no ``track`` either, and says nothing against one:
    ``playable``.
    """

    track: Track | None
    playable: bool

    @classmethod
    def from_api(cls, data: Fields) -> Self:
        """The entry, whatever it holds."""
        if not listed_entry(data):
            return cls(track=None, playable=True)
        inside = _inside(data)
        track = track_from_api(inside)
        return cls(track=track, playable=track is not None and _is_playable(inside))


def track_from_api(data: Fields) -> Track | None:
    """A track; ``None`` for episodes, local files, and entries without id, title or artist.

    Its address is made from its id, whatever address it came with: what is told by one is found
    by the other.
    """
    spotify_id, title = track_id(data.get("id")), name_text(data.get("name"))
    local = data.get("is_local") is True or str(data.get("uri")).startswith("spotify:local:")
    if spotify_id is None or title is None or local or data.get("type", "track") != "track":
        return None
    people = [(name_text(a.get("name")), text(a.get("id"))) for a in objects(data.get("artists"))]
    artists = tuple(name for name, _ in people if name is not None)
    if not artists:
        return None
    album = fields(data.get("album"))
    return Track(
        spotify_id=spotify_id,
        uri=f"spotify:track:{spotify_id}",
        title=title,
        artists=artists,
        artist_ids=tuple(artist_id for _, artist_id in people if artist_id is not None),
        album=name_text(album.get("name")),
        album_id=text(album.get("id")),
        isrc=_isrc(data),
        duration_ms=count(data.get("duration_ms")),
        release_date=text(album.get("release_date")),
        popularity=count(data.get("popularity")),
        explicit=truth(data.get("explicit")),
    )


class FoundTracks(list[Track]):
    """Tracks the person can play; ``withheld``: there were others, for people elsewhere."""

    def __init__(self, tracks: Iterable[Track] = (), *, withheld: bool = False) -> None:
        super().__init__(tracks)
        self.withheld = withheld


def playable_tracks(value: object) -> FoundTracks:
    """The tracks of a list that can be played where the person lives."""
    items = list(objects(value))
    playable = [item for item in items if _is_playable(item)]
    tracks = (track_from_api(item) for item in playable)
    return FoundTracks(
        (track for track in tracks if track is not None), withheld=len(playable) < len(items)
    )


def _is_playable(track: Fields) -> bool:
    """Whether it can be played where the person lives; where nothing is said, it can."""
    return track.get("is_playable") is not False


def play_from_api(data: Fields) -> Play | None:
    """One listening; ``None`` when what was played is no track."""
    track, played_at = track_from_api(_inside(data)), moment(data.get("played_at"))
    if track is None or played_at is None:
        return None
    context = text(fields(data.get("context")).get("uri"))
    return Play(track=track, played_at=played_at, context_uri=context)


def top_from_api(data: Fields, *, kind: str, time_range: str, rank: int) -> TopItem | None:
    """An artist or track of somebody's most played; ``None`` without id or name."""
    spotify_id, name = text(data.get("id")), name_text(data.get("name"))
    if spotify_id is None or name is None:
        return None
    first = next(objects(data.get("artists")), {})
    artist = name if kind == "artist" else name_text(first.get("name"))
    return TopItem(
        kind=kind,
        time_range=time_range,
        rank=rank,
        name=name,
        artist=artist or "",
        spotify_id=spotify_id,
        isrc=_isrc(data),
    )


def _inside(entry: Fields) -> Fields:
    """What an entry holds: ``item`` in new answers, ``track`` in old ones, both in some."""
    return fields(entry.get("item")) or fields(entry.get("track"))


def _isrc(data: Fields) -> str | None:
    written = text(fields(data.get("external_ids")).get("isrc"))
    return written.upper().replace("-", "") if written else None
