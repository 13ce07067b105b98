"""What the bot works with, made once at the start and handed to every handler.

The bot's dependencies, injected. What changes while it runs is ``interactions.BotState``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.dagster import DagsterGraphQL
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
