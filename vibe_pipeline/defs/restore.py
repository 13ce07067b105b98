"""Taking a publication back, and putting a past list into its playlist again."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import dagster as dg

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.defs import tags
from vibe_pipeline.defs.failures import failure_of
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.playlists.restore import NotRestorable, Restoration
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.warehouse import Slice, Warehouse, WarehouseError


@dg.op(name="restore")
def restore(
    context: dg.OpExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> None:
    """Puts back the edition that the tag vibe/edition names; with vibe/undo, takes it back."""
    store, house = accounts.open(clock), warehouse.open()
    account, edition = _meant(context, store)
    own = EditionId(context.run_id)
    opening = services.open(account.user_id, store, clock, edition_id=own, asked_for=True)
    undo = tags.UNDO in context.run.tags
    try:
        done = asyncio.run(_restore(store, house, clock, opening, edition, undo=undo))
    except (NotRestorable, ServiceError, WarehouseError, AccountsUnreadable) as error:
        sentence = str(error) if isinstance(error, NotRestorable) else failure_of(error).sentence
        raise dg.Failure(sentence, allow_retries=False) from error
    context.add_output_metadata(
        {
            "edition_id": done.edition_id,
            "vibe_date": done.vibe_date.isoformat(),
            "tracks": len(done.tracks),
            "taken back": undo,
        }
    )


async def _restore(
    store: AccountStore,
    house: Warehouse,
    clock: ClockResource,
    opening: AbstractAsyncContextManager[Clients],
    edition: Edition,
    *,
    undo: bool,
) -> Edition:
    async with opening as outside:
        restoration = Restoration(
            store=store,
            spotify=outside.spotify,
            remember=_remembering(house, clock),
            unremember=_forgetting(house),
        )
        if undo:
            return await restoration.take_back(edition)
        return await restoration.put_back(edition)


def _meant(context: dg.OpExecutionContext, store: AccountStore) -> tuple[Account, Edition]:
    user_id = UserId(context.partition_key)
    account = store.people.get(user_id)
    if account is None or not account.connected:
        raise dg.Failure(f"{user_id} is not connected to Spotify.", allow_retries=False)
    named = context.run.tags.get(tags.EDITION, "")
    edition = store.editions.get(EditionId(named))
    if edition is None or edition.user_id != user_id:
        raise dg.Failure(
            f"{user_id} has no edition {named or 'named by the tag ' + tags.EDITION}.",
            allow_retries=False,
        )
    return account, edition


def _remembering(house: Warehouse, clock: ClockResource) -> Callable[[Edition], None]:
    def remember(edition: Edition) -> None:
        with house.open() as tables:
            tables.playlists.replace_history(
                _place(edition), edition.tracks, recorded_at=clock.now()
            )

    return remember


def _forgetting(house: Warehouse) -> Callable[[Edition], None]:
    def unremember(edition: Edition) -> None:
        with house.open() as tables:
            tables.playlists.unrecommend(_place(edition))

    return unremember


def _place(edition: Edition) -> Slice:
    return Slice(
        user_id=edition.user_id, vibe_date=edition.vibe_date, edition_id=edition.edition_id
    )


@dg.job(
    name="restore_edition",
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description="Puts the past list named by the tag vibe/edition into its playlist again; with the"
    " tag vibe/undo, takes that publication back.",
)
def restore_edition() -> None:
    """One step."""
    restore()
