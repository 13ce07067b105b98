"""An operator's first evening: the tutorial's commands typed one after another, and what they say.

``tests/journeys/test_first_evening.py`` plays it on free ports with the services hurried;
``python -m tests.support.first_evening`` plays it as a newcomer would (a clone of its own, an empty
HOME, nothing installed, the ports and the pace of ``.env.example``) and writes the transcript.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-evening.md"
VIBE = ".venv/bin/vibe"
OUTSIDE = "http://127.0.0.1:9000"
LONG_SECONDS = 900.0
NIGHT_SECONDS = 20 * 60.0
LIST_SECONDS = 120.0
SOON_SECONDS = 30.0
SHOWN_LINES = 6


@dataclass(slots=True)
class Terminal:
    """A shell in one folder; it keeps what was typed and said, with the second it was typed at.

    ``instead`` are words of the documents that stand for others here: ports, where ``vibe`` is.
    """

    folder: Path
    environment: Mapping[str, str]
    instead: Mapping[str, str] = field(default_factory=dict)
    transcript: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def types(self, line: str) -> str:
        """Run it to its end, which has to be a good one; gives what it said."""
        self.typed.append(line)
        self.notes(f"$ {line}")
        ended = subprocess.run(
            self._shell(line),
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG_SECONDS,
            check=False,
        )
        self._keeps(ended.stdout)
        assert ended.returncode == 0, f"{line}: {ended.returncode}\n{ended.stdout}"
        return ended.stdout

    @contextmanager
    def stays(self, line: str, until: str) -> Iterator[subprocess.Popen[bytes]]:
        """Something that stays, from when it said these words; ended by Ctrl-C."""
        self.typed.append(line)
        self.notes(f"$ {line}")
        log = self.folder / f"{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._shell(f"exec {line}"),
                cwd=self.folder,
                env=dict(self.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: until in log.read_text() or process.poll() is not None, LONG_SECONDS)
            assert process.poll() is None, log.read_text()
            self._keeps(log.read_text())
            yield process
        finally:
            self.notes("Ctrl-C")
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            self._keeps(log.read_text().splitlines()[-1])

    def notes(self, what: str) -> None:
        """A line of the transcript of one's own."""
        self.transcript.append(f"[{time.monotonic() - self._began:5.0f} s] {what}")

    def translated(self, line: str) -> str:
        """The documents' words as they are here."""
        for word, other in self.instead.items():
            line = line.replace(word, other)
        return line

    def _shell(self, line: str) -> list[str]:
        return ["bash", "-c", self.translated(line)]

    def _keeps(self, said: str) -> None:
        spoken = said.replace("\r\n", "\n").split("\n")
        lines = [line.rpartition("\r")[2].rstrip() for line in spoken if line.strip()]
        left_out = [f"... ({len(lines) - SHOWN_LINES} more lines)"] * (len(lines) > SHOWN_LINES)
        self.transcript += [f"          {line}" for line in [*left_out, *lines[-SHOWN_LINES:]]]


def nothing_else(_: subprocess.Popen[bytes]) -> None:
    """Nothing happens while it runs."""


async def evening(
    terminal: Terminal,
    *,
    more: str = "",
    meanwhile: Callable[[subprocess.Popen[bytes]], None] = nothing_else,
    night_begins: Callable[[httpx.AsyncClient], Awaitable[None]] | None = None,
) -> dict[str, str]:
    """From ``.env.example`` to the first nightly list and a restored backup; gives what was said.

    ``more`` is added to ``.env``. ``night_begins`` is awaited once somebody's hour is near; without
    it the schedule does what it does.
    """
    said: dict[str, str] = {}
    terminal.types("cp .env.example .env")
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        with terminal.stays(f"{VIBE} simulator --port 9000", "simulator ready"):
            terminal.types(f"{VIBE} simulator --port 9000 --env >> .env")
            with (terminal.folder / ".env").open("a", encoding="utf-8") as env_file:
                env_file.write(f"\n{more}")
            said["doctor"] = terminal.types(f"{VIBE} doctor")
            with terminal.stays(f"{VIBE} up", "Ctrl-C stops everything") as everything:
                person = await DemoUser.arrive(
                    http, terminal.translated(OUTSIDE), name="Robin", username="robin"
                )
                await _connects(terminal, person)
                await _sets_night(terminal, person)
                said["list"], first = await _asks_for_list(terminal, person)
                meanwhile(everything)
                said |= _looks_after(terminal)
                if night_begins is not None:
                    await night_begins(http)
                listed = await person.sees(
                    "a nightly list", _has_playlist, since=first, within=NIGHT_SECONDS
                )
                said["night"] = _told(terminal, listed)
                said["people"] = terminal.types(f"{VIBE} people")
            said["restore"] = terminal.types(f"{VIBE} restore vibe-today.tar.gz")
            said["people restored"] = terminal.types(f"{VIBE} people")
            said["erase"] = terminal.types(f"{VIBE} erase USER")
    return said


