"""Processes forked from one that has imported everything heavy already, so that they start at once.

The server is a process of its own with a single thread of Python. It hears orders over a socket
pair whose other end only its owner holds: when the owner is gone, however that came about, the
server hears the end of the line, lets its children finish, and goes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from vibe_pipeline.launcher.process_control import name_process

log = logging.getLogger(__name__)

ORPHANS_MAY_FINISH_WITHIN_SECONDS = 30.0
CHILDREN_STOP_WITHIN_SECONDS = 5.0
ANSWERS_WITHIN_SECONDS = 30.0
_BUFFER = 65536
_LOOK_AGAIN_SECONDS = 0.02


class ForkServerGone(Exception):
    """The server cannot fork any more; the text says why. Start the work some other way."""


class CodeChanged(ForkServerGone):
    """What the server imported is out of date: retire it, and start another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a child does: call ``entry`` ("module:function") and exit with what that answers.

    ``name`` is for the owner to know the child by.
    """

    name: str
    entry: str
    argument: str

    def perform(self) -> int:
        """Do it, in this process."""
        module, _, function = self.entry.partition(":")
        code: int = getattr(importlib.import_module(module), function)(self.argument)
        return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A child that is no more; a negative ``code`` is the signal that ended it."""

    name: str
    pid: int
    code: int


