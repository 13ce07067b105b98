"""A wake-up call between processes: heard when somebody listens, no trouble when nobody does."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vibe_pipeline.launcher.wake_up import WakeUpCall, WakeUpListener


def listener_at(path: Path) -> WakeUpListener:
    listener = WakeUpListener.at(path)
    assert listener is not None
    return listener


def test_a_call_is_heard_also_when_it_came_before_the_wait(tmp_path: Path) -> None:
    listener = listener_at(tmp_path / "pipe")

    WakeUpCall(tmp_path / "pipe").ring()

    assert listener.wait(0)


def test_many_calls_wake_once(tmp_path: Path) -> None:
    listener = listener_at(tmp_path / "pipe")
    for _ in range(100_000):
        WakeUpCall(tmp_path / "pipe").ring()

    assert listener.wait(0)
    assert not listener.wait(0)


def test_without_a_call_the_wait_ends_by_itself(tmp_path: Path) -> None:
    assert not listener_at(tmp_path / "pipe").wait(0.01)


def test_a_call_that_nobody_can_hear_does_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "left by one that is gone")

    WakeUpCall(tmp_path / "left by one that is gone").ring()
    WakeUpCall(tmp_path / "nowhere").ring()

    assert [path.name for path in tmp_path.iterdir()] == ["left by one that is gone"]


def test_who_comes_back_hears_at_the_same_place(tmp_path: Path) -> None:
    listener_at(tmp_path / "pipe")

    again = listener_at(tmp_path / "pipe")
    WakeUpCall(tmp_path / "pipe").ring()

    assert again.wait(0)


def test_only_the_owner_may_call(tmp_path: Path) -> None:
    listener_at(tmp_path / "pipe")

    assert stat.S_IMODE((tmp_path / "pipe").stat().st_mode) == 0o600


def test_where_there_can_be_no_pipe_nobody_listens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a pipe", encoding="utf-8")

    assert WakeUpListener.at(tmp_path / "file") is None
    assert WakeUpListener.at(tmp_path / "no folder" / "pipe") is None
    assert (tmp_path / "file").read_text(encoding="utf-8") == "not a pipe"
