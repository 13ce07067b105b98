"""A simulated outside world for one test, and clients that talk to it over real HTTP."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx

from vibe_pipeline.clients import lastfm, musicbrainz, spotify_web
from vibe_pipeline.clients.budget import (
    Access,
    Budget,
    Capabilities,
    FixedToken,
    InMemoryCapabilities,
    UnlimitedBudget,
)
from vibe_pipeline.clients.factory import ClientFactory
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.spotify import PAGE, Spotify
from vibe_pipeline.clients.spotify_accounts import SCOPES
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.clients.spotify_web import SpotifyWeb
from vibe_pipeline.clients.transport import (
    AnswerKind,
    RetryPolicy,
    ServiceAnswer,
    Transport,
    kind_without_errors_inside,
    utc_now,
)
from vibe_pipeline.records import LikedTrack
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.faults import fault_from_json
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONTACT = "Vibe/0.1 ( listener@example.org )"


@dataclass(slots=True)
class Naps:
    """A sleep that takes no time and remembers what was asked of it."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@dataclass(slots=True, kw_only=True)
class OutsideWorld:
    """The simulator, who listens in it, and the clients a test wants."""

    simulator: RunningSimulator
    http: httpx.AsyncClient
    budget: Budget
    capabilities: Capabilities
    naps: Naps

    @property
    def simulation(self) -> Simulation:
        return self.simulator.simulation

    @property
    def listener(self) -> str:
        return self.simulation.world.listeners[0].id

    @property
    def settings(self) -> Settings:
        environment = self.simulator.environment()
        return Settings.model_validate({name.lower(): v for name, v in environment.items()})

    def token(self, *, scopes: frozenset[str] = frozenset(SCOPES)) -> str:
        """An access token of the listener."""
        accounts = self.simulation.part(SpotifyAccounts)
        accounts.admit(self.listener)
        return accounts.access_token(accounts.grant(self.listener, scopes))

    def fault(self, service: str, kind: str, **order: object) -> None:
        """Order trouble."""
        order = {"service": service, "kind": kind, **order}
        self.simulation.faults.add(fault_from_json(order))

    def becomes(self, state: str, *uris: str) -> None:
        """What Spotify does with tracks: ``greyed_out`` or ``deleted``, for this test."""
        ids = {uri.rpartition(":")[2] for uri in uris}
        world = self.simulation.world
        (world.greyed_out if state == "greyed_out" else world.deleted).update(ids)

    def playlist_uris(self, playlist_id: str) -> list[str]:
        """What a playlist holds, in order."""
        held = self.simulation.part(SpotifyAccounts).playlists[playlist_id].items
        return [uri for item in held if (uri := item.uri) is not None]

    def asked(self, service: str) -> list[str]:
        """The endpoints of a service that were asked, in order."""
        return [request.endpoint for request in self.simulation.log.requests(service=service)]

    def clients(
        self,
        settings: Settings | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> ClientFactory:
        """The product's own clients, wired as the settings of this world want them."""
        return ClientFactory(
            http=self.http,
            settings=settings or self.settings,
            budget=self.budget,
            capabilities=self.capabilities,
            now=now,
        )

    def spotify(
        self,
        *,
        access: Access | None = None,
        patience: RetryPolicy | None = None,
        asked_for: bool = True,
        now: Callable[[], datetime] | None = None,
    ) -> Spotify:
        transport = self.transport(
            "spotify",
            "/spotify/v1",
            spotify_web.answer_kind,
            patience=patience,
            asked_for=asked_for,
            now=now,
        )
        access = access or FixedToken(self.token())
        web = SpotifyWeb(transport, access, self.capabilities)
        return Spotify(web, sleep=Naps())

    def lastfm(self) -> LastFm:
        key = self.settings.lastfm_api_key
        assert key is not None
        return LastFm(self.transport("lastfm", "/lastfm", lastfm.answer_kind), api_key=key)

    def labs(self) -> ListenBrainzLabs:
        return ListenBrainzLabs(self.transport("listenbrainz", "/labs", kind_without_errors_inside))

    def musicbrainz(self) -> MusicBrainz:
        return MusicBrainz(
            self.transport("musicbrainz", "/musicbrainz/ws/2", musicbrainz.answer_kind)
        )

    def transport(
        self,
        service: str,
        path: str,
        judge: Callable[[ServiceAnswer], AnswerKind],
        *,
        patience: RetryPolicy | None = None,
        asked_for: bool = True,
        now: Callable[[], datetime] | None = None,
    ) -> Transport:
        return Transport(
            self.http,
            service=service,
            address=self.simulator.address + path,
            budget=self.budget,
            asked_for=asked_for,
            judge=judge,
            patience=patience,
            headers={"User-Agent": CONTACT},
            now=now or (lambda: NOON),
            sleep=self.naps,
            rng=random.Random(1),
        )


@cache
def _world() -> BuiltInWorld:
    """The built-in world; what is in it never changes, so tests share it."""
    return BuiltInWorld(1)


@asynccontextmanager
async def outside_world(
    *,
    regime: str = "C",
    budget: Budget | None = None,
    capabilities: Capabilities | None = None,
    rules: Mapping[str, object] | None = None,
) -> AsyncIterator[OutsideWorld]:
    """A fresh world that keeps its rules, for one test; nothing is missing from its catalogue."""
    kept = Rules()
    kept.change({"regime": regime, **(rules or {})})
    _world().greyed_out.clear()
    _world().deleted.clear()
    with running(Simulation(_world(), rules=kept)) as simulator:
        async with httpx.AsyncClient() as http:
            yield OutsideWorld(
                simulator=simulator,
                http=http,
                budget=budget or UnlimitedBudget(),
                capabilities=capabilities or InMemoryCapabilities(),
                naps=Naps(),
            )


async def saved_tracks(spotify: Spotify) -> list[LikedTrack]:
    """Everything the person has saved, newest first."""
    page = await spotify.saved_tracks_page()
    likes, seen = list(page.likes), page.entries
    while page.entries and seen < page.total:
        page = await spotify.saved_tracks_page(offset=seen)
        likes += page.likes
        seen += page.entries
    return likes


def answering(
    *answers: httpx.Response | Exception,
) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    """An HTTP client that gives these answers in turn, the last one for ever, and what it got."""
    received: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        answer = answers[min(len(received), len(answers) - 1)]
        received.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handle)), received


def said(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    """A JSON answer."""
    return httpx.Response(status, json=body, headers=_dashed(headers))


def said_in_words(body: str, status: int = 200, **headers: str) -> httpx.Response:
    """An answer that is no JSON."""
    return httpx.Response(status, text=body, headers=_dashed(headers))


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def unmetered(http: httpx.AsyncClient, settings: Settings) -> ClientFactory:
    """Clients over these connections, with no budget to keep and nothing closed."""
    return ClientFactory(
        http=http,
        settings=settings,
        budget=UnlimitedBudget(),
        capabilities=InMemoryCapabilities(),
    )


async def playlists_shown(spotify: Spotify) -> list[Playlist]:
    """The first page of the person's playlists, newest first."""
    return [playlist async for playlist in spotify.my_playlists(most=PAGE)]
