"""Every kind of answer that the shared lookup cache remembers: its record and its stored form.

A row is stored as a short list, to keep the warehouse small; nothing outside this module knows
that. Asking and deciding does not belong here, nor does the cache itself (``lookup_cache``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple, TypeVar

from vibe_pipeline.clients.json_fields import count, large_count, measure
from vibe_pipeline.lookup_cache import AnswerCodec, UnreadableAnswer
from vibe_pipeline.records import Track

T = TypeVar("T")

SIMILAR_DAYS = 28
"""Who is near to whom, and what an artist is best known for, changes slowly."""
PAGE_DAYS = 60
"""So long an artist's page is good for."""


class SimilarArtist(NamedTuple):
    """An artist near another; ``match`` is only comparable among the neighbours of one.

    A tuple, for a list is made out of thousands of them.
    """

    name: str
    match: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarTrack:
    """A track near another, as Last.fm tells it; ``playcount`` is everybody's."""

    artist: str
    title: str
    match: float
    mbid: str | None
    duration_ms: int | None
    playcount: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarRecording:
    """A recording near another, as ListenBrainz tells it."""

    artist: str
    title: str
    match: float
    mbid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopTrack:
    """One of an artist's best-known tracks."""

    title: str
    listeners: int | None
    mbid: str | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingIds:
    """What MusicBrainz calls a recording, and its first artist."""

    mbid: str
    artist_mbid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistDescription:
    """How many listen to an artist, and what they call the music."""

    listeners: int | None
    tags: tuple[str, ...]


_NUMBERS = frozenset({int, float})


def _row(stored: object, length: int) -> Sequence[object]:
    if not isinstance(stored, list | tuple) or len(stored) != length:
        raise UnreadableAnswer(f"not a row of {length}")
    return stored


def _many(
    decode: Callable[[object], T],
) -> Callable[[object], tuple[T, ...]]:
    def rows(stored: object) -> tuple[T, ...]:
        if not isinstance(stored, list | tuple):
            raise UnreadableAnswer("not a list")
        return tuple(decode(row) for row in stored)

    return rows


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise UnreadableAnswer("not a text")
    return stored


def _number(stored: object) -> float:
    if not isinstance(stored, int | float) or measure(stored) is None:
        raise UnreadableAnswer("not a number, or below 0")
    return stored


def _whole(stored: object) -> int:
    if isinstance(stored, bool) or not isinstance(stored, int):
        raise UnreadableAnswer("not a whole number")
    if large_count(stored) is None:
        raise UnreadableAnswer("no count of anything")
    return stored


def _small(stored: object) -> int:
    if count(_whole(stored)) is None:
        raise UnreadableAnswer("larger than a column holds")
    return _whole(stored)


def _truth(stored: object) -> bool:
    if not isinstance(stored, bool):
        raise UnreadableAnswer("neither yes nor no")
    return stored


def _if_there(stored: object, decode: Callable[[object], T]) -> T | None:
    return None if stored is None else decode(stored)


def _similar_artists_as_json(artists: Sequence[SimilarArtist]) -> object:
    return [[artist.name, artist.match] for artist in artists]


def _similar_artists(stored: object) -> tuple[SimilarArtist, ...]:
    """All neighbours of one artist, each a row of name and match."""
    if not isinstance(stored, list | tuple):
        raise UnreadableAnswer("not a list")
    try:
        artists = tuple([SimilarArtist(name, match) for name, match in stored])
    except (TypeError, ValueError) as error:
        raise UnreadableAnswer("not a row of 2") from error
    for name, match in artists:
        if type(name) is not str or type(match) not in _NUMBERS or not match >= 0:
            _text(name)
            _number(match)
    return artists


def _similar_tracks_as_json(tracks: Sequence[SimilarTrack]) -> object:
    return [[t.artist, t.title, t.match, t.mbid, t.duration_ms, t.playcount] for t in tracks]


