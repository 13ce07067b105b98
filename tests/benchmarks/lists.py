"""How long a person waits for a list, at the services' real pace: message in to link out.

Everything runs as ``vibe demo`` starts it, with ``SERVICE_PACE`` 1, 120 ms for every answer of the
music services and their limits in force; only Spotify's daily quota is out of the way, so that
more lists than a day allows can be timed. ``python -m tests.benchmarks.lists``.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import httpx

from vibe_pipeline.commands.supervisor import running
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation

ROUNDS = int(os.environ.get("VIBE_BENCH_ROUNDS", "20"))
PACE = os.environ.get("VIBE_BENCH_PACE", "1")
LATENCY_SECONDS = float(os.environ.get("VIBE_BENCH_LATENCY", "0.12"))
MUSIC_SERVICES = ("spotify", "lastfm", "labs", "listenbrainz", "musicbrainz")
FIRST_LIST_AFTER_SECONDS = 10.0
"""So long after connecting the first list is asked for."""
AHEAD_WITHIN_SECONDS = 180.0
"""So long what is done ahead of time may take before the next warm list is asked for."""
SETTLED_SECONDS = 12.0
"""So long no run must be under way: a run that follows another is begun within that time."""
WITHIN_SECONDS = 120.0

_STEPS = """
query { runsOrError(limit: 40) { ... on Runs { results {
  runId jobName creationTime startTime endTime stepStats { stepKey startTime endTime } } } } }
"""

_UNDER_WAY = """
query { runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED]}) {
  ... on Runs { results { runId } } } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedList:
    """One list as its listener lived it: seconds from message to link, and calls by service."""

    seconds: float
    calls: Mapping[str, int]
    stages: Mapping[str, float]


def measure(rounds: int = ROUNDS) -> tuple[TimedList, list[TimedList]]:
    """A newcomer's first list, then so many warm ones."""
    with demo_installation(None) as prepared:
        environment = {**prepared.environment, "SERVICE_PACE": PACE}
        return asyncio.run(_measured(replace(prepared, environment=environment), rounds))


async def _measured(
    installation: DemoInstallation, rounds: int
) -> tuple[TimedList, list[TimedList]]:
    async with running(installation.managed_processes(), on_ready=lambda _: None) as supervisor:
        return await supervisor.alongside(_lists(installation, rounds))


async def _lists(installation: DemoInstallation, rounds: int) -> tuple[TimedList, list[TimedList]]:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        control = f"{installation.simulator}/control"
        await http.post(f"{control}/rules", json={"spotify_quota": 1_000_000})
        for service in MUSIC_SERVICES:
            latency = {"service": service, "seconds": LATENCY_SECONDS}
            (await http.post(f"{control}/latency", json=latency)).raise_for_status()
        user = await DemoUser.arrive(http, installation.simulator, name="Robin", username="robin")
        await _connect(user)
        await asyncio.sleep(FIRST_LIST_AFTER_SECONDS)
        first = await _timed(installation, user)
        warm = []
        for _ in range(rounds):
            await _settled(installation, http)
            warm.append(await _timed(installation, user))
        return first, warm


async def _settled(installation: DemoInstallation, http: httpx.AsyncClient) -> None:
    """Wait until nothing is done ahead of time any more."""
    address = f"{installation.dagster_page}/graphql"
    deadline = time.monotonic() + AHEAD_WITHIN_SECONDS
    quiet_since = time.monotonic()
    while time.monotonic() < deadline:
        answer = (await http.post(address, json={"query": _UNDER_WAY})).json()
        if answer["data"]["runsOrError"]["results"]:
            quiet_since = time.monotonic()
        if time.monotonic() - quiet_since >= SETTLED_SECONDS:
            return
        await asyncio.sleep(0.5)


async def _connect(user: DemoUser) -> None:
    asked = await user.types("/connect")
    offered = await user.sees(
        "a link to connect", lambda one: connect_link(one) is not None, since=asked, within=30
    )
    await user.consents(str(connect_link(offered)))


async def _timed(installation: DemoInstallation, user: DemoUser) -> TimedList:
    requests = f"{installation.simulator}/control/requests"
    await user.http.delete(requests)
    began = time.time()
    asked = await user.types("/generate")
    await user.sees("the link", _has_link, since=asked, within=WITHIN_SECONDS)
    seconds = time.time() - began
    log = (await user.http.get(requests)).json()["requests"]
    calls = Counter(entry["service"] for entry in log if entry["service"] in MUSIC_SERVICES)
    return TimedList(
        seconds=seconds, calls=dict(calls), stages=await _stages(installation, user.http, began)
    )


def _has_link(message: Message) -> bool:
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


async def _stages(
    installation: DemoInstallation, http: httpx.AsyncClient, began: float
) -> dict[str, float]:
    """Seconds by stage of the run asked for since then, as Dagster's event log has them."""
    address = f"{installation.dagster_page}/graphql"
    answer = (await http.post(address, json={"query": _STEPS})).json()
    runs = answer["data"]["runsOrError"]["results"]
    run = next(
        one for one in runs if one["jobName"] == "daily_vibe" and one["creationTime"] >= began
    )
    steps = {
        step["stepKey"]: (step["endTime"] or time.time()) - step["startTime"]
        for step in run["stepStats"]
        if step["startTime"] is not None
    }
    before = {
        "to the run": run["creationTime"] - began,
        "queue and start": run["startTime"] - run["creationTime"],
    }
    return {name: round(value, 2) for name, value in {**before, **steps}.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _line(name: str, lists: Sequence[TimedList]) -> str:
    seconds = [one.seconds for one in lists]
    calls = {
        service: statistics.median(one.calls.get(service, 0) for one in lists)
        for service in MUSIC_SERVICES
    }
    asked = ", ".join(f"{service} {count:.0f}" for service, count in calls.items() if count)
    return (
        f"| {name} | {statistics.median(seconds):.1f} s | {percentile(seconds, 0.95):.1f} s"
        f" | {len(lists)} | {asked} |\n"
    )


def _stage_lines(lists: Sequence[TimedList]) -> str:
    names = dict.fromkeys(name for one in lists for name in one.stages)
    medians = {
        name: statistics.median(one.stages[name] for one in lists if name in one.stages)
        for name in names
    }
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in medians.items())


def main() -> int:
    """Print the table, and everything as one line of JSON."""
    first, warm = measure()
    sys.stdout.write(f"pace {PACE}, {LATENCY_SECONDS * 1000:.0f} ms, {os.cpu_count()} cores\n")
    sys.stdout.write("| list | median | p95 | n | calls |\n|---|---|---|---|---|\n")
    sys.stdout.write(_line("first", [first]) + _line("warm", warm))
    sys.stdout.write(f"first: {_stage_lines([first])}\nwarm: {_stage_lines(warm)}\n")
    record = {"first": asdict(first), "warm": [asdict(one) for one in warm]}
    sys.stdout.write(json.dumps(record) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
