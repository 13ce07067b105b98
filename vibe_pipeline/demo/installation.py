"""Where the demo plays: a scratch folder, free ports, and settings that lead to the simulator.

What processes there are is ``commands.processes``', as in a real installation.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from vibe_pipeline.commands import checks as preflight
from vibe_pipeline.commands.processes import Ports, environment, managed_processes, prepare
from vibe_pipeline.commands.supervisor import ManagedProcess, free_port, http_ready, script
from vibe_pipeline.installation.home import make_private
from vibe_pipeline.settings import Settings, read_settings, settings_from
from vibe_pipeline.simulator.server import environment as simulated_environment

SIMULATOR = "Simulator"
REAL_PACE = "1"
"""People are shown what they would get: the simulator allows more, the real services do not."""
_SCRATCH = "vibe-demo-"
_OWN_WISHES = frozenset(
    {
        *preflight.SERVICES,
        "DB_PATH",
        "DEFAULT_PLAYLIST_SIZE",
        "DEFAULT_TIMEZONE",
        "LOG_FORMAT",
        "MIN_NEW_RATIO",
        "PLAYLIST_VISIBILITY",
        "RECENT_DAYS_WINDOW",
        "RETENTION_DAYS",
        "SERVICE_PACE",
        "SET_ASIDE_DAYS",
        "SPOTIFY_DEFAULT_MARKET",
    }
)
"""What somebody may set for the demo; real keys and real state are never touched by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoInstallation:
    """Everything that must be known to play: folder, addresses, what the product is told."""

    home: Path
    simulator: str
    ports: Ports
    environment: Mapping[str, str]
    settings: Settings
    world: Path | None

    @property
    def chat_page(self) -> str:
        """Where one types to the bot in a browser."""
        return f"{self.simulator}/chat"

    @property
    def dagster_page(self) -> str:
        """Where the operator looks."""
        return f"http://127.0.0.1:{self.ports.webserver}"

    def managed_processes(self) -> list[ManagedProcess]:
        """Every process: the simulated world, and the product as it is always run."""
        where = [] if self.world is None else ["--world", str(self.world.absolute())]
        port = self.simulator.rpartition(":")[2]
        simulator = ManagedProcess(
            name=SIMULATOR,
            command=(script("vibe"), "simulator", "--port", port, *where),
            environment=self.environment,
            folder=self.home,
            log=self.home / "logs" / "simulator.log",
            ready=http_ready(f"{self.simulator}/control/clock"),
            essential=True,
        )
        return [simulator, *managed_processes(self.environment, self.home, self.home, self.ports)]


@contextmanager
def demo_installation(world: Path | None) -> Iterator[DemoInstallation]:
    """A stage in a scratch folder that is gone afterwards; nothing runs on it yet.

    Raises ``SettingsInvalid`` or ``NotReady`` when the demo could not work.
    """
    read_settings()
    _sweep_abandoned()
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as folder:
        stage = _stage(Path(folder).resolve(), world)
        make_private(stage.home)
        _check(stage)
        prepare(stage.settings, stage.ports.code_server)
        yield stage


def _stage(home: Path, world: Path | None) -> DemoInstallation:
    ports = Ports.free()
    simulator = f"http://127.0.0.1:{free_port()}"
    ours = f"http://127.0.0.1:{ports.oauth}"
    told = {
        **{name: value for name, value in os.environ.items() if name not in _product_names()},
        **simulated_environment(simulator),
        "SERVICE_PACE": REAL_PACE,
        "PUBLIC_URL": ours,
        "SPOTIFY_REDIRECT_URI": f"{ours}/callback",
        "INTERNAL_JOB_TOKEN": secrets.token_urlsafe(24),
        **{name: os.environ[name] for name in _OWN_WISHES if os.environ.get(name)},
    }
    told = environment(told, settings_from({**told, "VIBE_HOME": str(home)}), ports)
    return DemoInstallation(
        home=home,
        simulator=simulator,
        ports=ports,
        environment=told,
        settings=settings_from(told),
        world=world,
    )


def _product_names() -> set[str]:
    return {name.upper() for name in Settings.model_fields}


def _check(stage: DemoInstallation) -> None:
    elsewhere = [name for name in preflight.SERVICES if os.environ.get(name)]
    preflight.stop_on_trouble(preflight.services(stage.settings, elsewhere))
    preflight.stop_on_trouble(preflight.state(stage.settings))


def _sweep_abandoned() -> None:
    """Remove the scratch folders of demos that were killed outright."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        owner = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
