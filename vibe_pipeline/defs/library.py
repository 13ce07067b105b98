"""The library group: what a person liked, played and returns to.

Three assets in one step. What Spotify is asked for, and how far, decides ``taste.library_refresh``.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.budget import StoredBudget
from vibe_pipeline.accounts.call_allowance import SPOTIFY, budget_for, listening_of
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.leftovers import put_leftovers_in_order
from vibe_pipeline.defs.metadata import bars, counted, excerpt, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import EDITION_JOBS, RunContext, run_context
from vibe_pipeline.defs.single_flight import SharedWork, one_at_a_time
from vibe_pipeline.defs.specs import asset_spec, check_spec
from vibe_pipeline.records import EditionId, LikedTrack, UserId
from vibe_pipeline.taste.library_refresh import (
    LibraryDelta,
    LibrarySnapshot,
    Part,
    RefreshPlan,
    just_read,
    keep,
    library_delta,
    may_walk_again,
    pages_ahead,
    plays_per_day,
    second_look,
    still_to_search,
    still_to_walk,
    top_items_wanted,
    walk_pages,
    within,
)
from vibe_pipeline.warehouse import LibraryState, PlayGap

LIKED_TRACKS = dg.AssetKey("liked_tracks")
RECENT_PLAYS = dg.AssetKey("recent_plays")
TOP_ITEMS = dg.AssetKey("top_items")


def _spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    return asset_spec(
        key,
        group="library",
        kinds={"spotify"},
        description=description,
        code_version="1",
        skippable=True,
    )


@dg.multi_asset(
    name="library",
    specs=[
        _spec(
            LIKED_TRACKS,
            (
                "Every track the person has saved on Spotify, newest first.\n\nSynced"
                " incrementally: one call when nothing changed, and what was un-liked is marked"
                " with the moment we noticed, so that any past day can be seen as it was."
            ),
        ),
        _spec(
            RECENT_PLAYS,
            (
                "What the person played, kept by us beyond the last 50 that Spotify remembers."
                "\n\nA gap means that more was played between two collections than Spotify could"
                " tell; collect more often then."
            ),
        ),
        _spec(
            TOP_ITEMS,
            (
                "The artists and tracks Spotify counts as most played, over four weeks and over"
                " half a year. Asked for once a week at most."
            ),
        ),
    ],
    check_specs=[
        check_spec(
            "nobody_likes_a_track_twice",
            asset=LIKED_TRACKS,
            blocking=True,
            description="A repeat would mean that paging or syncing went wrong.",
        ),
        check_spec(
            "no_plays_slipped_away",
            asset=RECENT_PLAYS,
            description="More was played between two collections than Spotify remembers.",
        ),
    ],
    partitions_def=users,
    can_subset=True,
)
def library(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Likes, plays and top items, asked for and kept together."""
    store, database, now = accounts.open(clock), warehouse.open(), clock.now()
    with run_context(context, store, database, now=now) as run:
        if run.done_before:
            context.log.info("this list was made by run %s", run.place.edition_id)
            return
        with one_at_a_time(run, SharedWork.LIBRARY) as joined:
            with database.open() as tables:
                state, likes = tables.library.state(run.user_id), tables.library.likes(run.user_id)
            account = _account_of(run, store)
            budget = budget_for(store, run.user_id, account, asked_for=run.asked_for)
            plan = _plan(context, run, budget, state, now, joined=joined)
            opening = services.open(
                run.user_id, store, clock, edition_id=account, asked_for=run.asked_for
            )
            delta, calls = asyncio.run(_ask(opening, plan, state, likes))
            with database.open() as tables:
                snapshot = keep(tables, run.user_id, delta, since=state, now=now)
        _note_progress(store, run.user_id, delta, snapshot, now)
        if runs.PERSON in context.run.tags:
            put_leftovers_in_order(run, store, database, services, clock)
        if delta.likes is not None or run.makes_a_list:
            _tag_unread(context, snapshot.state)
        for result in _results(snapshot, delta, calls):
            if result.asset_key in context.selected_asset_keys:
                yield result


