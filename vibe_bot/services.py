"""What the bot works with, made once at the start and handed to every handler.

The bot's dependencies, injected. What changes while it runs is ``interactions.BotState``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.authorization import AccountLinking
from vibe_pipeline.clients.budget import FixedToken
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.factory import QUICK, open_spotify, open_spotify_accounts
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BotServices:
    """The account store, the pipeline, the way to Spotify, the settings, and time."""

    store: AccountStore
    dagster: DagsterGraphQL
    http: httpx.AsyncClient
    settings: Settings
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]

    @property
    def linking(self) -> AccountLinking:
        """The way of a person to a linked Spotify account."""
        configured = self.settings.spotify_client_id is not None
        return AccountLinking(
            store=self.store,
            accounts=open_spotify_accounts(self.http, self.settings) if configured else None,
            profile=self._profile,
            dagster=self.dagster,
            now=self.now,
        )

    async def _profile(self, access_token: str) -> SpotifyProfile:
        spotify = open_spotify(
            self.http,
            self.settings,
            access=FixedToken(access_token),
            budget=self.store.budget,
            capabilities=self.store.capabilities,
            asked_for=True,
            now=self.now,
            patience=QUICK,
        )
        return await spotify.me()
