"""Processes are started together, kept up one by one, and ended together."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import pytest

from vibe_pipeline.commands import liveness, supervisor
from vibe_pipeline.commands.restart_policy import RestartPolicy
from vibe_pipeline.commands.supervisor import (
    ManagedProcess,
    ProcessFailed,
    ProcessRefused,
    Start,
    free_port,
    http_ready,
    listening_error,
    log_ready,
    port_ready,
    running,
)
from vibe_pipeline.installation.process_status import ProcessState, ProcessStatus

pytestmark = pytest.mark.usefixtures("new_descendants")

SAYS_READY_AND_STAYS = "print('ready', flush=True); import time; time.sleep(600)"
DIES_AFTER_READY = "print('ready', flush=True); import time; time.sleep(0.5); raise SystemExit(3)"
DIES_ONCE_AFTER_READY = """
import pathlib, sys, time
print("ready", flush=True)
before = pathlib.Path(sys.argv[1])
if not before.exists():
    before.touch()
    sys.exit(3)
time.sleep(600)
"""
WAITS_FOR_A_FILE_AND_SAYS_READY = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
print("ready", flush=True)
time.sleep(600)
"""
DIES_ONCE_AND_IS_LATE_THEN = """
import pathlib, sys, time
before = pathlib.Path(sys.argv[1])
if before.exists():
    time.sleep(2)
print("ready", flush=True)
if not before.exists():
    before.touch()
    sys.exit(3)
time.sleep(600)
"""
KILLS_ITSELF_ONCE = """
import os, pathlib, signal, sys
before = pathlib.Path(sys.argv[1])
if not before.exists():
    before.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
LEAVES_AN_ORPHAN_AND_STAYS = """
import subprocess, sys, time
orphan = "import os, sys, time; pid = os.fork(); pid and sys.exit(print(pid)); time.sleep(0.2)"
subprocess.run([sys.executable, "-c", orphan])
print("ready", flush=True)
time.sleep(600)
"""
WRITES_ITS_END = """
import pathlib, signal, sys, time

def ends(*_):
    time.sleep(0.2)
    with pathlib.Path(sys.argv[1]).open("a") as ended:
        ended.write(sys.argv[2] + " ")
    sys.exit(0)

signal.signal(signal.SIGTERM, ends)
print("ready", flush=True)
time.sleep(600)
"""
DIES_AT_ONCE = "raise SystemExit('no disk today')"
IGNORES_TERM_WITH_A_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print("ready", child.pid, flush=True)
time.sleep(600)
"""

AT_ONCE = RestartPolicy(first_pause=0.0, failing_after=3, failing_pause=0.0)


def part(
    folder: Path, name: str, code: str, *arguments: str, after: tuple[str, ...] = ()
) -> ManagedProcess:
    log = folder / f"{name}.log"
    return ManagedProcess(
        name=name,
        command=(sys.executable, "-c", code, *arguments),
        environment=dict(os.environ),
        folder=folder,
        log=log,
        ready=log_ready("ready"),
        after=after,
    )


async def test_a_part_waits_for_what_it_needs(tmp_path: Path) -> None:
    told: list[str] = []
    first = part(tmp_path, "first", SAYS_READY_AND_STAYS)
    second = part(tmp_path, "second", SAYS_READY_AND_STAYS, after=("first",))

    async with running([second, first], on_ready=told.append):
        pass

    assert told == ["first", "second"]


async def test_a_part_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    good = part(tmp_path, "good", SAYS_READY_AND_STAYS)
    bad = part(tmp_path, "bad", DIES_AT_ONCE)

    with pytest.raises(ProcessFailed, match=r"(?s)bad ended while.*no disk today"):
        async with running([good, bad], on_ready=lambda name: None):
            pass


async def test_a_part_that_dies_is_started_again_while_the_others_go_on(
    tmp_path: Path, new_descendants: Callable[[], set[psutil.Process]]
) -> None:
    stays = part(tmp_path, "stays", SAYS_READY_AND_STAYS)
    dies = part(tmp_path, "dies", DIES_ONCE_AFTER_READY, str(tmp_path / "before"))
    events: asyncio.Queue[str] = asyncio.Queue()

    async with running([stays, dies], on_event=events.put_nowait, policy=AT_ONCE) as deployment:
        before = new_descendants()
        watch = asyncio.create_task(deployment.watch())
        said = [await asyncio.wait_for(events.get(), 20) for _ in range(2)]
        after = new_descendants()
        watch.cancel()

    assert said[0].startswith("dies ended with exit code 3")
    assert said[1].startswith("dies is ready again")
    assert len(before & after) == 1
    assert len(after) == 2


