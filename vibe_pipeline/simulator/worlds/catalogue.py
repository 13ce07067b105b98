"""What a world is made of: artists, their records, and people who listen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds.identifiers import (
    Identifiers,
    owner_of_isrc,
    owner_of_mbid,
    owner_of_spotify_id,
)

VARIOUS_ARTISTS = (1 << 31) - 1
COMPILATION_SIZE = 12
_NEAR_ARTISTS = 40
_SONGS_OF_NEAR_ARTISTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Artist:
    """Somebody who makes music; ``listeners`` says how well known, ``tags`` how people call it."""

    number: int
    name: str
    spotify_id: str
    mbid: str
    listeners: int
    tags: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One performance, whatever the releases it is on."""

    artist: Artist
    guests: tuple[Artist, ...] = ()
    title: str
    version: str = ""
    mbid: str
    duration_ms: int
    explicit: bool
    listeners: int
    playcount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """A release; ``kind`` is album, single or compilation."""

    spotify_id: str
    name: str
    artist: Artist
    kind: str
    released: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A recording's place on an album.

    ``substitute`` is the id it is played under in the listeners' market; ``vanished`` means that
    Spotify no longer has it, though people may still have saved it.
    """

    spotify_id: str
    recording: Recording
    album: Album
    position: int
    isrc: str | None
    popularity: int
    substitute: str | None = None
    vanished: bool = False

    @property
    def uri(self) -> str:
        """How Spotify's write calls name it."""
        return f"spotify:track:{self.spotify_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discography:
    """Everything by one artist, in order of release."""

    artist: Artist
    albums: tuple[Album, ...]
    recordings: tuple[Recording, ...]
    tracks: tuple[Track, ...]
    by_id: dict[str, Track] = field(repr=False)
    by_isrc: dict[str, tuple[Track, ...]] = field(repr=False)

    def on(self, album: Album) -> list[Track]:
        """An album's tracks by this artist, in their order."""
        found = [track for track in self.tracks if track.album.spotify_id == album.spotify_id]
        return sorted(found, key=lambda track: track.position)

    def of(self, recording: Recording) -> list[Track]:
        """Where a recording can be found, the usual place first."""
        return [track for track in self.tracks if track.recording.mbid == recording.mbid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Somebody with a Spotify account in this world."""

    number: int
    id: str
    name: str
    country: str = "NL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLibrary:
    """What a listener brings along: likes newest first, plays newest first."""

    likes: tuple[tuple[Track, datetime], ...]
    plays: tuple[tuple[Track, datetime], ...]


_COMPILATIONS = ("Now Hear This", "The Quiet Hours", "Sunday Drive", "Basement Tapes", "Night Bus")


def various_artists(ids: Identifiers) -> Artist:
    """The name on compilations."""
    return Artist(
        number=VARIOUS_ARTISTS,
        name="Various Artists",
        spotify_id=ids.spotify("artist", VARIOUS_ARTISTS),
        mbid=ids.mbid("artist", VARIOUS_ARTISTS),
        listeners=0,
    )


def compilation(ids: Identifiers, first: int) -> Album:
    """The compilation that begins with this artist."""
    volume = first // COMPILATION_SIZE + 1
    return Album(
        spotify_id=ids.spotify("compilation", first),
        name=f"{_COMPILATIONS[volume % len(_COMPILATIONS)]}, Vol. {volume}",
        artist=various_artists(ids),
        kind="compilation",
        released=f"{2000 + volume % 25}",
    )


class World(ABC):
    """A catalogue and its people. Records are made when first asked for, and stay the same.

    ``greyed_out`` holds ids of tracks that are shown and cannot be played where the listeners live,
    ``deleted`` ids that no longer exist, though people may have saved them.
    """

    name: str
    ids: Identifiers
    artists: Sequence[Artist]
    listeners: Sequence[Listener]

    def __init__(self) -> None:
        self._discographies: dict[int, Discography] = {}
        self.greyed_out: set[str] = set()
        self.deleted: set[str] = set()

    @abstractmethod
    def _discography(self, artist: Artist) -> Discography:
        """Make an artist's records."""

    @abstractmethod
    def similar_artists(self, artist: Artist) -> Sequence[tuple[Artist, float]]:
        """The nearest others, best first, the best at 1."""

    @abstractmethod
    def library(
        self, listener: Listener, now: datetime, *, likes: int | None = None
    ) -> ListenerLibrary:
        """A listener's likes and plays up to now; so many ``likes`` where the world can choose."""

    @abstractmethod
    def would_like(self, listener: Listener, recording: Recording) -> float:
        """How likely a listener is to enjoy a recording, 0 to 1. No service ever tells this."""

    def discography(self, artist: Artist) -> Discography:
        """Everything by an artist."""
        made = self._discographies.get(artist.number)
        if made is None:
            made = self._discographies[artist.number] = self._discography(artist)
        return made

    @cached_property
    def various_artists(self) -> Artist:
        """The name on compilations."""
        return various_artists(self.ids)

    @cached_property
    def _numbers_by_name(self) -> dict[str, int]:
        """Of several artists with one name, the best known has it."""
        numbers: dict[str, int] = {}
        for artist in sorted(self.artists, key=lambda artist: (artist.listeners, -artist.number)):
            numbers[folded(artist.name)] = artist.number
        return numbers

    def artist_named(self, name: str) -> Artist | None:
        """The artist of this name, in whatever spelling."""
        number = self._numbers_by_name.get(folded(name))
        return None if number is None else self.artists[number]

    def similar_recordings(self, recording: Recording) -> Sequence[tuple[Recording, float]]:
        """Songs by the same and by similar artists, best first, the best at 1."""
        found: list[tuple[Recording, float]] = []
        near = [(recording.artist, 0.9), *self.similar_artists(recording.artist)[:_NEAR_ARTISTS]]
        for artist, closeness in near:
            made = self.discography(artist).recordings
            songs = sorted(made, key=lambda one: -one.listeners)[:_SONGS_OF_NEAR_ARTISTS]
            for song in songs:
                if song.mbid != recording.mbid:
                    luck = self.ids.share("near", recording.mbid, song.mbid)
                    found.append((song, closeness * (0.6 + 0.4 * luck)))
        found.sort(key=lambda pair: (-pair[1], pair[0].mbid))
        best = found[0][1] if found else 1.0
        return [(song, match / best) for song, match in found]

    def _owner(self, number: int | None) -> Artist | None:
        if number is not None and 0 <= number < len(self.artists):
            return self.artists[number]
        return None

    def artist(self, spotify_id: str) -> Artist | None:
        """The artist with this Spotify id."""
        found = self._owner(owner_of_spotify_id(spotify_id))
        if found is None and spotify_id == self.various_artists.spotify_id:
            return self.various_artists
        return found if found is not None and found.spotify_id == spotify_id else None

    def artist_by_mbid(self, mbid: str) -> Artist | None:
        """The artist with this MBID."""
        found = self._owner(owner_of_mbid(mbid))
        return found if found is not None and found.mbid == mbid else None

    def track(self, spotify_id: str) -> Track | None:
        """The track with this Spotify id, vanished ones too, but none that was deleted."""
        return None if spotify_id in self.deleted else self.track_once(spotify_id)

    def track_once(self, spotify_id: str) -> Track | None:
        """The track that has or had this Spotify id."""
        owner = self._owner(owner_of_spotify_id(spotify_id))
        return None if owner is None else self.discography(owner).by_id.get(spotify_id)

    def offers(self, track: Track) -> bool:
        """Whether it is to be found and played where the listeners live."""
        gone = self.greyed_out | self.deleted if self.greyed_out or self.deleted else ()
        return not track.vanished and track.spotify_id not in gone

    def tracks_by_isrc(self, isrc: str) -> tuple[Track, ...]:
        """All tracks that carry this ISRC."""
        owner = self._owner(owner_of_isrc(isrc))
        if owner is None:
            return ()
        return self.discography(owner).by_isrc.get(isrc.upper().replace("-", ""), ())

    def recording(self, mbid: str) -> Recording | None:
        """The recording with this MBID."""
        owner = self._owner(owner_of_mbid(mbid))
        if owner is None:
            return None
        for recording in self.discography(owner).recordings:
            if recording.mbid == mbid:
                return recording
        return None

    def album(self, spotify_id: str) -> Album | None:
        """The album with this Spotify id."""
        for album in self._albums_near(owner_of_spotify_id(spotify_id)):
            if album.spotify_id == spotify_id:
                return album
        return None

    def _albums_near(self, owner: int | None) -> Sequence[Album]:
        found = self._owner(owner)
        if found is None:
            return ()
        albums = self.discography(found).albums
        if found.number % COMPILATION_SIZE == 0:
            return (*albums, compilation(self.ids, found.number))
        return albums

    def album_tracks(self, album: Album) -> list[Track]:
        """An album's tracks in their order; a compilation has several artists'."""
        if album.artist.number != VARIOUS_ARTISTS:
            return self.discography(album.artist).on(album)
        first = owner_of_spotify_id(album.spotify_id) or 0
        tracks = [
            track
            for artist in self.artists[first : first + COMPILATION_SIZE]
            for track in self.discography(artist).on(album)
        ]
        return sorted(tracks, key=lambda track: track.position)
