"""The ``vibe`` command: a table of contents; each command loads only what it needs.

What a command does stands in ``commands``, ``demo`` and ``evaluation``. Exit codes: 0 done, 1 tried
and failed, 2 asked or set up wrongly (nothing was started).
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from vibe_pipeline.errors import CommandFailed, ConfigurationError

COMMANDS = {
    "demo": "vibe_pipeline.demo.command:demo",
    "doctor": "vibe_pipeline.commands.up:doctor",
    "erase": "vibe_pipeline.commands.personal_data:erase",
    "eval": "vibe_pipeline.evaluation.command:eval_command",
    "export": "vibe_pipeline.commands.personal_data:export",
    "nights": "vibe_pipeline.evaluation.nights.command:nights_command",
    "replay": "vibe_pipeline.commands.replay:replay_command",
    "simulator": "vibe_pipeline.simulator.command:simulator",
    "up": "vibe_pipeline.commands.up:up",
}


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what went wrong becomes one sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as trouble:
            _give_up(trouble, 2)
        except CommandFailed as trouble:
            _give_up(trouble, 1)


def _give_up(trouble: Exception, code: int) -> None:
    click.echo(f"vibe: {trouble}", err=True)
    sys.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vibe")
def main() -> None:
    """A Spotify playlist made for your day, every night."""
