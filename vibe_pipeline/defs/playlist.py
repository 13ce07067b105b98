"""The playlist group: what is written to Spotify, and the memory of it.

The order of writing, safe against dying, is ``playlists.publish``'s.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER
from vibe_pipeline.accounts.messages import MadeByOperator, Message, NightReady, ReadyAfterAll
from vibe_pipeline.accounts.records import Edition, EditionKind, Summary
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.metadata import counted, source_cell, table
from vibe_pipeline.defs.nightly_promise import POLICY
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import (
    PUBLISHED,
    PUBLISHING_STEP,
    SELECTION,
    RunContext,
    run_context,
)
from vibe_pipeline.defs.specs import asset_spec, check_spec
from vibe_pipeline.installation.home import restored_at
from vibe_pipeline.playlists.cover_upload import CoverUpload
from vibe_pipeline.playlists.publish import (
    NothingToPublish,
    Publication,
    chosen_twice,
    edition_to_publish,
    without_uri,
)
from vibe_pipeline.playlists.recommendation_history import published, record_publication
from vibe_pipeline.playlists.second_choice import SecondChoice
from vibe_pipeline.records import ChosenTrack, EditionId

log = logging.getLogger(__name__)

HISTORY = dg.AssetKey("recommendation_history")


@dg.multi_asset(
    name=PUBLISHING_STEP,
    specs=[
        asset_spec(
            PUBLISHED,
            group="playlist",
            kinds={"spotify"},
            code_version="1",
            deps=[SELECTION],
            freshness_policy=POLICY,
            description=(
                "The list as it was written to the person's playlist on Spotify.\n\nWritten"
                " through a ledger: a run that dies anywhere goes on where it stood, and never"
                " makes a second playlist."
            ),
        ),
        asset_spec(
            HISTORY,
            group="playlist",
            deps=[PUBLISHED],
            code_version="1",
            description=(
                "Everything ever recommended to the person, so that it rests before it returns"
                " and *new* means new."
            ),
        ),
    ],
    check_specs=[
        check_spec(
            "every_published_track_is_one_spotify_knows",
            asset=PUBLISHED,
            blocking=True,
            description="A line without a track's address would leave a hole in the playlist.",
        ),
        check_spec(
            "history_remembers_every_track_once",
            asset=HISTORY,
            blocking=True,
            description="As many lines as the list has, no recording twice.",
        ),
    ],
    partitions_def=users,
)
def playlist(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Writes the chosen tracks to the playlist, then keeps what was written."""
    store, database = accounts.open(clock), warehouse.open()
    with run_context(context, store, database, now=clock.now()) as run:
        edition, waited_for = _chosen_edition(store, run), _waited_for(store, run)
        opening = services.open(
            run.user_id, store, clock, edition_id=run.place.edition_id, asked_for=run.asked_for
        )
        kept: dict[EditionId, list[ChosenTrack]] = {}

        def record(written: Edition) -> None:
            kept[written.edition_id] = record_publication(database, written, now=clock.now())

        def announced(written: Edition) -> Message | None:
            waits = waited_for or _waited_for(store, run)
            return _announcement(store, run, written, waited_for=waits, now=clock.now())

        mender = SecondChoice(store=store, database=database, now=clock.now)
        publishing = _publish(store, edition, opening, record, announced=announced, mender=mender)
        edition, calls = asyncio.run(publishing)
        log.info("published: %d tracks", len(edition.tracks))
        remembered = kept.get(edition.edition_id) or published(database, edition)
        yield _published_result(edition, calls)
        yield _history_result(edition, remembered)


def _chosen_edition(store: AccountStore, run: RunContext) -> Edition:
    try:
        on_purpose = run.on_purpose or run.wanted
        return edition_to_publish(store, run.edition, on_purpose=on_purpose)
    except NothingToPublish as error:
        raise dg.Failure(
            "No list of this person's waits to be published: materialize ranked_selection as well,"
            " or run daily_vibe.",
            allow_retries=False,
        ) from error


