"""The learning group: what became of what was recommended."""

import dagster as dg

from vibe_pipeline.accounts.records import SourceOutcome
from vibe_pipeline.defs.editions import making
from vibe_pipeline.defs.playlist import HISTORY
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.defs.showing import bars, counted, table
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.defs.users import users
from vibe_pipeline.outcomes import outcomes
from vibe_pipeline.warehouse import Fate


@dg.asset(
    partitions_def=users,
    group_name="learning",
    kinds={"duckdb"},
    owners=list(OWNERS),
    tags={"vibe/group": "learning"},
    deps=[HISTORY],
)
def recommendation_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> dg.MaterializeResult[None]:
    """What became of every track we ever recommended: liked later, replayed, or nothing.

    Looked at anew each time, by source and by position in the list. Only what happened after
    the list was made counts.
    """
    store, now = accounts.open(clock), clock.now()
    with making(context, store, now=now) as made, warehouse.open().open() as tables:
        found = outcomes(
            tables.playlists.recommended(made.user_id),
            likes=tables.library.likes(made.user_id),
            plays=tables.library.plays(made.user_id),
        )
        tables.playlists.replace_outcomes(made.user_id, found, looked_at=now)
        fates = tables.playlists.fates(made.user_id)
    store.source_outcomes.replace(
        made.user_id,
        [
            SourceOutcome(
                source=row["source"],
                chosen=row["lines"],
                liked=row["liked"],
                replayed=row["replayed"],
            )
            for row in fates
        ],
    )
    return dg.MaterializeResult(
        metadata=counted(
            len(found),
            **{str(fate): sum(outcome.fate is fate for outcome in found) for fate in Fate},
            **{
                "by source": table(fates, ["source", "lines", "liked", "replayed", "nothing"]),
                "liked or replayed": bars(
                    {row["source"]: row["liked"] + row["replayed"] for row in fates},
                    title="Liked or replayed, by source",
                ),
                "by position": bars(
                    _by_position(
                        [
                            outcome.line.position
                            for outcome in found
                            if outcome.fate is not Fate.NOTHING
                        ]
                    ),
                    title="Liked or replayed, by position in the list",
                ),
            },
        )
    )


def _by_position(positions: list[int]) -> dict[str, float]:
    tens: dict[str, float] = {}
    for position in positions:
        first = (position - 1) // 10 * 10 + 1
        name = f"{first} to {first + 9}"
        tens[name] = tens.get(name, 0) + 1
    return tens
