"""MusicBrainz: which recording an ISRC stands for. One call a second, so it is asked sparingly.

Similar recordings are ListenBrainz' business (``clients.listenbrainz``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from vibe_pipeline.clients.answer_shapes import naming, records
from vibe_pipeline.clients.errors import UnexpectedResponse
from vibe_pipeline.clients.json_fields import Fields, count, fields, name_text, objects, text
from vibe_pipeline.clients.transport import (
    AnswerKind,
    Call,
    ServiceAnswer,
    Transport,
    kind_without_errors_inside,
)

SERVICE = "musicbrainz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording as MusicBrainz keeps it."""

    mbid: str
    title: str
    artist: str
    artist_mbids: tuple[str, ...] = ()
    duration_ms: int | None = None

    @classmethod
    def from_api(cls, data: Fields) -> Self | None:
        """The recording; ``None`` without id or title."""
        mbid, title = text(data.get("id")), name_text(data.get("title"))
        if mbid is None or title is None:
            return None
        credits_ = list(objects(data.get("artist-credit")))
        names = (
            name_text(c.get("name")) or name_text(fields(c.get("artist")).get("name"))
            for c in credits_
        )
        ids = (text(fields(c.get("artist")).get("id")) for c in credits_)
        return cls(
            mbid=mbid,
            title=title,
            artist=next((name for name in names if name is not None), ""),
            artist_mbids=tuple(mbid for mbid in ids if mbid is not None),
            duration_ms=count(data.get("length")),
        )


class MusicBrainz:
    """Identity questions; an ISRC nobody entered gives an empty list."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def recordings_by_isrc(self, isrc: str) -> list[Recording]:
        """The recordings that carry this ISRC."""
        call = Call(
            method="GET",
            path=f"/isrc/{quote(isrc, safe='')}",
            endpoint="GET /isrc/{isrc}",
            query={"fmt": "json", "inc": "artists"},
            shape=records("recordings", sound=Recording.from_api),
        )
        answer = await self._transport.send(call)
        if _says_unknown(answer):
            return []
        if not answer.good:
            raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({answer.status})")
        found = map(Recording.from_api, objects(fields(answer.json()).get("recordings")))
        return [recording for recording in found if recording is not None]

    async def artist_names(self, mbid: str) -> list[str] | None:
        """All names of an artist, the usual one first; ``None`` for an id that is nobody's."""
        call = Call(
            method="GET",
            path=f"/artist/{quote(mbid, safe='')}",
            endpoint="GET /artist/{mbid}",
            query={"fmt": "json", "inc": "aliases"},
            shape=naming("name"),
        )
        answer = await self._transport.send(call)
        if _says_unknown(answer):
            return None
        if not answer.good:
            raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({answer.status})")
        artist = fields(answer.json())
        usual = name_text(artist.get("name"))
        return list(dict.fromkeys([*([usual] if usual else []), *_aliases(artist)]))


def _says_unknown(answer: ServiceAnswer) -> bool:
    """Whether MusicBrainz itself knows no such id: its refusals say where help is found."""
    refusal = fields(answer.json())
    helped = "musicbrainz.org" in (text(refusal.get("help")) or "")
    return answer.status in {400, 404} and text(refusal.get("error")) is not None and helped


def _aliases(artist: Fields) -> list[str]:
    """Names, without what is entered for searching only, such as misspellings."""
    return [
        name
        for alias in objects(artist.get("aliases"))
        if alias.get("type") != "Search hint" and (name := name_text(alias.get("name"))) is not None
    ]


def answer_kind(answer: ServiceAnswer) -> AnswerKind:
    """MusicBrainz answers 503 to everything while one asks too fast."""
    return AnswerKind.SLOW_DOWN if answer.status == 503 else kind_without_errors_inside(answer)