def _note_progress(
    store: AccountStore,
    user_id: UserId,
    delta: LibraryDelta,
    snapshot: LibrarySnapshot,
    now: datetime,
) -> None:
    """How far the library is known, for the bot to tell; what is doubted tells nothing."""
    if delta.likes is None or delta.likes.doubted:
        return
    reading = bool(still_to_walk(snapshot.state))
    store.people.change(
        user_id,
        likes_cached=len(snapshot.likes),
        likes_total=snapshot.state.likes_total if reading else None,
        likes_synced_at=now,
    )


def _tag_unread(context: dg.AssetExecutionContext, state: LibraryState) -> None:
    """Have whoever follows the run read on."""
    unread = runs.still_to_walk_tags(still_to_walk(state) or still_to_search(state))
    if unread:
        context.instance.add_run_tags(context.run.run_id, unread)


def _account_of(run: RunContext, store: AccountStore) -> EditionId:
    """What the calls are counted under: the list's, or listening that makes no list.

    A newcomer's library is read once, whether a list asks for it or what goes before the list.
    """
    first = not store.editions.chosen_before(run.user_id, besides=run.place.edition_id)
    return listening_of(run.user_id) if first or not run.edition else run.place.edition_id


def _plan(
    context: dg.AssetExecutionContext,
    run: RunContext,
    budget: StoredBudget,
    state: LibraryState,
    now: datetime,
    *,
    joined: bool,
) -> RefreshPlan:
    wanted, job = context.selected_asset_keys, context.run.job_name
    known = joined and just_read(state, now=now)
    awaited = run.makes_a_list and run.asked_for
    left = None if budget.limit is None else budget.left(SPOTIFY)
    syncing = job == runs.SYNC_LIBRARY
    pages = walk_pages(state, syncing=syncing, list_awaited=awaited, calls_left=left)
    if job == runs.WALK_LIBRARY:
        pages = pages_ahead(state, calls_left=budget.left(SPOTIFY))
    plan = RefreshPlan(
        likes_pages=pages if LIKED_TRACKS in wanted and not known else None,
        plays=RECENT_PLAYS in wanted and not known,
        top_items=TOP_ITEMS in wanted
        and top_items_wanted(state, making_a_list=job in EDITION_JOBS, now=now),
        believe_shrinking=second_look(state, now=now),
        walk_again=may_walk_again(state, now=now),
        list_follows=run.makes_a_list,
    )
    return within(plan, left)


async def _ask(
    opening: AbstractAsyncContextManager[Clients],
    plan: RefreshPlan,
    state: LibraryState,
    likes: Sequence[LikedTrack],
) -> tuple[LibraryDelta, Mapping[str, Any]]:
    async with opening as clients:
        delta = await library_delta(clients.spotify, plan, state=state, likes=likes)
        return delta, clients.shown


def _results(
    snapshot: LibrarySnapshot, delta: LibraryDelta, calls: Mapping[str, Any]
) -> list[dg.MaterializeResult[None]]:
    return [
        _likes_result(snapshot, delta, calls),
        _plays_result(snapshot, delta),
        _top_result(snapshot, delta),
    ]


def _likes_result(
    snapshot: LibrarySnapshot, delta: LibraryDelta, calls: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    unread = still_to_walk(snapshot.state)
    return dg.MaterializeResult(
        asset_key=LIKED_TRACKS,
        metadata=counted(
            len(snapshot.likes),
            added=snapshot.change.added,
            removed=snapshot.change.removed,
            **({"still to walk": unread} if unread else {}),
            **_doubts(snapshot.state),
            **_trouble(delta, Part.LIKES),
            **calls,
            newest=table(
                [
                    {
                        "artist": like.track.artist,
                        "title": like.track.title,
                        "liked": like.added_at.date().isoformat(),
                    }
                    for like in snapshot.likes[:10]
                ],
                ["artist", "title", "liked"],
            ),
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=LIKED_TRACKS,
                check_name="nobody_likes_a_track_twice",
                passed=snapshot.liked_twice == 0,
                metadata={"repeats": snapshot.liked_twice},
            )
        ],
    )