async def _publish(
    store: AccountStore,
    edition: Edition,
    opening: AbstractAsyncContextManager[Clients],
    record: Callable[[Edition], None],
    *,
    announced: Callable[[Edition], Message | None],
    mender: SecondChoice,
) -> tuple[Edition, Mapping[str, Any]]:
    async with opening as clients:
        public = clients.settings.playlist_visibility == "public"
        publication = Publication(
            store=store,
            spotify=clients.spotify,
            record=record,
            announced=announced,
            public=public,
            mender=mender,
            restored_at=restored_at(clients.settings.home),
        )
        published_edition = await publication.publish(edition.edition_id)
        cover = CoverUpload(store=store, spotify=clients.spotify, now=mender.now())
        past = store.editions.later_stands(published_edition)
        covered = not past and await cover.upload(published_edition)
        return published_edition, {**clients.shown, **({"cover": "new"} if covered else {})}


def _announcement(
    store: AccountStore, run: RunContext, edition: Edition, *, waited_for: bool, now: datetime
) -> Message | None:
    """What the bot is to say of the list, where no message in the chat waits for it.

    ``waited_for``: one does; it says so as soon as the ledger does.
    What an operator does is told too: a rerun that mends a list, one that makes a good list anew,
    each time, a backfill that rewrites one. Not told: what a later list has taken the place of.
    """
    if now - edition.stands_since > LEFT_ALONE_AFTER or store.editions.later_stands(edition):
        return None
    if run.nightly and not run.makes_anew:
        return NightReady.of(edition.edition_id)
    return None if waited_for else _unasked(run, edition)


def _unasked(run: RunContext, edition: Edition) -> Message | None:
    """What is said of a list that nobody waits for in the chat, and that is no night's."""
    if run.makes_anew:
        return MadeByOperator.of_run(edition.edition_id, run.run_id)
    if run.continued or run.repeated:
        return ReadyAfterAll.of(edition.edition_id)
    if run.by_hand and run.mine:
        return MadeByOperator.of(edition.edition_id)
    if run.by_hand and run.edition is not None and run.edition.kind is EditionKind.DAILY:
        return ReadyAfterAll.of(edition.edition_id)
    return None


def _waited_for(store: AccountStore, run: RunContext) -> bool:
    return any(watch.job in runs.LIST_JOBS for watch in store.watches.open(run.user_id))


def _published_result(edition: Edition, calls: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    holes, repeats = without_uri(edition.tracks), chosen_twice(edition.tracks)
    summary = edition.summary or Summary(new=0, familiar=0, wished_new=0)
    return dg.MaterializeResult(
        asset_key=PUBLISHED,
        metadata=counted(
            len(edition.tracks),
            edition_id=edition.edition_id,
            playlist=dg.MetadataValue.url(edition.playlist_url or ""),
            title=edition.title or "",
            new=summary.new,
            familiar=summary.familiar,
            tracks=table(
                [
                    {
                        "position": track.position,
                        "artist": track.artist,
                        "title": track.title,
                        "new": track.is_new,
                        "source": source_cell(track.source),
                        "reason": track.reason,
                    }
                    for track in edition.tracks
                ],
                ["position", "artist", "title", "new", "source", "reason"],
            ),
            **calls,
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=PUBLISHED,
                check_name="every_published_track_is_one_spotify_knows",
                passed=holes == 0 and repeats == 0,
                metadata={"without address": holes, "repeats": repeats},
            ),
        ],
    )


def _history_result(edition: Edition, remembered: list[ChosenTrack]) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        asset_key=HISTORY,
        metadata=counted(len(remembered), edition_id=edition.edition_id),
        check_results=[
            dg.AssetCheckResult(
                asset_key=HISTORY,
                check_name="history_remembers_every_track_once",
                passed=tuple(remembered) == edition.tracks,
                metadata={"chosen": len(edition.tracks), "remembered": len(remembered)},
            )
        ],
    )
