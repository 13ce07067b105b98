"""A bot that hangs ends, so that it is started again; one that is only busy lives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

_PROGRAM = """
import asyncio, time
from vibe_bot.watchdog import ending_when_still

async def main():
    with ending_when_still(after_seconds={after}):
        await asyncio.sleep(0)
        {work}
    time.sleep({beyond})
    print("ended by itself")

asyncio.run(main())
"""


def bot(work: str, *, after: float, beyond: float = 0.0) -> subprocess.CompletedProcess[str]:
    """What became of a program that does this inside."""
    program = _PROGRAM.format(work=work, after=after, beyond=beyond)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_loop_that_stands_still_ends_the_program_and_says_where_it_stood() -> None:
    ended = bot("time.sleep(50)", after=0.5)

    assert ended.returncode == 1
    assert "in main" in ended.stderr
    assert "ended by itself" not in ended.stdout


@pytest.mark.parametrize("work", ["await asyncio.sleep(3)", "time.sleep(0.1)"])
def test_a_loop_that_waits_or_is_busy_for_a_moment_goes_on(work: str) -> None:
    assert bot(work, after=1.5, beyond=2.0).stdout == "ended by itself\n"


def test_a_bot_that_was_frozen_goes_on_when_it_is_thawed() -> None:
    work = "print('inside', flush=True); await asyncio.sleep(3)"
    program = _PROGRAM.format(work=work, after=1.5, beyond=0.0)
    frozen = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert frozen.stdout is not None
    assert frozen.stdout.readline() == "inside\n"
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(3.0)
    frozen.send_signal(signal.SIGCONT)

    assert frozen.communicate(timeout=60)[0] == "ended by itself\n"
