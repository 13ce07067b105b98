"""The client factory: clients as the settings want them, with each service's address, key and pace.

Wiring only; what a client can ask stands in its own module, the sending in ``transport``.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import httpx

from vibe_pipeline.clients import dagster as dagster_client
from vibe_pipeline.clients import lastfm, listenbrainz, musicbrainz, spotify_accounts, spotify_web
from vibe_pipeline.clients.budget import Access, Budget, Capabilities
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.errors import KeyRefused
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.rate_limiter import RateLimiter, SharedSlotBook
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_accounts import SpotifyAccounts
from vibe_pipeline.clients.spotify_web import SpotifyWeb
from vibe_pipeline.clients.transport import CallRecord, RetryPolicy, Transport, no_observer, utc_now
from vibe_pipeline.settings import Settings

Observer = Callable[[CallRecord], None]
Clock = Callable[[], datetime]

LASTFM_INTERVAL = 0.5
METABRAINZ_INTERVAL = 1.0
METABRAINZ = "metabrainz"
"""ListenBrainz labs and MusicBrainz count as one: one call a second for both."""

SPOTIFY_INTERVAL = 0.2

QUICK = RetryPolicy(attempts=2, attempt_seconds=8.0, in_place_seconds=5.0)
"""For when a person waits in front of a page or a chat."""


@asynccontextmanager
async def open_http() -> AsyncIterator[httpx.AsyncClient]:
    """The connections all clients of one task share.

    httpx writes every address to its log, and Last.fm's key is part of the address.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
    async with httpx.AsyncClient(limits=limits, headers={"User-Agent": "Vibe/0.1"}) as http:
        yield http


def open_spotify(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    access: Access,
    budget: Budget,
    capabilities: Capabilities,
    asked_for: bool,
    observer: Observer = no_observer,
    now: Clock = utc_now,
    patience: RetryPolicy | None = None,
    proved_at: datetime | None = None,
    country: str | None = None,
) -> Spotify:
    """Spotify for one person; ``asked_for`` calls may use what nightly ones must leave.

    ``proved_at``: when Spotify was last seen to grant this person something. ``country``: the
    account's, as Spotify tells it; where it does not, SPOTIFY_DEFAULT_MARKET is named instead.
    """
    address = _with_path(settings.spotify_api_url, "/v1")
    transport = Transport(
        http,
        service=spotify_web.SERVICE,
        address=address,
        budget=budget,
        asked_for=asked_for,
        pace=_pace(settings, spotify_web.SERVICE, SPOTIFY_INTERVAL, at_once=3),
        judge=spotify_web.answer_kind,
        observer=observer,
        now=now,
        patience=patience,
    )
    return Spotify(
        SpotifyWeb(transport, access, capabilities, proved_at=proved_at),
        market=settings.spotify_default_market if country is None else None,
    )


def open_spotify_accounts(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    observer: Observer = no_observer,
    now: Clock = utc_now,
) -> SpotifyAccounts:
    """Consent and tokens; ``KeyRefused`` when no client id is set."""
    if settings.spotify_client_id is None:
        raise KeyRefused(spotify_accounts.SERVICE, "SPOTIFY_CLIENT_ID is not set")
    transport = Transport(
        http,
        service=spotify_accounts.SERVICE,
        address=settings.spotify_accounts_url,
        patience=QUICK,
        observer=observer,
        now=now,
    )
    return SpotifyAccounts(
        transport,
        address=settings.spotify_accounts_url,
        client_id=settings.spotify_client_id,
        client_secret=settings.spotify_client_secret,
        redirect_uri=settings.spotify_redirect_uri,
    )


def open_lastfm(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    budget: Budget,
    asked_for: bool = True,
    observer: Observer = no_observer,
    now: Clock = utc_now,
) -> LastFm | None:
    """Last.fm at two calls a second at most; ``None`` when no key is set."""
    if settings.lastfm_api_key is None:
        return None
    address = settings.lastfm_api_url.removesuffix("/2.0")
    transport = Transport(
        http,
        service=lastfm.SERVICE,
        address=address,
        budget=budget,
        asked_for=asked_for,
        pace=_pace(settings, lastfm.SERVICE, LASTFM_INTERVAL, at_once=2),
        judge=lastfm.answer_kind,
        observer=observer,
        now=now,
    )
    return LastFm(transport, api_key=settings.lastfm_api_key)


def open_labs(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    budget: Budget,
    asked_for: bool = True,
    observer: Observer = no_observer,
    now: Clock = utc_now,
) -> ListenBrainzLabs | None:
    """ListenBrainz at one call a second at most; ``None`` without a contact to name."""
    agent = _metabrainz_agent(settings)
    if agent is None:
        return None
    labs, main_api = (
        Transport(
            http,
            service=listenbrainz.SERVICE,
            address=address,
            budget=budget,
            asked_for=asked_for,
            pace=_pace(settings, METABRAINZ, METABRAINZ_INTERVAL, at_once=1),
            headers={"User-Agent": agent},
            observer=observer,
            now=now,
        )
        for address in (settings.listenbrainz_labs_url, settings.listenbrainz_api_url)
    )
    return ListenBrainzLabs(labs, main_api=main_api)


def open_musicbrainz(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    budget: Budget,
    asked_for: bool = True,
    observer: Observer = no_observer,
    now: Clock = utc_now,
) -> MusicBrainz | None:
    """MusicBrainz at one call a second at most; ``None`` without a contact to name."""
    agent = _metabrainz_agent(settings)
    if agent is None:
        return None
    address = _with_path(settings.musicbrainz_api_url, "/ws/2")
    transport = Transport(
        http,
        service=musicbrainz.SERVICE,
        address=address,
        budget=budget,
        asked_for=asked_for,
        pace=_pace(settings, METABRAINZ, METABRAINZ_INTERVAL, at_once=1),
        judge=musicbrainz.answer_kind,
        headers={"User-Agent": agent},
        observer=observer,
        now=now,
    )
    return MusicBrainz(transport)


def open_dagster(
    http: httpx.AsyncClient,
    settings: Settings,
    *,
    observer: Observer = no_observer,
    now: Clock = utc_now,
) -> DagsterGraphQL:
    """The deployment's webserver; a stock launch answers after some seconds only."""
    transport = Transport(
        http,
        service=dagster_client.SERVICE,
        address=settings.dagster_graphql_url,
        patience=RetryPolicy(attempts=2, attempt_seconds=30.0),
        observer=observer,
        now=now,
    )
    return DagsterGraphQL(transport)


def _metabrainz_agent(settings: Settings) -> str | None:
    """How MetaBrainz wants to be addressed; it blocks whoever leaves no contact."""
    contact = settings.metabrainz_contact
    return None if contact is None else f"Vibe/0.1 ( {contact} )"


def _with_path(address: str, path: str) -> str:
    return address if address.endswith(path) else address + path


def _pace(settings: Settings, service: str, interval: float, *, at_once: int) -> RateLimiter:
    """The service's own pace, kept by all processes here together; a stand-in may allow more."""
    if settings.service_pace > 1:
        return RateLimiter(interval=interval / settings.service_pace, at_once=8)
    turns = SharedSlotBook(settings.home / "turns" / service)
    return RateLimiter(interval=interval, at_once=at_once, turns=turns)
