"""Taking a publication back, and putting a past list into its playlist again.

The job only; what is written, and in which order, is ``playlists.restore``'s.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.messages import ChangedBackByOperator
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.failures import failures_tagged
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.playlists.cover_upload import CoverUpload
from vibe_pipeline.playlists.explicit_tracks import known_marks
from vibe_pipeline.playlists.recommendation_history import remember, unremember
from vibe_pipeline.playlists.restore import (
    ChangedBack,
    NotRestorable,
    Restoration,
    edition_to_restore,
)
from vibe_pipeline.records import EditionId, Mode, UserId
from vibe_pipeline.warehouse import Warehouse


@dg.op(name="restore")
def restore(
    context: dg.OpExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> None:
    """Puts back the edition that the tag vibe/edition names; with vibe/undo, takes it back.

    The tag vibe/stood_since says how it stood when that was asked for.
    """
    store, database = accounts.open(clock), warehouse.open()
    user_id, tags = UserId(context.partition_key), context.run.tags
    own = EditionId(context.run_id)
    opening = services.open(user_id, store, clock, edition_id=own, asked_for=True)
    with failures_tagged(context, store):
        try:
            edition = edition_to_restore(store, user_id, _edition_named(context.run))
            changed = asyncio.run(_restore(store, database, clock, opening, edition, tags=tags))
        except NotRestorable as error:
            raise dg.Failure(str(error), allow_retries=False) from error
    if changed.missing:
        told = runs.missing_tags(changed.missing)
        context.instance.add_run_tags(context.run.run_id, told)
    done = changed.edition
    if done != edition and runs.ASKED_BY not in tags:
        _tell(store, done, context.run_id)
    context.add_output_metadata(
        {
            "edition_id": done.edition_id,
            "vibe_date": done.vibe_date.isoformat(),
            "tracks": len(done.tracks),
            "missing": changed.missing,
            "taken back": runs.UNDO in tags,
        }
    )


def _tell(store: AccountStore, done: Edition, run_id: str) -> None:
    """Have the bot say which list stands now, for its person did not ask for it."""
    stands = store.editions.latest(done.user_id)
    if stands is not None:
        message = ChangedBackByOperator.of_run(stands.edition_id, run_id)
        store.outbox.put(done.user_id, message)


def _edition_named(run: dg.DagsterRun) -> EditionId:
    edition_id = runs.named_edition(run.tags)
    if edition_id is None:
        raise NotRestorable(f"The tag {runs.EDITION} names no edition.")
    return edition_id


async def _restore(
    store: AccountStore,
    database: Warehouse,
    clock: ClockResource,
    opening: AbstractAsyncContextManager[Clients],
    edition: Edition,
    *,
    tags: Mapping[str, str],
) -> ChangedBack:
    async with opening as clients:
        restoration = Restoration(
            store=store,
            spotify=clients.spotify,
            remember=lambda restored: remember(database, restored, now=clock.now()),
            unremember=lambda undone: unremember(database, undone),
            explicit_marks=lambda shown: known_marks(database, shown, now=clock.now()),
        )
        if runs.UNDO in tags:
            done = await restoration.take_back(edition, stood_since=runs.stood_since(tags))
        else:
            done = await restoration.put_back(edition)
        stands = store.editions.latest(edition.user_id)
        if stands is not None and stands.mode is Mode.LIVING:
            covers = CoverUpload(store=store, spotify=clients.spotify, now=clock.now())
            await covers.change_back(stands)
        return done


@dg.job(
    name=runs.RESTORE_EDITION,
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description=f"Puts the past list named by the tag {runs.EDITION} into its playlist again; with"
    f" the tag {runs.UNDO}, takes that publication back.",
)
def restore_edition() -> None:
    """One step."""
    restore()
