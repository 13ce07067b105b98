"""The ``vibe demo`` command."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from vibe_pipeline.commands.supervisor import Interrupted, run_until_stopped
from vibe_pipeline.demo.installation import demo_installation
from vibe_pipeline.demo.run import run_demo

WIDTH_OF_NO_TERMINAL = 132


@click.command()
@click.option("--once", is_flag=True, help="Stop after the first list.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, on the last line.")
@click.option(
    "--world",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of real listening to play with, instead of the built-in world.",
)
def demo(*, once: bool, as_json: bool, world: Path | None) -> None:
    """Show the whole thing working against a simulated world; no key is needed."""
    console = Console(stderr=as_json, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_NO_TERMINAL
    try:
        with demo_installation(world) as stage:
            run_until_stopped(run_demo(stage, console, once=once, as_json=as_json))
    except Interrupted:
        console.print("Stopped; nothing is left behind.")
