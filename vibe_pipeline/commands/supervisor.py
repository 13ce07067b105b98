"""Every process of an installation on one machine: started in order, watched, stopped together.

What was started here is stopped here, also after a crash of a part, a Ctrl-C or a plain ``kill``.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from vibe_pipeline.commands.forked_processes import ForkedProcess, ProgramForker
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.launcher.fork_server import ForkServerGone
from vibe_pipeline.launcher.process_control import adopt_orphans, end_with_parent

READY_WITHIN_SECONDS = 120.0
EXIT_SET_UP_WRONG = 2
STOP_WITHIN_SECONDS = 12.0
_LOOK_AGAIN_SECONDS = 0.1

Result = TypeVar("Result")


class ProcessFailed(CommandFailed):
    """A part did not start, or ended by itself; the text says which, and shows its last words."""


class ProcessRefused(ConfigurationError):
    """A part would not start with what it was told; the text is its own sentence."""


class Interrupted(Exception):
    """Somebody asked us to stop, and we have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedProcess:
    """One process: how to start it, how to know that it is ready, and what must be ready before.

    Without ``ready`` it is an errand: done, and good for the others, once it has ended well.
    ``forked``: one of Dagster's programs, forked from an interpreter that imported Dagster; where
    that cannot be it starts by itself, as all others do.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    ready: Callable[[], Awaitable[bool]] | None
    after: tuple[str, ...] = ()
    forked: bool = False


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def http_ready(url: str) -> Callable[[], Awaitable[bool]]:
    """Ready as soon as this address answers anything but its own trouble."""

    async def ready() -> bool:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            try:
                return (await http.get(url)).status_code < 500
            except httpx.HTTPError:
                return False

    return ready


def port_ready(port: int) -> Callable[[], Awaitable[bool]]:
    """Ready as soon as somebody accepts connections on this loopback port."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    return ready


def log_ready(path: Path, words: str) -> Callable[[], Awaitable[bool]]:
    """Ready as soon as these words stand in the part's log."""

    def said() -> bool:
        return path.exists() and words in path.read_text(errors="replace")

    async def ready() -> bool:
        return await asyncio.to_thread(said)

    return ready


class Supervisor:
    """The running parts. Use ``running`` to make one."""

    def __init__(self, parts: Sequence[ManagedProcess], *, on_ready: Callable[[str], None]) -> None:
        self._parts = parts
        self._on_ready = on_ready
        self._processes: dict[str, asyncio.subprocess.Process | ForkedProcess] = {}
        self._forker: ProgramForker | None = None

    async def start(self) -> None:
        """Start every part as soon as what it needs is ready; raises ``ProcessFailed``."""
        self._forker = _forker(self._parts)
        ready = {part.name: asyncio.Event() for part in self._parts}
        async with asyncio.TaskGroup() as tasks:
            for part in self._parts:
                tasks.create_task(self._bring_up(part, ready))

    async def _bring_up(self, part: ManagedProcess, ready: Mapping[str, asyncio.Event]) -> None:
        for name in part.after:
            await ready[name].wait()
        process = await self._spawn(part)
        try:
            async with asyncio.timeout(READY_WITHIN_SECONDS):
                await _becomes_ready(part, process)
        except TimeoutError:
            raise ProcessFailed(_last_words(part, "did not become ready in time")) from None
        self._on_ready(part.name)
        ready[part.name].set()

    async def _spawn(self, part: ManagedProcess) -> asyncio.subprocess.Process | ForkedProcess:
        part.log.parent.mkdir(parents=True, exist_ok=True)
        process = await self._fork(part) or await _spawn_alone(part)
        self._processes[part.name] = process
        return process

    async def _fork(self, part: ManagedProcess) -> ForkedProcess | None:
        if self._forker is None or not part.forked:
            return None
        try:
            return await self._forker.fork(
                part.name, part.command, part.log, within=READY_WITHIN_SECONDS
            )
        except ForkServerGone:
            return None

    async def watch(self) -> None:
        """Wait until a part ends by itself, which is a failure; never returns otherwise."""
        waiting = {
            asyncio.create_task(self._processes[part.name].wait()): part
            for part in self._parts
            if part.ready is not None
        }
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        part = waiting[done.pop()]
        raise ProcessFailed(_last_words(part, "ended by itself"))

    async def alongside(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work gives, done while every part lives; else the same failure as ``watch``."""
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
        """End every part, last started first, and whatever they started; bounded in time."""
        strays = _descendants()
        for process in reversed(self._processes.values()):
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_SECONDS):
                await asyncio.gather(*(process.wait() for process in self._processes.values()))
        if self._forker is not None:
            await self._forker.close()
        await asyncio.to_thread(_end, {*strays, *_descendants()})
        await asyncio.gather(*(process.wait() for process in self._processes.values()))


@asynccontextmanager
async def running(
    parts: Sequence[ManagedProcess], *, on_ready: Callable[[str], None]
) -> AsyncIterator[Supervisor]:
    """The parts, all ready; stopped on the way out, however that happens.

    Raises ``ProcessRefused`` when a part ends with exit code 2, else ``ProcessFailed``.
    """
    adopt_orphans()
    deployment = Supervisor(parts, on_ready=on_ready)
    try:
        try:
            await deployment.start()
        except ExceptionGroup as failures:
            raise (failures.subgroup(ProcessRefused) or failures).exceptions[0] from None
        yield deployment
    finally:
        await asyncio.shield(asyncio.create_task(deployment.stop()))


def _forker(parts: Sequence[ManagedProcess]) -> ProgramForker | None:
    """What forks the parts that want it, if any does; it begins to import at once."""
    first = next((part for part in parts if part.forked), None)
    if first is None:
        return None
    first.log.parent.mkdir(parents=True, exist_ok=True)
    return ProgramForker(first.environment, first.folder, first.log.with_name("dagster.log"))


async def _spawn_alone(part: ManagedProcess) -> asyncio.subprocess.Process:
    with part.log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            script(part.command[0]) if part.forked else part.command[0],
            *part.command[1:],
            cwd=part.folder,
            env=dict(part.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


async def _becomes_ready(
    part: ManagedProcess, process: asyncio.subprocess.Process | ForkedProcess
) -> None:
    if part.ready is None:
        if await process.wait() != 0:
            raise ProcessFailed(_last_words(part, "failed"))
        return
    while not await part.ready():
        if process.returncode == EXIT_SET_UP_WRONG:
            raise ProcessRefused(_said(part)[-1].removeprefix("vibe: "))
        if process.returncode is not None:
            raise ProcessFailed(_last_words(part, "ended while it was starting"))
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def script(name: str) -> str:
    """A command that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def _last_words(part: ManagedProcess, what: str) -> str:
    last_lines = "\n  ".join(_said(part)[-12:])
    return f"{part.name} {what}. Its last words:\n  {last_lines}"


def _said(part: ManagedProcess) -> list[str]:
    return part.log.read_text(errors="replace").strip().splitlines() or ["(nothing)"]


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


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until it ends, or until Ctrl-C or a plain ``kill``, cleaning up either way.

    Raises ``Interrupted`` when somebody asked for the end.
    """

    async def interruptible() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: task and task.cancel())
        await work

    try:
        asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise Interrupted from None
