"""Processes that are started together end together, however they end."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from vibe_pipeline.commands.supervisor import (
    ManagedProcess,
    ProcessFailed,
    ProcessRefused,
    free_port,
    log_ready,
    port_is_free,
    port_ready,
    running,
)

SAYS_READY_AND_STAYS = "print('ready', flush=True); import time; time.sleep(600)"
DIES_AFTER_READY = "print('ready', flush=True); import time; time.sleep(0.5); raise SystemExit(3)"
DIES_AT_ONCE = "raise SystemExit('no disk today')"
IGNORES_TERM_WITH_A_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print("ready", child.pid, flush=True)
time.sleep(600)
"""


def part(folder: Path, name: str, code: str, *, after: tuple[str, ...] = ()) -> ManagedProcess:
    log = folder / f"{name}.log"
    return ManagedProcess(
        name=name,
        command=(sys.executable, "-c", code),
        environment=dict(os.environ),
        folder=folder,
        log=log,
        ready=log_ready(log, "ready"),
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

    assert psutil.Process().children(recursive=True) == []


async def test_a_part_that_dies_later_ends_the_watch(tmp_path: Path) -> None:
    stays = part(tmp_path, "stays", SAYS_READY_AND_STAYS)
    dies = part(tmp_path, "dies", DIES_AFTER_READY)

    with pytest.raises(ProcessFailed, match="dies ended by itself"):
        async with running([stays, dies], on_ready=lambda name: None) as deployment:
            await deployment.watch()

    assert psutil.Process().children(recursive=True) == []


async def test_not_even_a_stubborn_part_or_its_child_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibe_pipeline.commands.supervisor.STOP_WITHIN_SECONDS", 0.5)
    stubborn = part(tmp_path, "stubborn", IGNORES_TERM_WITH_A_CHILD)

    async with running([stubborn], on_ready=lambda name: None):
        child = int((tmp_path / "stubborn.log").read_text().split()[1])
        assert psutil.pid_exists(child)

    assert not psutil.pid_exists(child)
    assert psutil.Process().children(recursive=True) == []


async def test_an_interruption_while_starting_leaves_nothing(tmp_path: Path) -> None:
    slow = part(tmp_path, "slow", "import time; time.sleep(600)")

    async def start() -> None:
        async with running([slow], on_ready=lambda name: None):
            pass

    task = asyncio.create_task(start())
    while not psutil.Process().children():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert psutil.Process().children(recursive=True) == []


async def test_a_port_is_free_until_somebody_listens() -> None:
    port = free_port()
    before = port_is_free("127.0.0.1", port), await port_ready(port)()

    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port)
    async with server:
        during = port_is_free("127.0.0.1", port), await port_ready(port)()

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
    dies = part(tmp_path, "dies", DIES_AFTER_READY)

    with pytest.raises(ProcessFailed, match="dies ended by itself"):
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
