"""Library sync: what a person liked, played and returns to, fetched with as few calls as possible.

How a change is told from the newest page. When and how far is ``library_refresh``'s, storage
the warehouse's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from vibe_pipeline.clients.concurrent_calls import side_by_side
from vibe_pipeline.clients.errors import (
    AllowanceSpent,
    DeadlineReached,
    Redirected,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.spotify_records import LikedPage, RecentPlays
from vibe_pipeline.records import LikedTrack, Play, TopItem
from vibe_pipeline.taste.unliked import (
    FIRST,
    PAGE,
    CachedLikes,
    KnownLibrary,
    LikesDelta,
    implausible,
    is_older_copy,
    out_of_order,
    with_vanished,
)

log = logging.getLogger(__name__)

FIRST_WALK_PAGES = 12
"""So many pages a first sync reads of a library it does not know yet, all side by side."""
SPREAD_PAGES = 4
"""Of a first sync's pages, so many are spread over what is older than the newest."""
NEXT_WALK_PAGES = 4
"""How far each list after it goes on; a sync that was asked for goes on further."""
WALK_PAGES_AHEAD = 12
"""How far one run ahead of time goes on: half a burst of calls, so that whoever asks has theirs."""
SYNC_WALK_PAGES = 60
_PAGES_THAT_LEAD_ON = 2
"""With more than these, a walk goes on even where it steps back by part of a page."""
MOST_PLAYS = 50
"""No more plays than this are ever reachable."""
TOP_AGE = timedelta(days=7)
TOP_RANGES = ("short_term", "medium_term")
TOP_CALLS = 2 * len(TOP_RANGES)
"""Artists and tracks, each over each range."""


_NOT_THE_PAGE_S_FAULT = (AllowanceSpent, DeadlineReached, Redirected)


class LibraryClient(Protocol):
    """The part of Spotify this room asks."""

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = PAGE) -> LikedPage: ...
    async def recently_played(self) -> RecentPlays: ...
    async def top_artists(self, time_range: str) -> list[TopItem]: ...
    async def top_tracks(self, time_range: str) -> list[TopItem]: ...


async def likes_delta(
    spotify: LibraryClient,
    cache: CachedLikes,
    *,
    pages: int = FIRST_WALK_PAGES,
    believe_shrinking: bool = False,
    walk_again: bool = True,
) -> LikesDelta:
    """What changed among the likes since the cache was filled; ``pages`` are read at most.

    The newest page answers for all while Spotify's count agrees with what we know plus what is
    new on it. When it does not, something was un-liked: it is looked for, now or another time. Of
    a library that is not known to its end the others are asked for side by side, once the newest
    page tells how long it is. A library that shrank beyond the plausible is doubted, unless
    ``believe_shrinking``: then somebody has looked before. One of which something was lost is
    walked again, as far at a time as any; so is one of which too much is kept where ``walk_again``
    allows it: what no walk could read or find in order, the next one may not either.
    """
    if cache.uneven or (cache.overfull and walk_again):
        cache = replace(cache, walked=0)
    if cache.total is not None and cache.walked is None:
        return await _change(spotify, cache, pages, believe_shrinking=believe_shrinking)
    walk, pages_on = _Walk(cache), _PagesFurtherOn(spotify)
    walk.calls = 1
    walk.read(await spotify.saved_tracks_page(offset=0, limit=PAGE))
    if walk.shrunk and not believe_shrinking:
        return LikesDelta(doubted=True, calls=walk.calls)
    while not walk.ended:
        offsets, spread = walk.next_offsets(pages)
        if not offsets:
            return walk.news(complete=False)
        answers = await side_by_side(
            pages_on.page(offset, walk.total) for offset in (*offsets, *spread)
        )
        walk.calls += len(answers)
        for offset, page in zip(offsets, answers, strict=False):
            if offset == walk.offset:
                walk.read(page)
        for page in answers[len(offsets) :]:
            walk.glimpse(page)
    return walk.news(complete=True)


async def _change(
    spotify: LibraryClient, cache: CachedLikes, pages: int, *, believe_shrinking: bool
) -> LikesDelta:
    """The same for a library that is known to its end."""
    library, pages_on = KnownLibrary(cache), _PagesFurtherOn(spotify)
    offset: int | None = 0
    joining = max(pages, NEXT_WALK_PAGES)
    while offset is not None:
        page = await pages_on.page(offset, library.total)
        library.read(offset, page if page.shown else replace(page, odd=page.entries))
        if library.doubtful(second_look=believe_shrinking):
            return LikesDelta(doubted=True, calls=library.calls)
        offset = library.next_offset(pages, joining=joining)
    news = library.news()
    return replace(news, doubted=news.doubted and not believe_shrinking)


