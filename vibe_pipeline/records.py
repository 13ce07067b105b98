"""What flows from room to room: tracks, plays, seeds, proposals, candidates, choices.

Time zones by name, too, and which moments are believed. Nothing here talks to anybody. Every moment
is aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import NamedTuple, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UserId = NewType("UserId", str)
"""Our own opaque id of a person; the partition key, and the only name for them in a log."""

EditionId = NewType("EditionId", str)
"""One making of a list for one person: the id of the root run."""


class Source(StrEnum):
    """Where a candidate may come from; the value is the asset's name under ``candidates``."""

    SPOTIFY_RECOMMENDATIONS = "spotify_recommendations"
    ARTIST_TOP_TRACKS = "artist_top_tracks"
    ARTIST_CATALOGUE = "artist_catalogue"
    LASTFM_SIMILAR_TRACKS = "lastfm_similar_tracks"
    LASTFM_SIMILAR_ARTISTS = "lastfm_similar_artists"
    LISTENBRAINZ = "listenbrainz"
    REDISCOVERED_LIKES = "rediscovered_likes"
    LISTENBRAINZ_FOR_YOU = "listenbrainz_for_you"
    LOVED_ONCE = "loved_once"


PERSONAL_SOURCES = frozenset({Source.LISTENBRAINZ_FOR_YOU, Source.LOVED_ONCE})
"""Sources of those alone who let us read their history: no list waits for them to be asked."""


POLICY_NAMES = ("default", "similar-sum")
"""What the ranking policies are called; settings and commands name them, ranking defines them."""


class PoolState(StrEnum):
    """How asking a source ended."""

    OFFERED = "offered"
    EMPTY = "empty"
    OFF = "off"
    ABSENT = "absent"
    FAILED = "failed"


class Mode(StrEnum):
    """Whether one playlist is refreshed in place, or each day gets its own."""

    LIVING = "living"
    DAILY = "daily"


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track as Spotify names it; fields that a development app no longer gets are ``None``.

    ``explicit``: marked as such; ``None`` where nobody has told, which is no "no".
    """

    spotify_id: str
    uri: str
    title: str
    artists: tuple[str, ...]
    artist_ids: tuple[str, ...] = ()
    album: str | None = None
    album_id: str | None = None
    isrc: str | None = None
    duration_ms: int | None = None
    release_date: str | None = None
    popularity: int | None = None
    explicit: bool | None = None

    @property
    def artist(self) -> str:
        """The artist named first."""
        return self.artists[0] if self.artists else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LikedTrack:
    """A track somebody saved on Spotify, and when.

    ``playable``: Spotify plays it where the person lives. What it greys out is liked and known all
    the same, and no list may hold it.
    """

    track: Track
    added_at: datetime
    playable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One listening to one track."""

    track: Track
    played_at: datetime
    context_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopItem:
    """An artist or a track Spotify counts among somebody's most played."""

    kind: str
    time_range: str
    rank: int
    name: str
    artist: str
    spotify_id: str
    isrc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedArtist:
    """An artist the person leans to now; weight is in (0, 1], ``why`` holds its parts.

    ``loved_in`` is the year it was played most, where what is long past speaks loudest for it.
    """

    name: str
    key: str
    weight: float
    spotify_id: str | None = None
    mbid: str | None = None
    why: Mapping[str, float] = field(default_factory=dict)
    loved_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTrack:
    """A track the person leans to now; weight is above 0 and at most 1."""

    title: str
    artist: str
    key: str
    weight: float
    spotify_id: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    why: Mapping[str, float] = field(default_factory=dict)
    loved_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedProfile:
    """What a person is known to lean to, strongest first.

    ``play_decay`` is the exponent by which their plays faded, the larger the faster.
    """

    artists: tuple[SeedArtist, ...]
    tracks: tuple[SeedTrack, ...]
    play_decay: float | None = None


