"""Runs in warm workers: on time, apart from each other, and gone when they should be."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from dagster import DagsterEvent, DagsterRunStatus

from tests.support.launch_site import JOBS, ROOT, LaunchSite, launch_site
from vibe_pipeline.launcher.dagster_internals import GrpcServerTarget, WorkerStatus
from vibe_pipeline.launcher.fork_server import Ended, ForkServer, ForkServerGone, Work
from vibe_pipeline.launcher.run_launcher import (
    UNHURRIED_NICENESS,
    WORKER_NICENESS,
    WORKER_TAG,
    WarmRunLauncher,
    Worker,
)

STARTED, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS
FAILURE, CANCELED = DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder where jobs leave word of who executed them."""
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNCHED_JOBS_FOLDER", str(folder))
        yield folder


@pytest.fixture(scope="module")
def site(words: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchSite]:
    """One place to launch from, its fork server ready."""
    with launch_site(tmp_path_factory.mktemp("instance")) as made:
        assert made.launcher.wait_until_warm(60)
        yield made


def test_a_run_starts_warm_and_leaves_its_output(site: LaunchSite, words: Path) -> None:
    run_id = site.launch("greet_job")

    assert site.wait_for(run_id, SUCCESS) == SUCCESS
    assert "warm worker" in site.messages(run_id)
    worker, folder, _ = (words / run_id).read_text().split()
    assert int(worker) != os.getpid()
    assert Path(folder).is_dir()
    logs = [path.read_text() for path in Path(site.instance.root_directory).rglob("*.out")]
    assert "hello from the worker\n" in logs


@pytest.mark.parametrize(
    ("priority", "stands_back"),
    [("0", False), ("10", False), ("-10", True), ("soon", False)],
)
def test_workers_leave_the_processor_to_who_answers_people_and_those_that_can_wait_to_all(
    site: LaunchSite,
    words: Path,
    priority: str,
    stands_back: bool,  # noqa: FBT001
) -> None:
    run_id = site.launch("greet_job", {"dagster/priority": priority})

    assert site.wait_for(run_id, SUCCESS) == SUCCESS
    niceness = int((words / run_id).read_text().split()[-1])
    assert niceness == os.nice(0) + (UNHURRIED_NICENESS if stands_back else WORKER_NICENESS)


def test_an_ordinary_failure_is_told_by_the_run_itself(site: LaunchSite) -> None:
    run_id = site.launch("stumble_job")

    assert site.wait_for(run_id, SUCCESS) == FAILURE
    assert "stumbled" in str(site.instance.all_logs(run_id))


def test_a_killed_worker_fails_its_own_run_and_no_other(site: LaunchSite) -> None:
    unlucky, neighbour = site.launch("linger_job"), site.launch("linger_job")
    worker = _worker_of(site, unlucky)
    assert _worker_of(site, neighbour).pid != worker.pid

    os.kill(worker.pid, signal.SIGKILL)

    assert site.wait_for(unlucky, within=10) == FAILURE
    assert "was ended by SIGKILL" in site.messages(unlucky)
    assert site.run(neighbour).status == STARTED
    assert _worker_of(site, neighbour).alive
    site.launcher.terminate(neighbour)
    assert site.wait_for(neighbour) == CANCELED


def test_a_worker_that_vanishes_fails_its_run(site: LaunchSite) -> None:
    run_id = site.launch("vanish_job")

    assert site.wait_for(run_id, within=15) == FAILURE
    assert "ended with exit code 7" in site.messages(run_id)


@pytest.mark.parametrize("job", ["linger_job", "linger_in_a_loop_job"])
def test_any_launcher_can_call_a_run_off(site: LaunchSite, job: str) -> None:
    run_id = site.launch(job)
    worker = _worker_of(site, run_id)
    somebody_elses = WarmRunLauncher()
    somebody_elses.register_instance(site.instance)

    assert somebody_elses.terminate(run_id)

    assert site.wait_for(run_id, within=15) == CANCELED
    _eventually(lambda: not worker.alive)


def test_a_worker_on_another_machine_hears_of_its_end_from_the_run(site: LaunchSite) -> None:
    run_id = site.launch("linger_job")
    worker = _worker_of(site, run_id)
    site.instance.add_run_tags(run_id, replace(worker, host="elsewhere").tag)

    assert site.launcher.terminate(run_id)

    assert site.wait_for(run_id, within=15) == CANCELED


def test_calling_off_a_run_whose_worker_is_gone_ends_it_at_once(site: LaunchSite) -> None:
    run_id = site.create("linger_job")
    gone = Worker(run_id=run_id, pid=os.getpid(), started="0", host=socket.gethostname())
    site.instance.add_run_tags(run_id, gone.tag)
    site.instance.report_dagster_event(
        DagsterEvent("PIPELINE_START", job_name="linger_job"), run_id=run_id
    )

    assert site.launcher.terminate(run_id)

    assert site.run(run_id).status == CANCELED


def test_a_finished_run_cannot_be_called_off(site: LaunchSite) -> None:
    run_id = site.launch("greet_job")
    site.wait_for(run_id, SUCCESS)

    assert not site.launcher.terminate(run_id)
    assert site.run(run_id).status == SUCCESS