async def test_what_a_part_reads_is_put_in_place_before_each_start(tmp_path: Path) -> None:
    dies = part(tmp_path, "dies", DIES_ONCE_AFTER_READY, str(tmp_path / "before"))
    starts: list[str] = []
    dies = replace(dies, before=lambda: starts.append("put in place"))
    events: asyncio.Queue[str] = asyncio.Queue()

    async with running([dies], on_event=events.put_nowait, policy=AT_ONCE) as deployment:
        watch = asyncio.create_task(deployment.watch())
        for _ in range(2):
            await asyncio.wait_for(events.get(), 20)
        watch.cancel()

    assert starts == ["put in place"] * 2


async def test_who_keeps_times_in_memory_begins_anew_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibe_pipeline.commands.supervisor.REAP_EVERY_SECONDS", 0.1)
    stays = part(tmp_path, "stays", SAYS_READY_AND_STAYS)
    daemon = replace(part(tmp_path, "daemon", SAYS_READY_AND_STAYS), by_the_clock=True)
    events: asyncio.Queue[str] = asyncio.Queue()
    looks = itertools.count()

    def clock() -> float:
        return time.time() - (7200 if next(looks) else 0)

    async with running(
        [stays, daemon], on_event=events.put_nowait, policy=AT_ONCE, clock=clock
    ) as deployment:
        first = deployment.pid_of("stays")
        watch = asyncio.create_task(deployment.watch())
        said = [await asyncio.wait_for(events.get(), 30) for _ in range(3)]
        last = deployment.pid_of("stays")
        watch.cancel()

    assert said[0] == "The clock was set back by 7200 s."
    assert [sentence.partition(" ")[0] for sentence in said[1:]] == ["daemon", "daemon"]
    assert said[2].startswith("daemon is ready again")
    assert first == last


async def heard(events: asyncio.Queue[str], number: int) -> list[str]:
    return [await asyncio.wait_for(events.get(), 60) for _ in range(number)]


async def test_a_part_that_hangs_is_told_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.05)
    events: asyncio.Queue[str] = asyncio.Queue()
    told: list[ProcessState] = []

    def status(parts: Mapping[str, ProcessStatus]) -> None:
        told.append(parts["hangs"].state)

    hangs = part(tmp_path, "hangs", SAYS_READY_AND_STAYS)
    listening = running([hangs], policy=AT_ONCE, on_event=events.put_nowait, on_status=status)
    async with listening as deployment:
        os.kill(deployment.pid_of("hangs") or 0, signal.SIGSTOP)
        silent, ended, again = await deployment.alongside(heard(events, 3))

    assert "hangs does not answer" in silent
    assert "did not answer any more and was ended" in ended
    assert "hangs is ready again" in again
    assert told.index(ProcessState.SILENT) < told.index(ProcessState.RESTARTING)


async def test_a_part_that_is_silent_for_a_moment_is_let_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.05)
    answers = iter([*[False] * (liveness.ENDED_AFTER - 1), *[True] * 10_000])
    events: asyncio.Queue[str] = asyncio.Queue()

    async def alive() -> bool:
        return next(answers)

    slow = replace(part(tmp_path, "slow", SAYS_READY_AND_STAYS), alive=alive)
    async with running([slow], policy=AT_ONCE, on_event=events.put_nowait) as deployment:
        pid = deployment.pid_of("slow")
        _, again = await deployment.alongside(heard(events, 2))
        stayed = deployment.pid_of("slow")

    assert again == "slow answers again."
    assert stayed == pid


async def test_looks_that_wait_for_a_silent_part_come_no_later_than_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.1)
    looks: asyncio.Queue[float] = asyncio.Queue()

    async def alive() -> bool:
        looks.put_nowait(time.monotonic())
        await asyncio.sleep(liveness.EVERY_SECONDS)
        return True

    slow = replace(part(tmp_path, "slow", SAYS_READY_AND_STAYS), alive=alive)
    async with running([slow], policy=AT_ONCE) as deployment:
        began = await deployment.alongside(times(looks, 6))

    assert min(later - earlier for earlier, later in itertools.pairwise(began)) < 0.15


async def times(looks: asyncio.Queue[float], number: int) -> list[float]:
    return [await asyncio.wait_for(looks.get(), 60) for _ in range(number)]