class SeedVote(NamedTuple):
    """One of the person's artists speaking for another, as a service knows them to be near.

    ``match`` is from 0 to 1, ``place`` counts from 0 among all that the naming artist is near to,
    and ``spread`` is the sum of those matches. ``asked_back``: it was the proposed artist who was
    asked, and who named the person's.
    """

    seed: str
    match: float
    place: int
    spread: float
    asked_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One source naming one recording because of one seed, or of several.

    ``match`` is from 0 to 1 and only comparable within its source; ``rank`` counts from 1 within
    the source; ``listeners`` says how many people know the recording's artist, where the source
    tells. Where ``votes`` say which seeds speak for the artist, ``seed`` is the loudest of them
    and ``match`` is how much of what they say counts for this recording.
    """

    source: Source
    artist: str
    title: str
    seed: str
    match: float
    rank: int
    spotify_id: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    duration_ms: int | None = None
    listeners: int | None = None
    tags: tuple[str, ...] = ()
    votes: tuple[SeedVote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """All that one source proposed, or why it proposed nothing."""

    source: Source
    proposals: tuple[Proposal, ...]
    state: PoolState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One recording, merged from everybody who proposed it.

    ``key`` names the recording whatever its ids (see ``ranking.identity``); ``proposals`` are
    ordered by source, then rank; ``aliases`` are the other keys it went by.
    """

    key: str
    artist: str
    artist_key: str
    title: str
    proposals: tuple[Proposal, ...]
    spotify_id: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    duration_ms: int | None = None
    aliases: tuple[str, ...] = ()


class DropReason(StrEnum):
    """Why a candidate did not make the list; each has its sentence in the catalogues."""

    BLOCKED = "blocked"
    WRONG_VERSION = "wrong_version"
    RESTED = "rested"
    RECENTLY_PLAYED = "recently_played"
    NOT_DUE = "not_due"
    ARTIST_CAP = "artist_cap"
    SOURCE_CAP = "source_cap"
    FAMILIAR_ENOUGH = "familiar_enough"
    NOT_ON_SPOTIFY = "not_on_spotify"
    EXPLICIT = "explicit"
    NOT_LOOKED_UP = "not_looked_up"
    LOWER_RANKED = "lower_ranked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate with everything that was thought about it.

    ``terms`` are the documented, bounded parts of ``score``; ``rank`` counts from 1 over all
    candidates; exactly one of ``position`` (from 1, in the list) and ``dropped`` is set once the
    selection is made. ``is_new``: neither liked nor ever recommended by us.
    """

    candidate: Candidate
    terms: Mapping[str, float]
    score: float
    rank: int
    is_new: bool
    source: Source
    seed: str
    position: int | None = None
    dropped: DropReason | None = None
    track: Track | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRecommendation:
    """A recording recommended before, by the keys of its day; and its names, where kept."""

    key: str
    artist_key: str
    vibe_date: date
    edition_id: EditionId
    artist: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTrack:
    """A line of the finished list, as people are told it.

    ``confirmed``: Spotify or a play told that this id is this track, and lately that it can be
    played. What others named by its id alone is looked at once it stands in the playlist.
    """

    position: int
    artist: str
    title: str
    spotify_id: str
    uri: str
    isrc: str | None
    is_new: bool
    source: Source
    seed: str
    reason: str
    key: str
    artist_key: str
    confirmed: bool = field(default=True, compare=False)


NOWHERE = frozenset({"localtime", "Factory", "posixrules"})
"""Names that stand for no place: what they mean is another thing on the next machine."""

FALLBACK = "UTC"


@cache
def zone_names() -> frozenset[str]:
    """Every name this machine knows that says where somebody is."""
    return frozenset(available_timezones() - NOWHERE)


def known_zone(name: str) -> ZoneInfo | None:
    """The clock of this name; ``None`` for a name that this machine lacks, or that is no place."""
    if name in NOWHERE:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_or_utc(name: str) -> ZoneInfo:
    """The clock of this name, or UTC's: one bad name must not stop what is done for many."""
    return known_zone(name) or ZoneInfo(FALLBACK)


def believed(moment: datetime | None, *, now: datetime) -> datetime | None:
    """When something happened; ``None`` where that is not known, or lies ahead.

    Then this machine's clock ran ahead when it was noted, or was set back since: nothing is
    counted from there.
    """
    return None if moment is None or moment > now else moment
