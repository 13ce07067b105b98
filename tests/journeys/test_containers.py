"""The containers' own commands, users' way included, run without an engine.

Dockerfile and docker-compose.yml are read for what they would start; ports and folders are ours.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from vibe_pipeline.commands.supervisor import script
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation
from vibe_pipeline.installation.access_token import bearer, read_token
from vibe_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
STARTED = ("code", "webserver", "daemon", "oauth", "bot")
HOME = "/var/lib/vibe"
EVERYWHERE = "0.0.0.0"  # noqa: S104
FRESHNESS = """{
  assetNodeOrError(assetKey: {path: ["published_playlist"]}) {
    ... on AssetNode { freshnessStatusInfo { freshnessStatus } }
  }
}"""
GRACE_SECONDS = 25
READY_SECONDS = 90


def compose() -> dict[str, Any]:
    """The compose file's services."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def stages() -> dict[str, str]:
    """The Dockerfile's stages by name, each with what it inherits in front."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    bodies: dict[str, str] = {}
    for base, name, body in re.findall(
        r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S
    ):
        bodies[name] = bodies.get(base, "") + body
    return bodies


def ordered(stage: str, instruction: str) -> list[str]:
    """The last such instruction's words, written as JSON in the Dockerfile."""
    *_, words = re.findall(rf"^[^#\n]*\b{instruction} (\[.*?\])$", stages()[stage], re.M)
    command: list[str] = json.loads(words)
    return command


def test_every_service_of_ours_is_a_stage_that_does_not_run_as_root_and_says_how_it_is() -> None:
    for name in (*STARTED, "setup", "demo"):
        stage = stages()[compose()[name]["build"]["target"]]

        assert re.findall(r"^USER (\S+)", stage, re.M)[-1] == "10001:10001", name
        assert (name in STARTED) <= ("HEALTHCHECK" in stage), name
        assert "pip install" not in stage, name


def test_the_compose_file_holds_no_secret_and_names_settings_that_exist() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"DAGSTER_HOME"}

    for name in STARTED:
        told = set(compose()[name]["environment"])
        assert told <= known, name
        assert not {one for one in told if re.search("TOKEN|SECRET|KEY", one)}, name


@pytest.mark.parametrize("profile", ["demo", "postgres", "cron", "proxy"])
def test_every_profile_brings_a_service(profile: str) -> None:
    assert [name for name, told in compose().items() if profile in told.get("profiles", [])]


def test_dagster_publishes_no_port_of_its_own() -> None:
    reached = {name for name, told in compose().items() if "ports" in told}

    assert reached == {"oauth", "proxy"}


@pytest.mark.slow
def test_the_containers_commands_make_a_list_as_promised_and_stop_when_they_are_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRESHNESS_DAEMON_INTERVAL_SECONDS", "2")
    with demo_installation(None) as installation, running(installation) as processes:
        before = nightly_promise(installation)
        asyncio.run(first_list(installation))
        wait_until(lambda: nightly_promise(installation) == "HEALTHY")
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(GRACE_SECONDS) for name, process in processes.items()}

    assert before != "HEALTHY"
    assert set(codes.values()) <= {0, -signal.SIGTERM}, codes


def nightly_promise(installation: DemoInstallation) -> str:
    """What Dagster's daemon last found of the freshness of people's lists."""
    answer = httpx.post(
        f"{installation.dagster_page}/graphql",
        json={"query": FRESHNESS},
        headers=bearer(read_token(installation.home)),
        timeout=30,
    ).json()
    found = answer["data"]["assetNodeOrError"].get("freshnessStatusInfo") or {}
    return str(found.get("freshnessStatus", "the code is not loaded yet"))


async def first_list(installation: DemoInstallation) -> None:
    """Somebody connects and asks, as in any installation."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        person = await DemoUser.arrive(http, installation.simulator)
        sent = await person.types("/connect")
        asked = await person.sees("a link", has_link, since=sent, within=READY_SECONDS)
        await person.consents(str(connect_link(asked)))
        sent = await person.types("/generate")
        await person.sees("a list", has_playlist, since=sent, within=READY_SECONDS)


def has_link(message: Message) -> bool:
    """Whether the bot offers to connect."""
    return connect_link(message) is not None


def has_playlist(message: Message) -> bool:
    """Whether it shows where the finished list is."""
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


@contextmanager
def running(installation: DemoInstallation) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    """The simulated world, and every container's command with its health check passed."""
    simulator, *_ = installation.managed_processes()
    world = started(simulator.command, installation, "simulator")
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        wait_until(lambda: httpx.get(f"{installation.simulator}/control/clock").is_success)
        setup = here(compose()["setup"]["command"], installation)
        assert started(setup, installation, "setup").wait(READY_SECONDS) == 0
        for name in STARTED:
            processes[name] = started(here(ordered(name, "CMD"), installation), installation, name)
        for name in STARTED:
            check = here(ordered(name, "HEALTHCHECK .*CMD"), installation)
            wait_until(lambda check=check: run(check, installation) == 0)
        yield processes
    finally:
        for process in (*processes.values(), world):
            process.kill()
            process.wait()


def here(command: list[str], installation: DemoInstallation) -> list[str]:
    """A container's command with our folder, addresses and interpreter."""
    ports = installation.ports
    moved = {
        HOME: str(installation.home),
        EVERYWHERE: "127.0.0.1",
        "code:4000": f"127.0.0.1:{ports.code_server}",
        "4000": str(ports.code_server),
        "3000": str(ports.webserver),
        "8000": str(ports.oauth),
    }
    words = [re.sub("|".join(map(re.escape, moved)), lambda m: moved[m[0]], w) for w in command]
    return [script(words[0]), *words[1:]]


def started(
    command: list[str] | tuple[str, ...], installation: DemoInstallation, name: str
) -> subprocess.Popen[bytes]:
    """That command, with what an installation's parts are told."""
    (installation.home / "logs").mkdir(exist_ok=True)
    with (installation.home / "logs" / f"container-{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=dict(installation.environment),
            cwd=installation.home,
            stdout=log,
            stderr=log,
        )


def run(command: list[str], installation: DemoInstallation) -> int:
    """A health check's answer."""
    return started(command, installation, "health").wait(READY_SECONDS)


def wait_until(holds: Any) -> None:
    """Until it does, within the time that a container has to become healthy."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"not within {READY_SECONDS} seconds")
