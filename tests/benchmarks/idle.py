"""What an installation costs while nobody asks for anything, and how soon one can ask.

``vibe up`` is started against the simulator as an operator would start it. Counted are all of its
processes, and not the simulator. ``python -m tests.benchmarks.idle``; Linux only, for the memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import psutil

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Figure
from tests.benchmarks.report import Report
from vibe_pipeline.commands.supervisor import ManagedProcess, log_ready, running
from vibe_pipeline.demo.installation import SIMULATOR, DemoInstallation, demo_installation
from vibe_pipeline.installation.access_token import bearer, read_token

WATCHED_SECONDS = float(os.environ.get("VIBE_BENCH_IDLE_SECONDS", "60"))
SETTLED_SECONDS = 15.0
"""So long after the first run the last of what a start sets off has ended."""
WITHIN_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.05
_MIB = 1 << 20

_UP = "vibe up"
_RUNS_UP = "from vibe_pipeline.cli import main; main()"
_COMMANDS = {
    "vibe_bot": "Telegram bot",
    "vibe_oauth": "OAuth service",
    "vibe_pipeline.cli": _UP,
}
"""Who is known by what stands in the command line; the others by what ``ps`` calls them."""

_LAUNCH = """
mutation { said: launchRun(executionParams: {selector: {
  repositoryName: "__repository__", repositoryLocationName: "vibe", jobName: "nightly_retention"}})
  { __typename ... on LaunchRunSuccess { run { runId } } } }
