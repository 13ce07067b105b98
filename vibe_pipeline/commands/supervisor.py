"""Every process of an installation on one machine: started in order, watched, stopped together.

A part that dies is started again while the others go on; how soon says ``restart_policy``. What was
started here is stopped here, also after a Ctrl-C or a plain ``kill``. Not here: what the parts are
(``processes``), and telling others how they do (``installation.process_status``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence, Set
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from vibe_pipeline.commands import liveness
from vibe_pipeline.commands.forked_processes import DAGSTER_PROGRAMS, ForkedProcess, ProgramForker
from vibe_pipeline.commands.restart_policy import RestartPolicy
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.process_status import ProcessState, ProcessStatus, how_it_ended
from vibe_pipeline.launcher.fork_server import ForkServerGone
from vibe_pipeline.launcher.process_control import adopt_orphans, end_with_parent

READY_WITHIN_SECONDS = 120.0
OTHERS_WAIT_SECONDS = 30.0
"""So long the first start waits for a part that may have to wait for somebody else."""
EXIT_SET_UP_WRONG = 2
STOP_WITHIN_SECONDS = 12.0
NEXT_STOPS_AFTER_SECONDS = 4.0
"""So long at most a part that is asked to end holds up the end of the one before it."""
STARTS_AT_FIRST = 3
"""So often a part is started that is killed while everything comes up; after that it is over."""
_END_WITHIN_SECONDS = 5.0
REAP_EVERY_SECONDS = 5.0
SET_BACK_SECONDS = 60.0
"""A clock that lost so much, within the moments between two looks, was set back."""
_LOOK_AGAIN_SECONDS = 0.1

Result = TypeVar("Result")


class ProcessFailed(CommandFailed):
    """A part did not start, or ended by itself; the text says which, and shows its last words."""


class ProcessRefused(ConfigurationError):
    """A part would not start with what it was told; the text is its own sentence."""


class Interrupted(Exception):
    """Somebody asked us to stop, and we have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a process: what it wrote since then is behind ``offset`` in its log."""

    log: Path
    offset: int

    def output(self) -> str:
        """What it wrote since it was started; nothing where that may not be read."""
        try:
            with self.log.open("rb") as log:
                if log.seek(0, 2) >= self.offset:  # else it was emptied meanwhile
                    log.seek(self.offset)
                else:
                    log.seek(0)
                return log.read().decode(errors="replace")
        except OSError:
            return ""


Ready = Callable[[Start], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedProcess:
    """One process: how to start it, how to know that it is ready, and what must be ready before.

    Without ``ready`` it is an errand: done, and good for the others, once it has ended well.
    ``essential``: nothing makes sense without it, so its end is everybody's.
    ``alive``: whether it still does anything, asked while it runs; it is ended where it does not.
    ``waits_for_others``: it may live long before it is ready, and is let; the others go on.
    ``by_the_clock``: it keeps times in its memory, and is started again when the clock is set back.
    ``forked``: one of Dagster's programs, forked from an interpreter that imported Dagster; where
    that cannot be it starts by itself, as all others do.
    ``before``: puts in place what it reads as it starts, each time; raises ``OSError``.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    ready: Ready | None
    alive: liveness.Alive | None = None
    after: tuple[str, ...] = ()
    forked: bool = False
    essential: bool = False
    by_the_clock: bool = False
    waits_for_others: bool = False
    before: Callable[[], None] | None = None


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening_error(host: str, port: int) -> int | None:
    """Why nobody could listen there now, as an ``errno``; ``None`` where one could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno
    return None


def http_ready(url: str, *, header: str | None = None) -> Ready:
    """Ready as soon as this address answers anything but its own trouble.

    ``header``: only an answer that carries it counts, for another program may have the port.
    """

    async def ready(_: Start) -> bool:
        async with liveness.loopback_http(5) as http:
            try:
                answer = await http.get(url)
            except httpx.HTTPError:
                return False
            return answer.status_code < 500 and (header is None or header in answer.headers)

    return ready


def port_ready(port: int) -> Ready:
    """Ready as soon as somebody accepts connections on this loopback port."""

    async def ready(_start: Start) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    return ready


def log_ready(words: str) -> Ready:
    """Ready as soon as the part has written these words into its log, since this start of it."""

    async def ready(start: Start) -> bool:
        return words in await asyncio.to_thread(start.output)

    return ready


def no_news(_: object) -> None:
    """For those who do not listen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorEvents:
    """Who is told what."""

    on_ready: Callable[[str], None]
    on_event: Callable[[str], None]
    on_status: Callable[[Mapping[str, ProcessStatus]], None]