@pytest.mark.parametrize(
    "trouble", [OSError(errno.EMFILE, "Too many open files"), httpx.ConnectError("no")]
)
async def test_looks_that_cannot_be_made_are_no_silence_and_end_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.02)
    failed, looked_again = iter(range(liveness.ENDED_AFTER + 1)), asyncio.Event()
    told: list[str] = []

    async def alive() -> bool:
        if next(failed, None) is not None:
            raise trouble
        looked_again.set()
        return True

    short = replace(part(tmp_path, "short", SAYS_READY_AND_STAYS), alive=alive)
    async with running([short], policy=AT_ONCE, on_event=told.append) as deployment:
        pid = deployment.pid_of("short")
        await deployment.alongside(asyncio.wait_for(looked_again.wait(), 60))
        stayed = deployment.pid_of("short")

    assert told == []
    assert stayed == pid


async def test_a_process_that_cannot_be_looked_at_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.02)
    looked_again, told = asyncio.Event(), list[str]()
    failed, loop = iter(range(liveness.ENDED_AFTER + 1)), asyncio.get_running_loop()

    def is_stopped(_: int | None) -> bool:
        if next(failed, None) is not None:
            raise OSError(errno.EMFILE, "Too many open files")
        loop.call_soon_threadsafe(looked_again.set)
        return False

    monkeypatch.setattr(liveness, "is_stopped", is_stopped)
    short = part(tmp_path, "short", SAYS_READY_AND_STAYS)
    async with running([short], policy=AT_ONCE, on_event=told.append) as deployment:
        await deployment.alongside(asyncio.wait_for(looked_again.wait(), 60))

    assert told == []


async def test_a_stranger_who_answers_at_a_part_s_port_does_not_make_it_ready() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        start = Start(log=Path("unused"), offset=0)
        anybody = await http_ready(f"http://127.0.0.1:{port}/")(start)
        ours = await http_ready(f"http://127.0.0.1:{port}/", header="X-Vibe-OAuth")(start)

    assert (anybody, ours) == (True, False)


async def test_how_the_parts_stand_is_told_all_the_way(tmp_path: Path) -> None:
    dies = part(tmp_path, "dies", DIES_ONCE_AFTER_READY, str(tmp_path / "before"))
    states: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def note(statuses: Mapping[str, ProcessStatus]) -> None:
        states.put_nowait((str(statuses["dies"].state), statuses["dies"].restarts))

    async with running([dies], on_status=note, policy=AT_ONCE) as deployment:
        watch = asyncio.create_task(deployment.watch())
        seen = [await asyncio.wait_for(states.get(), 20) for _ in range(4)]
        watch.cancel()

    assert seen == [("starting", 0), ("running", 0), ("restarting", 1), ("running", 1)]


async def test_a_part_whose_log_may_not_be_read_is_failing_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    failing = asyncio.Event()
    dies = part(tmp_path, "dies", DIES_AFTER_READY)

    def listen(event: str) -> None:
        told.append(event)
        if "th time" in event:
            failing.set()

    async with running([dies], on_event=listen, policy=AT_ONCE) as supervisor_of_one:
        may_not_be_read(dies.log, monkeypatch)
        dies_again = replace(dies, ready=ready_at_once)
        supervisor_of_one.parts = [dies_again]
        await supervisor_of_one.alongside(asyncio.wait_for(failing.wait(), 60))

    assert any("Its last words:\n  (nothing)" in event for event in told)


