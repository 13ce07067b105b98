"""Last.fm: which music is near which, and how many people know it.

Its JSON is made from XML: a list of one comes as a bare object, numbers come as text, an error
may sit inside a 200. So a body is read first, and the status only believed after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from pydantic import SecretStr

from vibe_pipeline.clients.answer_shapes import Shape, mostly
from vibe_pipeline.clients.errors import (
    KeyRefused,
    ListeningHidden,
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
    musicbrainz_id,
    name_text,
    number,
    objects,
)
from vibe_pipeline.clients.scrobbles import ScrobbledPlay, ScrobblePage
from vibe_pipeline.clients.transport import (
    AnswerKind,
    Call,
    ServiceAnswer,
    Transport,
    kind_by_status,
)

SERVICE = "lastfm"

_XML_ERROR = re.compile(r"""<error\s+code=["'](\d{1,4})["']""")
_BARE_OK = re.compile(r"""(<\?xml[^>]*\?>)?\s*<lfm status=["']ok["']\s*(/>|>\s*</lfm>)""")
_NOT_FOUND = {6, 7}
_PASSING_TROUBLE = {8, 11, 16}
_SLOW_DOWN = {29}
_KEY_TROUBLE = {4, 10, 13, 26}
_HIDDEN = {17}
_LAST_SECOND = 4_102_444_800
"""The year 2100: what is dated later is no date."""
PAGE_OF_SCROBBLES = 200
"""As many as every description of the service allows; it takes longer over larger pages."""
COUNTED_AND_GONE = 50
"""So many scrobbles may be counted in a stretch that nobody sees, such as deleted ones."""
MOST_TAGS = 30
"""What fewer people say of an artist tells little more, and is kept for thousands of them."""
_NO_KIND_OF_MUSIC = frozenset(
    {
        "albums i own",
        "all",
        "awesome",
        "check out",
        "favorite",
        "favorites",
        "favourite",
        "favourites",
        "love",
        "loved",
        "music",
        "my music",
        "seen live",
        "spotify",
        "under 2000 listeners",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarArtist:
    """A neighbour of an artist; ``match`` from 0 to 1 compares neighbours of one artist only."""

    name: str
    match: float
    mbid: str | None = None

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The neighbour; ``None`` without a name."""
        name = name_text(data.get("name"))
        if name is None:
            return None
        mbid = musicbrainz_id(data.get("mbid"))
        return cls(name=name, match=_match(data.get("match")), mbid=mbid)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFmTrack:
    """A track as Last.fm names it; ``match`` is 1 where nothing was compared."""

    artist: str
    title: str
    match: float = 1.0
    mbid: str | None = None
    duration_ms: int | None = None
    listeners: int | None = None
    playcount: int | None = None

    @classmethod
    def from_api(cls, data: Fields, *, artist: str = "") -> Self | None:
        """The track; ``None`` without title or artist."""
        title = name_text(data.get("name"))
        written = data.get("artist")
        named = name_text(written) or name_text(fields(written).get("name")) or artist
        if title is None or not named:
            return None
        seconds = count(data.get("duration"))
        return cls(
            artist=named,
            title=title,
            match=_match(data.get("match", 1.0)),
            mbid=musicbrainz_id(data.get("mbid")),
            duration_ms=count(seconds * 1000) if seconds else None,
            listeners=large_count(data.get("listeners")),
            playcount=large_count(data.get("playcount")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFmArtist:
    """An artist and how many people listen to them."""

    name: str
    listeners: int | None = None
    tags: tuple[str, ...] = ()


class LastFm:
    """Reads that need no person's consent; ``[]`` when Last.fm knows nothing of what was named."""

    def __init__(self, transport: Transport, *, api_key: SecretStr) -> None:
        self._transport = transport
        self._api_key = api_key

    async def similar_artists(self, artist: str, *, limit: int = 30) -> list[SimilarArtist]:
        """An artist's neighbours, nearest first."""
        body = await self._ask(
            "artist.getSimilar", _listed("similarartists", "artist"), artist=artist, limit=limit
        )
        listed = objects(fields(body.get("similarartists")).get("artist"))
        found = (SimilarArtist.from_api(item) for item in listed)
        return [neighbour for neighbour in found if neighbour is not None]

    async def similar_tracks(
        self, artist: str, title: str, *, limit: int = 100
    ) -> list[LastFmTrack]:
        """A track's neighbours, nearest first."""
        body = await self._ask(
            "track.getSimilar",
            _listed("similartracks", "track"),
            artist=artist,
            track=title,
            limit=limit,
        )
        listed = objects(fields(body.get("similartracks")).get("track"))
        found = (LastFmTrack.from_api(item) for item in listed)
        return [neighbour for neighbour in found if neighbour is not None]

    async def artist_top_tracks(self, artist: str, *, limit: int = 30) -> list[LastFmTrack]:
        """An artist's best-known tracks, best known first."""
        body = await self._ask(
            "artist.getTopTracks", _listed("toptracks", "track"), artist=artist, limit=limit
        )
        listed = objects(fields(body.get("toptracks")).get("track"))
        found = (LastFmTrack.from_api(item, artist=artist) for item in listed)
        return [track for track in found if track is not None]

    async def artist(self, artist: str) -> LastFmArtist | None:
        """An artist's number of listeners and main tags; ``None`` when unknown."""
        answer = await self._ask("artist.getInfo", _described, artist=artist)
        body = fields(answer.get("artist"))
        name = name_text(body.get("name"))
        if name is None:
            return None
        return LastFmArtist(
            name=name,
            listeners=large_count(fields(body.get("stats")).get("listeners")),
            tags=tuple(_kinds_of_music(body.get("tags"))),
        )

    async def artist_tags(self, artist: str, *, limit: int = MOST_TAGS) -> list[str]:
        """What people call an artist's music, what most say first; many more than ``artist`` tells.

        The same few words about nearly everybody, such as "seen live", are left out.
        """
        body = await self._ask("artist.getTopTags", _listed("toptags", "tag"), artist=artist)
        return _kinds_of_music(body.get("toptags"))[:limit]

    async def recent_tracks(
        self,
        user: str,
        *,
        since: datetime | None = None,
        until: datetime,
        limit: int = PAGE_OF_SCROBBLES,
    ) -> ScrobblePage:
        """A user's newest scrobbles up to a moment, and since another; what still plays is not one.

        Going back is asking again with an earlier ``until``: far pages of one asking fail. Few that
        are counted and not shown, looked at twice, are none.

        Raises:
            NotThere: there is no such user.
            ListeningHidden: they show their listening to nobody.
        """
        stretch = {"to": int(until.timestamp())}
        if since is not None:
            stretch["from"] = int(since.timestamp())
        told = await self._scrobbles(until, user=user, limit=limit, **stretch)
        rows = list(objects(told.get("track")))
        if not _dated(rows) and _counted(told):
            told = await self._scrobbles(until, user=user, limit=limit, **stretch)
            rows = list(objects(told.get("track")))
        plays = [play for row in rows if (play := _scrobble(row)) is not None]
        total, dated = _counted(told), _dated(rows)
        return ScrobblePage(
            plays=tuple(plays),
            more=dated >= limit or (total or 0) > dated > 0,
            total=total,
        )

    async def _scrobbles(self, until: datetime, **stretch: str | int) -> Fields:
        method, shape = "user.getRecentTracks", _scrobbles_until(until)
        body = await self._ask(method, shape, unknown_is_empty=False, **stretch)
        return fields(body.get("recenttracks"))

    async def scrobble_count(self, user: str, *, until: datetime) -> int | None:
        """How many scrobbles a user has up to a moment; ``None`` where the service does not say.

        Raises: as ``recent_tracks``.
        """
        return (await self.recent_tracks(user, until=until, limit=1)).total

    async def _ask(
        self, method: str, shape: Shape, *, unknown_is_empty: bool = True, **query: str | int
    ) -> Fields:
        """The body of an answer; an empty one when what was named is unknown, unless that is told
        as ``NotThere``.
        """
        call = Call(
            method="GET",
            path="/2.0/",
            endpoint=method,
            query={
                "method": method,
                "api_key": self._api_key.get_secret_value(),
                "format": "json",
                "autocorrect": 1,
                **query,
            },
            wants_json=False,
            shape=shape,
        )
        answer = await self._transport.send(call)
        code = _error_code(answer)
        if code in _NOT_FOUND:
            if unknown_is_empty:
                return {}
            raise NotThere(SERVICE, "Last.fm knows nobody of this name")
        if code in _HIDDEN:
            raise ListeningHidden(SERVICE, "they show their listening to nobody")
        if code in _KEY_TROUBLE:
            raise KeyRefused(SERVICE, "Last.fm does not take our key; look at LASTFM_API_KEY")
        if code is None and answer.status in {401, 403}:
            raise ServiceUnavailable(SERVICE, "somebody between us and Last.fm refuses our calls")
        if code is not None or not answer.good:
            raise UnexpectedResponse(SERVICE, f"{method} was refused ({code or answer.status})")
        body = answer.json()
        if isinstance(body, dict):
            return body
        if unknown_is_empty and _says_nothing(answer):
            return {}
        raise ServiceUnavailable(SERVICE, f"{method} answered with something unreadable")


def _listed(name: str, inside: str, *, sound: Callable[[object], bool] | None = None) -> Shape:
    """Things with a name, or one of the ways in which Last.fm says that there are none.

    An object that does not even name what was asked for, such as ``{}``, says nothing.
    """

    sound = sound or _named

    def fits(found: object) -> bool:
        if not isinstance(found, Mapping) or name not in found:
            return False
        listed = found.get(name)
        if not isinstance(listed, Mapping):
            return listed is None or isinstance(listed, str)
        things = listed.get(inside)
        if isinstance(things, list):
            return mostly(things, sound)
        return things is None or isinstance(things, str) or sound(things)

    return fits


def _scrobbles_until(until: datetime) -> Shape:
    """Scrobbles with their number, none only where the service counts none or few, and for the
    better part of the time that was asked for.
    """

    def fits(found: object) -> bool:
        if not _SCROBBLES(found):
            return False
        told = fields(fields(found).get("recenttracks"))
        rows = list(objects(told.get("track")))
        total = _counted(told)
        counted = total is not None and (total <= COUNTED_AND_GONE or _dated(rows) > 0)
        later = sum((_second(row) or 0) > until.timestamp() for row in rows)
        return counted and 2 * later <= len(rows)

    return fits


def _counted(told: Fields) -> int | None:
    """How many scrobbles the service counts in a stretch, where it says so."""
    return count(fields(told.get("@attr")).get("total"))


def _dated(rows: Iterable[Fields]) -> int:
    """How many are over; what still plays has no date."""
    return sum("date" in row for row in rows)


def _kinds_of_music(listed: object) -> list[str]:
    """The tags that say what the music is, in their order, in small letters, each once."""
    named = (name_text(item.get("name")) for item in objects(fields(listed).get("tag")))
    tags = dict.fromkeys(name.lower() for name in named if name is not None)
    return [tag for tag in tags if tag not in _NO_KIND_OF_MUSIC]


def _scrobble(row: Fields) -> ScrobbledPlay | None:
    """A listening; ``None`` for what still plays, and for what names no song or moment."""
    seconds = _second(row)
    written = row.get("artist")
    inside = fields(written)
    artist = name_text(written) or name_text(inside.get("#text") or inside.get("name"))
    title = name_text(row.get("name"))
    if fields(row.get("@attr")).get("nowplaying") == "true" or artist is None or title is None:
        return None
    if seconds is None or not 0 < seconds < _LAST_SECOND:
        return None
    return ScrobbledPlay(
        artist=artist,
        title=title,
        listened_at=datetime.fromtimestamp(seconds, UTC),
        album=name_text(fields(row.get("album")).get("#text")),
        mbid=musicbrainz_id(row.get("mbid")),
    )


def _second(row: Fields) -> int | None:
    return large_count(fields(row.get("date")).get("uts"))


def _described(found: object) -> bool:
    """An artist with a name; one that is unknown is an error, and never an empty answer."""
    return name_text(fields(fields(found).get("artist")).get("name")) is not None


def _named(thing: object) -> bool:
    return name_text(fields(thing).get("name")) is not None


def _titled(thing: object) -> bool:
    """A scrobble, also one whose player sent a title with nothing in it."""
    return isinstance(fields(thing).get("name"), str)


_SCROBBLES = _listed("recenttracks", "track", sound=_titled)


def answer_kind(answer: ServiceAnswer) -> AnswerKind:
    """Last.fm's way: the error number in the body counts, whatever the status."""
    code = _error_code(answer)
    if code in _SLOW_DOWN:
        return AnswerKind.SLOW_DOWN
    if code in _PASSING_TROUBLE:
        return AnswerKind.AGAIN
    if code is not None:
        return AnswerKind.KEEP
    if answer.good and answer.json() is None and not _says_nothing(answer):
        return AnswerKind.AGAIN
    if answer.good and fields(answer.json()).get("error"):
        return AnswerKind.AGAIN
    return kind_by_status(answer)


def _says_nothing(answer: ServiceAnswer) -> bool:
    """The bare ``<lfm status="ok"/>`` that stands for "nothing found"; one that holds anything
    is an answer in another format than we read.
    """
    return _BARE_OK.fullmatch(answer.text.strip()) is not None


def _error_code(answer: ServiceAnswer) -> int | None:
    """Last.fm's own number, in JSON, in an object there, or in the XML that it is made from."""
    error = fields(answer.json()).get("error")
    code = integer(error) or integer(fields(error).get("code"))
    written = _XML_ERROR.search(answer.text) if code is None else None
    return code if written is None else int(written[1])


def _match(value: object) -> float:
    """A match from 0 to 1; text counts, and what lies outside is brought in."""
    found = number(value)
    return 0.0 if found is None else min(max(found, 0.0), 1.0)