def _trouble(delta: LibraryDelta, part: Part) -> dict[str, str]:
    """What Spotify answered instead; the list is made from what was known before."""
    trouble = delta.troubles.get(part)
    return {} if trouble is None else {"not told now": str(trouble)}


def _doubts(state: LibraryState) -> dict[str, str]:
    """What is not certain about the likes."""
    shown = {}
    if state.likes_doubted_at is not None:
        since = state.likes_doubted_at.isoformat(timespec="minutes")
        shown["doubted"] = f"Spotify shows far fewer likes since {since}; looked at again later"
    if state.likes_searched is not None:
        searched = f"{state.likes_searched} of {state.likes_total} positions"
        shown["looking for what was un-liked"] = searched
    return shown


def _plays_result(snapshot: LibrarySnapshot, delta: LibraryDelta) -> dg.MaterializeResult[None]:
    newest = snapshot.collections[0] if snapshot.collections else None
    gap = delta.plays is not None and newest is not None and newest.gap
    latest = snapshot.plays[0].played_at.isoformat() if snapshot.plays else "never"
    return dg.MaterializeResult(
        asset_key=RECENT_PLAYS,
        metadata=counted(
            len(snapshot.plays),
            added=snapshot.plays_added,
            latest=latest,
            gaps=len(snapshot.gaps),
            **_trouble(delta, Part.PLAYS),
            **({"missing": _missing(snapshot.gaps)} if snapshot.gaps else {}),
            **{"plays per day": bars(plays_per_day(snapshot.plays), title="Plays per day")},
            collections=table(
                [
                    {
                        "collected": collection.collected_at.isoformat(timespec="seconds"),
                        "returned": collection.returned,
                        "added": collection.added,
                        "gap": collection.gap,
                    }
                    for collection in snapshot.collections
                ],
                ["collected", "returned", "added", "gap"],
            ),
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=RECENT_PLAYS,
                check_name="no_plays_slipped_away",
                passed=not gap,
                severity=dg.AssetCheckSeverity.WARN,
                description=_gap_sentence(snapshot.gaps[0]) if gap and snapshot.gaps else None,
                metadata={"gaps": len(snapshot.gaps)},
            )
        ],
    )


def _missing(gaps: list[PlayGap]) -> dg.TableMetadataValue:
    """The stretches of which plays are missing."""
    return table(
        [
            {
                "noticed": gap.noticed_at.isoformat(timespec="minutes"),
                "from": _minute(gap.since),
                "to": _minute(gap.until),
            }
            for gap in gaps
        ],
        ["noticed", "from", "to"],
    )


def _gap_sentence(gap: PlayGap) -> str:
    return (
        f"More was played between {_minute(gap.since)} and {_minute(gap.until)} than Spotify"
        " remembers; some of it is lost. Collect more often."
    )


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="minutes")


def _top_result(snapshot: LibrarySnapshot, delta: LibraryDelta) -> dg.MaterializeResult[None]:
    fetched = snapshot.state.top_fetched_at
    return dg.MaterializeResult(
        asset_key=TOP_ITEMS,
        metadata=counted(
            len(snapshot.top),
            **{"asked now": delta.top is not None},
            **_trouble(delta, Part.TOP),
            **({"fetched": fetched.isoformat(timespec="seconds")} if fetched else {}),
            **excerpt(
                "items",
                [
                    {
                        "kind": item.kind,
                        "range": item.time_range,
                        "rank": item.rank,
                        "artist": item.artist,
                        "name": item.name,
                    }
                    for item in sorted(snapshot.top, key=lambda item: (item.rank, item.kind))
                ],
                ["kind", "range", "rank", "artist", "name"],
            ),
        ),
    )
