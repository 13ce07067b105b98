"""What the routes work with, made once from the settings: dependencies, injected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from vibe_oauth.request_info import LOOPBACK
from vibe_oauth.telegram import BotName
from vibe_pipeline.accounts.cipher import existing_key, new_key
from vibe_pipeline.accounts.store import AccountStore, open_for, utc_now
from vibe_pipeline.authorization import AccountLinking, clients_for_people
from vibe_pipeline.clients.call_counter import CallCounter
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.factory import ClientFactory, open_http
from vibe_pipeline.installation.bounded_requests import BODY_SECONDS
from vibe_pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthServices:
    """Everything the routes need."""

    store: AccountStore
    dagster: DagsterGraphQL
    clients: ClientFactory
    calls: CallCounter
    bot: BotName
    http: httpx.AsyncClient
    redirect_path: str
    prefix: str
    home: Path
    warehouse: Path
    key: Callable[[], str] = field(repr=False)
    """The key as it lies there now, which other processes will find."""
    https: bool
    on_the_loopback: bool = False
    """PUBLIC_URL is one of this machine alone: no proxy leads strangers here."""
    now: Callable[[], datetime]
    body_seconds: float = BODY_SECONDS
    internal_job_token: SecretStr | None = field(repr=False)

    @property
    def linking(self) -> AccountLinking:
        """The way of a person to a linked account."""
        return AccountLinking.over(self.clients, self.store, self.dagster)


def open_services(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> OAuthServices:
    """The services these settings describe; nothing is asked of anybody yet."""
    http, store, calls = open_http(), open_for(settings, now=now), CallCounter(settings.home)
    clients = clients_for_people(http, settings, store, now=now, observer=calls.observe)
    return OAuthServices(
        store=store,
        dagster=clients.dagster(),
        clients=clients,
        calls=calls,
        bot=BotName(
            http, settings.telegram_api_url, settings.telegram_bot_token, observer=calls.observe
        ),
        http=http,
        redirect_path=urlsplit(settings.spotify_redirect_uri).path or "/",
        prefix=urlsplit(settings.public_url).path.rstrip("/"),
        home=settings.home,
        warehouse=settings.warehouse_path,
        key=partial(_key_that_lies_there, settings),
        https=settings.public_url.startswith("https:"),
        on_the_loopback=urlsplit(settings.public_url).hostname in LOOPBACK,
        now=now,
        internal_job_token=settings.internal_job_token,
    )


def _key_that_lies_there(settings: Settings) -> str:
    """The key that other processes will find; one that opens nothing where none lies there.

    Looking makes none: it would take the place of the right one in every process that runs.
    """
    return existing_key(settings) or new_key()
