"""The reserve: tracks looked up ahead of time, so that the next lists ask nobody for them.

What is looked up and how much of it is decided in ``playlists.build.stock_up``.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import dagster as dg

from vibe_pipeline.accounts.call_allowance import CallAllowance, preparing_of
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.metadata import bars, counted
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.selection import SelectionStep
from vibe_pipeline.defs.single_flight import SharedWork, one_at_a_time
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.playlists.kept_playlist import is_due, let_go_if_removed
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.records import Source

RESERVE = dg.AssetKey("track_reserve")


@dg.asset(
    key=RESERVE,
    partitions_def=users,
    group_name="reserve",
    kinds={"duckdb"},
    owners=list(OWNERS),
    code_version="1",
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

    What nobody but ListenBrainz labs has named is searched for too, so that a list need not be
    looked over while somebody waits.

    Found ones are remembered for everybody in the lookup cache; the rows here are those that the
    next three lists would take for this person as things stand. Once a week it is also looked at
    whether the person's playlist is still in their library.
    """
    store = accounts.open(clock)
    with run_context(context, store, warehouse.open(), now=clock.now()) as run:
        with one_at_a_time(run, SharedWork.LOOKUPS):
            step = SelectionStep.read(run, store, warehouse.open(), clock)
            account = preparing_of(run.user_id)
            clients = services.open(
                run.user_id, store, clock, edition_id=account, asked_for=False, looking_up=True
            )
            reserve, calls = asyncio.run(
                step.stock_up(
                    clients,
                    lambda: CallAllowance.ahead_of_time(store, run.user_id, looking_over=True),
                )
            )
        if is_due(run.account, clock.now()):
            spotify = services.open(
                run.user_id, store, clock, edition_id=account, asked_for=False, looking_up=True
            )
            asyncio.run(_look_for_playlist(store, run.account, spotify))
        return _result(reserve, run.account.playlist_size, calls)


async def _look_for_playlist(
    store: AccountStore, account: Account, opening: AbstractAsyncContextManager[Clients]
) -> None:
    async with opening as clients:
        await let_go_if_removed(store, clients.spotify, account)


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