async def _connects(terminal: Terminal, person: DemoUser) -> None:
    asked = await _types_to_bot(terminal, person, "/start")
    await person.sees("a greeting", bool, since=asked, within=SOON_SECONDS)
    asked = await _types_to_bot(terminal, person, "/connect")
    offered = await person.sees("a link", _has_link, since=asked, within=SOON_SECONDS)
    await person.consents(str(connect_link(offered)))
    told = await person.sees("a word", bool, since=offered["message_id"], within=SOON_SECONDS)
    _told(terminal, told)


async def _sets_night(terminal: Terminal, person: DemoUser) -> None:
    """Ask for a night that comes within a minute or two."""
    hour = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%H:%M")
    asked = await _types_to_bot(terminal, person, f"/nightly {hour}")
    _told(terminal, await person.sees("an answer", bool, since=asked, within=SOON_SECONDS))


async def _asks_for_list(terminal: Terminal, person: DemoUser) -> tuple[str, int]:
    """A list now; gives the bot's words, and their message's id."""
    asked = await _types_to_bot(terminal, person, "/generate")
    listed = await person.sees("a list", _has_playlist, since=asked, within=LIST_SECONDS)
    return _told(terminal, listed), int(listed["message_id"])


def _looks_after(terminal: Terminal) -> dict[str, str]:
    """What an operator does while everything runs."""
    return {
        "export": terminal.types(f"{VIBE} export USER"),
        "replay": terminal.types(f"{VIBE} replay USER 2026-11-20"),
        "rotate-key": terminal.types(f"{VIBE} rotate-key"),
        "backup": terminal.types(f"{VIBE} backup --to vibe-today.tar.gz"),
        "doctor while it runs": terminal.types(f"{VIBE} doctor"),
    }


async def _types_to_bot(terminal: Terminal, person: DemoUser, text: str) -> int:
    terminal.notes(f"to the bot: {text}")
    return await person.types(text)


def _told(terminal: Terminal, message: Message) -> str:
    text = str(message["text"])
    terminal.notes("the bot: " + text.partition("\n")[0])
    return text


def _has_link(message: Message) -> bool:
    return connect_link(message) is not None


def _has_playlist(message: Message) -> bool:
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Look again and again until it holds; raises ``AssertionError`` when the time is over."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)


def main() -> None:
    """Play it as a newcomer would, and write the page."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        home.mkdir()
        kept = ("LANG", "PATH", "PIP_CERT", "PIP_CONFIG_FILE", "PIP_FIND_LINKS")
        told = {name: os.environ[name] for name in kept if name in os.environ}
        terminal = Terminal(folder=Path(place), environment={**told, "HOME": str(home)})
        terminal.instead = {"ADDRESS": str(ROOT)}
        terminal.types("git clone ADDRESS vibe")
        terminal.folder = Path(place) / "vibe"
        terminal.types('make demo ARGS="--once"')
        terminal.types("make install")
        terminal.instead = {"USER": "Robin", "2026-11-20": f"{datetime.now(UTC):%Y-%m-%d}"}
        asyncio.run(evening(terminal))
    text = "\n".join(terminal.transcript).replace(str(place), "~")
    head = PAGE.read_text("utf-8").partition("```")[0]
    PAGE.write_text(f"{head}```text\n{text}\n```\n", encoding="utf-8")


if __name__ == "__main__":
    main()
