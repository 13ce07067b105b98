"""What assets plug into: the warehouse, the account store, the outside services, the clock.

A resource is a socket: it holds configuration and opens a plain object. What that object does, and
how a client is wired, does not belong here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from vibe_pipeline.accounts.budget import StoredBudget
from vibe_pipeline.accounts.call_allowance import budget_for
from vibe_pipeline.accounts.store import AccountStore, open_existing, open_set_up
from vibe_pipeline.authorization import SpotifyConnection
from vibe_pipeline.clients.call_counter import counted
from vibe_pipeline.clients.factory import ClientFactory, open_http
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainz, ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.transport import CallRecord
from vibe_pipeline.installation.call_figures import CallFigures, SentCall
from vibe_pipeline.logs import log_from_runs
from vibe_pipeline.playlists.warehouse_recovery import put_back_into
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.settings import Settings, read_settings
from vibe_pipeline.warehouse import Tables, Warehouse

log = logging.getLogger(__name__)


class WarehouseResource(DuckDBResource):
    """The DuckDB file, or the server of one, that holds every asset's table.

    Configured as any DuckDB resource, and usable as one (``get_connection``); opened only through
    ``Warehouse``, which holds the file for the milliseconds of a transaction and closes it after
    an error too.
    """

    patience_seconds: float = 30.0
    _warehouse: Warehouse | None = PrivateAttr(default=None)

    def open(self) -> Warehouse:
        """The warehouse, still closed; one for the length of a run, so that it opens quickly."""
        if self._warehouse is None:
            path = self._path()
            config = {"custom_user_agent": "dagster", **self.connection_config}
            self._warehouse = Warehouse(
                path,
                patience=self.patience_seconds,
                config=config,
                at_birth=_put_back_what_is_known,
            )
        return self._warehouse

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """DuckDB's own connection, for SQL of your own: one transaction, under the file's lock.

        What it did is kept at the end and undone after an error. Nobody else can even read
        meanwhile, so ask no service inside, and let go soon.
        """
        with self.open().open(frames=True) as tables:
            yield tables.connection

    def _path(self) -> Path:
        if self.database.startswith(":memory:"):
            raise dg.DagsterInvariantViolationError(
                f"The warehouse is a file that stays, or a server; {self.database!r} is neither."
            )
        return Path(self.database).expanduser()


def _put_back_what_is_known(tables: Tables) -> None:
    """A file that was not there was deleted, or there never was one."""
    store = open_existing(read_settings())
    restored = () if store is None else put_back_into(tables, store.editions.recorded())
    if restored:
        log.warning(
            "the warehouse was gone; %d lists were put back from the account store", len(restored)
        )


class ClockResource(dg.ConfigurableResource[None]):
    """The time; moved by ``shift_seconds`` where other days are to be rehearsed."""

    shift_seconds: int = 0

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.shift_seconds)


class AccountsResource(dg.ConfigurableResource[None]):
    """The account store that all processes share; its address is in the environment."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Before the first step of a run: from here on its process logs as the other parts do."""
        settings = read_settings()
        log_from_runs(settings.log_format, secrets=settings.secrets)

    def open(self, clock: ClockResource) -> AccountStore:
        """The store as ``vibe up`` or ``vibe prepare`` set it up; never made here."""
        return open_set_up(read_settings(), now=clock.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The services for one person and one step, and what was asked of them."""

    spotify: Spotify
    lastfm: LastFm | None
    labs: ListenBrainzLabs | None
    listenbrainz: ListenBrainz | None
    musicbrainz: MusicBrainz | None
    settings: Settings
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def shown(self) -> Mapping[str, Any]:
        """The calls of this step, for its metadata."""
        return {f"calls to {service}": count for service, count in sorted(self.calls.items())}


class ServicesResource(dg.ConfigurableResource[None]):
    """Spotify, Last.fm and MetaBrainz as the environment names them; keys stay there."""

    @asynccontextmanager
    async def open(
        self,
        user_id: UserId,
        store: AccountStore,
        clock: ClockResource,
        *,
        edition_id: EditionId,
        asked_for: bool,
        looking_up: bool = False,
    ) -> AsyncIterator[Clients]:
        """Clients that speak for this person, within everybody's budget, at an edition's cost.

        ``looking_up``: see ``call_allowance.budget_for``.
        """
        budget = budget_for(store, user_id, edition_id, asked_for=asked_for, looking_up=looking_up)
        with _counted_for_everybody() as sent:
            async with open_http() as http:
                yield _outside(
                    http, user_id, store, clock, budget=budget, asked_for=asked_for, sent=sent
                )


@contextmanager
def _counted_for_everybody() -> Iterator[list[SentCall]]:
    """A list for the calls of a step; they are added to everybody's figures at its end."""
    sent: list[SentCall] = []
    try:
        yield sent
    finally:
        CallFigures(read_settings().home).add(sent)


def _outside(
    http: httpx.AsyncClient,
    user_id: UserId,
    store: AccountStore,
    clock: ClockResource,
    *,
    budget: StoredBudget,
    asked_for: bool,
    sent: list[SentCall],
) -> Clients:
    settings, now = read_settings(), clock.now
    calls: Counter[str] = Counter()

    def count(call: CallRecord) -> None:
        calls[call.service] += 1
        sent.append(counted(call))

    clients = ClientFactory(
        http=http,
        settings=settings,
        budget=budget,
        capabilities=store.capabilities,
        asked_for=asked_for,
        observer=count,
        now=now,
    )
    connection = SpotifyConnection(store, clients.spotify_accounts(), now=now)
    person = store.people.get(user_id)
    return Clients(
        spotify=clients.spotify(
            access=connection.access_for(user_id),
            proved_at=None if person is None else person.likes_synced_at,
            country=None if person is None else person.market,
        ),
        lastfm=clients.lastfm(),
        labs=clients.labs(),
        listenbrainz=clients.listenbrainz(),
        musicbrainz=clients.musicbrainz(),
        settings=settings,
        calls=calls,
    )


def resources(settings: Settings) -> dict[str, dg.ConfigurableResource[Any]]:
    """The sockets by name; nothing is opened yet, and no secret is part of their configuration."""
    return {
        "warehouse": WarehouseResource(database=str(settings.warehouse_path)),
        "accounts": AccountsResource(),
        "services": ServicesResource(),
        "clock": ClockResource(),
    }
