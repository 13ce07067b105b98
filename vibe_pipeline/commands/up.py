"""The operator's commands for a real installation: ``vibe up`` and ``vibe doctor``.

Arguments and words; what runs is ``commands.supervisor``'s, what is looked at ``commands.checks``'.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from vibe_pipeline.commands import checks as preflight
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
    preflight.stop_on_trouble(preflight.keys(settings))
    preflight.stop_on_trouble(preflight.ports(ports))
    for sentence in preflight.stop_on_trouble(_stores(settings)):
        click.echo(f"  Attention: {sentence}")
    preflight.stop_on_trouble(preflight.services(settings, ["TELEGRAM_API_URL"]))
    prepare(settings.home, ports)
    variables = environment(os.environ, settings.home, ports)
    try:
        run_until_stopped(
            _stay_up(managed_processes(variables, settings.home, Path.cwd(), ports), settings)
        )
    except Interrupted:
        click.echo("Stopped.")


def _stores(settings: Settings) -> Iterator[Finding]:
    """All that we keep; a damaged or deleted warehouse is rebuilt first, as far as possible."""
    yield from preflight.restoring(settings)
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


@click.command()
def doctor() -> None:
    """Say what is wrong with the installation, and what to do about it."""
    settings = read_settings()
    troubles = 0
    for finding in _everything(settings):
        troubles += finding.trouble is not None
        click.echo(_line(finding))
    if troubles:
        sys.exit(1)


def _everything(settings: Settings) -> Iterable[Finding]:
    yield from preflight.keys(settings)
    yield from preflight.restoring(settings)
    yield from preflight.state(settings)
    yield from preflight.services(settings)


def _line(finding: Finding) -> str:
    if finding.trouble is not None:
        return f"wrong  {finding.what}: {finding.trouble}"
    if finding.advice is not None:
        return f"note   {finding.what}: {finding.advice}"
    return f"fine   {finding.what}"