@dataclass(frozen=True, slots=True)
class _PagesFurtherOn:
    """Pages of likes, of which one that Spotify does not show costs nothing of the others.

    It may count more likes than it shows, so that there is nothing where the last should be, or
    fail over one of them each time. The first page has to be there: it says what changed.
    """

    spotify: LibraryClient

    async def page(self, offset: int, total: int) -> LikedPage:
        try:
            return await self.spotify.saved_tracks_page(offset=offset, limit=PAGE)
        except (ServiceUnavailable, UnexpectedResponse) as error:
            if offset == 0 or isinstance(error, _NOT_THE_PAGE_S_FAULT):
                raise
            log.warning("the likes from %d on are not shown: %s", offset, error)
        entries = max(0, min(PAGE, total - offset))
        return LikedPage(likes=(), total=total, entries=entries, empty=entries, shown=False)


class _Walk:
    """A first walk through a library, in one go or in several, laid beside the cache."""

    def __init__(self, cache: CachedLikes) -> None:
        self._cache = cache
        self._known = {like.track.spotify_id: like for like in cache.likes}
        self._seen: dict[str, datetime] = {}
        self._added: dict[str, LikedTrack] = {}
        self._turned: dict[str, LikedTrack] = {}
        self._horizon: datetime | None = None
        self._met_known = False
        again = cache.walked == 0  # from the very top: of all likes it tells which are gone
        self._resumed = again
        self._resumed_at = FIRST if again else None
        self._joined_at: datetime | None = None
        self._fewer = 0
        self._fallen = 0
        self._total = 0
        self._odd = 0
        self._disordered = False
        self._told: set[str] = set()
        self._again: int | None = None
        self._began = 0
        self._tied = 0
        self.offset = 0
        self.calls = 0
        self.ended = False

    def next_offsets(self, pages: int) -> tuple[Sequence[int], Sequence[int]]:
        """Where to read on, and where to look further down, within so many pages in all.

        A walk that looks for where an earlier one stopped goes page by page: each may be the last
        it needs.
        """
        left = pages - self.calls
        if self._cache.walked is not None:
            most = left if self._resumed else min(1, max(pages, NEXT_WALK_PAGES) - self.calls)
            return range(self.offset, self._total, PAGE)[: max(0, most)], []
        return spread_out(range(self.offset, self._total, PAGE), left)

    def glimpse(self, page: LikedPage) -> None:
        """Take in a page far down, which the walk will come to again."""
        for like in page.likes:
            if like.track.spotify_id not in self._seen:
                self._added.setdefault(like.track.spotify_id, like)

    def read(self, page: LikedPage) -> None:
        """Lay one more page beside the cache."""
        self._disordered = self._disordered or out_of_order(page) or not page.shown
        page = with_vanished(page, self._cache.likes)
        if self._is_doubtful(page):
            page = replace(page, odd=page.odd + page.empty)
        self._note_what_to_read_again(page)
        self._note_a_fall(page.total)
        self._odd += page.odd
        self.offset += page.entries
        self.ended = page.entries == 0 or self.offset >= page.total
        self._met_known = not page.likes
        if self._resumed and self._resumed_at is None and page.likes:
            self._resumed_at = page.likes[0].added_at
        for like in page.likes:
            spotify_id = like.track.spotify_id
            if spotify_id in self._seen:
                continue
            self._seen[spotify_id] = like.added_at
            self._horizon = like.added_at
            known = self._known.get(spotify_id)
            if is_older_copy(like, known):
                continue
            self._met_known = known is not None and known.added_at == like.added_at
            if not self._met_known:
                self._added[spotify_id] = like
            elif known is not None and known.playable is not like.playable:
                self._turned[spotify_id] = like
        self._tied = _tied_at_the_end(page.likes) if self.calls > _PAGES_THAT_LEAD_ON else 0
        self._skip_what_an_earlier_walk_passed()

    @property
    def total(self) -> int:
        """How many likes Spotify counts."""
        return self._total

    @property
    def shrunk(self) -> bool:
        """Whether Spotify's count alone says that implausibly much is gone."""
        return implausible((self._cache.total or 0) - self._total, len(self._known))

    def news(self, *, complete: bool) -> LikesDelta:
        """What to keep. Where pages have to be read again, the walk is not over.

        Nor is it where something may have been un-liked behind its back; but where exactly as
        much is left over, looking for it by its place is the shorter way.
        """
        missing = self._missing()
        gone = missing | {key for key in self._added if key in self._known}
        left = len(self._known.keys() - missing | self._added.keys())
        unseen = max(0, self._fewer + self._fallen - self._missing_above(missing))
        complete = complete and self._again is None
        news = LikesDelta(
            added=[*self._added.values(), *self._turned.values()],
            gone=gone | self._turned.keys(),
            total=self._total,
            calls=self.calls,
        )
        if complete and left - self._total == unseen > 0:
            return replace(news, total=left, searched=0, unkept=0)
        if complete and unseen:
            return replace(news, walked=0)
        if complete:
            return replace(news, unkept=self._total - left, walk_ended=True)
        reached = self.offset - self._tied
        walked = reached if self._again is None else min(reached, self._again)
        return replace(news, total=self._total + unseen, walked=walked)

    def _missing(self) -> set[str]:
        """Cached likes that the walk has passed without meeting."""
        if self._odd or self._disordered or self._fallen:
            return set()
        return {
            like.track.spotify_id
            for like in self._cache.likes
            if like.track.spotify_id not in self._seen and self._passed(like.added_at)
        }

    def _missing_above(self, missing: set[str]) -> int:
        """How many of these stood among the newest likes, and so went since the last look."""
        joined_at = self._joined_at
        return sum(
            joined_at is not None and self._known[key].added_at > joined_at for key in missing
        )

    def _passed(self, moment: datetime) -> bool:
        """Whether the walk has read all that stands around this moment.

        One that goes on where an earlier one stopped left out what lies between.
        """
        if self._joined_at is not None and moment > self._joined_at:
            return True
        if self._resumed_at is None or moment >= self._resumed_at:
            return False
        return self.ended or (self._horizon is not None and moment > self._horizon)

    def _is_doubtful(self, page: LikedPage) -> bool:
        """Whether most of a page is empty, and is not known to have been likes.

        A second look at the same place, where a walk goes on, is believed. It begins with likes
        that were read before; what is not shown may be all that is left of its page.
        """
        second = self._resumed and 0 <= self.offset - self._began < PAGE
        return not second and 2 * page.empty > page.entries

    def _note_a_fall(self, total: int) -> None:
        """Have all be read again when the count falls between two pages of one run.

        What was un-liked meanwhile may have been met already, and made a page skip a like.
        """
        if total < self._total:
            self._fallen += self._total - total
            self._again = self._began
        self._total = total

    def _note_what_to_read_again(self, page: LikedPage) -> None:
        """Have the next walk begin where a page cannot be all that stands there.

        That is one with odd entries, until they are met again among likes that are known; and one
        that mostly repeats what other pages told. The newest page is read each time anyway.
        """
        ids = [like.track.spotify_id for like in page.likes]
        repeated = sum(spotify_id in self._told for spotify_id in ids)
        self._told.update(ids)
        unknown = any(spotify_id not in self._known for spotify_id in ids)
        odd = page.odd and (unknown or self._is_doubtful(page))
        walking = self._resumed or self._cache.walked is None
        if self._again is None and walking and (odd or 2 * repeated > len(ids)):
            self._again = self.offset

    def _skip_what_an_earlier_walk_passed(self) -> None:
        """Go on where the first walk stopped, once the newest likes are joined to it.

        What Spotify counts less than we expect was un-liked since, above that place or below it,
        so the walk goes back by as much, and to one like that is known, after which none may be
        gone. Where it is more than half a page, or the count is higher, the place tells nothing,
        and all is read again.
        """
        if self._cache.walked is None or self._resumed or not (self._met_known or self.ended):
            return
        self._resumed = True
        new = len(self._added.keys() - self._known.keys())
        fewer = (self._cache.total or 0) + new - self._total
        place = self._cache.walked + new - fewer - 1
        if self.ended or place <= self.offset or not 0 <= fewer <= PAGE // 2:
            self._resumed_at, self._began = FIRST, self.offset
            return
        self._joined_at, self._fewer = self._horizon, fewer
        self._began = self.offset = place


