"""What changed in a library that is known to its end, and where a like is missing (binary search).

Spotify's count says that something was un-liked, never what. Positions tell where: an entry that
stands further up than it should has the gap above it. Within so many pages each time; where it
stopped, the next look goes on. The first walk through a library is ``library_sync``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

from vibe_pipeline.clients.spotify_records import LikedPage
from vibe_pipeline.records import LikedTrack

PAGE = 50
FIRST, _LAST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedLikes:
    """What is kept of a person's likes: the tracks, Spotify's count then, how far we walked.

    ``walked`` is set while a first walk is not finished. ``searched`` and ``search_end`` are the
    positions between which something un-liked is still looked for. ``unkept`` is how many more
    Spotify counted than could be kept (local files), when all was walked last; less than nothing
    where that walk could not tell which likes are gone.
    """

    likes: Sequence[LikedTrack]
    total: int | None
    walked: int | None = None
    searched: int | None = None
    search_end: int | None = None
    unkept: int | None = None

    @property
    def uneven(self) -> bool:
        """Whether likes are lost, or left over, though nothing is being walked or looked for."""
        if self.total is None or self.walked is not None or self.searched is not None:
            return False
        return self.total - len(self.likes) != (self.unkept or 0)

    @property
    def overfull(self) -> bool:
        """Whether more likes are kept than Spotify counts."""
        return self.walked is None and (self.unkept or 0) < 0


@dataclass(slots=True, kw_only=True)
class LikesDelta:
    """What a sync found: to be kept as it is. ``walked`` is set while there is more to walk.

    ``walk_ended``: with this a walk through all likes is over.
    A like that can no longer be played, or can be again, is both gone and added.
    ``doubted``: so much would be gone that it is looked at once more, later, before it is
    believed; then nothing is kept but the doubt.
    """

    added: list[LikedTrack] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    total: int = 0
    walked: int | None = None
    searched: int | None = None
    search_end: int | None = None
    unkept: int | None = None
    walk_ended: bool = False
    doubted: bool = False
    calls: int = 0


def implausible(lost: int, known: int) -> bool:
    """Whether so many likes rarely go at once: more than a quarter, or all of a few."""
    return lost > max(10, known // 4) or (lost == known and known > 2)


def out_of_order(page: LikedPage) -> bool:
    """Whether the likes of a page do not come newest first; one that stands wrong does no harm."""
    moments = [like.added_at for like in page.likes]
    rises = sum(later > earlier for earlier, later in pairwise(moments))
    return rises > max(1, len(moments) // 4)


def is_older_copy(like: LikedTrack, *others: LikedTrack | None) -> bool:
    """Whether the same track was saved later as well: that one is the like."""
    return any(other is not None and other.added_at > like.added_at for other in others)


def with_vanished(page: LikedPage, known: Sequence[LikedTrack]) -> LikedPage:
    """The page with the likes that Spotify has nothing left of but their moment, as we know them.

    They cannot be played; they are no less liked for that.
    """
    if not page.vanished:
        return page
    told, moments = {like.track.spotify_id for like in page.likes}, set(page.vanished)
    left = [
        replace(like, playable=False)
        for like in known
        if like.added_at in moments and like.track.spotify_id not in told
    ]
    likes = sorted((*page.likes, *left), key=lambda like: like.added_at, reverse=True)
    return replace(page, likes=tuple(likes), empty=max(0, page.empty - len(left)))


@dataclass(slots=True)
class _Stretch:
    """Positions read without a gap, and their moments; what lies between was looked at."""

    start: int
    end: int
    newest: datetime
    oldest: datetime


class KnownLibrary:
    """Pages of likes, laid beside a cache that once agreed with all of them."""

    def __init__(self, cache: CachedLikes) -> None:
        self._cache = cache
        self._known = {like.track.spotify_id: like for like in cache.likes}
        self._seen: set[str] = set()
        self._added: dict[str, LikedTrack] = {}
        self._turned: dict[str, LikedTrack] = {}
        self._stretches: list[_Stretch] = []
        self._joinable: list[_Stretch] = []
        self._total = 0
        self._odd = 0
        self._disordered = False
        self._top = 0
        self._joined = not self._known
        self._low: int | None = None
        self._high = cache.search_end
        self._by_position = cache.total == len(cache.likes)
        self.calls = 0

    def read(self, offset: int, page: LikedPage) -> None:
        """Lay one more page beside the cache."""
        self._disordered = self._disordered or out_of_order(page)
        page = with_vanished(page, self._cache.likes)
        self.calls += 1
        if self._stretches and page.total != self._total:
            self._joinable.clear()
        self._total, end = page.total, offset + page.entries
        self._odd += page.odd
        met = False
        for like in page.likes:
            self._seen.add(like.track.spotify_id)
            known = self._known.get(like.track.spotify_id)
            if is_older_copy(like, known, self._added.get(like.track.spotify_id)):
                continue
            met = known is not None and known.added_at == like.added_at
            if not met:
                self._added[like.track.spotify_id] = like
            elif known is not None and known.playable is not like.playable:
                self._turned[like.track.spotify_id] = like
        self._lay(offset, end, page)
        if offset == self._top and not self._joined:
            self._top = end
            self._joined = met
        elif offset > self._top or self._joined:
            self._narrow(offset, end, page)

    def next_offset(self, pages: int, *, joining: int) -> int | None:
        """Where to read next; ``None`` when that is all for now.

        ``pages`` may be read in all, and ``joining`` until the newest likes join what is known.
        What was liked lately is un-liked most often, so the second page comes first.
        """
        if self.settled or self._odd or (self._at_end and self._low is not None):
            return None
        if not self._joined:
            return self._top if self.calls < joining and self._top < self._total else None
        if self._low is None:
            self._low = self._begin()
        if self.calls >= pages or self._at_end:
            return None
        if not self._by_position or self._open < 0:
            return self._low
        high = self._total if self._high is None else min(self._high, self._total)
        least, lately = max(self._low - 1, 0), self.calls == 1 and self._cache.searched is None
        if lately or high - self._low <= PAGE - 2:
            return least
        return max(least, (self._low + high) // 2 - PAGE // 2)

    @property
    def total(self) -> int:
        """How many likes Spotify counts."""
        return self._total

    @property
    def settled(self) -> bool:
        """Whether everything Spotify counts is accounted for."""
        return self._joined and self._open == 0

    def doubtful(self, *, second_look: bool) -> bool:
        """Whether nothing of it is to be believed, now or also at a second look.

        Spotify's count alone may say that implausibly much is gone. Where likes stand tells
        nothing when they come in another order, and while the count agrees, nothing is gone.
        """
        if second_look:
            return self._disordered and self._total == self._cache.total
        shrunk = implausible((self._cache.total or 0) - self._total, len(self._known))
        return shrunk or self._disordered

    def news(self) -> LikesDelta:
        """What to keep."""
        missing = self._gone()
        moved = {key for key in self._added if key in self._known}
        finished = self.settled or (self._at_end and not self._odd)
        counted = (self._cache.total or 0) + len(self._added) - len(moved) - len(missing)
        lost = not finished and self._ends_too_soon(counted)
        return LikesDelta(
            added=[*self._added.values(), *self._turned.values()],
            gone=missing | moved | self._turned.keys(),
            total=self._total if finished else counted,
            walked=0 if lost else None,
            searched=None if finished or lost else self._place,
            search_end=None if finished or lost else self._high,
            unkept=self._cache.unkept,
            doubted=implausible(len(missing), len(self._known)),
            calls=self.calls,
        )

    def _ends_too_soon(self, counted: int) -> bool:
        """Whether likes lie beyond all we hold, as after a count that was too small: then it was
        never known to its end.
        """
        return self._open < 0 and (self._place or 0) >= counted

    @property
    def _place(self) -> int | None:
        """How far down all was looked at."""
        return self._low if self._joined else self._top

    @property
    def _at_end(self) -> bool:
        if not self._joined:
            return self._top >= self._total
        return self._low is not None and self._low >= self._total

    @property
    def _open(self) -> int:
        """How many likes more were expected than Spotify counts, beyond those found missing."""
        return self._fewer - len(self._gone())

    @property
    def _fewer(self) -> int:
        """How many likes less Spotify counts than were expected."""
        new = sum(key not in self._known for key in self._added)
        return (self._cache.total or 0) + new - self._total

    def _gone(self) -> set[str]:
        """The missing likes, unless they are more than Spotify counts less: then none is gone."""
        missing = set() if self._odd else self._missing()
        return missing if len(missing) <= self._fewer else set()

    def _missing(self) -> set[str]:
        """Cached likes that lie where we looked, and were not there."""
        return {
            like.track.spotify_id
            for like in self._cache.likes
            if like.track.spotify_id not in self._seen
            and any(one.newest > like.added_at > one.oldest for one in self._stretches)
        }

    def _lay(self, offset: int, end: int, page: LikedPage) -> None:
        """Note which stretch of time was looked at; neighbouring pages leave no gap between."""
        near = (one for one in self._joinable if one.start <= offset <= one.end)
        stretch = next(near, None)
        if stretch is None and (page.likes or offset == 0):
            newest = FIRST if offset == 0 else page.likes[0].added_at
            stretch = _Stretch(offset, end, newest, newest)
            self._stretches.append(stretch)
            self._joinable.append(stretch)
        if stretch is None or end < stretch.end:
            return
        stretch.end = end
        if page.likes:
            stretch.oldest = page.likes[-1].added_at
        if end >= self._total:
            stretch.oldest = _LAST

    def _begin(self) -> int:
        """Where to look first: where the last search stopped, as far down as that is now."""
        if self._cache.searched is None:
            return self._top
        moved = len(self._added)
        if self._high is not None:
            self._high += moved
        return max(self._top, self._cache.searched + moved - min(max(self._open, 0), PAGE))

    def _narrow(self, offset: int, end: int, page: LikedPage) -> None:
        """Move the bounds between which something is missing."""
        low = self._top if self._low is None else self._low
        if not self._by_position or offset <= low:
            self._low = max(low, end)
            self._high = None if offset <= low else self._high
            return
        above = self._missing_above(offset, page)
        if above is None or above < 0:
            self._by_position = False
        elif above > 0:
            self._high = offset
        else:
            self._low = max(low, end)

    def _missing_above(self, offset: int, page: LikedPage) -> int | None:
        """How many likes, not found yet, are missing above a page; ``None``: it cannot tell.

        Likes of one moment have no order of their own, so only one that is alone in its moment
        tells its position.
        """
        missing = self._missing()
        order = [
            like
            for like in self._cache.likes
            if like.track.spotify_id not in self._added and like.track.spotify_id not in missing
        ]
        alone = Counter(like.added_at for like in order)
        places = {like.track.spotify_id: place for place, like in enumerate(order)}
        for position, like in enumerate(page.likes, start=offset):
            place = places.get(like.track.spotify_id)
            if place is not None and alone[like.added_at] == 1:
                return len(self._added) + place - position
        return None
