"""``vibe eval``: the ranking gate on listening data, as a table and a record.

Arguments and exit codes; the protocol and its figures are ``evaluation.report``'s.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vibe_pipeline.evaluation import days
from vibe_pipeline.evaluation.dataset import FILES, DatasetMissing
from vibe_pipeline.evaluation.report import NIGHTS, evaluate, per_user, table
from vibe_pipeline.ranking.policy import DEFAULT, POLICIES

NOT_POSSIBLE = 2
USUAL_SPLITS = (0, 1, 2)
_SPLIT = click.IntRange(min=0, max=2**32 - 1)


@click.command("eval")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with listens.csv, artists.csv and artist_tags.csv; for --days, with plays.csv.",
)
@click.option(
    "--split-seed",
    "split_seeds",
    multiple=True,
    type=_SPLIT,
    help="Which random splits into known and held out; several may follow.  [default: 0 1 2]",
)
@click.argument("more_seeds", nargs=-1, type=_SPLIT, metavar="")
@click.option(
    "--users",
    "users_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the ids of the users to evaluate.",
)
@click.option(
    "--policy",
    "policy_name",
    type=click.Choice(sorted(POLICIES)),
    default=DEFAULT.name,
    show_default=True,
    help="The ranking policy to hold against the baselines.",
)
@click.option(
    "--dial",
    "dials",
    multiple=True,
    type=click.IntRange(0, 100),
    help="Also evaluate at this position of the adventure dial; repeatable.",
)
@click.option(
    "--days",
    "by_days",
    is_flag=True,
    help="How well the seed profile foretells the next day's plays, instead of the ranking.",
)
@click.option(
    "--night",
    "nights",
    multiple=True,
    type=click.IntRange(min=1),
    help="Also evaluate with what is known on this night; repeatable.  [always: 1 and 5]",
)
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
@click.option(
    "--per-user",
    "per_user_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every user's figures to this CSV file.",
)
def eval_command(
    *,
    data_dir: Path,
    split_seeds: tuple[int, ...],
    more_seeds: tuple[int, ...],
    users_file: Path | None,
    policy_name: str,
    dials: tuple[int, ...],
    by_days: bool,
    nights: tuple[int, ...],
    as_json: bool,
    per_user_file: Path | None,
) -> None:
    """Hold the ranker against listening it has not seen, beside plain baselines."""
    if more_seeds and not split_seeds:
        raise click.UsageError(f"What is {more_seeds[0]}? Splits follow --split-seed.")
    if by_days:
        _foretell_days(data_dir, as_json=as_json)
        return
    try:
        report = evaluate(
            data_dir,
            (*split_seeds, *more_seeds) or USUAL_SPLITS,
            users_file,
            POLICIES[policy_name],
            dials=dials,
            nights=(*NIGHTS, *nights),
            progress=lambda line: click.echo(line, err=True),
        )
    except DatasetMissing as error:
        files = ", ".join(FILES)
        click.echo(f"{error}; --data names a folder with {files}", err=True)
        sys.exit(NOT_POSSIBLE)
    if not report.outcomes:
        click.echo("None of the users asked for has both known and held-out listening", err=True)
        sys.exit(NOT_POSSIBLE)
    click.echo(table(report))
    if per_user_file is not None:
        per_user(report).to_csv(per_user_file, index=False, lineterminator="\r\n")
    if as_json:
        click.echo(report.as_json())


def _foretell_days(data_dir: Path, *, as_json: bool) -> None:
    try:
        report = days.evaluate_days(data_dir)
    except DatasetMissing as error:
        click.echo(f"{error}; --data names a folder with {days.PLAYS_FILE}", err=True)
        sys.exit(NOT_POSSIBLE)
    if not report.people:
        click.echo("Nobody's plays reach over more than two weeks", err=True)
        sys.exit(NOT_POSSIBLE)
    click.echo(days.table(report))
    if as_json:
        click.echo(report.as_json())