def _similar_track(stored: object) -> SimilarTrack:
    artist, title, match, mbid, duration_ms, playcount = _row(stored, 6)
    return SimilarTrack(
        artist=_text(artist),
        title=_text(title),
        match=_number(match),
        mbid=_if_there(mbid, _text),
        duration_ms=_if_there(duration_ms, _small),
        playcount=_if_there(playcount, _whole),
    )


def _similar_recordings_as_json(recordings: Sequence[SimilarRecording]) -> object:
    return [[near.artist, near.title, near.match, near.mbid] for near in recordings]


def _similar_recording(stored: object) -> SimilarRecording:
    artist, title, match, mbid = _row(stored, 4)
    return SimilarRecording(
        artist=_text(artist), title=_text(title), match=_number(match), mbid=_text(mbid)
    )


def _top_tracks_as_json(tracks: Sequence[TopTrack]) -> object:
    return [[track.title, track.listeners, track.mbid, track.duration_ms] for track in tracks]


def _top_track(stored: object) -> TopTrack:
    title, listeners, mbid, duration_ms = _row(stored, 4)
    return TopTrack(
        title=_text(title),
        listeners=_if_there(listeners, _whole),
        mbid=_if_there(mbid, _text),
        duration_ms=_if_there(duration_ms, _small),
    )


def _recording_ids_as_json(ids: RecordingIds) -> object:
    return [ids.mbid, ids.artist_mbid]


def _recording_ids(stored: object) -> RecordingIds:
    mbid, artist_mbid = _row(stored, 2)
    return RecordingIds(mbid=_text(mbid), artist_mbid=_if_there(artist_mbid, _text))


def _description_as_json(description: ArtistDescription) -> object:
    return [description.listeners, list(description.tags)]


def _description(stored: object) -> ArtistDescription:
    listeners, tags = _row(stored, 2)
    return ArtistDescription(listeners=_if_there(listeners, _whole), tags=_many(_text)(tags))


def _track_as_json(track: Track) -> object:
    """Only what is known of it, field by field."""
    return {name: value for name, value in asdict(track).items() if value not in (None, ())}


def _tracks_as_json(tracks: Sequence[Track]) -> object:
    return [_track_as_json(track) for track in tracks]


def _track(stored: object) -> Track:
    if not isinstance(stored, Mapping):
        raise UnreadableAnswer("not a track")
    texts = _many(_text)
    return Track(
        spotify_id=_text(stored.get("spotify_id")),
        uri=_text(stored.get("uri")),
        title=_text(stored.get("title")),
        artists=texts(stored.get("artists", ())),
        artist_ids=texts(stored.get("artist_ids", ())),
        album=_if_there(stored.get("album"), _text),
        album_id=_if_there(stored.get("album_id"), _text),
        isrc=_if_there(stored.get("isrc"), _text),
        duration_ms=_if_there(stored.get("duration_ms"), _small),
        release_date=_if_there(stored.get("release_date"), _text),
        popularity=_if_there(stored.get("popularity"), _small),
        explicit=_if_there(stored.get("explicit"), _truth),
    )


SPOTIFY_TRACKS: AnswerCodec[Track] = AnswerCodec(
    name="spotify_track", days=90, days_missing=14, encode=_track_as_json, decode=_track
)
"""By recording key: the track on Spotify."""

SPOTIFY_ISRCS: AnswerCodec[Track] = AnswerCodec(
    name="spotify_isrc", days=90, days_missing=14, encode=_track_as_json, decode=_track
)
"""By ISRC: the track on Spotify."""

SPOTIFY_ARTIST_PAGES: AnswerCodec[Sequence[Track]] = AnswerCodec(
    name="spotify_artist_page", days=PAGE_DAYS, encode=_tracks_as_json, decode=_many(_track)
)
"""By artist key: the artist's tracks that a search for the artist found, best first. Whoever asks
keeps the whole page, for everybody's lists."""

SPOTIFY_TOP_TRACKS: AnswerCodec[Sequence[Track]] = AnswerCodec(
    name="spotify_top_tracks", days=PAGE_DAYS, encode=_tracks_as_json, decode=_many(_track)
)
"""By the artist's Spotify id: their best-known tracks, best first."""