class ForkServer:
    """The owner's side: starts the server, orders children, hears how they ended.

    ``preload`` names modules to import, or functions of modules to call ("module:function").
    ``ended`` and ``gone`` (the server itself has ended) are called from a thread of ours.
    Safe to use from many threads. Once gone it stays gone: make another.
    """

    def __init__(
        self,
        preload: Sequence[str],
        *,
        ended: Callable[[Ended], None],
        gone: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self._ended = ended
        self._tell_gone = gone
        self._asking = threading.Lock()
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._gone = threading.Event()
        self._ready = threading.Event()
        self._process: subprocess.Popen[bytes] | _ForkedAhead
        if _forked_ahead:
            self._line, self._process = _forked_ahead.pop()
        else:
            self._line, self._process = _started(environment=environment, folder=folder, log=log)
        self._line.sendall(json.dumps(list(preload)).encode() + b"\n")
        self._listener = threading.Thread(target=self._listen, name="forkserver", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the line to the server is still open."""
        return not self._gone.is_set()

    def wait_until_ready(self, timeout: float) -> bool:
        """Wait until everything is imported; says whether it is."""
        return self._ready.wait(timeout) and self.alive

    def fork(self, work: Work) -> int:
        """Start a child on this work and give its process id, or raise ``ForkServerGone``.

        While the server is still importing, this waits for it, which is no slower than starting
        an interpreter would be.
        """
        with self._asking:
            if not self.alive:
                raise ForkServerGone("it has ended")
            order = {"name": work.name, "entry": work.entry, "argument": work.argument}
            try:
                self._line.sendall(json.dumps(order).encode() + b"\n")
                answer = self._answers.get(timeout=ANSWERS_WITHIN_SECONDS)
            except (OSError, queue.Empty) as error:
                self._abandon()
                raise ForkServerGone(f"it does not answer ({error!r})") from error
        if answer is None:
            raise ForkServerGone("it ended while it was asked")
        if "refused" in answer:
            raise CodeChanged(answer["refused"])
        pid: int = answer["forked"]
        return pid

    def retire(self) -> None:
        """Let it end by itself as soon as its last child has ended; do not fork from it again."""
        with self._asking, contextlib.suppress(OSError):
            self._line.sendall(b"retire\n")

    def close(self, timeout: float = CHILDREN_STOP_WITHIN_SECONDS) -> None:
        """Hang up; the server ends once it has no children, and within ``timeout`` in any case."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if threading.current_thread() is not self._listener:
            self._listener.join(timeout)
        self._line.close()

    def _abandon(self) -> None:
        self._gone.set()
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        try:
            with self._line.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    self._hear(json.loads(line))
        except OSError as error:
            log.warning("lost the line to the fork server: %s", error)
        finally:
            self._gone.set()
            self._ready.set()
            self._answers.put(None)
            self._tell_gone()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(CHILDREN_STOP_WITHIN_SECONDS)

    def _hear(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready.set()
        elif "ended" in message:
            try:
                self._ended(Ended(**message["ended"]))
            except Exception:
                log.exception("could not tell of the end of %s", message["ended"]["name"])
        else:
            self._answers.put(message)


@dataclass(slots=True)
class _ForkedAhead:
    """A server that was forked from this process; what we use of ``subprocess.Popen``."""

    pid: int
    _code: int | None = None
    _waiting: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; ``subprocess.TimeoutExpired`` when it has not ended by then."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._waiting:
                if self._code is None:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                    self._code = os.waitstatus_to_exitcode(status) if pid else None
                if self._code is not None:
                    return self._code
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired("fork server", timeout or 0)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def kill(self) -> None:
        """End it, if it still runs."""
        with self._waiting:
            if self._code is None:
                os.kill(self.pid, signal.SIGKILL)


_forked_ahead: list[tuple[socket.socket, _ForkedAhead]] = []


def fork_ahead(title: str) -> None:
    """Fork a server from this process as it is, for the next ``ForkServer`` made here.

    It shares the memory of all that is imported by now, and need not import it. Call it while this
    process has a single thread of Python. ``title`` is what ``ps`` calls it.
    """
    line, far_end = socket.socketpair()
    pid = _fork()
    if pid == 0:
        line.close()
        os.setsid()
        name_process(title)
        _serve_and_exit(far_end)
    far_end.close()
    _forked_ahead.append((line, _ForkedAhead(pid=pid)))


def _started(
    *, environment: Mapping[str, str] | None, folder: Path | None, log: Path | None
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A server in an interpreter of its own, and our end of the line to it."""
    line, far_end = socket.socketpair()
    with far_end, contextlib.ExitStack() as files:
        output = None if log is None else files.enter_context(log.open("ab"))
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            (sys.executable, "-m", __name__, str(far_end.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
            pass_fds=(far_end.fileno(),),
            start_new_session=True,
        )
    return line, process


@dataclass(slots=True)
class _Server:
    """The far side: one loop that forks, reaps, and notices when nobody is left to serve."""

    line: socket.socket
    wake: socket.socket
    preloaded: dict[str, tuple[int, int]]
    children: dict[int, str] = field(default_factory=dict)
    retiring: bool = False
    told_to_stop: bool = False
    _heard: bytes = b""

    def serve(self, orders: bytes = b"") -> Work | None:
        """Serve until the owner hangs up; the answer is work only in a child, which must do it."""
        self._tell({"ready": os.getpid()})
        if orders and (work := self._answer(orders)) is not None:
            return work
        while not self.told_to_stop and (self.children or not self.retiring):
            readable, _, _ = select.select([self.line, self.wake], [], [])
            if self.wake in readable:
                self._notice_signals()
            if self.line in readable:
                heard = self.line.recv(_BUFFER)
                if not heard:
                    break
                work = self._answer(heard)
                if work is not None:
                    return work
        self._outlive_children(0 if self.told_to_stop else ORPHANS_MAY_FINISH_WITHIN_SECONDS)
        return None

    def _answer(self, heard: bytes) -> Work | None:
        *orders, self._heard = (self._heard + heard).split(b"\n")
        for order in orders:
            if order == b"retire":
                self.retiring = True
                continue
            work = Work(**json.loads(order))
            changed = _changed(self.preloaded)
            if changed is not None:
                self._tell({"refused": f"{changed} has changed since it was imported"})
            elif (pid := _fork()) == 0:
                self._become_child()
                return work
            else:
                self.children[pid] = work.name
                self._tell({"forked": pid})
        return None

    def _become_child(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        self.line.close()
        self.wake.close()

    def _notice_signals(self) -> None:
        if signal.SIGTERM in self.wake.recv(_BUFFER):
            self.told_to_stop = True
        self._reap()

    def _reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self._tell({"ended": {"name": self.children.pop(pid), "pid": pid, "code": code}})

    def _outlive_children(self, patience: float) -> None:
        """Let them finish, then ask them to stop, then end them; bounded in time."""
        self._await_children(patience)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.children:
                os.kill(pid, number)
            self._await_children(CHILDREN_STOP_WITHIN_SECONDS)

    def _await_children(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        self._reap()
        while self.children and (left := deadline - time.monotonic()) > 0:
            select.select([self.wake], [], [], left)
            with contextlib.suppress(BlockingIOError):
                if signal.SIGTERM in self.wake.recv(_BUFFER):
                    return
            self._reap()

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the owner is gone: nobody needs to know
            self.line.sendall(json.dumps(message).encode() + b"\n")


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork()


def _preload(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Import or call these, and say in which state the files of our own code among them were."""
    for name in names:
        try:
            module, _, function = name.partition(":")
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()
        except Exception:  # a child that needs it will meet, and report, the same
            log.warning("could not import %s ahead of time", name, exc_info=True)
    gc.collect()
    gc.freeze()
    return {path: state for path in _own_files() if (state := _state(path)) is not None}


def _own_files() -> list[str]:
    """Files of imported modules that people edit: those outside Python's own folders."""
    places = sysconfig.get_paths()
    installed = tuple(places[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [file for file in files if file is not None and not file.startswith(installed)]


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _changed(preloaded: dict[str, tuple[int, int]]) -> str | None:
    return next((path for path, state in preloaded.items() if _state(path) != state), None)


def _hear_signals() -> socket.socket:
    """Turn the signals that matter into something ``select`` wakes up for."""
    wake, alarm = socket.socketpair()
    wake.setblocking(False)
    alarm.setblocking(False)
    signal.set_wakeup_fd(alarm.detach(), warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return wake


def _perform_and_exit(work: Work) -> NoReturn:
    """Do the work as a process of its own, and leave without the interpreter's farewells.

    Libraries that had threads in the server (DuckDB has) would look for them on the way out, and
    abort or hang: after a fork only the thread that forked is left.
    """
    code = 1
    try:
        code = work.perform()
    except BaseException:  # noqa: BLE001 - told here, and by the exit code
        traceback.print_exc()
    finally:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join(CHILDREN_STOP_WITHIN_SECONDS)
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _serve(line: socket.socket) -> None:
    """Serve on this line, the first word on it being what to import; in a child, do its work."""
    wake = _hear_signals()
    heard = b""
    while b"\n" not in heard:
        more = line.recv(_BUFFER)
        if not more:
            return
        heard += more
    preload, _, orders = heard.partition(b"\n")
    server = _Server(line=line, wake=wake, preloaded=_preload(json.loads(preload)))
    work = server.serve(orders)
    if work is not None:
        _perform_and_exit(work)


def _serve_and_exit(line: socket.socket) -> NoReturn:
    """Serve in a process that was forked, and leave without the interpreter's farewells."""
    try:
        _serve(line)
    finally:
        os._exit(0)


def main() -> int:
    """Serve on the socket that was handed over."""
    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    _serve(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
