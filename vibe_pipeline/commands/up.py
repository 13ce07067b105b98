"""``vibe up``: a real installation on this machine, started and watched.

Arguments and words; what runs is ``commands.supervisor``'s, what is looked at ``commands.checks``'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.commands import checks as preflight
from vibe_pipeline.commands import diagnosis, service_checks
from vibe_pipeline.commands.checks import Finding
from vibe_pipeline.commands.processes import Ports, environment, managed_processes, prepare
from vibe_pipeline.commands.supervisor import (
    Interrupted,
    ManagedProcess,
    run_until_stopped,
    running,
)
from vibe_pipeline.installation.home import held, make_private
from vibe_pipeline.installation.process_status import StatusFile
from vibe_pipeline.settings import Settings, read_settings


@click.command()
def up() -> None:
    """Start a real installation on this machine, from .env and the environment."""
    settings = read_settings()
    with held(settings.home):
        _begin(settings)


def _begin(settings: Settings) -> None:
    """Look, prepare, start and watch; the home folder is ours alone."""
    make_private(settings.home)
    ports = Ports.of(settings)
    preflight.stop_on_trouble(_at_first_sight(settings, ports))
    for sentence in preflight.stop_on_trouble(_stores(settings)):
        click.echo(f"  Attention: {sentence}")
    for sentence in preflight.stop_on_trouble(service_checks.services(settings, now=utc_now)):
        click.echo(f"  Attention: {sentence}")
    prepare(settings.home, ports)
    variables = environment(os.environ, settings.home, ports)
    try:
        run_until_stopped(
            _stay_up(managed_processes(variables, settings.home, Path.cwd(), ports), settings)
        )
    except Interrupted:
        click.echo("Stopped.")


def _at_first_sight(settings: Settings, ports: Ports) -> Iterator[Finding]:
    """What can be told without making anything or asking anybody: all of it at once."""
    yield from preflight.restoring(settings)
    yield from preflight.keys(settings)
    yield from diagnosis.addresses(settings)
    yield from diagnosis.folders(settings)
    yield from preflight.ports(ports)


def _stores(settings: Settings) -> Iterator[Finding]:
    """All that we keep; a damaged or deleted warehouse is rebuilt first, as far as possible."""
    yield from preflight.recovery(settings)
    yield from preflight.state(settings)


async def _stay_up(everything: list[ManagedProcess], settings: Settings) -> None:
    status, log = StatusFile(settings.home), settings.home / "logs" / "supervisor.log"

    def told(name: str) -> None:
        click.echo(f"  {name} is ready")

    def happened(sentence: str) -> None:
        line = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {sentence}"
        click.echo(line)
        with suppress(OSError), log.open("a", encoding="utf-8") as lines:
            lines.write(f"{line}\n")

    watched = running(everything, on_ready=told, on_event=happened, on_status=status.write)
    async with watched as deployment, AsyncExitStack() as afterwards:
        afterwards.callback(status.clear)
        click.echo(f"Dagster UI: {settings.dagster_graphql_url.removesuffix('/graphql')}")
        click.echo(f"People's browsers: {settings.public_url}")
        click.echo(f"Logs: {settings.home / 'logs'}. Ctrl-C stops everything.")
        await deployment.watch()
