"""Runs in workers that start warm: our run launcher for Dagster, named in dagster.yaml.

Dagster's ``RunLauncher``: launching, terminating, health. Forking itself is ``fork_server``'s.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, Field

from vibe_pipeline.installation.process_status import how_it_ended
from vibe_pipeline.launcher.dagster_internals import (
    EXECUTING_MODULES,
    HIDDEN_TAG,
    PRIORITY_TAG,
    Array,
    CheckRunHealthResult,
    ConfigurableClass,
    ConfigurableClassData,
    InstanceRef,
    LaunchRunContext,
    RunLauncher,
    UserConfigSchema,
    WorkerStatus,
    capture_interrupts,
    deserialize_value,
    execute_run,
    serialize_value,
)
from vibe_pipeline.launcher.fork_server import CodeChanged, Ended, ForkServer, ForkServerGone, Work
from vibe_pipeline.launcher.wake_up import WakeUpCall, queue_pipe

log = logging.getLogger(__name__)

WORKER_TAG = f"{HIDDEN_TAG}vibe_worker"
HEAVY = (
    "dagster",
    *EXECUTING_MODULES,
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "duckdb",
    "dagster_duckdb",
    "httpx",
    "vibe_pipeline.launcher.run_launcher",
)
WORKERS_STOP_WITHIN_SECONDS = 3.0
WARM_AGAIN_AFTER_SECONDS = 10.0
"""How long to leave a fork server alone that ended right after it was started."""
STUCK_AFTER_SECONDS = 10.0
"""How long a worker may go on after its run was declared over."""
LOOKS_EVERY_SECONDS = 2.0
WORKER_NICENESS = 3
"""How far every worker stands back behind the programs that answer people, on a full machine."""
UNHURRIED_NICENESS = 10
"""How far a worker whose run nobody waits for stands back behind those that somebody waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The process that executes a run, named so that no later process can be taken for it."""

    run_id: str
    pid: int
    started: str
    host: str

    @classmethod
    def here(cls, run_id: str) -> Worker:
        """This very process."""
        pid = os.getpid()
        return cls(run_id=run_id, pid=pid, started=_started(pid), host=socket.gethostname())

    @classmethod
    def of(cls, run: DagsterRun) -> Worker | None:
        """Who said to execute this run, if anybody; a tag copied to a rerun does not count."""
        told = run.tags.get(WORKER_TAG)
        worker = cls(**json.loads(told)) if told else None
        return worker if worker and worker.run_id == run.run_id else None

    @property
    def tag(self) -> dict[str, str]:
        """What the run is told about its worker."""
        names = ("run_id", "pid", "started", "host")
        return {WORKER_TAG: json.dumps({name: getattr(self, name) for name in names})}

    @property
    def elsewhere(self) -> bool:
        """Whether it runs where we cannot see processes."""
        return self.host != socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether it still runs; one that ended but was not yet buried does not."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and _started(self.pid) == self.started
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return False

    def interrupt(self) -> bool:
        """Ask it to stop, which Dagster turns into an orderly end; says whether it was there."""
        if self.elsewhere or not self.alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        return True


def _started(pid: int) -> str:
    """When a process started, in a form that setting the clock does not change (on Linux)."""
    if sys.platform == "linux":
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return after_name.split()[19]
    return str(psutil.Process(pid).create_time())


def execute(order: str) -> int:
    """A worker's whole life: execute the ordered run, as ``dagster api execute_run`` would."""
    told = json.loads(order)
    run_id = told["run_id"]
    ref = deserialize_value(told["instance"], InstanceRef)
    with capture_interrupts(), DagsterInstance.from_ref(ref) as instance:
        instance.add_run_tags(run_id, Worker.here(run_id).tag)
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return 0
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "It was cancelled before it started.")
            return 0
        os.nice(UNHURRIED_NICENESS if _can_wait(run) else WORKER_NICENESS)
        with _ended_on_request(instance, run_id), _place_freed(instance):
            return execute_run(run_id, instance, lambda _event: None, set_exit_code_on_failure=True)


