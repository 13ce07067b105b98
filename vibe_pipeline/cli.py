"""The ``vibe`` command: a table of contents; each command loads only what it needs.

What a command does stands in ``commands``, ``demo`` and ``evaluation``. Exit codes: 0 done, 1 tried
and failed, 2 asked or set up wrongly (nothing was started).
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from vibe_pipeline.errors import CommandFailed, ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the table of contents."""

    where: str
    """Module and name of the command, loaded when somebody asks for it."""
    extras: str
    """What ``pip install 'vibe[...]'`` has to name for it; empty where the plain one will do."""
    about: str


SERVICE = "bot,oauth,pipeline"
COMMANDS = {
    "backup": Entry(
        where="vibe_pipeline.commands.backup:backup",
        extras="pipeline",
        about="Copy all stores into one file, also while Vibe runs.",
    ),
    "demo": Entry(
        where="vibe_pipeline.demo.command:demo",
        extras="demo",
        about="Show the whole thing working against a simulated world.",
    ),
    "doctor": Entry(
        where="vibe_pipeline.commands.doctor:doctor",
        extras=SERVICE,
        about="Say what is wrong with the installation, and what to do.",
    ),
    "erase": Entry(
        where="vibe_pipeline.commands.personal_data:erase",
        extras="pipeline",
        about="Erase everything that is kept about one person.",
    ),
    "eval": Entry(
        where="vibe_pipeline.evaluation.command:eval_command",
        extras="pipeline",
        about="Hold the ranker against listening it has not seen.",
    ),
    "export": Entry(
        where="vibe_pipeline.commands.personal_data:export",
        extras="pipeline",
        about="Write everything kept about one person into a zip.",
    ),
    "import": Entry(
        where="vibe_pipeline.commands.import_history:import_command",
        extras="pipeline",
        about="Read the streaming history that Spotify hands out.",
    ),
    "nights": Entry(
        where="vibe_pipeline.evaluation.nights.command:nights_command",
        extras=SERVICE,
        about="Let simulated listeners live with each policy's lists.",
    ),
    "people": Entry(
        where="vibe_pipeline.commands.people:people",
        extras="",
        about="Say who is behind each id, and how they stand.",
    ),
    "prepare": Entry(
        where="vibe_pipeline.commands.prepare:prepare_command",
        extras="pipeline",
        about="Make the home folder ready for containers to start in.",
    ),
    "replay": Entry(
        where="vibe_pipeline.commands.replay:replay_command",
        extras="pipeline",
        about="Make a past list again from its stored inputs.",
    ),
    "restore": Entry(
        where="vibe_pipeline.commands.backup:restore",
        extras="pipeline",
        about="Put a backup's stores in the place of this home's.",
    ),
    "rotate-key": Entry(
        where="vibe_pipeline.commands.rotate_key:rotate_key",
        extras="",
        about="Seal all tokens with a new key, also while Vibe runs.",
    ),
    "simulator": Entry(
        where="vibe_pipeline.simulator.command:simulator",
        extras="oauth",
        about="Serve the simulated outside world.",
    ),
    "up": Entry(
        where="vibe_pipeline.commands.up:up",
        extras=SERVICE,
        about="Start a real installation on this machine.",
    ),
    "warehouse-server": Entry(
        where="vibe_pipeline.commands.warehouse_server:warehouse_server",
        extras="pipeline,shared",
        about="Serve the warehouse to run workers on other machines.",
    ),
}


class PackageMissing(ConfigurationError):
    """A command needs a package that this installation left out."""

    def __init__(self, command: str, package: str) -> None:
        super().__init__(
            f"{command} needs the package {package}, which is not installed; "
            f"run: pip install 'vibe[{COMMANDS[command].extras}]'"
        )


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].where.partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("vibe_"):
                raise
            raise PackageMissing(cmd_name, error.name) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading any: help is there whatever is installed."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].about) for name in sorted(COMMANDS)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what went wrong becomes one sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as trouble:
            _give_up(trouble, 2)
        except CommandFailed as trouble:
            _give_up(trouble, 1)
        except OSError as trouble:
            if (sentence := _about_a_place(trouble)) is None:
                raise
            _give_up(sentence, 1)


def _about_a_place(error: OSError) -> str | None:
    """What a file or folder refused, which is this machine's matter; ``None`` where it is ours.

    Only the working folder is missing without being named.
    """
    place = error.filename
    if place is None and error.errno == errno.ENOENT:
        place = "The folder in which this was started"
    if place is None:
        return None
    return (
        f"{place} cannot be used ({error.strerror}): put right what lies there, give this user"
        f" ({os.geteuid()}) the right to it, or name another place in the settings."
    )


def _give_up(trouble: Exception | str, code: int) -> None:
    click.echo(f"vibe: {trouble}", err=True)
    sys.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vibe")
def main() -> None:
    """A Spotify playlist made for your day, every night."""
