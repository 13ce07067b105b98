"""``vibe nights``: many nights of simulated listeners with each policy, as a table and a record.

Arguments and exit codes; playing the nights is ``simulation``'s.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.evaluation.nights.plan import Plan
from vibe_pipeline.evaluation.nights.report import NightsReport, table
from vibe_pipeline.evaluation.nights.simulation import play
from vibe_pipeline.evaluation.nights.world import WorldRecipe
from vibe_pipeline.ranking.policy import DEFAULT, POLICIES, SIMILAR_SUM
from vibe_pipeline.simulator.worlds.real import WorldUnreadable

BROKEN = 1


@click.command("nights")
@click.option("--listeners", type=click.IntRange(1, 1000), default=30, show_default=True)
@click.option("--nights", type=click.IntRange(1, 365), default=60, show_default=True)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(sorted(POLICIES)),
    default=(DEFAULT.name, SIMILAR_SUM.name),
    show_default=True,
    help="A ranking policy to live with; repeat for several.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the world and its moods.")
@click.option(
    "--world",
    "world_dir",
    type=click.Path(path_type=Path),
    help="Folder of real listening; without it a world of invented artists.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=min(8, os.cpu_count() or 1),
    help="How many listeners live at the same time.",
)
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def nights_command(
    *,
    listeners: int,
    nights: int,
    policies: tuple[str, ...],
    seed: int,
    world_dir: Path | None,
    processes: int,
    as_json: bool,
) -> None:
    """Let simulated listeners live with each policy's lists, and see what they make of them.

    Exits with 1 when a list broke a promise: a repeat, a cap, a rest, an empty night.
    """
    recipe = WorldRecipe(seed=seed, listeners=max(40, listeners), directory=world_dir)
    plan = Plan(
        recipe=recipe,
        listeners=listeners,
        nights=nights,
        policies=tuple(dict.fromkeys(policies)),
        seed=seed,
    )
    _check(plan)
    courses = play(plan, processes=processes, progress=lambda line: click.echo(line, err=True))
    report = NightsReport.of(courses)
    click.echo(table(report))
    if as_json:
        click.echo(report.as_json())
    if not report.sound:
        sys.exit(BROKEN)


def _check(plan: Plan) -> None:
    """Say what is wrong with the world before anything is played."""
    if plan.recipe.directory is None:
        return
    try:
        world = plan.recipe.make()
    except WorldUnreadable as trouble:
        raise ConfigurationError(
            f"{trouble}; say with --world where the listening data is"
        ) from trouble
    if len(world.listeners) < plan.listeners:
        raise ConfigurationError(
            f"the world has {len(world.listeners)} listeners only; ask for at most so many"
        )
