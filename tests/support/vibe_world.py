"""A whole world for the graph: the simulator on a port, an account store, people who agreed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import httpx
import pytest

from tests.support import pauses
from tests.support.blank_accounts import set_up_store
from tests.support.dagster_storage import dagster_in_memory
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.authorization import first_tokens
from vibe_pipeline.clients.factory import ClientFactory, open_http
from vibe_pipeline.clients.spotify_accounts import COVER_SCOPE, Grant
from vibe_pipeline.definitions import build
from vibe_pipeline.records import EditionId, Source, UserId
from vibe_pipeline.settings import Settings, read_settings
from vibe_pipeline.simulator.faults import fault_from_json
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import Account as Listening
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts
from vibe_pipeline.warehouse import Warehouse

SCOPES = (
    "user-read-private user-read-recently-played user-top-read user-library-read"
    " user-library-modify playlist-read-private playlist-modify-public playlist-modify-private"
)
PACE = 100
"""So many times as fast as they really allow are services asked, and here they allow it."""
_REAL = Rules()
ROOMY = Rules(
    allowlist_limit=100,
    spotify_per_window=10_000,
    spotify_quota=100_000,
    lastfm_per_second=PACE * _REAL.lastfm_per_second,
    lastfm_burst=PACE * _REAL.lastfm_burst,
    musicbrainz_per_second=PACE * _REAL.musicbrainz_per_second,
    musicbrainz_burst=PACE * _REAL.musicbrainz_burst,
    labs_per_window=PACE * _REAL.labs_per_window,
)
"""More people and calls than a real app may have, so that many tests can share a world."""
OUTSIDE = frozenset(Source) - {Source.REDISCOVERED_LIKES}
"""Whatever asks somebody else than Spotify, or more of Spotify."""
_VERIFIER = "v" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class VibeWorld:
    """Everything a run touches, and ways to look at it."""

    simulator: RunningSimulator
    settings: Settings
    store: AccountStore
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    @property
    def warehouse(self) -> Warehouse:
        """The file the runs write."""
        return Warehouse(self.settings.warehouse_path)

    def connected(self, name: str = "Anna", *, covers: bool = False) -> Account:
        """Somebody new with an account of ours who agreed on Spotify's page, to covers too."""
        telegram_id = 1001 + len(self.simulator.simulation.people.all())
        person = self.simulator.simulation.create_person(telegram_id, name=name)
        account = self.store.people.register(telegram_id, name, "en")
        grant = asyncio.run(self._consent(person.listener, covers=covers))
        tokens = first_tokens(grant, consented_at=datetime.now(UTC))
        self.instance.add_dynamic_partitions("users", [account.user_id])
        return self.store.people.connect(
            account.user_id, f"spotify-{person.listener}", name, tokens
        )

    def at_home(self, name: str = "Anna", *, covers: bool = False) -> Account:
        """Somebody whose sources outside are all switched off, which makes runs quick."""
        person = self.connected(name, covers=covers)
        return self.store.people.change(person.user_id, sources_off=OUTSIDE)

    def connect_again(self, person: Account, *, listening_of: Account | None = None) -> Account:
        """They agree once more on Spotify's page: with their own account, or with this person's."""
        chat_id = (listening_of or person).chat_id
        listener = self.simulator.simulation.people.get(chat_id).listener
        grant = asyncio.run(self._consent(listener, covers=False))
        tokens = first_tokens(grant, consented_at=datetime.now(UTC))
        name = person.telegram_name
        return self.store.people.connect(person.user_id, f"spotify-{listener}", name, tokens)

    def run(
        self,
        job: str,
        user_id: UserId,
        *,
        tags: Mapping[str, str] | None = None,
        selection: list[dg.AssetKey] | None = None,
        raise_on_error: bool = True,
        days_later: int = 0,
    ) -> dg.ExecuteInProcessResult:
        """One run, in this process; ``days_later`` by our own clock, the simulator has its own."""
        found = self.definitions.resolve_job_def(job)
        shift = {"clock": {"config": {"shift_seconds": days_later * 86_400}}}
        return found.execute_in_process(
            partition_key=user_id,
            tags=dict(tags or {}),
            instance=self.instance,
            asset_selection=selection,
            run_config={"resources": shift} if days_later else None,
            raise_on_error=raise_on_error,
        )

    def list_of(self, result: dg.ExecuteInProcessResult) -> Edition:
        """The list that a run made."""
        return self.store.editions.required(EditionId(result.run_id))

    def listener_of(self, person: Account) -> Listening:
        """The person's account on the simulated Spotify."""
        simulation = self.simulator.simulation
        listener = simulation.people.get(person.chat_id).listener
        return simulation.part(SpotifyAccounts).account(listener)

    def like(self, person: Account, uri: str) -> None:
        """The person saves a track in Spotify's own app."""
        address = f"{self.simulator.address}/control/people/{person.chat_id}/likes"
        httpx.post(address, json={"tracks": [uri]}).raise_for_status()

    def play(self, person: Account, uris: Sequence[str], *, playlist: str) -> None:
        """The person plays these tracks from a playlist, one after another, up to now."""
        address = f"{self.simulator.address}/control/people/{person.chat_id}/plays"
        order = {"tracks": list(uris), "playlist": playlist}
        httpx.post(address, json=order).raise_for_status()

    def becomes(self, uris: Iterable[str], state: str) -> None:
        """What Spotify does with tracks: ``greyed_out``, ``deleted`` or ``offered`` again."""
        address = f"{self.simulator.address}/control/spotify/tracks"
        order = {"uris": list(uris), "state": state}
        httpx.post(address, json=order).raise_for_status()

    def revoke(self, person: Account) -> None:
        """The person takes their consent back on Spotify's site."""
        accounts = self.simulator.simulation.part(SpotifyAccounts)
        accounts.end_grants(self.listener_of(person).listener.id, "revoked")

    def rerun_from_failure(self, run_id: str, user_id: UserId) -> dg.JobExecutionResult:
        """What the UI's button "re-execute from failure" does."""
        return dg.execute_job(
            dg.reconstructable(_daily_vibe_here),
            instance=self.instance,
            tags={"dagster/partition": user_id},
            reexecution_options=dg.ReexecutionOptions.from_failure(run_id, self.instance),
        )

    def rerun_all(self, run_id: str, *, tags: Mapping[str, str]) -> dg.JobExecutionResult:
        """What the UI's button "re-execute all" does, which hands on the run's tags."""
        return self.rerun(run_id, tags=tags)

    def rerun(
        self,
        run_id: str,
        *,
        tags: Mapping[str, str],
        steps: Sequence[str] = (),
        preview: bool = False,
    ) -> dg.JobExecutionResult:
        """The same of ``steps`` alone, where some are named; or of the run of a preview."""
        return dg.execute_job(
            dg.reconstructable(_preview_vibe_here if preview else _daily_vibe_here),
            instance=self.instance,
            tags=dict(tags),
            reexecution_options=dg.ReexecutionOptions(
                parent_run_id=run_id, step_selection=list(steps)
            ),
        )

    def calls(self, service: str = "spotify") -> Counter[str]:
        """What was asked of a service since the log was last cleared, by endpoint."""
        found = self.simulator.simulation.log.requests(service=service)
        return Counter(entry.endpoint for entry in found)

    def point_here(self, patch: pytest.MonkeyPatch) -> None:
        """Have the environment name this world for one more test."""
        point_at(self.simulator, self.settings.home, patch)

    def trouble(self, **order: object) -> None:
        """Order trouble from the simulator, such as ``service="lastfm", kind="html"``."""
        self.simulator.simulation.faults.add(fault_from_json(dict(order)))

    def no_trouble(self) -> None:
        """All services are well again."""
        self.simulator.simulation.faults.clear(None)

    def end_pauses(self) -> None:
        """No service asks to be left alone any more."""
        with self.store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE services SET blocked_until = NULL, reason = NULL")

    def forget_calls(self) -> None:
        """Count from here."""
        self.simulator.simulation.log.clear()

    def replay(
        self, user_id: UserId, edition: Edition, *, policy: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """A past edition made again."""
        config = {"vibe_date": edition.vibe_date.isoformat(), "edition_id": edition.edition_id}
        told = config | ({"policy": policy} if policy else {})
        return self.definitions.resolve_job_def("replay_vibe").execute_in_process(
            partition_key=user_id,
            instance=self.instance,
            run_config={"ops": {"replay": {"config": told}}},
        )

    def remembered(self, user_id: UserId) -> list[str]:
        """The recordings in the person's recommendation history, latest edition first."""
        with self.warehouse.open() as tables:
            return [line.key for line in tables.playlists.recommended(user_id)]

    def failure(self, result: dg.ExecuteInProcessResult) -> str:
        """What the first failed step says."""
        failed = [event for event in result.all_node_events if event.is_step_failure]
        error = failed[0].step_failure_data.error
        return error.to_string() if error else ""

    def output_metadata(
        self, result: dg.ExecuteInProcessResult, step: str
    ) -> Mapping[str, dg.MetadataValue[Any]]:
        """What a step's output shows."""
        outputs = [event for event in result.events_for_node(step) if event.is_successful_output]
        return outputs[0].step_output_data.metadata

    async def _consent(self, listener: str, *, covers: bool) -> Grant:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest())
        form = {
            "client_id": self.settings.spotify_client_id or "",
            "redirect_uri": self.settings.spotify_redirect_uri,
            "response_type": "code",
            "scope": f"{SCOPES} {COVER_SCOPE}" if covers else SCOPES,
            "state": "state",
            "code_challenge_method": "S256",
            "code_challenge": challenge.rstrip(b"=").decode(),
            "listener": listener,
            "decision": "agree",
        }
        async with open_http() as http:
            decided = await http.post(
                f"{self.settings.spotify_accounts_url}/authorize/decision", data=form
            )
            code = parse_qs(urlsplit(decided.headers["location"]).query)["code"][0]
            clients = ClientFactory(
                http=http,
                settings=self.settings,
                budget=self.store.budget,
                capabilities=self.store.capabilities,
            )
            return await clients.spotify_accounts().exchange(code=code, verifier=_VERIFIER)


