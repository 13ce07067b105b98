"""The client factory: clients as the settings want them, with each service's address, key and pace.

Wiring only, and all of it: no other module makes a transport for a service. What a client can ask
stands in its own module, the sending in ``transport``.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version

import httpx

from vibe_pipeline.clients import dagster as dagster_client
from vibe_pipeline.clients import lastfm, listenbrainz, musicbrainz, spotify_accounts, spotify_web
from vibe_pipeline.clients.budget import Access, Budget, Capabilities, FixedToken, UncountedBudget
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.errors import KeyRefused
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainz, ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.rate_limiter import RateLimiter, SharedSlotBook
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_accounts import SpotifyAccounts
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.clients.spotify_web import SpotifyWeb
from vibe_pipeline.clients.transport import (
    AnswerKind,
    Call,
    CallRecord,
    RetryPolicy,
    ServiceAnswer,
    Transport,
    kind_by_status,
    kind_without_errors_inside,
    no_bucket,
    no_observer,
    utc_now,
)
from vibe_pipeline.installation.access_token import read_token
from vibe_pipeline.settings import Settings

Observer = Callable[[CallRecord], None]
Clock = Callable[[], datetime]

LASTFM_INTERVAL = 0.5
METABRAINZ_INTERVAL = 1.0
METABRAINZ = "metabrainz"
"""ListenBrainz labs and MusicBrainz count as one: one call a second for both."""

SPOTIFY_INTERVAL = 0.2
SPOTIFY_AT_ONCE = 6
"""So many calls to Spotify may be under way at a time, in each process."""

AHEAD_TAKES = 0.6
"""So much of a service's burst is used by what nobody waits for."""

PATIENT = RetryPolicy()
"""For runs, which have minutes."""

QUICK = RetryPolicy(attempts=2, attempt_seconds=8.0, in_place_seconds=5.0)
"""For when a person waits in front of a page or a chat.

It bears three short "slow down"s, five seconds together: a consent's code is good once, so giving
up after the first of them would cost the person the whole consent.
"""

LAUNCHING = RetryPolicy(attempts=2, attempt_seconds=30.0)
"""For Dagster: a stock launch starts an interpreter before it answers."""


def open_http() -> httpx.AsyncClient:
    """The connections that all clients of one task or program share; whoever opens closes them.

    Every program names itself the same way, by the installed version, and goes out through the
    proxy and the certificates that the environment names: where the operator needs a proxy, a
    consent needs it as much as the night's run does. ``NO_PROXY`` keeps the pipeline's own
    address out of it. httpx writes every address to its log, and Last.fm's key is part of the
    address. No cookie is kept: one person's would go out with another's calls, and ever more of
    them until every call is refused for its length.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        verify=_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=10),
        headers={"User-Agent": user_agent()},
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        trust_env=True,
    )


@cache
def _certificates(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Whom to trust, read once: that takes 25 ms, and a run opens its connections several times.

    ``httpx`` looks at these two variables itself; they say when to read again.
    """
    return httpx.create_ssl_context(trust_env=True)


