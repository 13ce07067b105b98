"""The reserve: tracks looked up ahead of time, so that the next lists ask nobody for them.

What is looked up and how much of it is decided in ``playlists.build.stock_up``.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import dagster as dg

from vibe_pipeline.accounts.call_allowance import CallAllowance, preparing_of
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.metadata import bars, counted
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.selection import SelectionStep
from vibe_pipeline.defs.single_flight import SharedWork, one_at_a_time
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.records import Source

RESERVE = dg.AssetKey("track_reserve")


@dg.asset(
    key=RESERVE,
    partitions_def=users,
    group_name="reserve",
    kinds={"duckdb"},
    owners=list(OWNERS),
    tags={"vibe/group": "reserve"},
    deps=[pool_key(source) for source in Source],
)
def track_reserve(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> dg.MaterializeResult[None]:
    """Tracks for the next lists, looked up on Spotify while nobody waits.

    Found ones are remembered for everybody in the lookup cache; the rows here are those that the
    next three lists would take for this person as things stand.
    """
    store = accounts.open(clock)
    with run_context(context, store, now=clock.now()) as run:
        with one_at_a_time(run, SharedWork.LOOKUPS):
            step = SelectionStep.read(run, store, warehouse.open(), clock)
            account = preparing_of(run.user_id)
            clients = services.open(
                run.user_id, store, clock, edition_id=account, asked_for=False, looking_up=True
            )
            reserve, calls = asyncio.run(
                step.stock_up(clients, lambda: CallAllowance.ahead_of_time(store, run.user_id))
            )
        return _result(reserve, run.account.playlist_size, calls)


def _result(reserve: Selection, size: int, calls: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    found = len(reserve.tracks)
    return dg.MaterializeResult(
        metadata=counted(
            found,
            **{
                "lists it is enough for": round(found / size, 1),
                "reserve by source": bars(
                    dict(reserve.summary.sources), title="Reserve, by source"
                ),
            },
            **calls,
        )
    )