@dataclass(slots=True)
class _Life:
    """What became of one part so far; times are monotonic seconds."""

    start: Start
    ready_at: float | None = None
    deaths: int = 0
    restarts: int = 0
    silent_looks: int = 0

    def how_it_ended(self, code: int) -> str:
        """In words; what we ended because it hung did not end by itself."""
        if self.silent_looks >= liveness.ENDED_AFTER:
            return "did not answer any more and was ended"
        return how_it_ended(code)


@dataclass(slots=True)
class Supervisor:
    """The running parts. Use ``running`` to make one."""

    parts: Sequence[ManagedProcess]
    events: SupervisorEvents
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.time
    strangers: Set[psutil.Process] = frozenset()
    _processes: dict[str, asyncio.subprocess.Process | ForkedProcess] = field(default_factory=dict)
    _lives: dict[str, _Life] = field(default_factory=dict)
    _statuses: dict[str, ProcessStatus] = field(default_factory=dict)
    _forkers: list[ProgramForker] = field(default_factory=list)

    async def start(self) -> None:
        """Start every part as soon as what it needs is ready; raises ``ProcessFailed``."""
        if first := next((part for part in self.parts if part.forked), None):
            try:
                first.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._warm_forker(first)
            except OSError as error:
                raise _not_started(first, error) from error
        ready = {part.name: asyncio.Event() for part in self.parts}
        async with asyncio.TaskGroup() as tasks:
            for part in self.parts:
                tasks.create_task(self._bring_up(part, ready))

    async def _bring_up(self, part: ManagedProcess, ready: Mapping[str, asyncio.Event]) -> None:
        for name in part.after:
            await ready[name].wait()
        self._stands(part, ProcessState.STARTING)
        for tried in range(1, STARTS_AT_FIRST + 1):
            process = await self._spawn_first(part)
            within = OTHERS_WAIT_SECONDS if part.waits_for_others else READY_WITHIN_SECONDS
            try:
                await self._await_ready(part, process, within=within)
                break
            except ProcessFailed:
                if part.waits_for_others and process.returncode is None:
                    self.events.on_event(f"{part.name} is not ready yet; the others go on.")
                    return
                killed = process.returncode is not None and process.returncode < 0
                if not killed or tried == STARTS_AT_FIRST:
                    raise
        self._is_ready(part)
        ready[part.name].set()

    def _is_ready(self, part: ManagedProcess) -> None:
        self._lives[part.name].ready_at = time.monotonic()
        self._stands(part, ProcessState.RUNNING)
        self.events.on_ready(part.name)

    async def _await_ready(
        self,
        part: ManagedProcess,
        process: asyncio.subprocess.Process | ForkedProcess,
        *,
        within: float | None,
    ) -> None:
        start = self._lives[part.name].start
        try:
            async with asyncio.timeout(within):
                await _becomes_ready(part, process, start)
        except TimeoutError:
            raise ProcessFailed(_last_words(part, start, "did not become ready in time")) from None

    async def _spawn_first(
        self, part: ManagedProcess
    ) -> asyncio.subprocess.Process | ForkedProcess:
        try:
            return await self._spawn(part)
        except OSError as error:
            raise _not_started(part, error) from error

    async def _spawn(self, part: ManagedProcess) -> asyncio.subprocess.Process | ForkedProcess:
        part.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        offset = part.log.stat().st_size if part.log.exists() else 0
        life = self._lives.setdefault(part.name, _Life(Start(log=part.log, offset=offset)))
        life.start, life.ready_at = Start(log=part.log, offset=offset), None
        life.silent_looks = 0
        if part.before is not None:
            part.before()
        process = await self._fork(part) or await _spawn_alone(part)
        self._processes[part.name] = process
        return process

    async def _fork(self, part: ManagedProcess) -> ForkedProcess | None:
        """The part, forked; ``None`` where even a fresh fork server will not do it."""
        for _ in range(2 if part.forked else 0):
            forker = self._warm_forker(part)
            try:
                return await forker.fork(
                    part.name, part.command, part.log, within=READY_WITHIN_SECONDS
                )
            except ForkServerGone:
                await forker.retire()
        return None

    def _warm_forker(self, part: ManagedProcess) -> ProgramForker:
        """What forks the parts that want it; a new one begins to import at once."""
        if not self._forkers or not self._forkers[-1].usable:
            log = part.log.with_name("dagster.log")
            self._forkers.append(ProgramForker(part.environment, part.folder, log))
        return self._forkers[-1]

    def pid_of(self, name: str) -> int | None:
        """The process of the part of this name; ``None`` before its first start."""
        process = self._processes.get(name)
        return None if process is None else process.pid

    async def watch(self) -> None:
        """Start again what dies, for ever; raises ``ProcessFailed`` when an essential part does."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._reap_strays())
                tasks.create_task(self._watch_clock())
                tasks.create_task(self._watch_silence())
                for part in self.parts:
                    if part.ready is not None:
                        tasks.create_task(self._keep_up(part))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _keep_up(self, part: ManagedProcess) -> None:
        if self._lives[part.name].ready_at is None:
            await self._wait_for(part)
        while True:
            process = self._processes[part.name]
            code, life = await process.wait(), self._lives[part.name]
            how = life.how_it_ended(code)
            if part.essential:
                raise ProcessFailed(_last_words(part, life.start, how))
            up_for = 0.0 if life.ready_at is None else time.monotonic() - life.ready_at
            life.deaths = self.policy.deaths_in_a_row(life.deaths, up_for=up_for)
            life.restarts += 1
            pause = self._tell_of_death(part, life, how)
            await asyncio.to_thread(_end_what_is_left, process.pid)
            await self.sleep(pause)
            await self._start_again(part, how)

    async def _wait_for(self, part: ManagedProcess) -> None:
        """Until a part that is late is ready, or dead."""
        with suppress(ProcessFailed):
            await self._await_ready(part, self._processes[part.name], within=None)
            self._is_ready(part)

    def _tell_of_death(self, part: ManagedProcess, life: _Life, how: str) -> float:
        """Say what happened; gives the pause before the next start."""
        pause, failing = self.policy.pause(life.deaths), self.policy.failing(life.deaths)
        self._stands(part, ProcessState.FAILING if failing else ProcessState.RESTARTING, how)
        again = f"it is started again in {pause:g} s"
        if failing:
            sentence = f"{how} for the {life.deaths}th time; {again}"
            self.events.on_event(_last_words(part, life.start, sentence))
        else:
            self.events.on_event(f"{part.name} {how}; {again}.")
        return pause

    async def _start_again(self, part: ManagedProcess, how: str) -> None:
        began, process = time.monotonic(), None
        try:
            process = await self._spawn(part)
            within = None if part.waits_for_others else READY_WITHIN_SECONDS
            await self._await_ready(part, process, within=within)
        except (ProcessFailed, ProcessRefused, OSError) as trouble:
            self.events.on_event(str(trouble))
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            return
        if process.returncode is not None:
            return  # it was ready and is dead again: that is told as its next death
        life = self._lives[part.name]
        life.ready_at = time.monotonic()
        self._stands(part, ProcessState.RUNNING, how)
        self.events.on_event(f"{part.name} is ready again, after {life.ready_at - began:.1f} s.")

    def _stands(self, part: ManagedProcess, state: ProcessState, how: str | None = None) -> None:
        restarts = self._lives[part.name].restarts if part.name in self._lives else 0
        self._statuses[part.name] = ProcessStatus(
            state=state, since=datetime.now(UTC), restarts=restarts, reason=how
        )
        self.events.on_status(self._statuses)

    async def _reap_strays(self) -> None:
        """Bury whatever ended and was left to us by a parent that died before it (zombies)."""
        dead_before: set[int] = set()
        while True:
            await asyncio.sleep(REAP_EVERY_SECONDS)
            try:
                dead = await asyncio.to_thread(_zombies)
            except (OSError, psutil.Error):  # the system is short of something; look again
                continue
            _bury(dead & dead_before)  # what we started ourselves was buried at once
            dead_before = dead

    async def _watch_clock(self) -> None:
        """Have whoever keeps times in memory begin anew when this machine's clock is set back."""
        ahead = self.clock() - time.monotonic()
        while True:
            await asyncio.sleep(REAP_EVERY_SECONDS)
            ahead, before = self.clock() - time.monotonic(), ahead
            if before - ahead < SET_BACK_SECONDS:
                continue
            self.events.on_event(f"The clock was set back by {before - ahead:.0f} s.")
            for part in self.parts:
                process = self._processes.get(part.name)
                if part.by_the_clock and process is not None and process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.terminate()

    async def _watch_silence(self) -> None:
        """Ask every part that is up whether it still does anything; end what hangs for minutes."""
        held_up = False
        while True:
            began = time.monotonic()
            looks = (self._ask(part, held_up=held_up) for part in self.parts)
            await asyncio.gather(asyncio.sleep(liveness.EVERY_SECONDS), *looks)
            held_up = time.monotonic() - began > liveness.HELD_UP_SECONDS

    async def _ask(self, part: ManagedProcess, *, held_up: bool) -> None:
        process, life = self._processes.get(part.name), self._lives.get(part.name)
        if process is None or life is None or life.ready_at is None:
            return
        try:
            silent = await asyncio.to_thread(liveness.is_stopped, process.pid)
            if part.alive is not None and not silent:
                silent = not await part.alive()
        except liveness.NO_LOOK:  # the system is short of something; look again
            return
        if process is not self._processes[part.name] or process.returncode is not None:
            return
        before = 0 if held_up else life.silent_looks
        life.silent_looks = before + 1 if silent else 0
        self._tell_of_silence(part, before, life.silent_looks)
        if life.silent_looks == liveness.ENDED_AFTER:
            with suppress(ProcessLookupError):
                process.kill()

    def _tell_of_silence(self, part: ManagedProcess, before: int, now: int) -> None:
        if now == liveness.TOLD_AFTER:
            self._stands(part, ProcessState.SILENT, "does not answer")
            lasts = liveness.ENDED_AFTER * liveness.EVERY_SECONDS / 60
            self.events.on_event(
                f"{part.name} does not answer; if that lasts {lasts:g} minutes it is ended and"
                " started again."
            )
        elif now == 0 and before >= liveness.TOLD_AFTER:
            self._stands(part, ProcessState.RUNNING, "did not answer for a while")
            self.events.on_event(f"{part.name} answers again.")

    async def alongside(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work gives, done while every essential part lives; else as ``watch``."""
        task, watch = asyncio.create_task(work), asyncio.create_task(self.watch())
        try:
            await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await watch
            return await task
        finally:
            task.cancel()
            watch.cancel()
            await asyncio.gather(task, watch, return_exceptions=True)

    async def stop(self) -> None:
        """End the parts one after another, the last first, and whatever they started.

        The ``strangers``, whom this process had started before, live on.

        Each waits for the one after it, so that what a part still says as it ends is heard by
        those that it speaks to; all of it is bounded in time.
        """
        strays = _descendants()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_SECONDS):
                for part in reversed(self.parts):
                    if (process := self._processes.get(part.name)) is not None:
                        await _asked_to_end(process)
        for forker in self._forkers:
            await forker.close()
        await asyncio.to_thread(_end, {*strays, *_descendants()} - self.strangers)
        await asyncio.gather(*(process.wait() for process in self._processes.values()))


@asynccontextmanager
async def running(
    parts: Sequence[ManagedProcess],
    *,
    on_ready: Callable[[str], None] = no_news,
    on_event: Callable[[str], None] = no_news,
    on_status: Callable[[Mapping[str, ProcessStatus]], None] = no_news,
    policy: RestartPolicy | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Supervisor]:
    """The parts, all ready; stopped on the way out, however that happens.

    ``on_ready`` hears a part's name, ``on_event`` a sentence, ``on_status`` how all parts stand.

    Raises ``ProcessRefused`` when a part ends with exit code 2, else ``ProcessFailed``.
    """
    adopt_orphans()
    events = SupervisorEvents(on_ready=on_ready, on_event=on_event, on_status=on_status)
    deployment = Supervisor(
        parts=parts,
        events=events,
        policy=policy or RestartPolicy(),
        clock=clock,
        strangers=_descendants(),
    )
    try:
        try:
            await deployment.start()
        except ExceptionGroup as failures:
            raise (failures.subgroup(ProcessRefused) or failures).exceptions[0] from None
        yield deployment
    finally:
        await asyncio.shield(asyncio.create_task(deployment.stop()))


async def _spawn_alone(part: ManagedProcess) -> asyncio.subprocess.Process:
    with part.log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *((sys.executable, "-m", DAGSTER_PROGRAMS) if part.forked else ()),
            *part.command,
            cwd=part.folder,
            env=dict(part.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


async def _asked_to_end(process: asyncio.subprocess.Process | ForkedProcess) -> None:
    """Ask it to end, and wait for that, but not for ever."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(NEXT_STOPS_AFTER_SECONDS):
            await process.wait()


async def _becomes_ready(
    part: ManagedProcess, process: asyncio.subprocess.Process | ForkedProcess, start: Start
) -> None:
    if part.ready is None:
        if await process.wait() != 0:
            raise ProcessFailed(_last_words(part, start, "failed"))
        return
    while not await part.ready(start):
        if process.returncode == EXIT_SET_UP_WRONG:
            raise ProcessRefused(_said(start)[-1].removeprefix("vibe: "))
        if process.returncode is not None:
            raise ProcessFailed(_last_words(part, start, "ended while it was starting"))
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def script(name: str) -> str:
    """A command that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def _not_started(part: ManagedProcess, error: OSError) -> ProcessFailed:
    place = error.filename or part.log
    return ProcessFailed(
        f"{part.name} could not be started: {error.strerror or error} ({place}). The user who runs"
        f" Vibe has to be able to write {part.log}, and the disk to have room."
    )


def _last_words(part: ManagedProcess, start: Start, what: str) -> str:
    last_lines = "\n  ".join(_said(start)[-12:])
    return f"{part.name} {what}. Its last words:\n  {last_lines}"


def _said(start: Start) -> list[str]:
    return start.output().strip().splitlines() or ["(nothing)"]


def _zombies() -> set[int]:
    """Children of ours that have ended and were not buried."""
    dead = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                dead.add(child.pid)
    return dead


def _bury(dead: set[int]) -> None:
    for pid in dead:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _end_what_is_left(pid: int | None) -> None:
    """Wait for a process that may outlive our news of its end; it would hold its port."""
    if pid is None:
        return
    with suppress(OSError, psutil.Error):
        process = psutil.Process(pid)
        if process.ppid() != os.getpid():
            return  # the number is somebody else's by now
        _, alive = psutil.wait_procs([process], timeout=_END_WITHIN_SECONDS)
        for stubborn in alive:
            stubborn.kill()
        psutil.wait_procs(alive, timeout=_END_WITHIN_SECONDS)


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _end(processes: set[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=3)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=3)


def _hanging_up() -> tuple[signal.Signals, ...]:
    """The signal of a terminal that is gone, unless it is to be outlived (``nohup``)."""
    outlived = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return () if outlived else (signal.SIGHUP,)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until it ends, or until Ctrl-C or a plain ``kill``, cleaning up either way.

    Raises ``Interrupted`` when somebody asked for the end.
    """

    async def interruptible() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, *_hanging_up()):
            loop.add_signal_handler(number, lambda: task and task.cancel())
        await work

    try:
        asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise Interrupted from None
