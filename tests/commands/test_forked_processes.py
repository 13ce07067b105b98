"""Dagster's programs, forked from one process, live and end as if each had started by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster
import psutil
import pytest

from vibe_pipeline.commands.supervisor import (
    ManagedProcess,
    ProcessFailed,
    free_port,
    port_ready,
    running,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("new_descendants")]

KILLS_THE_FORK_SERVER = """
import contextlib, os, psutil
for process in psutil.Process(os.getppid()).children():
    with contextlib.suppress(psutil.ZombieProcess):
        if "vibe_pipeline.launcher.fork_server" in process.cmdline():
            process.kill()
"""
SUPERVISES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from tests.commands.test_forked_processes import code_server
from vibe_pipeline.commands.supervisor import running

async def supervise():
    async with running([code_server(Path(sys.argv[1]))], on_ready=lambda name: None) as supervisor:
        print("ready", flush=True)
        await supervisor.watch()

asyncio.run(supervise())
"""


def program(folder: Path, *command: str) -> ManagedProcess:
    return ManagedProcess(
        name="program",
        command=command,
        environment={**os.environ, "DAGSTER_HOME": str(folder)},
        folder=folder,
        log=folder / "program.log",
        ready=None,
        forked=True,
    )


def code_server(folder: Path) -> ManagedProcess:
    port = free_port()
    jobs = ("--module-name", "tests.support.launched_jobs")
    server = program(folder, "dagster", "api", "grpc", "--port", str(port), *jobs)
    return replace(server, ready=port_ready(port))


def fork_server() -> psutil.Process:
    return next(
        process
        for process in psutil.Process().children()
        if process.status() != psutil.STATUS_ZOMBIE  # its predecessor is buried within seconds
        and "vibe_pipeline.launcher.fork_server" in process.cmdline()
    )


async def test_a_forked_program_gets_its_arguments_and_its_own_log(tmp_path: Path) -> None:
    async with running([program(tmp_path, "dagster", "--version")], on_ready=lambda name: None):
        pass

    assert dagster.__version__ in (tmp_path / "program.log").read_text()


async def test_a_forked_program_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"(?s)program failed.*No such command 'sing'"):
        async with running([program(tmp_path, "dagster", "sing")], on_ready=lambda name: None):
            pass


async def test_a_forked_program_has_its_name_and_comes_back_when_it_or_its_fork_server_was_killed(
    tmp_path: Path,
) -> None:
    events: asyncio.Queue[str] = asyncio.Queue()

    async def told() -> list[str]:
        return [await asyncio.wait_for(events.get(), 60) for _ in range(2)]

    async with running([code_server(tmp_path)], on_event=events.put_nowait) as supervisor:
        watch = asyncio.create_task(supervisor.watch())
        server = fork_server()
        server.children()[0].kill()
        killed, back = await told()
        assert killed.startswith("program was ended by SIGKILL")
        assert back.startswith("program is ready again")
        assert server.children()[0].name() == "program"

        server.kill()
        killed, back = await told()
        assert killed.startswith("program was ended by SIGKILL")
        assert back.startswith("program is ready again")
        assert fork_server().children()[0].name() == "program"
        watch.cancel()


async def test_a_fork_server_killed_while_everything_comes_up_is_replaced(tmp_path: Path) -> None:
    errand = replace(
        program(tmp_path, sys.executable, "-c", KILLS_THE_FORK_SERVER),
        name="errand",
        log=tmp_path / "errand.log",
        forked=False,
    )
    version = replace(program(tmp_path, "dagster", "--version"), after=("errand",))

    async with running([errand, version], on_ready=lambda name: None):
        pass

    assert dagster.__version__ in (tmp_path / "program.log").read_text()


def test_nothing_is_left_when_the_supervisor_is_killed_outright(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISES_UNTIL_KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "ready\n"
        started = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs(started, timeout=10)

    assert len(started) == 2
    assert alive == []