def may_not_be_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for whoever is not root."""
    opened = Path.open

    def refused(path: Path, mode: str = "r", **how: Any) -> IO[Any]:
        if path == log and mode == "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, mode, **how)

    monkeypatch.setattr(Path, "open", refused)


async def ready_at_once(_: Start) -> bool:
    """Ready at once."""
    return True


async def test_a_part_whose_log_cannot_be_made_is_named_in_a_sentence(tmp_path: Path) -> None:
    first = part(tmp_path, "first", SAYS_READY_AND_STAYS)
    first.log.mkdir()

    with pytest.raises(ProcessFailed, match=r"first could not be started: .*first\.log"):
        async with running([first]):
            pass


async def test_a_part_that_keeps_dying_is_called_failing_and_tried_on(tmp_path: Path) -> None:
    dies = part(tmp_path, "dies", "print('ready', flush=True); raise SystemExit(3)")
    events: asyncio.Queue[str] = asyncio.Queue()

    async with running([dies], on_event=events.put_nowait, policy=AT_ONCE) as deployment:
        watch = asyncio.create_task(deployment.watch())
        while "for the 4th time" not in await asyncio.wait_for(events.get(), 30):
            pass
        going_on = not watch.done()
        watch.cancel()

    assert going_on


async def test_a_part_killed_while_everything_comes_up_is_started_again(tmp_path: Path) -> None:
    code = KILLS_ITSELF_ONCE + SAYS_READY_AND_STAYS
    killed = part(tmp_path, "killed", code, str(tmp_path / "before"))

    async with running([killed]):
        pass

    assert (tmp_path / "before").exists()


async def test_words_of_an_earlier_start_make_nobody_ready(tmp_path: Path) -> None:
    (tmp_path / "slow.log").write_text("ready\n")
    began = tmp_path / "began"
    slow = part(tmp_path, "slow", f"open({str(began)!r}, 'w'); {SAYS_READY_AND_STAYS}")
    begun_when_ready: list[bool] = []

    async with running([slow], on_ready=lambda _: begun_when_ready.append(began.exists())):
        pass

    assert begun_when_ready == [True]


async def test_a_part_that_waits_for_others_is_let_wait_when_it_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "READY_WITHIN_SECONDS", 0.5)
    slow = part(tmp_path, "slow", DIES_ONCE_AND_IS_LATE_THEN, str(tmp_path / "before"))
    events: asyncio.Queue[str] = asyncio.Queue()
    parts = [replace(slow, waits_for_others=True)]

    async with running(parts, on_event=events.put_nowait, policy=AT_ONCE) as deployment:
        watch = asyncio.create_task(deployment.watch())
        said = [await asyncio.wait_for(events.get(), 20) for _ in range(2)]
        watch.cancel()

    assert said[0].startswith("slow ended with exit code 3")
    assert said[1].startswith("slow is ready again")


async def test_a_part_that_waits_for_others_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "OTHERS_WAIT_SECONDS", 0.2)
    there = tmp_path / "there"
    waiting = part(tmp_path, "waiting", WAITS_FOR_A_FILE_AND_SAYS_READY, str(there))
    events: asyncio.Queue[str] = asyncio.Queue()
    ready: asyncio.Queue[str] = asyncio.Queue()
    parts = [part(tmp_path, "other", SAYS_READY_AND_STAYS), replace(waiting, waits_for_others=True)]

    async with running(parts, on_event=events.put_nowait, on_ready=ready.put_nowait) as deployment:
        watch = asyncio.create_task(deployment.watch())
        said = await asyncio.wait_for(events.get(), 20)
        there.touch()
        came = [await asyncio.wait_for(ready.get(), 20) for _ in range(2)]
        watch.cancel()

    assert said == "waiting is not ready yet; the others go on."
    assert came == ["other", "waiting"]


async def test_a_part_that_waits_for_others_and_dies_waiting_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "OTHERS_WAIT_SECONDS", 0.2)
    waiting = part(tmp_path, "waiting", WAITS_FOR_A_FILE_AND_SAYS_READY, str(tmp_path / "there"))
    events: asyncio.Queue[str] = asyncio.Queue()
    parts = [replace(waiting, waits_for_others=True)]

    async with running(parts, on_event=events.put_nowait, policy=AT_ONCE) as deployment:
        watch = asyncio.create_task(deployment.watch())
        said = [await asyncio.wait_for(events.get(), 20)]
        os.kill(deployment.pid_of("waiting") or 0, signal.SIGKILL)
        said.append(await asyncio.wait_for(events.get(), 20))
        (tmp_path / "there").touch()
        said.append(await asyncio.wait_for(events.get(), 20))
        watch.cancel()

    assert said[1].startswith("waiting was ended by SIGKILL")
    assert said[2].startswith("waiting is ready again")


async def test_a_system_short_of_files_for_a_moment_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def short() -> set[int]:
        looks.append(1)
        raise OSError(errno.ENFILE, "Too many open files in system")

    monkeypatch.setattr(supervisor, "_zombies", short)
    monkeypatch.setattr(supervisor, "REAP_EVERY_SECONDS", 0.05)

    async with running([part(tmp_path, "stays", SAYS_READY_AND_STAYS)]) as deployment:
        watch = asyncio.create_task(deployment.watch())
        while len(looks) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        going_on = not watch.done()
        watch.cancel()

    assert going_on


def test_who_was_started_to_outlive_its_terminal_does() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with_nohup = supervisor._hanging_up()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        without = supervisor._hanging_up()
    finally:
        signal.signal(signal.SIGHUP, former)

    assert with_nohup == ()
    assert without == (signal.SIGHUP,)


async def test_the_end_of_an_essential_part_ends_the_watch(tmp_path: Path) -> None:
    stays = part(tmp_path, "stays", SAYS_READY_AND_STAYS)
    dies = replace(part(tmp_path, "dies", DIES_AFTER_READY), essential=True)

    with pytest.raises(ProcessFailed, match="dies ended with exit code 3"):
        async with running([stays, dies]) as deployment:
            await deployment.watch()


async def test_what_a_dead_parent_left_behind_is_buried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibe_pipeline.commands.supervisor.REAP_EVERY_SECONDS", 0.1)
    leaves = part(tmp_path, "leaves", LEAVES_AN_ORPHAN_AND_STAYS)

    async with running([leaves]) as deployment:
        watch = asyncio.create_task(deployment.watch())
        orphan = int((tmp_path / "leaves.log").read_text().split()[0])
        async with asyncio.timeout(20):
            while psutil.pid_exists(orphan):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        watch.cancel()

    assert not psutil.pid_exists(orphan)


async def test_each_part_ends_after_the_ones_that_were_started_after_it(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    names = ("code", "daemon", "bot")
    parts = [part(tmp_path, name, WRITES_ITS_END, str(ended), name) for name in names]

    async with running(parts):
        pass

    assert ended.read_text().split() == ["bot", "daemon", "code"]


async def test_not_even_a_stubborn_part_or_its_child_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibe_pipeline.commands.supervisor.STOP_WITHIN_SECONDS", 0.5)
    stubborn = part(tmp_path, "stubborn", IGNORES_TERM_WITH_A_CHILD)

    async with running([stubborn], on_ready=lambda name: None):
        child = int((tmp_path / "stubborn.log").read_text().split()[1])
        assert psutil.pid_exists(child)

    assert not psutil.pid_exists(child)


async def test_who_was_there_before_the_parts_lives_on(tmp_path: Path) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "600")

    async with running([part(tmp_path, "part", SAYS_READY_AND_STAYS)]):
        pass

    assert stranger.returncode is None
    stranger.kill()
    assert await stranger.wait() == -signal.SIGKILL


async def test_an_interruption_while_starting_leaves_nothing(
    tmp_path: Path, new_descendants: Callable[[], set[psutil.Process]]
) -> None:
    slow = part(tmp_path, "slow", "import time; time.sleep(600)")

    async def start() -> None:
        async with running([slow], on_ready=lambda name: None):
            pass

    task = asyncio.create_task(start())
    while not new_descendants():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_port_is_free_until_somebody_listens(tmp_path: Path) -> None:
    port = free_port()
    start = Start(log=tmp_path / "part.log", offset=0)
    before = listening_error("127.0.0.1", port) is None, await port_ready(port)(start)

    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port)
    async with server:
        during = listening_error("127.0.0.1", port) is None, await port_ready(port)(start)

    assert before == (True, False)
    assert during == (False, True)


async def test_an_errand_must_end_well_before_others_start(tmp_path: Path) -> None:
    errand = replace(part(tmp_path, "errand", "print('done')"), ready=None)
    lasting = part(tmp_path, "lasting", SAYS_READY_AND_STAYS, after=("errand",))
    told: list[str] = []

    async with running([lasting, errand], on_ready=told.append):
        pass

    assert told == ["errand", "lasting"]


async def test_a_failed_errand_stops_the_start(tmp_path: Path) -> None:
    errand = replace(part(tmp_path, "errand", DIES_AT_ONCE), ready=None)

    with pytest.raises(ProcessFailed, match=r"(?s)errand failed.*no disk today"):
        async with running([errand], on_ready=lambda name: None):
            pass


async def test_work_that_waits_for_a_dead_part_does_not_wait_on(tmp_path: Path) -> None:
    dies = replace(part(tmp_path, "dies", DIES_AFTER_READY), essential=True)

    with pytest.raises(ProcessFailed, match="dies ended with"):
        async with running([dies], on_ready=lambda name: None) as deployment:
            await deployment.alongside(asyncio.sleep(600))


async def test_work_beside_living_parts_gives_its_result(tmp_path: Path) -> None:
    async def work() -> str:
        return "a list"

    async with running(
        [part(tmp_path, "stays", SAYS_READY_AND_STAYS)], on_ready=lambda name: None
    ) as deployment:
        assert await deployment.alongside(work()) == "a list"


async def test_a_part_that_refuses_its_set_up_is_quoted(tmp_path: Path) -> None:
    refuses = part(tmp_path, "refuses", "print('vibe: Mend this setting.'); raise SystemExit(2)")

    with pytest.raises(ProcessRefused, match=r"^Mend this setting\.$"):
        async with running([refuses], on_ready=lambda name: None):
            pass
