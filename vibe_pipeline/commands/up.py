"""``vibe up``: a real installation on this machine, started and watched.

Arguments and words; what runs is ``commands.supervisor``'s, what is looked at ``commands.checks``'.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from vibe_pipeline.accounts.store import open_for, utc_now
from vibe_pipeline.commands import checks as preflight
from vibe_pipeline.commands import diagnosis, service_checks
from vibe_pipeline.commands.checks import Finding
from vibe_pipeline.commands.env_file import env_file
from vibe_pipeline.commands.log_stream import FollowedFile, LogStream
from vibe_pipeline.commands.processes import (
    Ports,
    configured_anew,
    environment,
    managed_processes,
    prepare,
)
from vibe_pipeline.commands.supervisor import (
    Interrupted,
    ManagedProcess,
    run_until_stopped,
    running,
)
from vibe_pipeline.installation.home import held, make_private
from vibe_pipeline.installation.process_status import StatusFile
from vibe_pipeline.settings import ENV_FILE, Settings, read_settings, shown_address

OURSELVES = "vibe"
"""The part that watches over the others, as its lines name it."""


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
    for sentence in preflight.stop_on_trouble(_at_first_sight(settings, ports)):
        click.echo(f"  Attention: {sentence}")
    for sentence in preflight.stop_on_trouble(_stores(settings)):
        click.echo(f"  Attention: {sentence}")
    has_people = bool(open_for(settings).people.ids())
    outside = service_checks.before_a_start(settings, has_people=has_people, now=utc_now)
    for sentence in preflight.stop_on_trouble(outside):
        click.echo(f"  Attention: {sentence}")
    prepare(settings, ports.code_server)
    variables = environment(os.environ, settings, ports)
    parts = managed_processes(
        variables, settings.home, Path.cwd(), ports, log_format=settings.log_format
    )
    everything = configured_anew(parts, settings, ports.code_server)
    stream = _stream(everything, settings)
    try:
        run_until_stopped(_stay_up(everything, settings, stream))
    except Interrupted:
        stream.line(OURSELVES, "Stopped.")


def _at_first_sight(settings: Settings, ports: Ports) -> Iterator[Finding]:
    """What can be told without making anything or asking anybody: all of it at once."""
    yield from preflight.restoring(settings)
    if ENV_FILE.is_dir():
        yield from env_file(ENV_FILE)
    yield from preflight.keys(settings)
    yield from diagnosis.addresses(settings)
    yield from diagnosis.folders(settings)
    yield from preflight.ports(ports)
    yield from (replace(one, stops=False) for one in diagnosis.guessable(settings))


def _stores(settings: Settings) -> Iterator[Finding]:
    """All that we keep; a damaged or deleted warehouse is rebuilt first, as far as possible."""
    yield from preflight.recovery(settings)
    yield from preflight.state(settings)


async def _stay_up(everything: list[ManagedProcess], settings: Settings, stream: LogStream) -> None:
    status, log = StatusFile(settings.home), _own_log(settings)

    def happened(sentence: str) -> None:
        _note(log, sentence)
        for line in sentence.splitlines():
            stream.line(OURSELVES, line)

    def told(name: str) -> None:
        stream.line(OURSELVES, f"{name} is ready")

    watched = running(everything, on_ready=told, on_event=happened, on_status=status.write)
    following = asyncio.create_task(stream.follow())
    try:
        async with watched as deployment, AsyncExitStack() as afterwards:
            afterwards.callback(status.clear)
            for sentence in _welcome(settings):
                stream.line(OURSELVES, sentence)
            await deployment.watch()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        stream.look()


def _stream(everything: list[ManagedProcess], settings: Settings) -> LogStream:
    """What the parts write from now on; the file of our own sentences is only kept small.

    So is that of an errand, whose last words are shown where it does not end well.
    """
    staying = [part for part in everything if part.ready is not None]
    errands = [part for part in everything if part.ready is None]
    files, log = [FollowedFile(part.name, part.log) for part in staying], _own_log(settings)
    forker = FollowedFile("Dagster", log.with_name("dagster.log"))
    for file in (*files, forker):
        file.skip_what_is_there()
    return LogStream(
        files=(*files, forker),
        kept_small=(
            FollowedFile(OURSELVES, log),
            *(FollowedFile(part.name, part.log) for part in errands),
        ),
        write=click.echo,
        log_format=settings.log_format,
        colours=sys.stdout.isatty(),
    )


def _own_log(settings: Settings) -> Path:
    return settings.home / "logs" / "supervisor.log"


def _welcome(settings: Settings) -> Iterator[str]:
    yield f"Dagster UI: {shown_address(settings.dagster_graphql_url).removesuffix('/graphql')}"
    yield f"People's browsers: {shown_address(settings.public_url)}"
    yield f"Logs: {settings.home / 'logs'}. Ctrl-C stops everything."


def _note(log: Path, sentence: str) -> None:
    line = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {sentence}"
    with suppress(OSError), log.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")
