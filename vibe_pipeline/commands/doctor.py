"""``vibe doctor``: everything that is wrong with an installation, at once, each with its remedy.

The order of the looks and the words on the screen; what is looked at stands in ``diagnosis`` and
``service_checks``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime

import click

from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.commands import checks, diagnosis, service_checks
from vibe_pipeline.commands.checks import Finding
from vibe_pipeline.commands.env_file import env_file
from vibe_pipeline.settings import ENV_FILE, Settings, examined_settings


@click.command()
@click.option("--offline", is_flag=True, help="Ask no service outside; look at this machine only.")
@click.option("--json", "as_json", is_flag=True, help="Print one record a line and nothing else.")
def doctor(*, offline: bool, as_json: bool) -> None:
    """Say everything that is wrong with the installation, and what to do about each.

    Makes and changes nothing; may be asked before the first start and while everything runs. Lines
    that begin with "note" need nothing done. Exit code 1 where something is wrong.
    """
    troubles = 0
    settings, wrong = examined_settings()
    for finding in examine(settings, wrong, offline=offline):
        troubles += finding.trouble is not None
        click.echo(_record(finding) if as_json else _line(finding))
    if not as_json:
        click.echo(_verdict(troubles))
    if troubles:
        sys.exit(1)


def examine(
    settings: Settings,
    wrong: dict[str, str],
    *,
    offline: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Iterator[Finding]:
    """Everything that is looked at, in the order in which one would mend it."""
    yield from diagnosis.wrong_values(wrong)
    yield from env_file(ENV_FILE)
    yield from checks.keys(settings)
    yield from diagnosis.addresses(settings)
    yield from diagnosis.other_settings(settings)
    yield from diagnosis.versions()
    yield from diagnosis.folders(settings)
    yield from diagnosis.disk(settings.home)
    yield from checks.restoring(settings)
    yield from diagnosis.stores(settings)
    yield from diagnosis.promises(settings)
    yield from diagnosis.ports(settings)
    yield from diagnosis.parts(settings)
    if not offline:
        yield from service_checks.services(settings, now=now)
        yield from service_checks.webserver(settings)
    yield from diagnosis.people(settings)


def _line(finding: Finding) -> str:
    if finding.trouble is not None:
        return f"wrong  {finding.trouble}"
    if finding.advice is not None:
        return f"note   {finding.what}: {finding.advice}"
    return f"fine   {finding.what}"


def _record(finding: Finding) -> str:
    verdict = "fine" if finding.advice is None else "note"
    record = {
        "verdict": verdict if finding.trouble is None else "wrong",
        "what": finding.what,
        "sentence": finding.trouble or finding.advice,
    }
    return json.dumps(record, ensure_ascii=False)


def _verdict(troubles: int) -> str:
    if troubles == 0:
        return "Nothing is wrong."
    return "One thing is wrong." if troubles == 1 else f"{troubles} things are wrong."
