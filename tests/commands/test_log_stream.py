"""One stream of what all parts write, and log files that stay small."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from vibe_pipeline.commands.log_stream import FollowedFile, LogStream

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(text)


def test_each_line_bears_its_part_and_what_was_there_before_is_left_out(tmp_path: Path) -> None:
    bot, daemon = tmp_path / "bot.log", tmp_path / "daemon.log"
    append(bot, "of yesterday\n")
    files = [FollowedFile("Telegram bot", bot), FollowedFile("Daemon", daemon)]
    for file in files:
        file.skip_what_is_there()
    lines: list[str] = []
    stream = LogStream(files=files, write=lines.append)

    append(bot, "listening\nhalf a li")
    append(daemon, "\x1b[32mready\x1b[0m\n")
    stream.look()
    append(bot, "ne\n")
    stream.look()

    assert lines == [
        "Telegram bot | listening",
        "Daemon       | ready",
        "Telegram bot | half a line",
    ]


def test_on_a_terminal_each_part_has_its_colour(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    lines: list[str] = []
    stream = LogStream(files=[FollowedFile("Bot", log)], write=lines.append, colours=True)

    append(log, "listening\n")
    stream.look()

    assert lines == ["\x1b[36mBot |\x1b[0m listening"]


def test_for_machines_every_line_is_a_json_object_whoever_wrote_it(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    lines: list[str] = []
    stream = LogStream(
        files=[FollowedFile("Bot", log)], write=lines.append, log_format="json", now=lambda: NOW
    )

    append(
        log, '{"event": "listening", "level": "info"}\nTraceback (most recent call last):\n[1]\n'
    )
    stream.look()

    assert [json.loads(line) for line in lines] == [
        {"part": "Bot", "event": "listening", "level": "info"},
        {
            "part": "Bot",
            "timestamp": NOW.isoformat(),
            "event": "Traceback (most recent call last):",
        },
        {"part": "Bot", "timestamp": NOW.isoformat(), "event": "[1]"},
    ]


def test_a_log_that_grows_for_ever_stays_within_its_bounds_and_nothing_is_said_twice(
    tmp_path: Path,
) -> None:
    log = tmp_path / "bot.log"
    file, said = FollowedFile("Bot", log), []
    with log.open("a", encoding="utf-8") as held_open:  # as a part holds it, to append
        for number in range(200):
            held_open.write(f"line {number:04}\n")
            held_open.flush()
            said += list(file.new_lines())
            file.rotate(most_bytes=100, kept=3)

    assert said == [f"line {number:04}" for number in range(200)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("bot.log", "bot.log.1", "bot.log.2", "bot.log.3")
    ]
    assert all(path.stat().st_size <= 110 for path in tmp_path.iterdir())


def test_on_a_full_disk_the_logs_that_are_kept_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_a_copy(_: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    log = tmp_path / "bot.log"
    kept = {"bot.log": b"x" * 200, "bot.log.1": b"one", "bot.log.2": b"two", "bot.log.3": b"three"}
    for name, content in kept.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("shutil.copy", half_a_copy)

    turned = [FollowedFile("Bot", log).rotate(most_bytes=100, kept=3) for _ in range(4)]

    assert turned == [False] * 4
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def room_for(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=room, used=0, free=room)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)


@pytest.mark.parametrize(
    ("size", "room", "kept"),
    [
        (150, 1000, 150),
        (150, 120, 100),
        (100_000, 1_000_000, 100),
        (100_000, 50_000, 100),
        (100_000, 0, 100),
    ],
    ids=["fits", "fits in part", "overgrown", "does not fit twice", "fills the disk"],
)
def test_of_a_log_that_does_not_fit_twice_or_is_overgrown_the_end_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, room: int, kept: int
) -> None:
    log = tmp_path / "bot.log"
    written = bytes(number % 251 for number in range(size))
    log.write_bytes(written)
    room_for(room, monkeypatch)

    turned = FollowedFile("Bot", log).rotate(most_bytes=100, kept=3)

    assert turned
    assert (tmp_path / "bot.log.1").read_bytes() == written[-kept:]
    assert log.read_bytes() == b""
    assert len([*tmp_path.iterdir()]) == 2


def test_a_log_without_room_for_a_copy_is_not_copied_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[object] = []
    log = tmp_path / "bot.log"
    log.write_bytes(b"x" * 150)
    monkeypatch.setattr("shutil.copy", lambda *paths: copied.append(paths))
    room_for(50, monkeypatch)

    turned = [FollowedFile("Bot", log).rotate(most_bytes=100, kept=3) for _ in range(3)]

    assert turned == [False] * 3
    assert copied == []
    assert [path.name for path in tmp_path.iterdir()] == ["bot.log"]


def test_of_a_log_that_was_deleted_it_is_said_once_and_a_new_one_is_read(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    file = FollowedFile("Bot", log)
    assert [*file.new_lines()] == []
    append(log, "first\n")
    assert [*file.new_lines()] == ["first"]

    log.unlink()

    (said,) = [*file.new_lines(), *file.new_lines()]
    assert "was deleted" in said
    append(log, "again\n")
    assert [*file.new_lines()] == ["again"]


@pytest.mark.parametrize("trouble", [BrokenPipeError(), OSError(28, "full"), UnicodeError("latin")])
def test_where_nobody_can_read_the_stream_logs_are_kept_small_all_the_same(
    tmp_path: Path, trouble: Exception
) -> None:
    def refused(_: str) -> None:
        raise trouble

    log = tmp_path / "bot.log"
    stream = LogStream(files=[FollowedFile("Bot", log)], write=refused)
    append(log, "x" * 6_000_000 + "\n")

    stream.look()
    stream.line("Vibe", "a part died")

    assert log.stat().st_size == 0
