"""How long a run takes to start, and what its worker weighs: Dagster's launcher beside ours.

Of a job with one step, so that hardly anything but launching takes time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from dagster import DagsterRunStatus

from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Beside, Figure
from tests.benchmarks.report import Report
from tests.support.launch_site import STOCK, WARM, LaunchSite, launch_site
from vibe_pipeline.launcher.run_launcher import WarmRunLauncher

ROUNDS = 7


@dataclass(slots=True)
class Launches:
    """Seconds from the call, one entry per round; megabytes of one worker."""

    launched: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    own_mb: float = 0.0


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """A one-step job, launched several times by each launcher."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["LAUNCHED_JOBS_FOLDER"] = scratch
        theirs = launches(Path(scratch) / "stock", STOCK)
        ours = launches(Path(scratch) / "ours", WARM)
    report.add(
        _figure("launching a small run, call returns", "s", ours.launched, theirs.launched),
        _figure("launching a small run, started", "s", ours.started, theirs.started),
        _figure("launching a small run, finished", "s", ours.finished, theirs.finished),
        _figure("launching a small run, worker's own memory", "MB", [ours.own_mb], [theirs.own_mb]),
    )


def _figure(name: str, unit: str, ours: list[float], theirs: list[float]) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        values=tuple(round(value, 3) for value in ours),
        beside={Beside.STOCK: tuple(round(value, 3) for value in theirs)},
    )


def launches(folder: Path, launcher: Mapping[str, Any]) -> Launches:
    """Launch the small job several times, one after the other."""
    figures = Launches()
    with launch_site(folder, launcher) as site:
        if isinstance(site.instance.run_launcher, WarmRunLauncher):
            site.launcher.wait_until_warm(60)
        for _ in range(ROUNDS):
            _one(site, figures)
            time.sleep(0.5)
        figures.own_mb = _weight(site)
    return figures


def _one(site: LaunchSite, figures: Launches) -> None:
    run_id = site.create("greet_job")
    begun = time.perf_counter()
    site.instance.launch_run(run_id, site.workspace.create_request_context())
    figures.launched.append(time.perf_counter() - begun)
    site.wait_for(run_id, DagsterRunStatus.STARTED)
    figures.started.append(time.perf_counter() - begun)
    site.wait_for(run_id, DagsterRunStatus.SUCCESS)
    figures.finished.append(time.perf_counter() - begun)


def _weight(site: LaunchSite) -> float:
    """What a worker holds that it shares with nobody, while it runs."""
    run_id = site.launch("linger_job")
    site.wait_for(run_id, DagsterRunStatus.STARTED)
    word = Path(os.environ["LAUNCHED_JOBS_FOLDER"]) / run_id
    while not word.exists():
        time.sleep(0.05)
    worker = psutil.Process(int(word.read_text().split()[0]))
    own: int = worker.memory_full_info().uss
    site.instance.run_launcher.terminate(run_id)
    site.wait_for(run_id, DagsterRunStatus.CANCELED)
    return own / 1e6
