"""Where the time of a warm list goes, function by function: ``make bench ARGS="--profile"``.

With py-spy on the PATH every process of the installation is recorded, workers too, while a few
lists are asked for: one flame graph (SVG) for each. Without it, the same list is made in a single
process under cProfile, which shows our own code and Dagster's, but not starting and queueing.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import psutil

from tests.benchmarks.conditions import Conditions
from tests.benchmarks.installation import Site, measured
from tests.benchmarks.lists import BETWEEN_SECONDS, SETTLING_SECONDS
from tests.benchmarks.report import Report
from tests.benchmarks.watching import product_processes
from vibe_pipeline import runs
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.definitions import build
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import read_settings

LISTS = 3
WITHIN_SECONDS = 240.0
WRITES_WITHIN_SECONDS = 20.0


def write_profiles(report: Report, conditions: Conditions, folder: Path) -> None:
    """Profiles of a few warm lists in this folder; says which kind they are."""
    py_spy, folder = shutil.which("py-spy"), folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)

    async def profile(site: Site) -> None:
        await asyncio.sleep(SETTLING_SECONDS)
        if py_spy is None:
            await _under_cprofile(site, folder / "list.prof")
            report.progress(f"no py-spy on the PATH: a list under cProfile, {folder}/list.prof")
            return
        async with _recorded(py_spy, folder):
            for user in site.people:
                await site.timed(user)
                await asyncio.sleep(BETWEEN_SECONDS)
        report.progress(f"flame graphs by py-spy: {folder}")

    measured(replace(conditions, ahead=False), profile, warm_people=LISTS, within=WITHIN_SECONDS)


@asynccontextmanager
async def _recorded(py_spy: str, folder: Path) -> AsyncIterator[None]:
    """Every process started from here, with those it starts, for as long as the block lasts."""
    recorders = []
    for process in _roots():
        out = folder / f"{process.pid}.svg"
        options = ("record", "--pid", str(process.pid), "--subprocesses", "--idle", "-o", str(out))
        recorder = await asyncio.create_subprocess_exec(
            py_spy,
            *options,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        recorders.append(recorder)
    try:
        yield
    finally:
        for recorder in recorders:
            with contextlib.suppress(ProcessLookupError):
                recorder.send_signal(signal.SIGINT)
        async with asyncio.timeout(WRITES_WITHIN_SECONDS):
            await asyncio.gather(*(recorder.wait() for recorder in recorders))


def _roots() -> list[psutil.Process]:
    """Those that no other of them started."""
    processes = product_processes()
    pids = {process.pid for process in processes}
    return [process for process in processes if process.ppid() not in pids]


async def _under_cprofile(site: Site, out: Path) -> None:
    """One list in a process of its own, which reads the installation's environment."""
    store = open_for(site.installation.settings)
    account = store.people.by_chat(site.people[0].telegram_id)
    assert account is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.profiling", account.user_id, str(out)),
        cwd=site.installation.home,
        env=site.installation.environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise RuntimeError("the list to be profiled was not made")


def main(user_id: str, out: str) -> None:
    """Make one list for somebody, profiled."""
    request = LaunchRequest.asked_list(UserId(user_id))
    job = build(read_settings()).resolve_job_def(request.job)
    with dg.DagsterInstance.ephemeral() as instance, cProfile.Profile() as profile:
        instance.add_dynamic_partitions(runs.USERS, [user_id])
        job.execute_in_process(partition_key=user_id, tags=dict(request.tags), instance=instance)
    profile.dump_stats(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
