"""The library group: what a person liked, played and returns to."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from vibe_pipeline.defs.metadata import bars, counted, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import RunContext, run_context
from vibe_pipeline.defs.specs import asset_spec
from vibe_pipeline.playlists.call_allowance import listening_of
from vibe_pipeline.records import LikedTrack, Play, TopItem
from vibe_pipeline.taste.library_sync import (
    FIRST_WALK_PAGES,
    NEXT_WALK_PAGES,
    SYNC_WALK_PAGES,
    TOP_AGE,
    CachedLikes,
    LikesDelta,
    PlaysDelta,
    likes_delta,
    plays_delta,
    top_items,
    top_items_due,
)
from vibe_pipeline.warehouse import (
    LibraryState,
    LikeChange,
    PlayCollection,
    PlayGap,
    Tables,
    Warehouse,
)

LIKED_TRACKS = dg.AssetKey("liked_tracks")
RECENT_PLAYS = dg.AssetKey("recent_plays")
TOP_ITEMS = dg.AssetKey("top_items")

_TOP_PATIENCE = {"daily_vibe": 3 * TOP_AGE, "preview_vibe": 3 * TOP_AGE}
"""A list is not made dearer for top items of last week; collecting plays refreshes them."""


def _spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    return asset_spec(
        key, group="library", kinds={"spotify"}, description=description, skippable=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What Spotify told in this step, before it is kept; ``None``: not asked."""

    likes: LikesDelta | None = None
    plays: PlaysDelta | None = None
    top: list[TopItem] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The library after keeping what was heard."""

    change: LikeChange
    plays_added: int
    likes: list[LikedTrack]
    liked_twice: int
    plays: list[Play]
    collections: list[PlayCollection]
    gaps: list[PlayGap]
    top: list[TopItem]
    state: LibraryState


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
        dg.AssetCheckSpec(
            "nobody_likes_a_track_twice",
            asset=LIKED_TRACKS,
            blocking=True,
            description="A repeat would mean that paging or syncing went wrong.",
        ),
        dg.AssetCheckSpec(
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
    store, house, now = accounts.open(clock), warehouse.open(), clock.now()
    with run_context(context, store, now=now) as made:
        if made.done_before:
            context.log.info("this list was made by run %s", made.place.edition_id)
            return
        with house.open() as tables:
            state = tables.library.state(made.user_id)
            likes = tables.library.likes(made.user_id)
        opening = services.open(
            made.user_id,
            store,
            clock,
            edition_id=made.place.edition_id if made.edition else listening_of(made.user_id),
            asked_for=made.asked_for,
        )
        heard, calls = asyncio.run(_listen(context, opening, state, likes, now))
        kept = _keep(house, made, heard, now)
        if heard.likes is not None:
            store.people.change(made.user_id, likes_cached=len(kept.likes), likes_synced_at=now)
        for result in _results(kept, heard, calls):
            if result.asset_key in context.selected_asset_keys:
                yield result


async def _listen(
    context: dg.AssetExecutionContext,
    opening: AbstractAsyncContextManager[Clients],
    state: LibraryState,
    likes: list[LikedTrack],
    now: datetime,
) -> tuple[Heard, Mapping[str, Any]]:
    wanted = context.selected_asset_keys
    cache = CachedLikes(likes=likes, total=state.likes_total, walked=state.likes_walked)
    patience = _TOP_PATIENCE.get(context.run.job_name, TOP_AGE)
    top_due = top_items_due(state.top_fetched_at, now=now, patience=patience)
    async with opening as outside:
        spotify = outside.spotify
        heard = Heard(
            likes=await likes_delta(spotify, cache, pages=_pages(context.run, state))
            if LIKED_TRACKS in wanted
            else None,
            plays=await plays_delta(spotify, cursor=state.plays_cursor)
            if RECENT_PLAYS in wanted
            else None,
            top=await top_items(spotify) if TOP_ITEMS in wanted and top_due else None,
        )
        return heard, outside.shown


def _pages(run: dg.DagsterRun, state: LibraryState) -> int:
    """How far to walk through a library that is not known to its end."""
    if run.job_name == "sync_library" and state.likes_total is not None:
        return SYNC_WALK_PAGES
    return FIRST_WALK_PAGES if state.likes_walked is None else NEXT_WALK_PAGES


def _keep(house: Warehouse, made: RunContext, heard: Heard, now: datetime) -> Kept:
    with house.open() as tables:
        change, plays_added = _write(tables, made, heard, now)
        library = tables.library
        return Kept(
            change=change,
            plays_added=plays_added,
            likes=library.likes(made.user_id),
            liked_twice=library.liked_twice(made.user_id),
            plays=library.plays(made.user_id),
            collections=library.collections(made.user_id),
            gaps=library.gaps(made.user_id),
            top=library.top_items(made.user_id),
            state=library.state(made.user_id),
        )


def _write(tables: Tables, made: RunContext, heard: Heard, now: datetime) -> tuple[LikeChange, int]:
    change, plays_added = LikeChange(added=0, removed=0), 0
    if heard.likes is not None:
        change = tables.library.change_likes(
            made.user_id,
            added=heard.likes.added,
            gone=heard.likes.gone,
            total=heard.likes.total,
            walked=heard.likes.walked,
            seen_at=now,
        )
    if heard.plays is not None:
        plays_added = tables.library.add_plays(
            made.user_id,
            heard.plays.plays,
            after=heard.plays.after,
            collected_at=now,
            gap=heard.plays.gap,
        )
    if heard.top is not None:
        tables.library.replace_top_items(made.user_id, heard.top, fetched_at=now)
    return change, plays_added


def _results(
    kept: Kept, heard: Heard, calls: Mapping[str, Any]
) -> list[dg.MaterializeResult[None]]:
    return [
        _likes_result(kept, heard, calls),
        _plays_result(kept, heard),
        _top_result(kept, heard),
    ]


def _likes_result(kept: Kept, heard: Heard, calls: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    walked = heard.likes.walked if heard.likes else None
    return dg.MaterializeResult(
        asset_key=LIKED_TRACKS,
        metadata=counted(
            len(kept.likes),
            added=kept.change.added,
            removed=kept.change.removed,
            **({"still to walk": max(0, (kept.state.likes_total or 0) - walked)} if walked else {}),
            **calls,
            newest=table(
                [
                    {
                        "artist": like.track.artist,
                        "title": like.track.title,
                        "liked": like.added_at.date().isoformat(),
                    }
                    for like in kept.likes[:10]
                ],
                ["artist", "title", "liked"],
            ),
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=LIKED_TRACKS,
                check_name="nobody_likes_a_track_twice",
                passed=kept.liked_twice == 0,
                metadata={"repeats": kept.liked_twice},
            )
        ],
    )


def _plays_result(kept: Kept, heard: Heard) -> dg.MaterializeResult[None]:
    gap = heard.plays is not None and heard.plays.gap
    latest = kept.plays[0].played_at.isoformat() if kept.plays else "never"
    return dg.MaterializeResult(
        asset_key=RECENT_PLAYS,
        metadata=counted(
            len(kept.plays),
            added=kept.plays_added,
            latest=latest,
            gaps=len(kept.gaps),
            **({"missing": _missing(kept.gaps)} if kept.gaps else {}),
            **{"plays per day": bars(_per_day(kept.plays), title="Plays per day")},
            collections=table(
                [
                    {
                        "collected": some.collected_at.isoformat(timespec="seconds"),
                        "returned": some.returned,
                        "added": some.added,
                        "gap": some.gap,
                    }
                    for some in kept.collections
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
                description=_told(kept.gaps[0]) if gap and kept.gaps else None,
                metadata={"gaps": len(kept.gaps)},
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


def _told(gap: PlayGap) -> str:
    return (
        f"More was played between {_minute(gap.since)} and {_minute(gap.until)} than Spotify"
        " remembers; some of it is lost. Collect more often."
    )


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="minutes")


def _per_day(plays: list[Play]) -> dict[str, float]:
    if not plays:
        return {}
    since = plays[0].played_at - timedelta(days=13)
    days: dict[str, float] = {}
    for play in plays:
        if play.played_at >= since:
            day = play.played_at.date().isoformat()
            days[day] = days.get(day, 0) + 1
    return days


def _top_result(kept: Kept, heard: Heard) -> dg.MaterializeResult[None]:
    fetched = kept.state.top_fetched_at
    return dg.MaterializeResult(
        asset_key=TOP_ITEMS,
        metadata=counted(
            len(kept.top),
            **{"asked now": heard.top is not None},
            **({"fetched": fetched.isoformat(timespec="seconds")} if fetched else {}),
            items=table(
                [
                    {
                        "kind": item.kind,
                        "range": item.time_range,
                        "rank": item.rank,
                        "artist": item.artist,
                        "name": item.name,
                    }
                    for item in sorted(kept.top, key=lambda item: (item.rank, item.kind))
                ],
                ["kind", "range", "rank", "artist", "name"],
            ),
        ),
    )
