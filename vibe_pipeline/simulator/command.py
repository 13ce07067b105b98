"""The ``vibe simulator`` command."""

from __future__ import annotations

from pathlib import Path

import click

from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.simulator.server import SimulatorNotStarted, environment, serve
from vibe_pipeline.simulator.worlds.real import WorldUnreadable


@click.command()
@click.option("--port", default=0, help="Where to listen on the loopback; 0 takes a free one.")
@click.option(
    "--world",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of real listening, instead of the built-in world.",
)
@click.option("--seed", default=1, help="Another number makes another built-in world.")
@click.option(
    "--listeners", default=40, help="How many people of the built-in world have Spotify accounts."
)
@click.option(
    "--regime",
    type=click.Choice(["A", "B", "C"], case_sensitive=False),
    default="C",
    help="What Spotify still allows the app.",
)
@click.option(
    "--env",
    "show_environment",
    is_flag=True,
    help="Print the lines of .env that lead an installation to it, and end; needs --port.",
)
def simulator(
    *,
    port: int,
    world: Path | None,
    seed: int,
    listeners: int,
    regime: str,
    show_environment: bool,
) -> None:
    """Serve the simulated outside world: Spotify, Last.fm, ListenBrainz, MusicBrainz, Telegram."""
    if show_environment:
        click.echo(_env_lines(port))
        return
    try:
        serve(world, port=port, seed=seed, listeners=listeners, regime=regime.upper())
    except (WorldUnreadable, SimulatorNotStarted) as trouble:
        raise ConfigurationError(str(trouble)) from trouble


def _env_lines(port: int) -> str:
    """Addresses and keys of the simulated world as ``.env`` takes them."""
    if port == 0:
        raise ConfigurationError("Say where it will listen: vibe simulator --port 9000 --env.")
    lines = environment(f"http://127.0.0.1:{port}").items()
    return "\n".join(f"{name}={value}" for name, value in lines)
