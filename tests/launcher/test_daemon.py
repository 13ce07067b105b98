"""The shipped dagster.yaml under a real daemon: queued runs start warm, and nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus

from tests.support.launch_site import JOBS, ROOT, STOCK, WARM, LaunchSite, module_target
from vibe_pipeline import runs
from vibe_pipeline.launcher.dagster_internals import WorkspaceProcessContext
from vibe_pipeline.launcher.run_launcher import Worker

SUCCESS = DagsterRunStatus.SUCCESS


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


NOBODY_LOOKS_BY_ITSELF: dict[str, Any] = {
    "run_coordinator": {"config": {"dequeue_interval_seconds": 600}}
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [WARM, STOCK], ids=["warm", "stock"])
def test_a_run_starts_when_it_is_submitted_and_not_when_the_daemon_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: Mapping[str, Any]
) -> None:
    changes = {**NOBODY_LOOKS_BY_ITSELF, "run_launcher": {"config": {}, **launcher}}
    with _served(tmp_path, monkeypatch, changes) as (site, _):
        for _ in range(2):
            run_id = _submit(site, "greet_job")

            assert site.wait_for(run_id, SUCCESS, within=60) == SUCCESS


@pytest.mark.slow
def test_who_waits_for_a_place_starts_when_one_is_free_in_the_order_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(run_id: str) -> float:
        record = site.instance.get_run_record_by_id(run_id)
        assert record is not None
        assert record.start_time is not None
        return record.start_time

    changes: dict[str, Any] = {
        "run_coordinator": {"config": {"dequeue_interval_seconds": 600, "max_concurrent_runs": 1}}
    }
    with _served(tmp_path, monkeypatch, changes) as (site, _):
        first = _submit(site, "linger_job")
        site.wait_for(first, DagsterRunStatus.STARTED, within=60)
        waiting = [_submit(site, "greet_job") for _ in range(3)]
        assert {site.run(run_id).status for run_id in waiting} == {DagsterRunStatus.QUEUED}

        site.instance.run_launcher.terminate(first)

        for run_id in waiting:
            assert site.wait_for(run_id, SUCCESS, within=60) == SUCCESS
        assert sorted(waiting, key=started) == waiting


@pytest.mark.slow
def test_two_submitted_at_once_do_not_share_the_last_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"run_coordinator": {"config": {"max_concurrent_runs": 1}}}
    with _served(tmp_path, monkeypatch, changes) as (site, _), ThreadPoolExecutor(4) as pool:
        run_ids = list(pool.map(lambda _: _submit(site, "linger_job"), range(4)))

        _eventually(lambda: _statuses(site, run_ids)[DagsterRunStatus.STARTED] == 1, within=60)
        _submit(site, "greet_job")

        assert _statuses(site, run_ids) == {
            DagsterRunStatus.STARTED: 1,
            DagsterRunStatus.QUEUED: 3,
        }


def _statuses(site: LaunchSite, run_ids: Sequence[str]) -> Counter[DagsterRunStatus]:
    return Counter(site.run(run_id).status for run_id in run_ids)


@contextmanager
def _served(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, Any] | None = None
) -> Iterator[tuple[LaunchSite, subprocess.Popen[bytes]]]:
    """A place to submit runs to, and the daemon that serves it as the shipped file says."""
    monkeypatch.setenv("LAUNCHED_JOBS_FOLDER", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    _configure(folder, changes or {})
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


def _configure(folder: Path, changes: Mapping[str, Any]) -> None:
    configuration = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    for section, change in changes.items():
        merged = {**configuration[section]["config"], **change["config"]}
        whole = {**configuration[section], **change}
        configuration[section] = {**whole, "config": merged if "class" not in change else {}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")


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
