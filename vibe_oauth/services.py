"""What the routes work with, made once from the settings: dependencies, injected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from vibe_oauth.telegram import BotName
from vibe_pipeline.accounts.store import AccountStore, open_for, utc_now
from vibe_pipeline.authorization import AccountLinking
from vibe_pipeline.clients import spotify_web
from vibe_pipeline.clients.budget import FixedToken
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_accounts import SpotifyAccounts
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.clients.transport import RetryPolicy, Transport
from vibe_pipeline.settings import Settings

SPOTIFY_PATIENCE = RetryPolicy(attempts=2, attempt_seconds=8, slow_downs=1, in_place_seconds=4)
"""Somebody waits in front of a blank page."""

DAGSTER_PATIENCE = RetryPolicy(attempts=2, attempt_seconds=30)
"""A launch may start an interpreter before it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthServices:
    """Everything the routes need; ``consent`` is ``None`` while no client id is set."""

    store: AccountStore
    consent: SpotifyAccounts | None
    dagster: DagsterGraphQL
    bot: BotName
    http: httpx.AsyncClient
    spotify_api_url: str
    redirect_path: str
    prefix: str
    https: bool
    now: Callable[[], datetime]
    internal_job_token: SecretStr | None = field(repr=False)

    @property
    def linking(self) -> AccountLinking:
        """The way of a person to a linked account."""
        return AccountLinking(
            store=self.store,
            accounts=self.consent,
            profile=self.profile,
            dagster=self.dagster,
            now=self.now,
        )

    async def profile(self, access_token: str) -> SpotifyProfile:
        """Whose token this is; the call that tells whether Spotify lets this person in."""
        transport = Transport(
            self.http,
            service=spotify_web.SERVICE,
            address=self.spotify_api_url,
            budget=self.store.budget,
            patience=SPOTIFY_PATIENCE,
            judge=spotify_web.answer_kind,
            now=self.now,
        )
        access = FixedToken(access_token)
        web = spotify_web.SpotifyWeb(transport, access, self.store.capabilities)
        return await Spotify(web).me()


def open_services(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> OAuthServices:
    """The services these settings describe; nothing is asked of anybody yet."""
    http = httpx.AsyncClient(follow_redirects=False, trust_env=False)
    return OAuthServices(
        store=open_for(settings, now=now),
        consent=_consent(settings, http, now),
        dagster=DagsterGraphQL(
            Transport(
                http,
                service="dagster",
                address=settings.dagster_graphql_url,
                patience=DAGSTER_PATIENCE,
                now=now,
            )
        ),
        bot=BotName(http, settings.telegram_api_url, settings.telegram_bot_token),
        http=http,
        spotify_api_url=settings.spotify_api_url,
        redirect_path=urlsplit(settings.spotify_redirect_uri).path or "/",
        prefix=urlsplit(settings.public_url).path.rstrip("/"),
        https=settings.public_url.startswith("https:"),
        now=now,
        internal_job_token=settings.internal_job_token,
    )


def _consent(
    settings: Settings, http: httpx.AsyncClient, now: Callable[[], datetime]
) -> SpotifyAccounts | None:
    if settings.spotify_client_id is None:
        return None
    transport = Transport(
        http,
        service="spotify_accounts",
        address=settings.spotify_accounts_url,
        patience=SPOTIFY_PATIENCE,
        now=now,
    )
    return SpotifyAccounts(
        transport,
        address=settings.spotify_accounts_url,
        client_id=settings.spotify_client_id,
        client_secret=settings.spotify_client_secret,
        redirect_uri=settings.spotify_redirect_uri,
    )
