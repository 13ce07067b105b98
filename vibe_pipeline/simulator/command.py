"""The ``vibe simulator`` command."""

from __future__ import annotations

from pathlib import Path

import click

from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.simulator.server import SimulatorNotStarted, serve
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
def simulator(*, port: int, world: Path | None, seed: int, listeners: int, regime: str) -> None:
    """Serve the simulated outside world: Spotify, Last.fm, ListenBrainz, MusicBrainz, Telegram."""
    try:
        serve(world, port=port, seed=seed, listeners=listeners, regime=regime.upper())
    except (WorldUnreadable, SimulatorNotStarted) as trouble:
        raise ConfigurationError(str(trouble)) from trouble
