"""``vibe prepare``: a home folder made ready for parts that others start, as containers do.

``vibe up`` does the same by itself and then starts everything (``commands.up``).
"""

from __future__ import annotations

import os
import subprocess
import sys

import click

from vibe_pipeline.commands import checks as preflight
from vibe_pipeline.commands.processes import dagster_database, prepare
from vibe_pipeline.errors import CommandFailed
from vibe_pipeline.installation.home import held, make_private
from vibe_pipeline.settings import Settings, read_settings

PORTS = range(1, 65536)


class HostAndPort(click.ParamType[tuple[str, int]]):
    """``HOST:PORT``, as a pair."""

    name = "host:port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The pair, or a sentence."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or int(port) not in PORTS:
            self.fail(f"{value} is no HOST:PORT, such as code:4000", param, ctx)
        return host, int(port)


@click.command("prepare")
@click.option(
    "--code-server",
    type=HostAndPort(),
    default="127.0.0.1:4000",
    show_default=True,
    help="Where webserver and daemon will find the code server.",
)
def prepare_command(code_server: tuple[str, int]) -> None:
    """Make the home folder ready for parts that are started one by one.

    Writes Dagster's configuration, brings every database to this version and makes the token by
    which our parts know each other. Run it before each start of a new version; nothing else may
    run on the home folder then.
    """
    settings, (host, port) = read_settings(), code_server
    with held(settings.home):
        make_private(settings.home)
        preflight.stop_on_trouble(preflight.keys(settings))
        stores = (*preflight.recovery(settings), *preflight.state(settings))
        for sentence in preflight.stop_on_trouble(stores):
            click.echo(sentence)
        prepare(settings, port, code_host=host)
        _migrate_dagster(settings)
    click.echo(f"{settings.home} is ready.")


def _migrate_dagster(settings: Settings) -> None:
    home = str(settings.home / "dagster")
    inner = {**os.environ, **dagster_database(settings), "DAGSTER_HOME": home}
    command = (sys.executable, "-m", "dagster", "instance", "migrate")
    done = subprocess.run(command, env=inner, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        *_, last = [line for line in done.stderr.splitlines() if line.strip()] or [
            "no reason given"
        ]
        raise CommandFailed(f"Dagster's storage could not be brought to this version: {last}")
