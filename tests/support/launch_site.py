"""An instance, its launcher and a code location, for tests and measurements of launching."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from vibe_pipeline.launcher.dagster_internals import (
    ModuleTarget,
    WorkspaceLoadTarget,
    WorkspaceProcessContext,
)
from vibe_pipeline.launcher.run_launcher import WarmRunLauncher

JOBS = "tests.support.launched_jobs"
WARM = {"module": "vibe_pipeline.launcher", "class": "WarmRunLauncher"}
STOCK = {"module": "dagster", "class": "DefaultRunLauncher"}


ROOT = Path(__file__).parents[2]


def module_target() -> WorkspaceLoadTarget:
    """The jobs as a Python module, whose code server Dagster starts."""
    return ModuleTarget(
        module_name=JOBS, attribute=None, working_directory=str(ROOT), location_name="jobs"
    )


@dataclass(frozen=True, slots=True)
class LaunchSite:
    """A place to launch runs from."""

    instance: DagsterInstance
    workspace: WorkspaceProcessContext

    @property
    def launcher(self) -> WarmRunLauncher:
        """The instance's own launcher."""
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WarmRunLauncher)
        return launcher

    def create(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        """A run of this job that was not started yet."""
        location = self.workspace.create_request_context().get_code_location("jobs")
        (repository,) = location.get_repositories().values()
        remote = repository.get_full_job(job)
        from tests.support import launched_jobs  # noqa: PLC0415 - defines jobs when imported

        (definition,) = (one for one in launched_jobs.jobs if one.name == job)
        run = self.instance.create_run_for_job(
            definition,
            tags=dict(tags or {}),
            remote_job_origin=remote.get_remote_origin(),
            job_code_origin=remote.get_python_origin(),
        )
        return run.run_id

    def launch(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        """Start a run of this job; gives its id."""
        run_id = self.create(job, tags)
        self.instance.launch_run(run_id, self.workspace.create_request_context())
        return run_id

    def run(self, run_id: str) -> DagsterRun:
        """The run as it stands."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def wait_for(
        self, run_id: str, *statuses: DagsterRunStatus, within: float = 30
    ) -> DagsterRunStatus:
        """Wait until the run has one of these statuses, or is over."""
        deadline = time.monotonic() + within
        while (run := self.run(run_id)).status not in statuses and not run.is_finished:
            assert time.monotonic() < deadline, f"still {run.status} after {within} s"
            time.sleep(0.02)
        return run.status

    def messages(self, run_id: str) -> str:
        """What was reported about the run."""
        said = self.instance.all_logs(run_id)
        return "\n".join(event.dagster_event.message or "" for event in said if event.dagster_event)


@contextmanager
def launch_site(
    folder: Path,
    launcher: Mapping[str, Any] = WARM,
    target: WorkspaceLoadTarget | None = None,
) -> Iterator[LaunchSite]:
    """A fresh instance in this folder that launches with this launcher."""
    configuration = {
        "run_launcher": {**launcher, "config": launcher.get("config", {})},
        "telemetry": {"enabled": False},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with (
        DagsterInstance.from_config(str(folder)) as instance,
        WorkspaceProcessContext(instance, target or module_target()) as workspace,
    ):
        yield LaunchSite(instance, workspace)
