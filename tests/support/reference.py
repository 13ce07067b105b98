"""The reference pages of the documents, made from the code: settings, figures and commands.

``python -m tests.support.reference`` writes ``docs/reference`` anew; tests hold the pages to what
the code says. Not here: the table of wrong set-ups (``wrong_setups``), written the same way.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import click
from prometheus_client import Metric
from pydantic import AfterValidator, SecretStr
from pydantic.fields import FieldInfo

from tests.support.metrics_example import busy, families
from tests.support.oauth_site import site
from vibe_bot.command_menu import LISTED
from vibe_pipeline.cli import COMMANDS, main
from vibe_pipeline.locales import say
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SETTINGS, METRICS = REFERENCE / "settings.md", REFERENCE / "metrics.md"
COMMAND_PAGE = REFERENCE / "commands.md"
WRITTEN = (
    "This page is written by `python -m tests.support.reference`; a test holds it to the code."
)
HELP_COLUMNS = 96

ACCEPTED = {
    "_address": "an http:// or https:// address",
    "_zone": "a time zone",
    "_folder": "a path",
    "_database": "a secret",
    "_dagster_database": "a secret",
    "_market": "two capital letters",
    "_two_policies": "two names with a comma between",
}
"""What a setting's own validator lets through, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleLine:
    """One setting in ``.env.example``: under which heading, with what said above it."""

    section: str
    name: str
    value: str
    about: str


def example_lines() -> Iterator[ExampleLine]:
    """The settings in the order of ``.env.example``."""
    section, words, fresh = "", list[str](), True
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"# --- (.+?) -+", line):
            section, words, fresh = heading[1], [], True
        elif line.startswith("# "):
            words, fresh = [*([] if fresh else words), line[2:]], False
        elif line:
            name, _, value = line.partition("=")
            yield ExampleLine(section=section, name=name, value=value, about=" ".join(words))
            fresh = True


def settings_page() -> str:
    """Every setting: what it may be, what it is when nothing is said, what it does."""
    lines = [
        "# Settings",
        "",
        "Read from the environment and from `.env` in the working folder; the environment wins.",
        "`vibe up` reads both once, for all its parts: a change counts from the next start.",
        "Where a cell says the same as the one above, both are explained together.",
        WRITTEN,
    ]
    section = ""
    for example in example_lines():
        if example.section != section:
            section = example.section
            lines += [
                "",
                f"## {section}",
                "",
                "| Setting | May be | Default | |",
                "|---|---|---|---|",
            ]
        field = Settings.model_fields[example.name.lower()]
        cells = (f"`{example.name}`", accepted(field), _default(field), example.about)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def accepted(field: FieldInfo) -> str:
    """What a setting may be, from its type and its bounds."""
    kinds, rules = _taken_apart(field.annotation)
    rules += field.metadata
    for rule in rules:
        if isinstance(rule, AfterValidator):
            return ACCEPTED[getattr(rule.func, "__name__", "")]
    least, above, most = (
        [getattr(rule, bound) for rule in rules if hasattr(rule, bound)]
        for bound in ("ge", "gt", "le")
    )
    if most:
        lower = f"{least[0]}" if least else f"more than {above[0]}"
        return f"{lower} to {most[0]}"
    (kind,) = kinds
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    return {SecretStr: "a secret", Path: "a path", str: "text", bool: "true or false"}[kind]


def _taken_apart(annotation: Any) -> tuple[list[Any], list[Any]]:
    """The types an annotation allows beside absence, and the rules written beside them."""
    if get_origin(annotation) is Annotated:
        inner, *rules = get_args(annotation)
        kinds, more = _taken_apart(inner)
        return kinds, [*more, *rules]
    if get_origin(annotation) is Literal or not get_args(annotation):
        return [annotation], []
    kinds, rules = [], []
    for one in get_args(annotation):
        if one is not NoneType:
            more_kinds, more_rules = _taken_apart(one)
            kinds += more_kinds
            rules += more_rules
    return kinds, rules


def _default(field: FieldInfo) -> str:
    return "none" if field.default is None else f"`{field.default}`"


def metrics_page(offered: Iterable[Metric]) -> str:
    """Every figure of ``GET /metrics``: its kind, its labels, what it says."""
    lines = [
        "# Figures",
        "",
        "What `GET /metrics` of the OAuth service gives. How to have it collected:",
        "[monitoring](../monitoring/README.md).",
        WRITTEN,
        "",
        "| Figure | Kind | By | |",
        "|---|---|---|---|",
    ]
    named = {f"{one.name}_total" if one.type == "counter" else one.name: one for one in offered}
    for name, family in sorted(named.items()):
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        by = ", ".join(f"`{label}`" for label in labels)
        lines.append(f"| `{name}` | {family.type} | {by} | {family.documentation} |")
    return "\n".join(lines) + "\n"


async def example_families(folder: Path) -> list[Metric]:
    """The figures of a service that has seen something of everything."""
    async with site(folder, Simulation(BuiltInWorld(1, artists=64, listeners=8))) as on:
        busy(on)
        return await families(on)


def commands_page() -> str:
    """Every command of the shell with its help, and every one of the chat."""
    lines = [
        "# Commands",
        "",
        WRITTEN,
        "",
        "## In the shell",
        "",
        "Exit codes: 0 done; 1 tried and failed; 2 asked or set up wrongly, nothing was started.",
    ]
    for name in sorted(COMMANDS):
        lines += ["", f"### vibe {name}", "", "```text", *_help(name).splitlines(), "```"]
    lines += ["", "## In the chat", "", "| | |", "|---|---|"]
    lines += [f"| `/{name}` | {say('en', f'command.{name}')} |" for name in LISTED]
    return "\n".join(lines) + "\n"


def _help(name: str) -> str:
    assert isinstance(main, click.Group)
    context = main.make_context(
        "vibe", [name], terminal_width=HELP_COLUMNS, max_content_width=HELP_COLUMNS
    )
    command = main.get_command(context, name)
    assert command is not None
    return command.get_help(click.Context(command, info_name=name, parent=context))


def write_all() -> None:
    """Write the three pages anew."""
    REFERENCE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        offered = asyncio.run(example_families(Path(folder)))
    METRICS.write_text(metrics_page(offered), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    COMMAND_PAGE.write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    write_all()