"""
_RUN = """
query($id: ID!) { said: runOrError(runId: $id) { ... on Run { status startTime } } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFigures:
    """One process at rest: its share of memory (MiB, PSS) and of one core (percent)."""

    name: str
    memory_mib: float
    cpu_percent: float
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleFigures:
    """An installation at rest, and the seconds from ``vibe up`` until it could be asked.

    ``accepts_seconds``: a run asked for is accepted, and the bot listens. ``starts_seconds``: that
    run has begun.
    """

    processes: tuple[ProcessFigures, ...]
    accepts_seconds: float
    starts_seconds: float
    ready_seconds: float

    @property
    def memory_mib(self) -> float:
        """All processes together."""
        return sum(one.memory_mib for one in self.processes)

    @property
    def cpu_percent(self) -> float:
        """All processes together, in percent of one core."""
        return sum(one.cpu_percent for one in self.processes)

    def record(self) -> dict[str, object]:
        """Everything, for JSON."""
        sums = {"memory_mib": self.memory_mib, "cpu_percent": self.cpu_percent}
        return {**asdict(self), **sums}

    def table(self) -> str:
        """One row a process, and the sums."""
        rows = [
            f"| {one.name} | {one.memory_mib:.0f} MiB | {one.cpu_percent:.2f} % | {one.threads} |"
            for one in sorted(self.processes, key=lambda one: -one.memory_mib)
        ]
        rows.append(f"| all | {self.memory_mib:.0f} MiB | {self.cpu_percent:.2f} % | |")
        head = "| process | memory (PSS) | CPU of a core | threads |\n|---|---|---|---|"
        start = (
            f"asked for is accepted after {self.accepts_seconds:.1f} s, begun after"
            f" {self.starts_seconds:.1f} s; everything ready after {self.ready_seconds:.1f} s"
        )
        return "\n".join([head, *rows, start])


def measure(watched_seconds: float = WATCHED_SECONDS) -> IdleFigures:
    """Start an installation, time its start, let it settle, and watch it rest."""
    with demo_installation(None) as installation:
        return asyncio.run(_measured(installation, watched_seconds))


async def _measured(installation: DemoInstallation, watched_seconds: float) -> IdleFigures:
    simulator = next(one for one in installation.managed_processes() if one.name == SIMULATOR)
    async with running([simulator], on_ready=lambda _: None):
        began = time.monotonic()
        first_run = asyncio.create_task(_first_run(installation, began))
        async with running([_vibe_up(installation)], on_ready=lambda _: None) as supervisor:
            ready_seconds = time.monotonic() - began
            accepts_seconds, starts_seconds = await supervisor.alongside(_result(first_run))
            await supervisor.alongside(asyncio.sleep(SETTLED_SECONDS))
            processes = await supervisor.alongside(_at_rest(watched_seconds))
    return IdleFigures(
        processes=processes,
        accepts_seconds=accepts_seconds,
        starts_seconds=starts_seconds,
        ready_seconds=ready_seconds,
    )


async def _result(task: asyncio.Task[tuple[float, float]]) -> tuple[float, float]:
    return await task


def _vibe_up(installation: DemoInstallation) -> ManagedProcess:
    log = installation.home / "logs" / "up.log"
    return ManagedProcess(
        name=_UP,
        command=(sys.executable, "-c", _RUNS_UP, "up"),
        environment=installation.environment,
        folder=installation.home,
        log=log,
        ready=log_ready("Ctrl-C stops everything"),
    )


async def _first_run(installation: DemoInstallation, began: float) -> tuple[float, float]:
    """Seconds until a run is accepted, asked for over and over, and until it has begun."""
    address = f"{installation.dagster_page}/graphql"
    headers = bearer(read_token(installation.home))
    async with httpx.AsyncClient(timeout=WITHIN_SECONDS, trust_env=False, headers=headers) as http:
        launched = await _until(lambda: _said(http, address, _LAUNCH), "run")
        accepted_seconds = time.monotonic() - began
        run_id = launched["run"]["runId"]
        await _until(lambda: _said(http, address, _RUN, id=run_id), "startTime")
        return accepted_seconds, time.monotonic() - began


async def _until(ask: Callable[[], Awaitable[Mapping[str, Any]]], wanted: str) -> Mapping[str, Any]:
    """The first answer that holds what is wanted, asked for over and over."""
    while True:
        answer = await ask()
        if answer.get(wanted):
            return answer
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _said(
    http: httpx.AsyncClient, address: str, query: str, **variables: str
) -> Mapping[str, Any]:
    """What the webserver answers; nothing while it does not answer yet."""
    try:
        answer = await http.post(address, json={"query": query, "variables": variables})
    except httpx.TransportError:
        return {}
    data = answer.json().get("data") or {}
    said: Mapping[str, Any] = data.get("said") or {}
    return said


async def _at_rest(seconds: float) -> tuple[ProcessFigures, ...]:
    """Every process of the installation, watched for so long."""
    before = {process: _cpu_seconds(process) for process in _processes()}
    await asyncio.sleep(seconds)
    return tuple(
        ProcessFigures(
            name=_name(process),
            memory_mib=process.memory_full_info().pss / _MIB,
            cpu_percent=100 * (_cpu_seconds(process) - cpu_seconds) / seconds,
            threads=process.num_threads(),
        )
        for process, cpu_seconds in before.items()
        if process.is_running()
    )


def _processes() -> list[psutil.Process]:
    """``vibe up`` and all that it started."""
    ours = next(one for one in psutil.Process().children() if _name(one) == _UP)
    return [ours, *ours.children(recursive=True)]


def _cpu_seconds(process: psutil.Process) -> float:
    """Its own, and those of its children that have ended meanwhile."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _name(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    fitting = (name for part, name in _COMMANDS.items() if part in command)
    return next(fitting, process.name())


def report_to(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """The figures of an installation at rest, beside nothing."""
    figures = measure()
    memory = {one.name: round(one.memory_mib) for one in figures.processes}
    cpu = {one.name: round(one.cpu_percent, 2) for one in figures.processes}
    report.add(
        Figure(name=bars.START, unit="s", values=(round(figures.accepts_seconds, 2),)),
        Figure(
            name=bars.IDLE_MEMORY, unit="MiB", values=(round(figures.memory_mib),), parts=memory
        ),
        Figure(name=bars.IDLE_CPU, unit="% of a core", values=(figures.cpu_percent,), parts=cpu),
    )


def main() -> int:
    """Print the table, and everything as one line of JSON."""
    figures = measure()
    sys.stdout.write(f"{os.cpu_count()} cores, {WATCHED_SECONDS:.0f} s at rest\n")
    sys.stdout.write(figures.table() + "\n")
    sys.stdout.write(json.dumps(figures.record()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
