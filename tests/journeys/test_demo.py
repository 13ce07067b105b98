"""The whole product as processes, from nothing to a list, and nothing left afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.vibe_command import VIBE, clean_environment, processes_that_mention, vibe

pytestmark = pytest.mark.slow

SCRATCH = "vibe-demo-"
LONG = 300.0


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def started(folder: Path, scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [VIBE, "demo"],
        cwd=folder,
        env=clean_environment(TMPDIR=str(scratch)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


def nothing_is_left(scratch: Path) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not processes_that_mention(str(scratch)):
            return list(scratch.iterdir()) == []
        time.sleep(0.2)
    return False


def test_a_newcomer_gets_a_list_that_keeps_every_promise(tmp_path: Path, scratch: Path) -> None:
    ended = vibe(
        *("demo", "--once", "--json"),
        folder=tmp_path,
        environment={"TMPDIR": str(scratch), "DEFAULT_PLAYLIST_SIZE": "20"},
        seconds=LONG,
    )

    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout.splitlines()[-1])
    assert list(record) == [
        *("edition_id", "playlist_id", "playlist_url", "tracks", "seconds", "spotify_calls")
    ]
    assert [track["position"] for track in record["tracks"]] == list(range(1, 21))
    assert max(Counter(track["artist"] for track in record["tracks"]).values()) <= 2
    assert sum(track["is_new"] for track in record["tracks"]) >= 16
    assert all(track["reason"] and track["source"] for track in record["tracks"])
    assert record["spotify_calls"]["total"] <= 60
    assert record["seconds"]["total"] > 0
    assert "at the services' real pace" in ended.stderr
    assert "Promises S5, S6, S7 and S8 hold" in ended.stderr
    assert nothing_is_left(scratch)


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path, scratch: Path) -> None:
    process = started(tmp_path, scratch)
    wait_for_line(process, "Simulator is ready")

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert nothing_is_left(scratch)


def test_a_demo_that_is_killed_outright_is_swept_by_the_next(tmp_path: Path, scratch: Path) -> None:
    process = started(tmp_path, scratch)
    wait_for_line(process, "Simulator is ready")
    process.kill()
    process.wait()
    (abandoned,) = scratch.glob(f"{SCRATCH}*")

    vibe(
        *("demo", "--once"),
        folder=tmp_path,
        environment={"TMPDIR": str(scratch), "TELEGRAM_API_URL": "http://127.0.0.1:9"},
    )

    assert not abandoned.exists()
    assert nothing_is_left(scratch)
