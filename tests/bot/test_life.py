"""The bot as a process: what it needs, what it refuses, how it ends, what it never imports."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import httpx

from tests.support.bot_process import PYTHON, ROOT, environment, started
from tests.support.bot_world import bot_world
from vibe_bot.poller import single_poller


def run_bot(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "vibe_bot"],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_the_bot_takes_neither_dagster_nor_duckdb_nor_pandas_nor_numpy() -> None:
    heavy = ["dagster", "duckdb", "pandas", "numpy", "pyarrow"]
    code = f"import vibe_bot.__main__, sys; print([m for m in {heavy!r} if m in sys.modules])"

    said = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert said.stdout.strip() == "[]"


def test_without_a_token_it_says_what_to_do(tmp_path: Path) -> None:
    ended = run_bot(tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.strip().count("\n") == 0
    assert "TELEGRAM_BOT_TOKEN" in ended.stderr


def test_a_bad_setting_is_named_in_one_sentence(tmp_path: Path) -> None:
    ended = run_bot(tmp_path, TELEGRAM_BOT_TOKEN="1:x", DEFAULT_PLAYLIST_SIZE="many")

    assert ended.returncode == 2
    assert ended.stderr.strip().count("\n") == 0
    assert "DEFAULT_PLAYLIST_SIZE" in ended.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    ended = run_bot(tmp_path, TELEGRAM_BOT_TOKEN="1:x", VIBE_HOME=str(tmp_path / "file" / "home"))

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_a_second_poller_in_the_same_home_is_refused(tmp_path: Path) -> None:
    with single_poller(tmp_path / "home"):
        ended = run_bot(tmp_path, TELEGRAM_BOT_TOKEN="1:x", VIBE_HOME=str(tmp_path / "home"))

    assert ended.returncode == 2
    assert "already runs" in ended.stderr
    assert str(os.getpid()) in ended.stderr


async def test_a_token_telegram_does_not_know_ends_it_with_a_sentence(tmp_path: Path) -> None:
    async with bot_world(tmp_path) as place:
        process = await started(place, tmp_path, TELEGRAM_BOT_TOKEN="123456:not-the-real-one")
        said, _ = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 2
    assert b"does not know this TELEGRAM_BOT_TOKEN" in said
    assert b"123456:not-the-real-one" not in said


async def test_it_starts_answers_and_stops_cleanly_without_telling_its_token(
    tmp_path: Path,
) -> None:
    async with bot_world(tmp_path) as place:
        process = await started(place, tmp_path)
        anna = await place.person()
        await anna.types("/start")
        await anna.sees(within=60)

        process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0
    assert b"listening" in said
    assert place.telegram.token.encode() not in said
    assert b"/start" not in said
    assert b"Anna" not in said


async def test_it_waits_for_a_telegram_that_cannot_be_reached(tmp_path: Path) -> None:
    async with bot_world(tmp_path) as place:
        process = await started(place, tmp_path, TELEGRAM_API_URL="http://127.0.0.1:9")
        assert process.stdout is not None
        line = b""
        while b"cannot be reached" not in line:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, "it ended by itself"
        process.send_signal(signal.SIGINT)
        said, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0
    assert place.telegram.token.encode() not in line + said


async def test_logs_are_json_when_asked_for(tmp_path: Path) -> None:
    async with bot_world(tmp_path) as place:
        process = await started(place, tmp_path, LOG_FORMAT="json")
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 30)

    assert httpx.Response(200, content=line).json()["event"]