def test_health_tells_the_living_from_the_dead(site: LaunchSite) -> None:
    run_id = site.launch("linger_job")
    worker = _worker_of(site, run_id)
    run = site.run(run_id)

    def health(**changes: object) -> WorkerStatus:
        tag = replace(worker, **changes).tag  # type: ignore[arg-type]
        return site.launcher.check_run_worker_health(run.with_tags({**run.tags, **tag})).status

    assert health() == WorkerStatus.RUNNING
    assert health(started="1") == WorkerStatus.FAILED
    assert health(host="elsewhere") == WorkerStatus.NOT_FOUND
    assert health(run_id="the run this one repeats") == WorkerStatus.NOT_FOUND
    site.launcher.terminate(run_id)
    site.wait_for(run_id)


def test_without_its_fork_server_a_run_starts_cold_and_the_next_warm(
    site: LaunchSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    bystander = site.launch("linger_job")
    _worker_of(site, bystander)
    server = site.launcher.fork_server_pid
    assert server is not None
    os.kill(server, signal.SIGKILL)
    _eventually(lambda: site.launcher.fork_server_pid is None)
    monkeypatch.setattr("vibe_pipeline.launcher.run_launcher.WARM_AGAIN_AFTER_SECONDS", 3600)

    cold = site.launch("greet_job")

    assert site.wait_for(cold, SUCCESS) == SUCCESS
    assert "cold worker" in site.messages(cold)
    assert site.run(bystander).status == STARTED
    site.launcher.terminate(bystander)
    assert site.wait_for(bystander) == CANCELED

    monkeypatch.setattr("vibe_pipeline.launcher.run_launcher.WARM_AGAIN_AFTER_SECONDS", 0)
    warm = site.launch("greet_job")

    assert site.wait_for(warm, SUCCESS) == SUCCESS
    assert "warm worker" in site.messages(warm)


def test_a_code_server_elsewhere_serves_as_well(words: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="jobs")
    with _code_server(port), launch_site(tmp_path / "instance", target=target) as site:
        run_id = site.launch("greet_job")

        assert site.wait_for(run_id, SUCCESS) == SUCCESS
        assert "warm worker" in site.messages(run_id)


def test_closing_leaves_no_process_behind(words: Path, tmp_path: Path) -> None:
    before = _descendants()
    launcher = {
        "module": "vibe_pipeline.launcher",
        "class": "WarmRunLauncher",
        "config": {"shutdown_grace_seconds": 0.2},
    }

    with launch_site(tmp_path / "instance", launcher) as site:
        run_id = site.launch("linger_job")
        worker = _worker_of(site, run_id)
        server = site.launcher.fork_server_pid
        site.launcher.dispose()
        status = site.run(run_id).status

    assert status == FAILURE
    assert not worker.alive
    assert server is not None
    assert not psutil.pid_exists(server)
    _eventually(lambda: not _descendants() - before)


def test_a_changed_file_is_noticed_before_the_next_fork(tmp_path: Path) -> None:
    (tmp_path / "edited.py").write_text("def code(_argument: str) -> int:\n    return 3\n")
    ended: list[Ended] = []
    search_path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": search_path}
    server = ForkServer(["edited"], ended=ended.append, environment=environment)
    try:
        server.fork(Work(name="before", entry="edited:code", argument=""))
        _eventually(lambda: len(ended) == 1)
        (tmp_path / "edited.py").write_text("def code(_argument: str) -> int:\n    return 44\n")

        with pytest.raises(ForkServerGone, match=r"edited\.py has changed"):
            server.fork(Work(name="after", entry="edited:code", argument=""))

        server.retire()
        _eventually(lambda: not server.alive)
    finally:
        server.close()
    assert [(end.name, end.code) for end in ended] == [("before", 3)]


def test_a_module_that_does_not_load_does_not_keep_the_server_from_serving(tmp_path: Path) -> None:
    ended: list[Ended] = []
    server = ForkServer(["no_such_module"], ended=ended.append)
    try:
        server.fork(Work(name="one", entry="no_such_module:code", argument=""))
        _eventually(lambda: len(ended) == 1)
    finally:
        server.close()
    assert ended[0].code == 1


def test_the_server_goes_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner = (
        "import sys, time\n"
        "from vibe_pipeline.launcher.fork_server import ForkServer, Work\n"
        "server = ForkServer([], ended=lambda ended: None)\n"
        "child = server.fork(Work(name='a', entry='time:sleep', argument=''))\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())

        process.kill()

    _eventually(lambda: _gone(server))


def test_a_tag_copied_from_another_run_names_no_worker(site: LaunchSite) -> None:
    other = Worker(run_id="another", pid=1, started="1", host=socket.gethostname())
    run_id = site.create("greet_job", {WORKER_TAG: other.tag[WORKER_TAG]})

    assert Worker.of(site.run(run_id)) is None


def _worker_of(site: LaunchSite, run_id: str) -> Worker:
    site.wait_for(run_id, STARTED)
    worker = Worker.of(site.run(run_id))
    assert worker is not None
    return worker


def _gone(pid: int) -> bool:
    """Ended; somebody who adopted it may not have buried it yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _descendants() -> set[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return {process for process in found if process.status() != psutil.STATUS_ZOMBIE}


def _eventually(holds: Callable[[], bool], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


@contextmanager
def _code_server(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--module-name", JOBS]
    command += ["--host", "127.0.0.1", "--port", str(port), "--location-name", "jobs"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as server:
        try:
            _eventually(lambda: _listens(port), within=60)
            yield
        finally:
            server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
