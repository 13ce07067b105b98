"""The tutorial's commands, typed in order: to a first nightly list and a restored backup."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography.fernet import Fernet

from tests.support.documented_commands import DOCUMENTS, commands_in
from tests.support.first_evening import ROOT, Terminal, evening, wait_until
from tests.support.oauth_site import bearer
from tests.support.vibe_command import VIBE, clean_environment, processes_that_mention
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.commands.supervisor import free_port

TOKEN = "a-long-enough-internal-token"
NEW_KEY = "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"


@pytest.mark.slow
def test_an_operators_first_evening_goes_as_the_tutorial_tells_it(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / ".env.example", tmp_path / ".env.example")
    outside, people, dagster = (str(free_port()) for _ in range(3))
    terminal = Terminal(folder=tmp_path, environment=clean_environment())
    terminal.instead = {
        ".venv/bin/vibe": VIBE,
        "9000": outside,
        "USER": "Robin",
        "2026-11-20": f"{utc_now():%Y-%m-%d}",
    }

    async def night_begins(http: httpx.AsyncClient) -> None:
        address = f"http://127.0.0.1:{people}/internal/jobs/nightly"
        while not await begun(http, address):  # noqa: ASYNC110
            await asyncio.sleep(2.5)

    said = asyncio.run(
        evening(
            terminal,
            more=f"PUBLIC_URL=http://127.0.0.1:{people}\n"
            f"SPOTIFY_REDIRECT_URI=http://127.0.0.1:{people}/callback\n"
            f"DAGSTER_GRAPHQL_URL=http://127.0.0.1:{dagster}/graphql\n"
            f"INTERNAL_JOB_TOKEN={TOKEN}\n",
            meanwhile=lambda up: kill_the_bot(up, tmp_path),
            night_begins=night_begins,
        )
    )

    documented = {line for document in DOCUMENTS for line in commands_in(document)}
    typed = {line.removeprefix(".venv/bin/") for line in terminal.typed}
    assert typed - documented == set()
    assert "Nothing is wrong." in said["doctor"]
    assert "Nothing is wrong." in said["doctor while it runs"]
    assert "Robin" in said["people"]
    assert "made" in said["people"]
    assert "Robin" in said["people restored"]
    assert traces_in(tmp_path / ".vibe" / "logs") == []
    assert processes_that_mention(str(tmp_path)) == []


async def begun(http: httpx.AsyncClient, address: str) -> bool:
    """Trigger the night, and say whether its list is begun, by this or by the schedule."""
    said: dict[str, dict[str, str]] = (await http.post(address, headers=bearer(TOKEN))).json()
    return bool(said["launched"]) or not {"under_way", "made"}.isdisjoint(said["skipped"].values())


def traces_in(logs: Path) -> list[str]:
    """The programs of Dagster's that complain of code which is not there yet."""
    return [log.name for log in logs.glob("*.log") if "Error loading" in log.read_text("utf-8")]


def kill_the_bot(up: subprocess.Popen[bytes], folder: Path) -> None:
    """The bot dies under ``vibe up``, which starts it again while the others go on."""
    log = folder / ".vibe" / "logs" / "supervisor.log"
    (bot,) = (
        child
        for child in psutil.Process(up.pid).children()
        if "vibe_bot" in " ".join(child.cmdline())
    )
    bot.kill()
    wait_until(lambda: log.exists() and "Telegram bot is ready again" in log.read_text(), 60)
    assert "Telegram bot was ended by SIGKILL" in log.read_text()


def test_a_key_made_as_the_page_tells_is_one() -> None:
    page = (ROOT / "docs" / "operating" / "rotate-key.md").read_text("utf-8")
    made = subprocess.run(
        [sys.executable, "-c", NEW_KEY], capture_output=True, text=True, check=True, timeout=30
    )

    assert NEW_KEY in page
    assert Fernet(made.stdout.strip().encode())
