"""The simulator on a port: inside a test's process, or as a process of its own."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from vibe_pipeline.simulator.app import create_app
from vibe_pipeline.simulator.credentials import METABRAINZ_CONTACT, demo_credentials
from vibe_pipeline.simulator.prompt_server import PromptServer
from vibe_pipeline.simulator.rules import Rules, read_regime
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram.bot_api import SimulatedTelegram
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.simulator.worlds.catalogue import World
from vibe_pipeline.simulator.worlds.real import real_world

_START_SECONDS = 20.0


class SimulatorNotStarted(RuntimeError):
    """The server could not listen; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSimulator:
    """A simulator that answers at ``address``."""

    address: str
    simulation: Simulation

    def environment(self) -> dict[str, str]:
        """The variables that point the product at this simulator."""
        return environment(self.address)


def environment(address: str) -> dict[str, str]:
    """Every address and key of the outside world, as the product's environment names them."""
    root = address.rstrip("/")
    keys = demo_credentials()
    return {
        "SPOTIFY_API_URL": f"{root}/spotify/v1",
        "SPOTIFY_ACCOUNTS_URL": f"{root}/accounts",
        "LASTFM_API_URL": f"{root}/lastfm/2.0",
        "LISTENBRAINZ_LABS_URL": f"{root}/labs",
        "LISTENBRAINZ_API_URL": f"{root}/listenbrainz",
        "MUSICBRAINZ_API_URL": f"{root}/musicbrainz/ws/2",
        "TELEGRAM_API_URL": f"{root}/telegram",
        "SPOTIFY_CLIENT_ID": keys.spotify_client_id,
        "SPOTIFY_CLIENT_SECRET": keys.spotify_client_secret,
        "LASTFM_API_KEY": keys.lastfm_api_key,
        "TELEGRAM_BOT_TOKEN": keys.telegram_bot_token,
        "METABRAINZ_CONTACT": METABRAINZ_CONTACT,
        "SERVICE_PACE": "10",
    }


def _listening_socket(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise SimulatorNotStarted(f"port {port} cannot be used: {error.strerror}") from error
    return listener


class _Server(PromptServer):
    """Says one line once it answers, if it knows its address; lets those who wait go at the end."""

    def __init__(self, simulation: Simulation, *, announced_as: str | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(simulation),
                http="h11",
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._simulation = simulation
        self._announced_as = announced_as

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._announced_as is not None:
            sys.stdout.write(f"simulator ready at {self._announced_as}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulation.part(SimulatedTelegram).close()
        await super().shutdown(sockets)


@contextmanager
def running(simulation: Simulation, port: int = 0) -> Iterator[RunningSimulator]:
    """Serve from a thread of this process for as long as the block lasts."""
    listener = _listening_socket(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = _Server(simulation)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True
    )
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield RunningSimulator(address=address, simulation=simulation)
    finally:
        server.should_exit = True
        thread.join(timeout=_START_SECONDS)
        listener.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise SimulatorNotStarted("the simulator did not start; see the lines above")
        time.sleep(0.01)


def serve(
    world_dir: Path | None = None,
    *,
    port: int = 0,
    seed: int = 1,
    listeners: int = 40,
    regime: str = "C",
    **rules: float,
) -> None:
    """Run until interrupted. ``WorldUnreadable``, ``SimulatorNotStarted``, ``RuleUnknown`` mean no.

    Prints ``simulator ready at http://127.0.0.1:PORT`` when it answers.
    """
    kept = Rules(regime=read_regime(regime))
    kept.change(rules)
    simulation = Simulation(_world(world_dir, seed, listeners), seed=seed, rules=kept)
    listener = _listening_socket(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = _Server(simulation, announced_as=address)
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        listener.close()


def _world(directory: Path | None, seed: int, listeners: int) -> World:
    if directory is None:
        return BuiltInWorld(seed, listeners=listeners)
    return real_world(directory, seed=seed)
