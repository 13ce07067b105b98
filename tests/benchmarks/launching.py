"""How long a run takes to start, and what its worker weighs: Dagster's launcher beside ours.

Run it on a quiet machine: ``python -m tests.benchmarks.launching``.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from dagster import DagsterRunStatus

from tests.support.launch_site import STOCK, WARM, LaunchSite, launch_site
from vibe_pipeline.launcher.run_launcher import WarmRunLauncher

ROUNDS = 7


@dataclass(slots=True)
class Figures:
    """Seconds from the call, one entry per round; megabytes of one worker."""

    launched: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    own_mb: float = 0.0

    def line(self, name: str) -> str:
        """One row of the table."""
        medians = (statistics.median(times) for times in _three(self))
        seconds = " | ".join(f"{median:.2f} s" for median in medians)
        return f"| {name} | {seconds} | {self.own_mb:.0f} MB |"


def _three(figures: Figures) -> tuple[list[float], list[float], list[float]]:
    return figures.launched, figures.started, figures.finished


def measure(folder: Path, launcher: Mapping[str, Any]) -> Figures:
    """Launch the small job several times, one after the other."""
    figures = Figures()
    with launch_site(folder, launcher) as site:
        if isinstance(site.instance.run_launcher, WarmRunLauncher):
            site.launcher.wait_until_warm(60)
        for _ in range(ROUNDS):
            _one(site, figures)
            time.sleep(0.5)
        figures.own_mb = _weight(site)
    return figures


def _one(site: LaunchSite, figures: Figures) -> None:
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


def main() -> int:
    """Print the table."""
    sys.stdout.write("| launcher | call returns | run started | run finished | worker's own |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["LAUNCHED_JOBS_FOLDER"] = scratch
        for name, launcher in (("DefaultRunLauncher", STOCK), ("WarmRunLauncher", WARM)):
            figures = measure(Path(scratch) / name, launcher)
            sys.stdout.write(figures.line(name) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