def _can_wait(run: DagsterRun) -> bool:
    """Whether the queue, too, would let everybody else go first: its priority is below zero."""
    try:
        return int(run.tags.get(PRIORITY_TAG, "0")) < 0
    except ValueError:
        return False


@contextlib.contextmanager
def _place_freed(instance: DagsterInstance) -> Iterator[None]:
    """Afterwards, have the daemon look at the queue: the place is free before the worker ends."""
    try:
        yield
    finally:
        WakeUpCall(queue_pipe(instance)).ring()


@contextlib.contextmanager
def _ended_on_request(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Watch whether the run is called off, also by somebody who cannot signal this process.

    A worker that will not stop after its run was declared over ends itself: it must not publish
    what nobody waits for any more.
    """
    over = threading.Event()
    main = threading.main_thread().ident or 0

    def watch() -> None:
        while not over.wait(LOOKS_EVERY_SECONDS):
            try:
                run = instance.get_run_by_id(run_id)
            except Exception:
                log.exception("cannot look whether this run was called off; looking again")
                continue
            if run is None or run.is_finished:
                if not over.wait(STUCK_AFTER_SECONDS):
                    os.kill(os.getpid(), signal.SIGKILL)
            elif run.status == DagsterRunStatus.CANCELING:
                signal.pthread_kill(main, signal.SIGINT)

    watcher = threading.Thread(target=watch, name="called-off", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(STUCK_AFTER_SECONDS)


@dataclass(slots=True)
class _Warmth:
    """One fork server at a time, started by one thread, and started anew when it is gone."""

    preload: Sequence[str]
    ended: Callable[[Ended], None]
    now: Callable[[], float] = time.monotonic
    _server: ForkServer | None = None
    _started_at: float | None = None
    _retired: list[ForkServer] = field(default_factory=list)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def server(self) -> ForkServer:
        """The living server, a fresh one if need be; ``ForkServerGone`` if it keeps dying."""
        with self._starting:
            if self._closed:
                raise ForkServerGone("the launcher has been closed")
            if self._server is not None and self._server.alive:
                return self._server
            now = self.now()
            if self._started_at is not None and now - self._started_at < WARM_AGAIN_AFTER_SECONDS:
                raise ForkServerGone("it ended a moment ago")
            self._started_at = now
            try:
                self._server = ForkServer(self.preload, ended=self.ended)
            except OSError as error:
                raise ForkServerGone(f"it cannot be started ({error})") from error
            return self._server

    @property
    def pid(self) -> int | None:
        """The living server's process."""
        server = self._server
        return server.pid if server is not None and server.alive else None

    def renew(self, outdated: ForkServer) -> None:
        """Put a server aside that will not fork any more; its children go on undisturbed."""
        with self._starting:
            if self._server is not outdated:
                return
            self._server = self._started_at = None
            self._retired = [server for server in self._retired if server.alive] + [outdated]
        outdated.retire()

    def close(self) -> None:
        """End every server, for good."""
        with self._starting:
            self._closed = True
            servers = [*self._retired, *([self._server] if self._server else [])]
        for server in servers:
            server.close()


class WarmRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Launches each run in a process of its own, forked from one that has imported everything.

    Where forking is impossible for the moment, the run starts in a fresh interpreter instead:
    slower, otherwise the same. Workers inherit environment and working folder from the process
    that launches: the daemon, where runs are queued.
    """

    def __init__(
        self,
        preload: Sequence[str] = (),
        shutdown_grace_seconds: float = 5.0,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        self._inst_data = inst_data
        self._grace = shutdown_grace_seconds
        self._warmth = _Warmth(preload=(*HEAVY, *preload), ended=self._worker_ended)
        self._workers: dict[str, psutil.Process] = {}
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where dagster.yaml configured us."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What dagster.yaml may say."""
        return {
            "preload": Field(
                Array(str),
                is_required=False,
                description="Modules to import ahead of time besides Dagster and the usual heavy"
                " ones. When a file of ours among them changes, the next run notices.",
            ),
            "shutdown_grace_seconds": Field(
                float,
                is_required=False,
                description="How long runs may go on when the daemon is asked to stop.",
            ),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Dagster's way to make one."""
        return cls(inst_data=inst_data, **config_value)

    def warm_up(self) -> None:
        """Start the fork server in the background; without it the first run would pay for that."""
        with contextlib.suppress(ForkServerGone):
            self._warmth.server()

    def wait_until_warm(self, timeout: float) -> bool:
        """Wait for the fork server to have imported everything; says whether it has."""
        try:
            return self._warmth.server().wait_until_ready(timeout)
        except ForkServerGone:
            return False

    @property
    def fork_server_pid(self) -> int | None:
        """The process that workers are forked from, while there is one."""
        return self._warmth.pid

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a worker for this run: warm if possible, else cold."""
        run = context.dagster_run
        ref = serialize_value(self._instance.get_ref())
        order = json.dumps({"run_id": run.run_id, "instance": ref})
        try:
            pid = self._fork(Work(name=run.run_id, entry=f"{__name__}:execute", argument=order))
            how = f"Forked a warm worker for this run (pid {pid})."
        except ForkServerGone as reason:
            pid = self._start_cold(run.run_id, order)
            how = f"Started a cold worker for this run (pid {pid}): no fork server, {reason}."
        with contextlib.suppress(psutil.NoSuchProcess):
            self._workers[run.run_id] = psutil.Process(pid)
        self._instance.report_engine_event(how, run, cls=self.__class__)

    def _fork(self, work: Work) -> int:
        server = self._warmth.server()
        try:
            return server.fork(work)
        except CodeChanged:
            self._warmth.renew(server)
            return self._warmth.server().fork(work)

    def _start_cold(self, run_id: str, order: str) -> int:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            (sys.executable, "-m", __name__),
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

        def bury() -> None:
            process.communicate(order)
            self._worker_ended(Ended(name=run_id, pid=process.pid, code=process.returncode))

        threading.Thread(target=bury, name=f"cold-{run_id}", daemon=True).start()
        return process.pid

    def _worker_ended(self, ended: Ended) -> None:
        """A run whose worker is gone without a word has failed, and is told so at once."""
        self._workers.pop(ended.name, None)
        if ended.code == 0 or not self.has_instance:
            return
        run = self._instance.get_run_by_id(ended.name)
        if run is None or run.is_finished:
            return
        how = f"The worker of this run (pid {ended.pid}) {how_it_ended(ended.code)}."
        if run.status == DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, how)
        else:
            self._instance.report_run_failed(run, how)
        WakeUpCall(queue_pipe(self._instance)).ring()

    def terminate(self, run_id: str) -> bool:
        """Call the run off; whoever launched it, and wherever its worker is."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        worker = Worker.of(run)
        if worker is None or worker.elsewhere:
            how = "The worker of this run will notice by itself that it was called off."
            self._instance.report_engine_event(how, run, cls=self.__class__)
        elif not worker.interrupt():
            self._instance.report_run_canceled(run, "Its worker was gone already.")
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes, so that run monitoring finds runs whose worker is gone."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that said it executes this run still does."""
        worker = Worker.of(run)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no worker has taken this run")
        name = f"worker process {worker.pid} on {worker.host}"
        if worker.elsewhere:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"{name}: not this machine")
        if worker.alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING, name, run_worker_id=str(worker.pid))
        return CheckRunHealthResult(WorkerStatus.FAILED, f"{name} is gone")

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT001
    ) -> str | None:
        """Where the run was executed, for the message that says it failed."""
        worker = Worker.of(run)
        return f"Executed by process {worker.pid} on {worker.host}." if worker else None

    def join(self, timeout: int = 30) -> None:
        """Wait until every worker of ours has ended."""
        psutil.wait_procs(list(self._workers.values()), timeout)

    def dispose(self) -> None:
        """End what was started here: runs may go on for a moment, then are ended."""
        workers = list(self._workers.values())
        _, alive = psutil.wait_procs(workers, self._grace)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(alive, WORKERS_STOP_WITHIN_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._warmth.close()


if __name__ == "__main__":
    sys.exit(execute(sys.stdin.read()))