LABS_SPOTIFY_IDS: AnswerCodec[str] = AnswerCodec(
    name="labs_spotify_id", days=90, days_missing=14, encode=str, decode=_text
)
"""By MBID of a recording: its Spotify id."""

UNUSABLE_IDS: AnswerCodec[str] = AnswerCodec(
    name="spotify_unusable_id", days=3650, encode=str, decode=_text
)
"""By Spotify id: why no list may hold it, for Spotify refused to write it or greyed it out."""

SPOTIFY_EXPLICIT: AnswerCodec[bool] = AnswerCodec(
    name="spotify_explicit", days=365, encode=bool, decode=_truth
)
"""By Spotify id: whether the track is marked explicit, where that was found out apart from the
track itself."""

LABS_RECORDINGS: AnswerCodec[str] = AnswerCodec(
    name="labs_recording", days=90, days_missing=90, encode=str, decode=_text
)
"""By recording key: the recording's MBID."""

LASTFM_SIMILAR_ARTISTS: AnswerCodec[Sequence[SimilarArtist]] = AnswerCodec(
    name="lastfm_similar_artists",
    days=SIMILAR_DAYS,
    encode=_similar_artists_as_json,
    decode=_similar_artists,
)
"""By artist key: their neighbours, nearest first."""

LISTENBRAINZ_SIMILAR_ARTISTS: AnswerCodec[Sequence[SimilarArtist]] = AnswerCodec(
    name="listenbrainz_similar_artists",
    days=SIMILAR_DAYS,
    encode=_similar_artists_as_json,
    decode=_similar_artists,
)
"""By artist key: their neighbours, nearest first; ``match`` counts listening sessions."""

LASTFM_SIMILAR_TRACKS: AnswerCodec[Sequence[SimilarTrack]] = AnswerCodec(
    name="lastfm_similar_tracks",
    days=SIMILAR_DAYS,
    encode=_similar_tracks_as_json,
    decode=_many(_similar_track),
)
"""By recording key: its neighbours, nearest first."""

LISTENBRAINZ_SIMILAR_RECORDINGS: AnswerCodec[Sequence[SimilarRecording]] = AnswerCodec(
    name="listenbrainz_similar_recordings",
    days=SIMILAR_DAYS,
    encode=_similar_recordings_as_json,
    decode=_many(_similar_recording),
)
"""By MBID: its neighbours, nearest first."""

LASTFM_TOP_TRACKS: AnswerCodec[Sequence[TopTrack]] = AnswerCodec(
    name="lastfm_top_tracks",
    days=SIMILAR_DAYS,
    encode=_top_tracks_as_json,
    decode=_many(_top_track),
)
"""By artist key: their best-known tracks, best known first."""

LASTFM_ARTISTS: AnswerCodec[ArtistDescription] = AnswerCodec(
    name="lastfm_artists", days=SIMILAR_DAYS, encode=_description_as_json, decode=_description
)
"""By artist key: listeners, and the few tags that come with them."""

LASTFM_TAGS: AnswerCodec[Sequence[str]] = AnswerCodec(
    name="lastfm_tags", days=SIMILAR_DAYS, encode=list, decode=_many(_text)
)
"""By artist key: what people call the music, what most say first."""

LISTENBRAINZ_RECORDINGS: AnswerCodec[RecordingIds] = AnswerCodec(
    name="listenbrainz_recordings",
    days=SIMILAR_DAYS,
    encode=_recording_ids_as_json,
    decode=_recording_ids,
)
"""By recording key."""

MUSICBRAINZ_ISRCS: AnswerCodec[RecordingIds] = AnswerCodec(
    name="musicbrainz_isrcs",
    days=SIMILAR_DAYS,
    encode=_recording_ids_as_json,
    decode=_recording_ids,
)
"""By ISRC."""

MUSICBRAINZ_ALIASES: AnswerCodec[Sequence[str]] = AnswerCodec(
    name="musicbrainz_aliases", days=3650, days_missing=365, encode=list, decode=_many(_text)
)
"""By artist key: the artist's other names. Past lists are made again with what was known then, so
an answer is never replaced."""
