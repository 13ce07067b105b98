"""ListenBrainz: neighbours of recordings and artists, and their Spotify ids; no key needed.

The labs' service has all of that and promises no stability. The main API stands in for a withdrawn
endpoint of the labs, and has what people tell in public: their listens, and what is recommended to
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote

from vibe_pipeline.clients.answer_shapes import Shape, records
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    NotThere,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.json_fields import (
    Fields,
    count,
    fields,
    integer,
    large_count,
    measure,
    moment,
    musicbrainz_id,
    name_text,
    objects,
    text,
)
from vibe_pipeline.clients.scrobbles import ScrobbledPlay, ScrobblePage
from vibe_pipeline.clients.transport import Call, ServiceAnswer, Transport

SERVICE = "listenbrainz"

PAGE_OF_LISTENS = 500
"""Half of what the service gives at most at a time."""
_LAST_SECOND = 4_102_444_800
"""The year 2100: what is dated later is no date."""
_SPOTIFY_TRACK = re.compile(r"spotify\.com/(?:[a-z-]+/)?track/([0-9A-Za-z]{22})")
_SPOTIFY_ID = re.compile(
    r"(?:spotify:track:|(?:https?://)?open\.spotify\.com/(?:[a-z-]+/)?track/)?"
    r"([0-9A-Za-z]{22})(?:[?#].*)?"
)

_ONE_IN = 10
"""A page with fewer that are older than was asked for goes on: a wrong date may be among them."""

ARTISTS_ALGORITHM = (
    "session_based_days_7500_session_300_contribution_5_threshold_10_limit_100_filter_True_skip_30"
)
RECORDINGS_ALGORITHM = (
    "session_based_days_9000_session_300_contribution_5_threshold_15_limit_50_skip_30"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarRecording:
    """A neighbour of a recording; ``score`` compares neighbours of one recording only."""

    mbid: str
    title: str
    artist: str
    score: float
    of: str

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The neighbour; ``None`` without id, title or artist."""
        mbid, title = text(data.get("recording_mbid")), name_text(data.get("recording_name"))
        artist = name_text(data.get("artist_credit_name"))
        if mbid is None or title is None or artist is None:
            return None
        return cls(
            mbid=mbid,
            title=title,
            artist=artist,
            score=measure(data.get("score")) or 0.0,
            of=musicbrainz_id(data.get("reference_mbid")) or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NearArtist:
    """A neighbour of an artist; ``score`` compares neighbours of one artist only."""

    mbid: str
    name: str
    score: float
    of: str

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The neighbour; ``None`` without id or name."""
        mbid, name = text(data.get("artist_mbid")), name_text(data.get("name"))
        if mbid is None or name is None:
            return None
        return cls(
            mbid=mbid,
            name=name,
            score=measure(data.get("score")) or 0.0,
            of=musicbrainz_id(data.get("reference_mbid")) or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecording:
    """A recording found by name."""

    mbid: str
    title: str
    artist: str
    artist_mbids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendedRecording:
    """What ListenBrainz recommends to a user; ``score`` compares one user's, about 0 to 1.

    ``heard_at``: when they last listened to it, for much of it is known to them.
    """

    mbid: str
    score: float
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecording:
    """A recording's names, by its id."""

    mbid: str
    title: str
    artist: str
    duration_ms: int | None = None


class ListenBrainz:
    """What the main API tells of its users, in public and without a token."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def listens(
        self,
        user: str,
        *,
        since: datetime | None = None,
        until: datetime,
        limit: int = PAGE_OF_LISTENS,
    ) -> ScrobblePage:
        """A user's newest listens before a moment; those before ``since`` are left away.

        ``since`` is not sent: of a stretch with two ends the service would give its beginning.

        Raises:
            NotThere: there is no such user.
        """
        call = Call(
            method="GET",
            path=f"/1/user/{quote(user, safe='')}/listens",
            endpoint="GET /user/listens",
            query={"count": limit, "max_ts": int(until.timestamp())},
            shape=_listens_before(until),
        )
        payload = fields(fields((await self._answer(call)).json()).get("payload"))
        rows = list(objects(payload.get("listens")))
        plays = [play for row in rows if (play := _listen(row)) is not None]
        wanted = [play for play in plays if since is None or play.listened_at >= since]
        older = len(plays) - len(wanted)
        return ScrobblePage(
            plays=tuple(wanted),
            more=bool(rows) and older * _ONE_IN <= len(plays),
            doubted=not rows and not large_count(payload.get("oldest_listen_ts")),
        )

    async def listen_count(self, user: str) -> int | None:
        """How many listens a user has; ``None`` where the service does not say.

        Raises:
            NotThere: there is no such user.
        """
        call = Call(
            method="GET",
            path=f"/1/user/{quote(user, safe='')}/listen-count",
            endpoint="GET /user/listen-count",
        )
        payload = fields(fields((await self._answer(call)).json()).get("payload"))
        return large_count(payload.get("count"))

    async def recommended(self, user: str, *, count: int) -> list[RecommendedRecording]:
        """What it recommends to a user, best first; nothing while it has learnt too little.

        Raises:
            NotThere: there is no such user.
        """
        call = Call(
            method="GET",
            path=f"/1/cf/recommendation/user/{quote(user, safe='')}/recording",
            endpoint="GET /cf/recommendation/user",
            query={"count": count},
            wants_json=False,
            shape=records("payload", "mbids", sound=_names_recording),
        )
        answer = await self._answer(call)
        if answer.status == 204:
            return []
        if answer.json() is None:
            raise BrokenAnswer(SERVICE, f"{call.endpoint} answered with no recommendations")
        rows = objects(fields(fields(answer.json()).get("payload")).get("mbids"))
        return [
            RecommendedRecording(
                mbid=mbid,
                score=measure(row.get("score")) or 0.0,
                heard_at=moment(row.get("latest_listened_at")),
            )
            for row in rows
            if (mbid := text(row.get("recording_mbid"))) is not None
        ]

    async def names(self, mbids: Sequence[str]) -> Mapping[str, NamedRecording]:
        """Artist and title of recordings; an id nobody knows is absent."""
        asked = _askable(mbids)
        if not asked:
            return {}
        call = Call(
            method="GET",
            path="/1/metadata/recording/",
            endpoint="GET /metadata/recording",
            query={"recording_mbids": ",".join(asked), "inc": "artist"},
            shape=lambda found: isinstance(found, Mapping),
        )
        rows = fields((await self._answer(call)).json())
        named = (_named_recording(mbid, fields(rows.get(mbid))) for mbid in asked)
        return {one.mbid: one for one in named if one is not None}

    async def _answer(self, call: Call) -> ServiceAnswer:
        answer = await self._transport.send(call)
        refusal = fields(answer.json())
        if answer.status == 404 and refusal.get("error") and integer(refusal.get("code")) == 404:
            raise NotThere(SERVICE, "ListenBrainz knows nobody of this name")
        if answer.status == 404:
            raise ServiceUnavailable(SERVICE, f"{call.endpoint} is not found by who answers there")
        if not answer.good:
            raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({answer.status})")
        return answer


class ListenBrainzLabs:
    """Batch questions where the service takes them: one call for many recordings.

    An id that is none is not asked about: the labs refuse the whole batch that one is in.
    ``main_api`` leads to the main API's documented lookup by name, which is asked once the labs
    refuse theirs.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        main_api: Transport | None = None,
        artists_algorithm: str = ARTISTS_ALGORITHM,
        recordings_algorithm: str = RECORDINGS_ALGORITHM,
    ) -> None:
        self._transport = transport
        self._main_api = main_api
        self._labs_look_up_names = True
        self._artists_algorithm = artists_algorithm
        self._recordings_algorithm = recordings_algorithm

    async def similar_recordings(self, mbids: Sequence[str]) -> list[SimilarRecording]:
        """Neighbours of all these recordings, each once per recording, nearest first."""
        asked = _askable(mbids)
        if not asked:
            return []
        rows = await self._post(
            "similar-recordings",
            [{"recording_mbids": asked, "algorithm": self._recordings_algorithm}],
            shape=records(sound=_neighbour("recording_mbid", several=len(asked) > 1)),
        )
        found = [row for row in map(SimilarRecording.from_api, rows) if row is not None]
        found.sort(key=lambda row: (row.of, -row.score, row.mbid))
        return list({(row.of, row.mbid): row for row in reversed(found)}.values())[::-1]

    async def similar_artists(self, mbids: Sequence[str]) -> list[NearArtist]:
        """Neighbours of all these artists, each once per artist, nearest first."""
        asked = _askable(mbids)
        if not asked:
            return []
        rows = await self._post(
            "similar-artists",
            [{"artist_mbids": asked, "algorithm": self._artists_algorithm}],
            shape=records(sound=_neighbour("artist_mbid", several=len(asked) > 1)),
        )
        found = [row for row in map(NearArtist.from_api, rows) if row is not None]
        found.sort(key=lambda row: (row.of, -row.score, row.mbid))
        return list({(row.of, row.mbid): row for row in reversed(found)}.values())[::-1]

    async def spotify_ids(self, mbids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Spotify track ids of recordings, most canonical first.

        None where the service says so; what it says nothing of is absent, be it unmapped or not.
        """
        asked = {mbid.lower(): mbid for mbid in _askable(mbids)}
        if not asked:
            return {}
        question = [{"recording_mbid": mbid} for mbid in asked.values()]
        rows = await self._post(
            "spotify-id-from-mbid", question, shape=records(sound=_maps_recording)
        )
        told = [(asked.get(musicbrainz_id(row.get("recording_mbid")) or ""), row) for row in rows]
        return {mbid: _ids(row) for mbid, row in told if mbid is not None and _tells_ids(row)}

    async def find_recording(self, artist: str, title: str) -> FoundRecording | None:
        """The recording of this name; ``None`` when there is none."""
        for row in await self._named(artist, title):
            mbid = text(row.get("recording_mbid"))
            if mbid is not None:
                return FoundRecording(
                    mbid=mbid,
                    title=name_text(row.get("recording_name")) or title,
                    artist=name_text(row.get("artist_credit_name")) or artist,
                    artist_mbids=_texts(row.get("artist_credit_mbids") or row.get("artist_mbids")),
                )
        return None

    async def _named(self, artist: str, title: str) -> list[Fields]:
        call = Call(
            method="GET",
            path="/acr-lookup/json",
            endpoint="GET /acr-lookup",
            query={"artist_credit_name": artist, "recording_name": title},
            shape=_found_by_name,
        )
        if self._main_api is None:
            return await self._rows(call)
        if self._labs_look_up_names:
            answer = await self._transport.send(call)
            if answer.good:
                return list(objects(answer.json()))
            self._labs_look_up_names = False
        call = Call(
            method="GET",
            path="/1/metadata/lookup/",
            endpoint="GET /metadata/lookup",
            query={"artist_name": artist, "recording_name": title},
            shape=_one_or_none,
        )
        answer = await self._main_api.send(call)
        if not answer.good:
            raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({answer.status})")
        return [fields(answer.json())]

    async def _post(self, name: str, asked: object, *, shape: Shape) -> list[Fields]:
        call = Call(
            method="POST",
            path=f"/{name}/json",
            endpoint=f"POST /{name}",
            body=asked,
            shape=shape,
        )
        return await self._rows(call)

    async def _rows(self, call: Call) -> list[Fields]:
        """What was found. Of a name "not found" means none; of a batch, that nobody answers."""
        answer = await self._transport.send(call)
        if answer.status == 404 and call.method == "GET":
            return []
        if not answer.good:
            raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({answer.status})")
        return list(objects(answer.json()))


def _askable(mbids: Sequence[str]) -> list[str]:
    """The ids that are some; what was submitted as one, and is kept since, may be anything."""
    return [mbid for mbid in mbids if musicbrainz_id(mbid) is not None]


def _listen(row: Fields) -> ScrobbledPlay | None:
    """A listening; ``None`` for what names no song or moment."""
    seconds = large_count(row.get("listened_at"))
    told = fields(row.get("track_metadata"))
    info, mapped = fields(told.get("additional_info")), fields(told.get("mbid_mapping"))
    artist, title = name_text(told.get("artist_name")), name_text(told.get("track_name"))
    if artist is None or title is None or seconds is None or not 0 < seconds < _LAST_SECOND:
        return None
    return ScrobbledPlay(
        artist=artist,
        title=title,
        listened_at=datetime.fromtimestamp(seconds, UTC),
        album=name_text(told.get("release_name")),
        mbid=musicbrainz_id(mapped.get("recording_mbid"))
        or musicbrainz_id(info.get("recording_mbid")),
        spotify_id=_track_id(info.get("spotify_id")),
        duration_ms=count(info.get("duration_ms")),
    )


def _track_id(address: object) -> str | None:
    """The id at the end of a track's address, if it is one of Spotify's."""
    found = _SPOTIFY_TRACK.search(text(address) or "")
    return None if found is None else found[1]


def _named_recording(mbid: str, row: Fields) -> NamedRecording | None:
    recording, artist = fields(row.get("recording")), fields(row.get("artist"))
    title, name = name_text(recording.get("name")), name_text(artist.get("name"))
    if title is None or name is None:
        return None
    length = count(recording.get("length"))
    return NamedRecording(mbid=mbid, title=title, artist=name, duration_ms=length)


def _listens_before(until: datetime) -> Shape:
    """Listens of before then, for the better part, of which there are none only where none is
    counted and the oldest comes later.
    """
    latest = int(until.timestamp())

    def sound(row: Fields) -> bool:
        return _is_listen(row) and (large_count(row["listened_at"]) or 0) <= latest

    listed = records("payload", "listens", sound=sound)

    def fits(found: object) -> bool:
        payload = fields(fields(found).get("payload"))
        if not listed(found) or payload.get("listens"):
            return listed(found)
        oldest = large_count(payload.get("oldest_listen_ts"))
        return not integer(payload.get("count")) and (not oldest or oldest >= latest)

    return fits


def _is_listen(row: Fields) -> bool:
    """A listening in its own form, also one that names no song."""
    return isinstance(row.get("track_metadata"), Mapping) and "listened_at" in row


def _names_recording(row: Fields) -> bool:
    """A row says of which recording it is; all else in it may be missing or ``null``."""
    return text(row.get("recording_mbid")) is not None


def _maps_recording(row: Fields) -> bool:
    """The same, with a word about Spotify, be it that nothing is known."""
    return _names_recording(row) and "spotify_track_ids" in row


def _tells_ids(row: Fields) -> bool:
    """Whether a row says what a recording is at Spotify, or that it is nothing there."""
    told = row.get("spotify_track_ids")
    return isinstance(told, str) or (
        isinstance(told, list) and all(isinstance(one, str) for one in told)
    )


def _neighbour(name: str, *, several: bool) -> Callable[[Fields], bool]:
    """A row with an id under this name; where several were asked about, also whose neighbour."""
    return lambda row: (
        text(row.get(name)) is not None
        and (not several or musicbrainz_id(row.get("reference_mbid")) is not None)
    )


def _found_by_name(found: object) -> bool:
    """Recordings, or the one empty entry that stands for none."""
    return found in ([{}], [None]) or records(sound=_names_recording)(found)


def _one_or_none(found: object) -> bool:
    """One recording, or the empty object that stands for none."""
    return found == {} or text(fields(found).get("recording_mbid")) is not None


def _ids(row: Fields) -> tuple[str, ...]:
    """The ids that are some of Spotify's, also those written as an address."""
    found = (_SPOTIFY_ID.fullmatch(written) for written in _texts(row.get("spotify_track_ids")))
    return tuple(dict.fromkeys(one[1] for one in found if one is not None))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (found,) if (found := text(value)) else ()
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        return ()
    return tuple(found for item in value if (found := text(item)) is not None)
