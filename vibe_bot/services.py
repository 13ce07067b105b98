"""What the bot works with, made once at the start and handed to every handler.

The bot's dependencies, injected. What changes while it runs is ``interactions.BotState``.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.authorization import AccountLinking, clients_for_people
from vibe_pipeline.clients.call_counter import CallCounter
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.factory import ClientFactory
from vibe_pipeline.clients.notices import Notifier
from vibe_pipeline.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BotServices:
    """The account store, the pipeline, the way to Spotify, the settings, and time."""

    store: AccountStore
    dagster: DagsterGraphQL
    clients: ClientFactory
    settings: Settings
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    calls: CallCounter
    notifier: Notifier
    clock: Callable[[], float] = time.monotonic
    """Seconds that only ever go forward, for measuring how long ago something was."""

    @property
    def linking(self) -> AccountLinking:
        """The way of a person to a linked Spotify account."""
        return AccountLinking.over(self.clients, self.store, self.dagster)


def open_services(
    settings: Settings,
    http: httpx.AsyncClient,
    store: AccountStore,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
    clock: Callable[[], float] = time.monotonic,
) -> BotServices:
    """The services these settings describe; nothing is asked of anybody yet."""
    calls = CallCounter(settings.home)
    clients = clients_for_people(http, settings, store, now=now, observer=calls.observe)
    return BotServices(
        store=store,
        dagster=clients.dagster(),
        clients=clients,
        settings=settings,
        now=now,
        sleep=sleep,
        calls=calls,
        notifier=Notifier(private_too=settings.notify_private_addresses),
        clock=clock,
    )