def _daily_vibe_here() -> dg.JobDefinition:
    """The job as a process of its own would load it."""
    return build(read_settings()).resolve_job_def("daily_vibe")


def _preview_vibe_here() -> dg.JobDefinition:
    """The job as a process of its own would load it."""
    return build(read_settings()).resolve_job_def("preview_vibe")


@contextmanager
def vibe_world(folder: Path, *, simulation: Simulation | None = None) -> Iterator[VibeWorld]:
    """A world in a folder of its own; ``pointed_at`` it, the environment names it."""
    with (
        running(simulation or Simulation(rules=ROOMY)) as simulator,
        dagster_in_memory() as instance,
        pytest.MonkeyPatch.context() as patch,
    ):
        home = folder / "home"
        home.mkdir()
        point_at(simulator, home, patch)
        pauses.shorten(patch)
        settings = read_settings()
        set_up_store(settings.accounts_address)
        store = open_for(settings)
        with store.database.held_open():  # as the bot does, wherever there is one
            yield VibeWorld(
                simulator=simulator,
                settings=settings,
                store=store,
                instance=instance,
                definitions=build(settings),
            )


def point_at(simulator: RunningSimulator, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Have the environment name this world, as an installation's does."""
    own = {"VIBE_HOME": str(home), "SERVICE_PACE": str(PACE)}
    for name, value in {**simulator.environment(), **own}.items():
        patch.setenv(name, value)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


def playlists_of(world: VibeWorld, person: Account) -> list[dict[str, Any]]:
    """A person's playlists with their items, as the simulator keeps them."""
    address = f"{world.simulator.address}/control/people/{person.chat_id}/playlists"
    found: list[dict[str, Any]] = httpx.get(address).json()["playlists"]
    return found


def uris_of(playlist: Mapping[str, Any]) -> list[str]:
    """What a playlist holds, in order."""
    return [item["uri"] for item in playlist["items"]]
