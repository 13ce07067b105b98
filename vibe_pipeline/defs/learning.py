"""The learning group: what became of what was recommended.

Counting is ``taste.outcomes``', the verdict on two policies ``taste.policy_comparison``'s.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import dagster as dg

from vibe_pipeline.defs.metadata import bars, counted, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.pictures import days
from vibe_pipeline.defs.playlist import HISTORY
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.settings import read_settings
from vibe_pipeline.taste.outcomes import OutcomeReport, by_band, review_outcomes
from vibe_pipeline.taste.policy_comparison import (
    RIPE_DAYS,
    ComparedList,
    PolicyVerdict,
    lists_compared,
    tallies,
    verdict,
)
from vibe_pipeline.warehouse import Fate, Outcome, Recommended


@dg.asset(
    partitions_def=users,
    group_name="learning",
    kinds={"duckdb"},
    owners=list(OWNERS),
    code_version="1",
    tags={"vibe/group": "learning"},
    deps=[HISTORY],
)
def recommendation_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> dg.MaterializeResult[None]:
    """What became of every track we ever recommended: liked later, replayed, skipped, or nothing.

    Skipped: played only so that another play followed within 30 seconds. Looked at anew each
    time, by source and by position in the list. Only what happened after the list was made
    counts.
    """
    store, now = accounts.open(clock), clock.now()
    with run_context(context, store, warehouse.open(), now=now) as run:
        report = review_outcomes(warehouse.open(), run.user_id, now=now)
    store.source_outcomes.replace(run.user_id, report.source_outcomes())
    return _outcomes_result(report)


def _outcomes_result(report: OutcomeReport) -> dg.MaterializeResult[None]:
    outcomes, by_source = report.outcomes, report.by_source
    return dg.MaterializeResult(
        metadata=counted(
            len(outcomes),
            **{str(fate): sum(outcome.fate is fate for outcome in outcomes) for fate in Fate},
            **{
                "day by day": _day_by_day(outcomes),
                "by source": table(by_source, ["source", "lines", *map(str, Fate)]),
                "liked or replayed": bars(
                    {row["source"]: row["liked"] + row["replayed"] for row in by_source},
                    title="Liked or replayed, by source",
                ),
                "by position": _positions(outcomes),
                "liked or replayed by position": bars(
                    {
                        band: fates[Fate.LIKED] + fates[Fate.REPLAYED]
                        for band, fates in by_band(outcomes).items()
                    },
                    title="Liked or replayed, by position in the list",
                ),
            },
        )
    )


def _day_by_day(outcomes: Sequence[Outcome]) -> dg.MarkdownMetadataValue:
    """Whom each day's tracks came from, and how many were new."""
    lines: dict[str, list[Recommended]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.line.vibe_date):
        lines[outcome.line.vibe_date.isoformat()].append(outcome.line)
    return days(
        {day: Counter(str(line.source) for line in of_day) for day, of_day in lines.items()},
        {day: sum(line.is_new for line in of_day) / len(of_day) for day, of_day in lines.items()},
        title="Tracks by source and share of new ones, day by day",
        line="share of new tracks",
    )


def _positions(outcomes: Sequence[Outcome]) -> dg.TableMetadataValue:
    return table(
        [
            {
                "position": band,
                "lines": fates.total(),
                **{str(fate): fates[fate] for fate in Fate},
            }
            for band, fates in by_band(outcomes).items()
        ],
        ["position", "lines", *map(str, Fate)],
    )


@dg.asset(
    group_name="learning",
    kinds={"duckdb"},
    owners=list(OWNERS),
    code_version="1",
    tags={"vibe/group": "learning"},
    deps=[recommendation_outcomes],
)
def policy_comparison(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Two ranking policies compared on real use, with a verdict.

    While VIBE_COMPARE_POLICIES names two, each person's lists are made with one of them for a
    week, then with the other. What counts is the share of new tracks that were liked or played
    later, on lists of at least three days ago. Too little evidence is said to be too little.
    """
    compared = read_settings().compared_policies
    with warehouse.open().open() as tables:
        rows = tables.playlists.lists_by_policy(ripe_days=RIPE_DAYS)
    lists = [ComparedList(**row) for row in rows]
    shown = counted(len(lists), **{"compared now": ", ".join(compared) if compared else "nothing"})
    if compared is not None:
        lists = lists_compared(lists, compared)
        shown |= _verdict_shown(verdict(tallies(lists, compared), *compared))
    by_policy = rows_by_policy(lists)
    shown["by policy"] = table(by_policy, _POLICY_COLUMNS)
    shown["accepted"] = bars(
        {row["policy"]: round(100 * row["accepted"], 1) for row in by_policy},
        title="New tracks liked or played later, of a hundred",
    )
    return dg.MaterializeResult(metadata=shown)


_POLICY_COLUMNS = [
    *("policy", "people", "lists", "new tracks", "liked", "replayed", "skipped", "accepted"),
]


def rows_by_policy(lists: Sequence[ComparedList]) -> list[dict[str, Any]]:
    """A row for each policy, by name: its people and lists, and what became of its new tracks.

    ``accepted`` is a share of the new tracks; nothing offered is nothing accepted.
    """
    import pandas as pd  # noqa: PLC0415 - slow to import, and every start of Dagster comes by here

    by_policy = pd.DataFrame(lists, columns=[field.name for field in fields(ComparedList)])
    totals = by_policy.groupby("policy").agg(
        people=("user_id", "nunique"),
        lists=("user_id", "size"),
        **{"new tracks": ("offered", "sum")},
        liked=("liked", "sum"),
        replayed=("replayed", "sum"),
        skipped=("skipped", "sum"),
    )
    totals["accepted"] = (totals.liked + totals.replayed) / totals["new tracks"].clip(lower=1)
    return [
        {str(column): value for column, value in row.items()}
        for row in totals.reset_index().to_dict("records")
    ]


def _verdict_shown(verdict: PolicyVerdict) -> dict[str, Any]:
    return {
        "verdict": verdict.sentence,
        "answer": str(verdict.answer),
        "difference": round(verdict.difference, 4),
        "interval from": round(verdict.low, 4),
        "interval to": round(verdict.high, 4),
        "pairs": verdict.pairs,
    }
