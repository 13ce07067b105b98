"""A whole installation to measure: the simulator as wanted, warm people in it, and the product.

Started as ``vibe demo`` starts it. People are made warm by ``seeding`` before the product starts,
quickly and without limits; measured is at the conditions' pace, with their latency and limits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.conditions import Conditions
from tests.benchmarks.seeding import SEEDED, forget_calls
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.commands.supervisor import Supervisor, running
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation
from vibe_pipeline.installation.access_token import bearer, read_token
from vibe_pipeline.runs import DAILY_VIBE, PREPARE_VIBE, SYNC_LIBRARY, UNFINISHED

ROOT = Path(__file__).parents[2]
LISTENERS = 240
MUSIC_SERVICES = ("spotify", "spotify_accounts", "lastfm", "labs", "listenbrainz", "musicbrainz")
NO_DAILY_LIMIT = {"spotify_quota": 1_000_000, "allowlist_limit": LISTENERS}
SEEDING_PROCESSES = 2
"""So many make people warm side by side."""
LIST_WITHIN_SECONDS = 180.0
AHEAD_WITHIN_SECONDS = 60.0
"""So long what is done ahead of time may take before the next list is asked for."""
AHEAD_BEGINS_WITHIN_SECONDS = 15.0
"""So long after a list it may take until that begins."""
QUIET_SECONDS = 1.5
_LOOK_AGAIN_SECONDS = 0.25

_RUNS = """
query { runsOrError(limit: 60) { ... on Runs { results {
  runId jobName status creationTime startTime endTime
  stepStats { stepKey startTime endTime } } } } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedList:
    """One list as its listener lived it: seconds from message to link, and calls by service."""

    seconds: float
    calls: Mapping[str, int]
    stages: Mapping[str, float]

    @property
    def spotify_calls(self) -> int:
        """What it cost at Spotify, without renewing a token."""
        return self.calls.get("spotify", 0)

    @property
    def other_calls(self) -> int:
        """What it asked of everybody else."""
        return sum(
            count
            for name, count in self.calls.items()
            if name not in {"spotify", "spotify_accounts"}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many people are made warm, how many are copies of them, and what each has liked."""

    warm: int
    copies: int
    likes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running installation, its world, and the people who are warm in it."""

    installation: DemoInstallation
    conditions: Conditions
    http: httpx.AsyncClient
    supervisor: Supervisor
    people: Sequence[DemoUser]

    async def newcomer(self, name: str, *, likes: int) -> DemoUser:
        """Somebody who has never met the bot, with so many liked songs."""
        await order(self.http, self.installation, "rules", likes_per_person=likes)
        return await DemoUser.arrive(self.http, self.installation.simulator, name=name)

    async def connected(self, user: DemoUser) -> None:
        """They ask for the link, agree and confirm."""
        asked = await user.types("/connect")
        offered = await user.sees(
            "a link to connect", lambda one: connect_link(one) is not None, since=asked, within=60
        )
        await user.consents(str(connect_link(offered)))

    async def forget_requests(self) -> None:
        """Count what is asked of the services from here on."""
        await self.http.delete(f"{self.installation.simulator}/control/requests")

    async def requests(self) -> Counter[str]:
        """How often each service was asked since."""
        address = f"{self.installation.simulator}/control/requests"
        log = (await self.http.get(address)).json()["requests"]
        return Counter(entry["service"] for entry in log if entry["service"] in MUSIC_SERVICES)

    async def checked(self, user: DemoUser) -> int:
        """How many Spotify calls it takes to see that nothing is new."""
        await self.forget_requests()
        since = time.time()
        await user.types("/sync")
        deadline = since + LIST_WITHIN_SECONDS
        while time.time() < deadline:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            ours = (run for run in await self.runs() if run["creationTime"] >= since)
            syncs = [run["status"] for run in ours if run["jobName"] == SYNC_LIBRARY]
            if syncs and set(syncs).isdisjoint(UNFINISHED):
                return (await self.requests())["spotify"]
        raise TimeoutError(f"no sync ended within {LIST_WITHIN_SECONDS:.0f} s")

    async def timed(self, user: DemoUser) -> TimedList:
        """One list, asked for in the chat."""
        forget_calls(self.installation.settings)
        await self.forget_requests()
        began = time.time()
        asked = await user.types("/generate")
        await user.sees("the link", has_link, since=asked, within=LIST_WITHIN_SECONDS)
        seconds = time.time() - began
        calls = await self.requests()
        stages = await self._stages(began, seconds)
        return TimedList(seconds=seconds, calls=dict(calls), stages=stages)

    async def runs(self) -> list[dict[str, Any]]:
        """The latest runs as Dagster has them, the newest first."""
        address = f"{self.installation.dagster_page}/graphql"
        headers = bearer(read_token(self.installation.home))
        answer = (await self.http.post(address, json={"query": _RUNS}, headers=headers)).json()
        runs: list[dict[str, Any]] = answer["data"]["runsOrError"]["results"]
        return runs

    async def settled(self, since: float) -> None:
        """Wait until what a list asked for since then set off is done, and nothing else runs."""
        deadline = time.time() + AHEAD_WITHIN_SECONDS
        quiet_since = time.time()
        while time.time() < deadline:
            runs = await self.runs()
            recent = [run for run in runs if run["creationTime"] >= since]
            begun = any(run["jobName"] == PREPARE_VIBE for run in recent)
            waited = time.time() - since > AHEAD_BEGINS_WITHIN_SECONDS
            if any(run["status"] in UNFINISHED for run in runs) or not (begun or waited):
                quiet_since = time.time()
            if time.time() - quiet_since >= QUIET_SECONDS:
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _stages(self, began: float, seconds: float) -> dict[str, float]:
        """Seconds by stage of the run asked for since then; ``RuntimeError`` if it is not one."""
        since = [run for run in await self.runs() if run["creationTime"] >= began]
        lists = [run for run in since if run["jobName"] == DAILY_VIBE]
        if len(lists) != 1 or lists[0]["startTime"] is None:
            told = [(run["runId"], run["status"], run["creationTime"] - began) for run in lists]
            raise RuntimeError(f"one list in {seconds:.1f} s came of the runs {told}")
        (run,) = lists
        created, started = run["creationTime"], run["startTime"]
        stages = {"to the run": created - began, "queue and start": started - created}
        ends = [started]
        for step in sorted(run["stepStats"], key=lambda one: one["startTime"] or float("inf")):
            if step["startTime"] is not None and step["startTime"] < began + seconds:
                ends.append(min(step["endTime"] or began + seconds, began + seconds))
                stages[step["stepKey"]] = ends[-1] - step["startTime"]
        stages["told"] = began + seconds - ends[-1]
        return {name: round(value, 3) for name, value in stages.items()}


def has_link(message: Message) -> bool:
    """Whether this message leads to the list."""
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


async def order(
    http: httpx.AsyncClient, installation: DemoInstallation, what: str, **wishes: object
) -> None:
    """Have the simulator do something."""
    answer = await http.post(f"{installation.simulator}/control/{what}", json=wishes)
    answer.raise_for_status()


_A_PHONE_EACH = httpx.Limits(max_connections=None, max_keepalive_connections=None)
"""People do not share one phone: a hundred who look at their chats keep nobody from asking."""


def measured(
    conditions: Conditions,
    measure: Callable[[Site], Awaitable[None]],
    *,
    warm_people: int = 0,
    copies: int = 0,
    likes: int = 500,
    within: float,
) -> None:
    """Measure on a fresh installation with so many warm people; ``TimeoutError`` after so long.

    ``copies``: so many of them only have what one of the others has, which is made much faster.
    """
    wanted = Wanted(warm=warm_people - copies, copies=copies, likes=likes)

    async def bounded(installation: DemoInstallation) -> None:
        async with asyncio.timeout(within):
            async with _site(installation, conditions, wanted) as site:
                await site.supervisor.alongside(_coroutine(measure(site)))

    with demo_installation(None) as prepared:
        asyncio.run(bounded(_configured(prepared, conditions)))


async def _coroutine(work: Awaitable[None]) -> None:
    await work


@asynccontextmanager
async def _site(
    installation: DemoInstallation, conditions: Conditions, wanted: Wanted
) -> AsyncIterator[Site]:
    """Everything running, so many people warm, and the conditions in force."""
    simulator, *product = installation.managed_processes()
    command = (*simulator.command, "--listeners", str(LISTENERS))
    async with (
        running([replace(simulator, command=command)], on_ready=lambda _: None),
        httpx.AsyncClient(timeout=60, trust_env=False, limits=_A_PHONE_EACH) as http,
    ):
        await order(http, installation, "rules", **NO_DAILY_LIMIT, limits_enforced=False)
        people = await _seeded(http, installation, wanted)
        await _in_force(http, installation, conditions)
        async with running(product, on_ready=lambda _: None) as supervisor:
            yield Site(
                installation=installation,
                conditions=conditions,
                http=http,
                supervisor=supervisor,
                people=people,
            )


def _configured(prepared: DemoInstallation, conditions: Conditions) -> DemoInstallation:
    conditions.configuring(prepared.home / "dagster")
    search_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    told = {
        "SERVICE_PACE": f"{conditions.pace:g}",
        "SPOTIFY_DAILY_CALLS": "1000000",
        "PYTHONPATH": search_path,
    }
    return replace(prepared, environment={**prepared.environment, **told})


async def _in_force(
    http: httpx.AsyncClient, installation: DemoInstallation, conditions: Conditions
) -> None:
    await order(http, installation, "rules", limits_enforced=conditions.limits)
    for service in MUSIC_SERVICES:
        seconds, jitter = conditions.latency_seconds, conditions.jitter_seconds
        await order(http, installation, "latency", service=service, seconds=seconds, jitter=jitter)


async def _seeded(
    http: httpx.AsyncClient, installation: DemoInstallation, wanted: Wanted
) -> list[DemoUser]:
    """So many people who had a list before and whose next lists are prepared."""
    if not wanted.warm:
        return []
    await order(http, installation, "rules", likes_per_person=wanted.likes)
    migrate(installation.settings.accounts_address)
    users = [
        await DemoUser.arrive(http, installation.simulator, name=f"Person {number}")
        for number in range(wanted.warm + wanted.copies)
    ]
    warm, copies = users[: wanted.warm], users[wanted.warm :]
    people = [
        [_named(user), *(f"{copy.telegram_id}:{copy.name}" for copy in copies[n :: wanted.warm])]
        for n, user in enumerate(warm)
    ]
    await _seed(installation, people[0])
    shares = [people[1 + n :: SEEDING_PROCESSES] for n in range(SEEDING_PROCESSES)]
    await asyncio.gather(
        *(_seed(installation, itertools.chain(*share)) for share in shares if share)
    )
    forget_calls(installation.settings)
    return users


def _named(user: DemoUser) -> str:
    return f"{user.telegram_id}:{user.listener}:{user.name}"


async def _seed(installation: DemoInstallation, people: Iterable[str]) -> None:
    """In a process of its own, because a run reads the environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.seeding", *people),
        cwd=installation.home,
        env={**installation.environment, "SERVICE_PACE": "100"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode or SEEDED.encode() not in output:
        raise RuntimeError(f"nobody could be made warm: {errors.decode()[-2000:]}")
