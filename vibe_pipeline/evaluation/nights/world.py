"""The simulated services asked in the same process: production's clients, the simulator's answers.

No HTTP, no limits of pace and no faults; otherwise the services answer as they do over the wire,
with all that is missing and noisy in their answers. One question is worked out once for everybody.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from vibe_pipeline.clients import lastfm, listenbrainz, spotify_web
from vibe_pipeline.clients.budget import FixedToken, InMemoryCapabilities
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_web import SpotifyWeb
from vibe_pipeline.clients.transport import Call, ServiceAnswer, Transport, utc_now
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.records import Track
from vibe_pipeline.simulator.lastfm.api import LastFm as LastFmService
from vibe_pipeline.simulator.metabrainz.listenbrainz import Labs
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import search as spotify_search
from vibe_pipeline.simulator.spotify.gate import ApiCall as Admitted
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts
from vibe_pipeline.simulator.worlds import catalogue
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.simulator.worlds.real import real_world
from vibe_pipeline.sources.context import SourceClients

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRecipe:
    """How to make a world, wherever it is needed: the built-in one, or a folder's."""

    seed: int = 1
    listeners: int = 30
    directory: Path | None = None

    def make(self) -> catalogue.World:
        """The world; the same recipe always gives the same one."""
        if self.directory is not None:
            return real_world(self.directory, seed=self.seed)
        return BuiltInWorld(self.seed, listeners=self.listeners)


class SimulatedServices:
    """All services of one world, as production's clients see them."""

    def __init__(self, world: catalogue.World) -> None:
        self.world = world
        self._simulation = Simulation(world, rules=Rules(regime="C", limits_enforced=False))
        labs = Labs(self._simulation)
        self._lastfm = _InProcess(lastfm.SERVICE, {"/2.0/": LastFmService(self._simulation).serve})
        self._labs = _InProcess(
            listenbrainz.SERVICE,
            {
                "/similar-artists/json": labs.similar_artists,
                "/similar-recordings/json": labs.similar_recordings,
                "/spotify-id-from-mbid/json": labs.spotify_id_from_mbid,
                "/acr-lookup/json": labs.acr_lookup,
            },
        )
        self._lastfm_key = SecretStr(self._simulation.credentials.lastfm_api_key)
        self._spotify = _InProcess(spotify_web.SERVICE, {"/search": self._search})

    def services(self, lookups: Lookups, calls: Counter[str]) -> SourceClients:
        """What one person's sources are asked through; each call counts under its service."""
        return SourceClients(
            lookups=lookups,
            capabilities=_closed_to_most_apps(),
            spotify=self.spotify(calls),
            lastfm=LastFm(_Counted(self._lastfm, calls), api_key=self._lastfm_key),
            labs=ListenBrainzLabs(_Counted(self._labs, calls)),
        )

    def spotify(self, calls: Counter[str]) -> Spotify:
        """Spotify's catalogue; a listener's library is ``library.SimulatedAccount``."""
        transport, access = _Counted(self._spotify, calls), FixedToken("in-process")
        return Spotify(SpotifyWeb(transport, access, _closed_to_most_apps()))

    async def _search(self, request: Request) -> Response:
        anyone = self._simulation.part(SpotifyAccounts).account(self.world.listeners[0].id)
        return spotify_search.search(Admitted(request, self._simulation, anyone))


def _closed_to_most_apps() -> InMemoryCapabilities:
    """Spotify keeps closed what it closed."""
    now = utc_now()
    return InMemoryCapabilities(
        closed={spotify_web.RECOMMENDATIONS: now, spotify_web.ARTIST_TOP_TRACKS: now}
    )


class _InProcess(Transport):
    """Hands a call to the simulator's own handler and remembers the answer."""

    def __init__(self, service: str, handlers: dict[str, Handler]) -> None:
        self.service = service
        self._now = utc_now
        self._handlers = handlers
        self._answers: dict[str, ServiceAnswer] = {}

    async def send(self, call: Call) -> ServiceAnswer:
        """The service's answer."""
        asked = json.dumps([call.method, call.path, dict(call.query), call.body], sort_keys=True)
        answer = self._answers.get(asked)
        if answer is None:
            response = await self._handlers[call.path](_request(call))
            answer = ServiceAnswer(status=response.status_code, text=bytes(response.body).decode())
            self._answers[asked] = answer
        return answer


class _Counted(Transport):
    """Counts one person's calls; the answers come from elsewhere."""

    def __init__(self, transport: _InProcess, calls: Counter[str]) -> None:
        self.service = transport.service
        self._now = utc_now
        self._transport = transport
        self._calls = calls

    async def send(self, call: Call) -> ServiceAnswer:
        """The service's answer, counted."""
        self._calls[self.service] += 1
        return await self._transport.send(call)


def _request(call: Call) -> Request:
    body = b"" if call.body is None else json.dumps(call.body).encode()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": call.method,
        "scheme": "https",
        "server": ("localhost", 443),
        "root_path": "",
        "path": call.path,
        "query_string": urlencode(call.query).encode(),
        "headers": [(b"content-type", b"application/json")] if body else [],
    }
    return Request(scope, receive)


def as_spotify_tells(track: catalogue.Track) -> Track:
    """A track of the world as a record: what Spotify's answers become in production."""
    people = (track.recording.artist, *track.recording.guests)
    return Track(
        spotify_id=track.spotify_id,
        uri=track.uri,
        title=track.recording.title,
        artists=tuple(artist.name for artist in people),
        artist_ids=tuple(artist.spotify_id for artist in people),
        album=track.album.name,
        album_id=track.album.spotify_id,
        isrc=track.isrc,
        duration_ms=track.recording.duration_ms,
        release_date=track.album.released,
    )
