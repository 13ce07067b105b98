"""What lists left on Spotify without being recorded, put in order by a run of their person's.

How, decides ``playlists.leftover_playlists``; which lists go on by themselves, ``continuing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from vibe_pipeline.accounts.call_allowance import listening_of
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.resources import Clients, ClockResource, ServicesResource
from vibe_pipeline.defs.run_context import RunContext
from vibe_pipeline.playlists.leftover_playlists import LeftoverPlaylists, leftovers
from vibe_pipeline.playlists.publish import Publication
from vibe_pipeline.playlists.recommendation_history import record_publication
from vibe_pipeline.warehouse import Warehouse


def put_leftovers_in_order(
    run: RunContext,
    store: AccountStore,
    database: Warehouse,
    services: ServicesResource,
    clock: ClockResource,
) -> None:
    """Before a list is chosen, so that it knows what was heard; costs nothing as a rule.

    Only by a run beside which no other of the person's is under way.
    """
    besides = None if run.edition is None else run.edition.edition_id
    left = leftovers(store, run.account, now=clock.now(), besides=besides)
    if not left:
        return
    account = listening_of(run.user_id)
    opening = services.open(run.user_id, store, clock, edition_id=account, asked_for=run.asked_for)
    asyncio.run(_put_in_order(opening, store, database, clock, left))


async def _put_in_order(
    opening: AbstractAsyncContextManager[Clients],
    store: AccountStore,
    database: Warehouse,
    clock: ClockResource,
    left: Sequence[Edition],
) -> None:
    def record(written: Edition) -> None:
        record_publication(database, written, now=clock.now())

    async with opening as clients:
        publication = Publication(
            store=store,
            spotify=clients.spotify,
            record=record,
            public=clients.settings.playlist_visibility == "public",
        )
        await LeftoverPlaylists(publication=publication, now=clock.now()).put_in_order(left)