def _tied_at_the_end(likes: Sequence[LikedTrack]) -> int:
    """How many likes at the end of a page share one moment, if any stand before them.

    Where a part of a walk ends among them, none of them shows as gone, so the next part begins
    before them.
    """
    tied = sum(like.added_at == likes[-1].added_at for like in likes)
    return tied if 1 < tied < len(likes) else 0


def spread_out(offsets: Sequence[int], most: int) -> tuple[Sequence[int], Sequence[int]]:
    """So many of these pages: the first ones without a gap, and some evenly over the others.

    The last page, where the oldest likes are, is always among those spread.
    """
    if most <= SPREAD_PAGES or len(offsets) <= most:
        return offsets[: max(0, most)], []
    near, far = offsets[: most - SPREAD_PAGES], offsets[most - SPREAD_PAGES :]
    steps = range(1, SPREAD_PAGES + 1)
    return near, [far[(len(far) - 1) * step // SPREAD_PAGES] for step in steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaysDelta:
    """All plays Spotify remembers; ``full``: it may have forgotten others before them."""

    plays: Sequence[Play]
    full: bool

    @property
    def oldest(self) -> Play | None:
        """The play that is about to be forgotten."""
        return min(self.plays, key=lambda play: play.played_at, default=None)


async def plays_delta(spotify: LibraryClient) -> PlaysDelta:
    """The last fifty plays, in one call.

    All of them each time, however much is known: what was heard offline comes in hours later,
    with its true time, and would lie behind the newest play we know.
    """
    answer = await spotify.recently_played()
    return PlaysDelta(plays=answer.plays, full=answer.entries >= MOST_PLAYS)


def top_items_due(
    fetched_at: datetime | None, *, now: datetime, patience: timedelta = TOP_AGE
) -> bool:
    """Whether it is time to ask for top items again: a week makes little difference."""
    return fetched_at is None or abs(now - fetched_at) >= patience


async def top_items(spotify: LibraryClient) -> list[TopItem]:
    """Artists and tracks Spotify counts as most played, lately and over half a year."""
    answers = await side_by_side(
        ask(time_range)
        for time_range in TOP_RANGES
        for ask in (spotify.top_artists, spotify.top_tracks)
    )
    return [item for items in answers for item in items]
