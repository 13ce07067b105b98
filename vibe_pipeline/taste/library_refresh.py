"""One refresh of a person's library: what to ask Spotify for now, how far, and keeping the answers.

How a change is found with few calls is ``library_sync``'s; when a run refreshes is ``defs``'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vibe_pipeline.clients.concurrent_calls import side_by_side
from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    KeyRefused,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
)
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import LikedTrack, Play, TopItem, UserId
from vibe_pipeline.taste.library_sync import (
    FIRST_WALK_PAGES,
    NEXT_WALK_PAGES,
    SYNC_WALK_PAGES,
    TOP_AGE,
    TOP_CALLS,
    WALK_PAGES_AHEAD,
    LibraryClient,
    PlaysDelta,
    likes_delta,
    plays_delta,
    top_items,
    top_items_due,
)
from vibe_pipeline.taste.unliked import CachedLikes, LikesDelta
from vibe_pipeline.warehouse import LibraryState, LikeChange, PlayCollection, PlayGap, Tables
from vibe_pipeline.warehouse.listening_history import ToldPlay

TOP_AGE_FOR_A_LIST = 3 * TOP_AGE
"""A list is not made dearer for top items of last week; collecting plays refreshes them."""
JUST_NOW = timedelta(minutes=1)
"""What another run has read within this time, while this one waited for it, is not read again."""
SECOND_LOOK_AFTER = timedelta(minutes=30)
"""So long after a library shrank beyond the plausible, another look at it is believed."""
WALK_AGAIN_AFTER = timedelta(days=7)
"""So long after a walk that could not tell which likes are gone, another one is made."""
SEARCH_PAGES = 12
"""How far one sync that was asked for looks for something un-liked."""
DAYS_SHOWN = 14
BESIDE_LIKES = 1
"""Plays take one call, whatever is asked for besides."""


class Part(StrEnum):
    """The parts of a library that are asked for on their own; the value is the table's name."""

    LIKES = "liked_tracks"
    PLAYS = "recent_plays"
    TOP = "top_items"


