"""The shipped dagster.yaml under a real daemon: queued runs start warm, and nothing outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus

from tests.support.launch_site import JOBS, ROOT, LaunchSite, module_target
from vibe_pipeline import runs
from vibe_pipeline.launcher.dagster_internals import WorkspaceProcessContext
from vibe_pipeline.launcher.run_launcher import Worker


@pytest.mark.slow
def test_a_daemon_launches_warm_fails_what_died_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _served(tmp_path, monkeypatch) as (site, daemon):
        fork_server = _fork_server_of(daemon)

        first = _submit(site, "greet_job")
        assert site.wait_for(first, DagsterRunStatus.SUCCESS, within=60) == DagsterRunStatus.SUCCESS
        assert "warm worker" in site.messages(first)

        unlucky = _submit(site, "linger_job")
        site.wait_for(unlucky, DagsterRunStatus.STARTED, within=60)
        worker = Worker.of(site.run(unlucky))
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert site.wait_for(unlucky, within=15) == DagsterRunStatus.FAILURE

        others = [child for child in _children(daemon.pid) if child != fork_server]
        daemon.kill()
        daemon.wait()
        _eventually(lambda: not fork_server.is_running() or _zombie(fork_server))
        _end(others)


@pytest.mark.slow
def test_runs_of_one_person_wait_for_each_other_whoever_submitted_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_hand(user_id: str) -> str:
        """A launch as the web interface and a backfill make it: by partition, without our tags."""
        return _submit(site, "linger_job", {runs.PARTITION: user_id})

    with _served(tmp_path, monkeypatch) as (site, _):
        first, second, of_another = by_hand("u1"), by_hand("u1"), by_hand("u2")

        site.wait_for(of_another, DagsterRunStatus.STARTED, within=60)
        site.wait_for(first, DagsterRunStatus.STARTED, within=60)

        assert site.run(second).status == DagsterRunStatus.QUEUED


@contextmanager
def _served(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[LaunchSite, subprocess.Popen[bytes]]]:
    """A place to submit runs to, and the daemon that serves it as the shipped file says."""
    monkeypatch.setenv("LAUNCHED_JOBS_FOLDER", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
    location = {
        "python_module": {
            "module_name": JOBS,
            "working_directory": str(ROOT),
            "location_name": "jobs",
        }
    }
    workspace = folder / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [location]}), encoding="utf-8")
    with (
        DagsterInstance.from_config(str(folder)) as instance,
        WorkspaceProcessContext(instance, module_target()) as context,
        _daemon(folder, workspace) as daemon,
    ):
        yield LaunchSite(instance, context), daemon


def _submit(site: LaunchSite, job: str, tags: Mapping[str, str] | None = None) -> str:
    run_id = site.create(job, tags)
    site.instance.submit_run(run_id, site.workspace.create_request_context())
    return run_id


@contextmanager
def _daemon(home: Path, workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = Path(sys.executable).parent / "dagster-daemon"
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    with (
        (home / "daemon.log").open("wb") as log,
        subprocess.Popen(
            [program, "run", "--workspace", workspace], env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield process
        finally:
            strays = _children(process.pid)
            process.kill()
            process.wait()
            _end(strays)


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _fork_server_of(daemon: subprocess.Popen[bytes]) -> psutil.Process:
    """The daemon warms up before the first run is there."""
    found: list[psutil.Process] = []

    def appears() -> bool:
        found[:] = [child for child in _children(daemon.pid) if _is_fork_server(child)]
        return bool(found)

    _eventually(appears, within=60)
    return found[0]


def _is_fork_server(process: psutil.Process) -> bool:
    try:
        return "vibe_pipeline.launcher.fork_server" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _zombie(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_ZOMBIE


def _eventually(holds: Callable[[], bool], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)
