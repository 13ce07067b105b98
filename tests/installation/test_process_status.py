"""What the processes of an installation tell each other about how they do."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vibe_pipeline.installation.process_status import (
    ProcessState,
    ProcessStatus,
    StatusFile,
    Troubles,
    how_it_ended,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATUS = ProcessStatus(state=ProcessState.RESTARTING, since=NOON, restarts=2, reason="was ended")


def test_what_the_supervisor_writes_is_read_again(tmp_path: Path) -> None:
    StatusFile(tmp_path).write({"Telegram bot": STATUS})

    assert StatusFile(tmp_path).read() == {"Telegram bot": STATUS}


def test_however_a_process_ends_there_are_words_for_it() -> None:
    for code in range(-64, 130):
        assert str(abs(code)) in how_it_ended(code) or "SIG" in how_it_ended(code)


def test_another_process_with_the_number_of_a_former_supervisor_says_nothing(
    tmp_path: Path,
) -> None:
    StatusFile(tmp_path).write({"Telegram bot": STATUS})
    path = tmp_path / "status" / "processes.json"
    before_the_reboot = {**json.loads(path.read_text("utf-8")), "born": "1"}
    path.write_text(json.dumps(before_the_reboot), "utf-8")

    assert StatusFile(tmp_path).read() == {}


def test_a_supervisor_that_is_gone_says_nothing(tmp_path: Path) -> None:
    StatusFile(tmp_path).write({"Telegram bot": STATUS})
    path = tmp_path / "status" / "processes.json"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path.write_text(json.dumps({**json.loads(path.read_text()), "supervisor": ended.pid}))

    assert StatusFile(tmp_path).read() == {}


def test_nothing_is_said_where_nothing_was_written(tmp_path: Path) -> None:
    assert StatusFile(tmp_path).read() == {}
    assert Troubles(tmp_path).current(now=NOON, within=timedelta(minutes=2)) == {}


def test_where_nothing_can_be_taken_away_the_end_comes_in_order_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "status").write_text("no folder")

    StatusFile(tmp_path).write({"Telegram bot": STATUS})
    StatusFile(tmp_path).clear()

    assert StatusFile(tmp_path).read() == {}


def test_a_complaint_is_current_for_a_while_only(tmp_path: Path) -> None:
    Troubles(tmp_path).note("Telegram bot", "Somebody else polls.", now=NOON)

    soon, later = NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)

    within = timedelta(minutes=2)
    assert Troubles(tmp_path).current(now=soon, within=within) == {
        "Telegram bot": "Somebody else polls."
    }
    assert Troubles(tmp_path).current(now=later, within=within) == {}


def test_a_complaint_of_the_future_is_over_once_the_clock_was_set_back(tmp_path: Path) -> None:
    Troubles(tmp_path).note("Telegram bot", "Somebody else polls.", now=NOON)

    yesterday = NOON - timedelta(days=1)

    assert Troubles(tmp_path).current(now=yesterday, within=timedelta(minutes=2)) == {}