_STOPPING = (AuthorizationExpired, NotAllowlisted, OwnerNotPremium, KeyRefused)
"""What one part is refused for, and every other call would be too, publishing included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPlan:
    """What to ask for; ``likes_pages`` is how many pages to walk at most, ``None`` for none.

    ``believe_shrinking``: the library was found implausibly small before, some time ago.
    ``walk_again``: the last walk through all of it is so long ago that another may tell more.
    ``list_follows``: a list is made from what is known, so what one part does not answer stops
    nothing.
    """

    likes_pages: int | None
    plays: bool
    top_items: bool
    believe_shrinking: bool = False
    walk_again: bool = True
    list_follows: bool = False


class LibraryLost(Exception):
    """The warehouse holds nothing of a library that it held before, or that a list is made from."""

    def __init__(self, user_id: UserId) -> None:
        super().__init__(
            f"The warehouse holds no library of {user_id}: it was lost or set aside while this run"
            " went on. The list is begun anew by itself; where it is not, run the library first."
        )


@dataclass(slots=True, kw_only=True)
class LibraryDelta:
    """What Spotify answered, before it is kept; ``None``: not asked, or not answered.

    ``troubles``: what each part answered instead.
    """

    likes: LikesDelta | None = None
    plays: PlaysDelta | None = None
    top: list[TopItem] | None = None
    troubles: dict[Part, ServiceError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LibrarySnapshot:
    """The library once the answers are kept, and what keeping them changed."""

    change: LikeChange
    plays_added: int
    likes: Sequence[LikedTrack]
    liked_twice: int
    plays: Sequence[Play]
    collections: list[PlayCollection]
    gaps: list[PlayGap]
    top: list[TopItem]
    state: LibraryState


def walk_pages(
    state: LibraryState,
    *,
    syncing: bool,
    list_awaited: bool = False,
    calls_left: int | None = None,
) -> int | None:
    """How many pages to walk through a library that is not known to its end, or that changed.

    ``syncing``: the person asked for the library itself, so it may take longer; except for the
    very first time, when a list is waited for next. ``list_awaited``: somebody waits for a list,
    so the newest page is enough once a first walk was made. What was un-liked is looked for
    within the same bounds, and the rest of the way another time. ``calls_left``: what a newcomer
    may still spend on listening, ``None`` for no limit; ``None`` comes back when that is nothing.
    """
    if state.likes_total is None:
        pages = FIRST_WALK_PAGES
    elif syncing:
        pages = SEARCH_PAGES if state.likes_walked is None else SYNC_WALK_PAGES
    else:
        pages = 1 if list_awaited else NEXT_WALK_PAGES
    if calls_left is not None:
        pages = max(0, min(pages, calls_left - BESIDE_LIKES))
    return pages or None


def within(plan: RefreshPlan, calls_left: int | None) -> RefreshPlan:
    """What of it so many calls reach for, ``None`` for no limit: top items come last."""
    if calls_left is None:
        return plan
    others = (plan.likes_pages or 0) + BESIDE_LIKES
    enough = calls_left >= others + TOP_CALLS
    return replace(plan, plays=plan.plays and calls_left > 0, top_items=plan.top_items and enough)


def second_look(state: LibraryState, *, now: datetime) -> bool:
    """Whether a library that still looks implausibly small has become so."""
    doubted_at = state.likes_doubted_at
    return doubted_at is not None and abs(now - doubted_at) >= SECOND_LOOK_AFTER


def may_walk_again(state: LibraryState, *, now: datetime) -> bool:
    """Whether another walk through a library may tell what the last one could not."""
    ended_at = state.likes_walked_at
    return ended_at is None or abs(now - ended_at) >= WALK_AGAIN_AFTER


def pages_ahead(state: LibraryState, *, calls_left: int | None) -> int | None:
    """How many pages to walk on while nobody waits; ``None`` when there are none, or no calls.

    Also through a library that is known, in which something un-liked is looked for.

    ``calls_left`` is what everybody's day leaves for it, ``None`` for no limit. The newest page is
    always one of them, so a single one would lead no further.
    """
    if state.likes_walked is None and state.likes_searched is None:
        return None
    pages = WALK_PAGES_AHEAD if calls_left is None else min(WALK_PAGES_AHEAD, calls_left)
    return pages if pages > 1 else None


def still_to_walk(state: LibraryState) -> int:
    """How many likes the walk through a long library has not come to yet."""
    walked = state.likes_walked
    return 0 if walked is None else max(0, (state.likes_total or 0) - walked)


def still_to_search(state: LibraryState) -> int:
    """Among how many likes something un-liked is still looked for.

    Few, mostly: positions tell where it was. Where some entries are none of ours (local files)
    they do not, and the pages are read in turn.
    """
    searched = state.likes_searched
    end = state.likes_total if state.likes_search_end is None else state.likes_search_end
    return 0 if searched is None else max(0, (end or 0) - searched)


def just_read(state: LibraryState, *, now: datetime) -> bool:
    """Whether the library was read so lately that a run which waited for that can go on with it."""
    return state.likes_synced_at is not None and abs(now - state.likes_synced_at) < JUST_NOW


def top_items_wanted(state: LibraryState, *, making_a_list: bool, now: datetime) -> bool:
    """Whether top items are old enough to be asked for again."""
    patience = TOP_AGE_FOR_A_LIST if making_a_list else TOP_AGE
    return top_items_due(state.top_fetched_at, now=now, patience=patience)


async def library_delta(
    spotify: LibraryClient, plan: RefreshPlan, *, state: LibraryState, likes: Sequence[LikedTrack]
) -> LibraryDelta:
    """Ask for what the plan names; ``likes`` and ``state`` are what we know so far.

    All of it side by side; only a library that was never read is begun with its likes alone, so
    that a service that refuses us is asked once and not six times.

    A part that does not answer is left as it is when a list follows and something is known to
    make it from: only what would stop the list anyway stops it here.

    Raises:
        ServiceError: what Spotify answered instead; nothing is kept then.
    """
    delta = LibraryDelta()
    cache = CachedLikes(
        likes=likes,
        total=state.likes_total,
        walked=state.likes_walked,
        searched=state.likes_searched,
        search_end=state.likes_search_end,
        unkept=state.likes_unkept,
    )

    async def ask_for_likes() -> None:
        if plan.likes_pages is not None:
            believe = plan.believe_shrinking
            pages = plan.likes_pages
            delta.likes = await likes_delta(
                spotify,
                cache,
                pages=pages,
                believe_shrinking=believe,
                walk_again=plan.walk_again,
            )

    async def ask_for_plays() -> None:
        if plan.plays:
            delta.plays = await plays_delta(spotify)

    async def ask_for_top_items() -> None:
        if plan.top_items:
            delta.top = await top_items(spotify)

    async def tried(part: Part, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except ServiceError as error:
            if not plan.list_follows or _stops_all(error):
                raise
            delta.troubles[part] = error

    asks = {Part.LIKES: ask_for_likes, Part.PLAYS: ask_for_plays, Part.TOP: ask_for_top_items}
    if state.likes_total is None:
        await tried(Part.LIKES, asks.pop(Part.LIKES))
    await side_by_side([tried(part, ask) for part, ask in asks.items()])
    _refuse_without_anything(delta, state)
    return delta


def _stops_all(error: ServiceError) -> bool:
    """Whether nothing else could be asked either."""
    if isinstance(error, RateLimited):
        return error.bucket is None
    return isinstance(error, _STOPPING)


def _refuse_without_anything(delta: LibraryDelta, state: LibraryState) -> None:
    """Raise the first trouble when there is nothing, new or old, to make a list from."""
    known = state.likes_total is not None or state.plays_cursor is not None
    answered = delta.likes is not None or (delta.plays is not None and delta.plays.plays)
    if delta.troubles and not (known or answered or delta.top):
        raise next(iter(delta.troubles.values()))


def stale_parts(state: LibraryState) -> list[Part]:
    """What a list made now knows only as it was before, because Spotify did not tell."""
    untold = {
        Part.LIKES: state.likes_untold_since or state.likes_doubted_at,
        Part.PLAYS: state.plays_untold_since,
    }
    return [part for part, since in untold.items() if since is not None]


def keep(
    tables: Tables, user_id: UserId, delta: LibraryDelta, *, since: LibraryState, now: datetime
) -> LibrarySnapshot:
    """Keep the answers in the tables given, in their transaction, and read the library back.

    No top items at all, where there were some, is no reason to forget them. ``since``: what was
    known when Spotify was asked for more.

    Raises:
        LibraryLost: that is not here any more, and what was answered would be all there is.
    """
    if since != LibraryState() == tables.library.state(user_id):
        raise LibraryLost(user_id)
    change, plays_added = _write(tables, user_id, delta, now)
    tables.library.note_untold(
        user_id,
        likes=Part.LIKES in delta.troubles,
        plays=Part.PLAYS in delta.troubles,
        since=now,
    )
    library = tables.library
    return LibrarySnapshot(
        change=change,
        plays_added=plays_added,
        likes=library.likes(user_id),
        liked_twice=library.liked_twice(user_id),
        plays=library.plays(user_id),
        collections=library.collections(user_id),
        gaps=library.gaps(user_id),
        top=library.top_items(user_id),
        state=library.state(user_id),
    )


def _write(
    tables: Tables, user_id: UserId, delta: LibraryDelta, now: datetime
) -> tuple[LikeChange, int]:
    change, plays_added = LikeChange(added=0, removed=0), 0
    if delta.likes is not None and delta.likes.doubted:
        tables.library.doubt_likes(user_id, since=now)
    elif delta.likes is not None:
        change = tables.library.change_likes(
            user_id,
            added=delta.likes.added,
            gone=delta.likes.gone,
            total=delta.likes.total,
            walked=delta.likes.walked,
            search=(delta.likes.searched, delta.likes.search_end),
            unkept=delta.likes.unkept,
            walk_ended=delta.likes.walk_ended,
            seen_at=now,
        )
    if delta.plays is not None:
        plays_added = tables.library.add_plays(
            user_id,
            delta.plays.plays,
            collected_at=now,
            gap=_gap(tables, user_id, delta.plays),
        )
        _let_others_word_go(tables, user_id, delta.plays, now)
    if delta.top is not None:
        items = delta.top or tables.library.top_items(user_id)
        tables.library.replace_top_items(user_id, items, fetched_at=now)
    return change, plays_added


def _let_others_word_go(tables: Tables, user_id: UserId, plays: PlaysDelta, now: datetime) -> None:
    """What Spotify told as well counts no longer as a play that others told of."""
    if plays.plays and tables.library.state(user_id).history_read_at is not None:
        told = [
            ToldPlay(
                recording_key(play.track.artist, play.track.title),
                int(play.played_at.timestamp()),
                play.track.duration_ms,
            )
            for play in plays.plays
        ]
        if tables.history.told_by_spotify(user_id, told, collected_at=now):
            tables.library.note_history(user_id, changed_at=now)


def _gap(tables: Tables, user_id: UserId, plays: PlaysDelta) -> bool:
    """Whether plays slipped away: of a full answer, even the oldest was not known to us.

    The newest play we knew is no measure: what was heard offline comes in behind it.
    """
    oldest = plays.oldest
    if not plays.full or oldest is None or tables.library.state(user_id).plays_cursor is None:
        return False
    return not tables.library.knows_play(user_id, oldest)


def plays_per_day(plays: Sequence[Play]) -> dict[str, float]:
    """How much was played on each of the last fourteen days, by ISO date; ``plays`` newest first.

    The days end with the newest play, not today, so that a pause leaves something to see.
    """
    if not plays:
        return {}
    since = plays[0].played_at - timedelta(days=DAYS_SHOWN - 1)
    days: dict[str, float] = {}
    for play in plays:
        if play.played_at >= since:
            day = play.played_at.date().isoformat()
            days[day] = days.get(day, 0) + 1
    return days