@cache
def user_agent() -> str:
    """How every request names this program: ``Vibe/`` and the installed version."""
    return f"Vibe/{version('vibe')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFactory:
    """Gives each service's client to whoever holds it, all over the same connections.

    ``asked_for`` calls may use what nightly ones must leave; ``patience`` is how long a call may
    take for the one who waits, ``QUICK`` where that is a person. Consent and Dagster have a
    patience of their own, whoever waits.

    The bot, the consent page and the runs are wired alike here. Where the consent page went its
    own way, this holds for it too: ``QUICK`` (it bore one "slow down" and four seconds, which
    spent the consent's code on a busy second), Spotify's shared pace (it kept none, so it could
    push the bot and the runs into a block), and the connections of ``open_http`` (it did without
    the environment's proxy and named itself as httpx). Tokens are dated by ``now`` everywhere;
    the bot's were by the machine's clock, whatever the bot's clock said.
    """

    http: httpx.AsyncClient
    settings: Settings
    budget: Budget
    capabilities: Capabilities
    asked_for: bool = True
    patience: RetryPolicy = PATIENT
    observer: Observer = no_observer
    now: Clock = utc_now

    def spotify(
        self,
        *,
        access: Access,
        proved_at: datetime | None = None,
        country: str | None = None,
    ) -> Spotify:
        """Spotify for one person.

        ``proved_at``: when Spotify was last seen to grant this person something. ``country``: the
        account's, as Spotify tells it; where it does not, SPOTIFY_DEFAULT_MARKET is named instead.
        """
        settings = self.settings
        transport = self._transport(
            service=spotify_web.SERVICE,
            address=_with_path(settings.spotify_api_url, "/v1"),
            pace=self._pace(
                spotify_web.SERVICE,
                SPOTIFY_INTERVAL,
                settings.spotify_burst,
                at_once=SPOTIFY_AT_ONCE,
            ),
            judge=spotify_web.answer_kind,
            bucket_of=spotify_web.bucket_of,
        )
        return Spotify(
            SpotifyWeb(transport, access, self.capabilities, proved_at=proved_at),
            market=settings.spotify_default_market if country is None else None,
        )

    async def profile(self, access_token: str) -> SpotifyProfile:
        """Whose token this is; the call that tells whether Spotify lets this person in."""
        return await self.spotify(access=FixedToken(access_token)).me()

    def spotify_accounts(self) -> SpotifyAccounts:
        """Consent and tokens; they count in no budget, but a long pause is everybody's.

        Raises:
            KeyRefused: no client id is set.
        """
        settings = self.settings
        if settings.spotify_client_id is None:
            raise KeyRefused(spotify_accounts.SERVICE, "SPOTIFY_CLIENT_ID is not set")
        transport = Transport(
            self.http,
            service=spotify_accounts.SERVICE,
            address=settings.spotify_accounts_url,
            budget=UncountedBudget(self.budget),
            patience=QUICK,
            observer=self.observer,
            now=self.now,
        )
        return SpotifyAccounts(
            transport,
            address=settings.spotify_accounts_url,
            client_id=settings.spotify_client_id,
            client_secret=settings.spotify_client_secret,
            redirect_uri=settings.spotify_redirect_uri,
        )

    def lastfm(self) -> LastFm | None:
        """Last.fm at two calls a second at most; ``None`` when no key is set."""
        settings = self.settings
        if settings.lastfm_api_key is None:
            return None
        transport = self._transport(
            service=lastfm.SERVICE,
            address=settings.lastfm_api_url.removesuffix("/2.0"),
            pace=self._pace(lastfm.SERVICE, LASTFM_INTERVAL, settings.lastfm_burst, at_once=2),
            judge=lastfm.answer_kind,
        )
        return LastFm(transport, api_key=settings.lastfm_api_key)

    def labs(self) -> ListenBrainzLabs | None:
        """ListenBrainz at one call a second at most; ``None`` without a contact to name."""
        settings = self.settings
        agent = _metabrainz_agent(settings)
        if agent is None:
            return None
        labs, main_api = (
            self._listenbrainz_at(address, agent)
            for address in (settings.listenbrainz_labs_url, settings.listenbrainz_api_url)
        )
        return ListenBrainzLabs(labs, main_api=main_api)

    def listenbrainz(self) -> ListenBrainz | None:
        """What ListenBrainz tells of its users, at the same pace; ``None`` without a contact."""
        agent = _metabrainz_agent(self.settings)
        if agent is None:
            return None
        return ListenBrainz(self._listenbrainz_at(self.settings.listenbrainz_api_url, agent))

    def _listenbrainz_at(self, address: str, agent: str) -> Transport:
        burst = self.settings.labs_burst
        return self._transport(
            service=listenbrainz.SERVICE,
            address=address,
            pace=self._pace(METABRAINZ, METABRAINZ_INTERVAL, burst, at_once=1),
            judge=kind_without_errors_inside,
            headers={"User-Agent": agent},
        )

    def musicbrainz(self) -> MusicBrainz | None:
        """MusicBrainz at one call a second at most; ``None`` without a contact to name."""
        settings = self.settings
        agent = _metabrainz_agent(settings)
        if agent is None:
            return None
        transport = self._transport(
            service=musicbrainz.SERVICE,
            address=_with_path(settings.musicbrainz_api_url, "/ws/2"),
            pace=self._pace(METABRAINZ, METABRAINZ_INTERVAL, settings.musicbrainz_burst, at_once=1),
            judge=musicbrainz.answer_kind,
            headers={"User-Agent": agent},
        )
        return MusicBrainz(transport)

    def dagster(self) -> DagsterGraphQL:
        """The deployment's webserver; calls count in no budget."""
        transport = Transport(
            self.http,
            service=dagster_client.SERVICE,
            address=self.settings.dagster_graphql_url,
            patience=LAUNCHING,
            observer=self.observer,
            now=self.now,
        )
        return DagsterGraphQL(transport, token=partial(read_token, self.settings.home))

    def _pace(self, service: str, interval: float, burst: int, *, at_once: int) -> RateLimiter:
        """The service's own pace, kept by all of us together; a stand-in may allow more.

        What nobody waits for takes part of the burst only: the rest is always there for whoever
        asks, also while what was begun ahead of time goes on.
        """
        if not self.asked_for:
            burst = max(1, round(burst * AHEAD_TAKES))
        settings = self.settings
        if settings.service_pace > 1:
            return RateLimiter(interval=interval / settings.service_pace, burst=burst, at_once=8)
        turns = self.budget.turns(service) or SharedSlotBook(settings.home / "turns" / service)
        return RateLimiter(interval=interval, burst=burst, at_once=at_once, turns=turns)

    def _transport(
        self,
        *,
        service: str,
        address: str,
        pace: RateLimiter,
        judge: Callable[[ServiceAnswer], AnswerKind] = kind_by_status,
        headers: Mapping[str, str] | None = None,
        bucket_of: Callable[[Call], str | None] = no_bucket,
    ) -> Transport:
        """The way to a service whose calls are counted and paced."""
        return Transport(
            self.http,
            service=service,
            address=address,
            budget=self.budget,
            asked_for=self.asked_for,
            pace=pace,
            patience=self.patience,
            judge=judge,
            headers=headers,
            bucket_of=bucket_of,
            observer=self.observer,
            now=self.now,
        )


def _metabrainz_agent(settings: Settings) -> str | None:
    """How MetaBrainz wants to be addressed; it blocks whoever leaves no contact."""
    contact = settings.metabrainz_contact
    return None if contact is None else f"{user_agent()} ( {contact} )"


def _with_path(address: str, path: str) -> str:
    return address if address.endswith(path) else address + path
