"""Likes, plays and top items: kept up to date with as few calls as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.spotify_shelf import Shelf
from tests.support.warehouse_examples import NOON, like, play
from vibe_pipeline.clients.errors import BrokenAnswer, ServiceUnavailable
from vibe_pipeline.clients.spotify_records import LikedPage
from vibe_pipeline.records import LikedTrack
from vibe_pipeline.taste.library_sync import (
    FIRST_WALK_PAGES,
    SPREAD_PAGES,
    WALK_PAGES_AHEAD,
    likes_delta,
    plays_delta,
    top_items,
    top_items_due,
)
from vibe_pipeline.taste.unliked import PAGE, CachedLikes, LikesDelta


class SlowShelf(Shelf):
    """Lets others ask before it answers, and counts how many wait together."""

    under_way = most_under_way = 0

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return await super().saved_tracks_page(offset=offset, limit=limit)


class OddShelf(Shelf):
    """One of its entries is nothing anybody can make something of, for the moment."""

    def __init__(self, likes: Sequence[LikedTrack], *, odd: int) -> None:
        super().__init__(likes)
        self.odd = odd

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        page = await super().saved_tracks_page(offset=offset, limit=limit)
        if not offset <= self.odd < offset + limit:
            return page
        likes = tuple(one for one in page.likes if one is not self.likes[self.odd])
        return replace(page, likes=likes, odd=1)


class StuckShelf(Shelf):
    """Answers every question with its first page, as if nobody had asked for another."""

    stuck = True

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        return await super().saved_tracks_page(offset=0 if self.stuck else offset, limit=limit)


class RestlessShelf(Shelf):
    """Somebody takes a like back while its pages are read: before each of these calls."""

    def __init__(self, likes: Sequence[LikedTrack], *, before: dict[int, int]) -> None:
        super().__init__(likes)
        self.before = before
        self.asked = 0

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        self.asked += 1
        place = self.before.get(self.asked)
        if place is not None and self.likes:
            self.likes.pop(place % len(self.likes))
        return await super().saved_tracks_page(offset=offset, limit=limit)


class HollowShelf(Shelf):
    """Some of its pages hold nothing, for the moment or for good."""

    def __init__(self, likes: Sequence[LikedTrack], *, hollow: range) -> None:
        super().__init__(likes)
        self.hollow = hollow

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        page = await super().saved_tracks_page(offset=offset, limit=limit)
        places = range(offset, offset + len(page.likes))
        there = [
            one for place, one in zip(places, page.likes, strict=True) if place not in self.hollow
        ]
        return replace(page, likes=tuple(there), empty=len(page.likes) - len(there))


class MistakenShelf(Shelf):
    """Counts wrongly the first time it is asked: what it shows ends where it says that all does."""

    def __init__(self, likes: Sequence[LikedTrack], *, counted: int) -> None:
        super().__init__(likes)
        self.counted: int | None = counted

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        page, counted = await super().saved_tracks_page(offset=offset, limit=limit), self.counted
        self.counted = None
        if counted is None:
            return page
        return replace(
            page, likes=page.likes[:counted], entries=min(page.entries, counted), total=counted
        )


class OvercountedShelf(Shelf):
    """Counts likes that it shows nowhere: no page holds them, and behind the others there is none.

    ``stuck``: no page on which one of these places lies is shown.
    """

    def __init__(
        self, likes: Sequence[LikedTrack], *, beyond: int = 0, stuck: Sequence[int] = ()
    ) -> None:
        super().__init__(likes)
        self.beyond = beyond
        self.stuck = stuck

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        page = await super().saved_tracks_page(offset=offset, limit=limit)
        if any(offset <= place < offset + limit for place in self.stuck):
            raise ServiceUnavailable(
                "spotify", "GET /me/tracks answered with its own trouble (500)"
            )
        total = page.total + self.beyond
        if not page.entries and offset < total:
            raise BrokenAnswer("spotify", "GET /me/tracks answered with something else")
        return replace(page, total=total)


def library(count: int, *, newest_days_ago: int = 1) -> list[LikedTrack]:
    return [like(number, days_ago=number + newest_days_ago) for number in range(count)]


def synced(shelf: Shelf) -> CachedLikes:
    """The cache right after a whole walk."""
    total = len(shelf.likes) + shelf.unreadable
    return CachedLikes(likes=list(shelf.likes), total=total, unkept=shelf.unreadable)


def kept(cache: CachedLikes, news: LikesDelta) -> CachedLikes:
    """The cache after keeping the news."""
    there = {one.track.spotify_id: one for one in cache.likes}
    for spotify_id in news.gone:
        there.pop(spotify_id, None)
    there |= {one.track.spotify_id: one for one in news.added}
    likes = sorted(there.values(), key=lambda one: one.added_at, reverse=True)
    return CachedLikes(
        likes=likes,
        total=news.total,
        walked=news.walked,
        searched=news.searched,
        search_end=news.search_end,
        unkept=news.unkept,
    )


def news_of(
    shelf: Shelf, cache: CachedLikes, *, pages: int = 16, believe_shrinking: bool = False
) -> LikesDelta:
    shelf.calls = 0
    return asyncio.run(likes_delta(shelf, cache, pages=pages, believe_shrinking=believe_shrinking))


def test_a_new_person_s_library_is_walked_once() -> None:
    shelf = Shelf(library(120))

    news = news_of(shelf, CachedLikes(likes=[], total=None))

    assert len(news.added) == 120
    assert (news.total, news.walked, shelf.calls) == (120, None, 3)


@pytest.mark.parametrize("count", [0, 1, 50, 51, 500])
def test_nothing_changed_costs_one_call(count: int) -> None:
    shelf = Shelf(library(count), unreadable=3)

    news = news_of(shelf, synced(shelf))

    assert (news.added, news.gone, shelf.calls) == ([], set(), 1)


def test_new_likes_cost_one_call() -> None:
    shelf = Shelf(library(300))
    cache = synced(shelf)
    shelf.likes = [like(1000), like(1001), *shelf.likes]

    news = news_of(shelf, cache)

    assert {one.track.title for one in news.added} == {"Song 1000", "Song 1001"}
    assert (news.gone, shelf.calls) == (set(), 1)


def test_an_unliked_track_is_found_without_walking_to_the_end() -> None:
    shelf = Shelf(library(500))
    cache = synced(shelf)
    gone = shelf.likes.pop(70)

    news = news_of(shelf, cache)

    assert news.gone == {gone.track.spotify_id}
    assert shelf.calls == 2


def test_one_liked_and_one_unliked_do_not_cancel_out() -> None:
    shelf = Shelf(library(200))
    cache = synced(shelf)
    gone = shelf.likes.pop(120)
    shelf.likes.insert(0, like(1000))

    news = news_of(shelf, cache)

    assert news.gone == {gone.track.spotify_id}
    assert [one.track.title for one in news.added] == ["Song 1000"]


def test_liking_again_moves_the_like() -> None:
    shelf = Shelf(library(60))
    cache = synced(shelf)
    again = LikedTrack(track=shelf.likes.pop(30).track, added_at=NOON)
    shelf.likes.insert(0, again)

    after = kept(cache, news_of(shelf, cache))

    assert list(after.likes) == shelf.likes


def test_a_like_that_cannot_be_played_any_more_is_kept_as_such_at_no_further_call() -> None:
    shelf = Shelf(library(200))
    cache = synced(shelf)
    shelf.likes[7] = replace(shelf.likes[7], playable=False)

    news = news_of(shelf, cache)

    assert kept(cache, news).likes[7] == shelf.likes[7]
    assert len(kept(cache, news).likes) == 200
    assert news.calls == 1


def test_likes_whose_tracks_vanished_stay_known_and_cannot_be_played() -> None:
    shelf = Shelf(library(200))
    cache = synced(shelf)
    gone = [shelf.vanish(position) for position in (0, 7, 49)]

    after = kept(cache, news_of(shelf, cache))

    greyed = [like for like in after.likes if not like.playable]
    assert greyed == [replace(like, playable=False) for like in gone]
    assert len(after.likes) == 200
    assert shelf.calls == 1


@pytest.mark.parametrize("left", [0, 40, 50])
def test_a_library_that_shrank_too_far_is_doubted_at_the_cost_of_one_call(left: int) -> None:
    shelf = Shelf(library(80))
    cache = synced(shelf)
    shelf.likes = shelf.likes[:left]

    news = news_of(shelf, cache)

    assert (news.doubted, news.gone, news.added, shelf.calls) == (True, set(), [], 1)


def test_a_library_of_other_tracks_in_the_same_number_is_doubted() -> None:
    shelf = Shelf(library(80))
    cache = synced(shelf)
    shelf.likes = [like(1000 + number, days_ago=number) for number in range(80)]

    assert news_of(shelf, cache).doubted


def test_a_library_in_the_midst_of_its_first_walk_is_doubted_too() -> None:
    shelf = Shelf(library(500))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=4))
    shelf.likes = shelf.likes[:20]

    assert news_of(shelf, first, pages=4).doubted


def test_an_emptied_library_is_believed_at_the_second_look() -> None:
    shelf = Shelf(library(80))
    cache = synced(shelf)
    shelf.likes = []

    news = news_of(shelf, cache, believe_shrinking=True)

    assert (news.doubted, len(news.gone)) == (False, 80)


def test_a_few_likes_taken_back_are_no_reason_for_doubt() -> None:
    shelf = Shelf(library(80))
    cache = synced(shelf)
    shelf.likes = shelf.likes[10:]

    news = news_of(shelf, cache)

    assert (news.doubted, len(news.gone)) == (False, 10)


@pytest.mark.parametrize(
    ("count", "most"), [(500, 6), (2_502, 9), (10_000, 11)], ids=["500", "2502", "10000"]
)
@pytest.mark.parametrize("place", [60, 333, -1, -60])
def test_one_unliked_track_is_found_by_its_position(count: int, most: int, place: int) -> None:
    shelf = Shelf(library(count))
    cache = synced(shelf)
    gone = shelf.likes.pop(place)

    news = news_of(shelf, cache)

    assert news.gone == {gone.track.spotify_id}
    assert (news.total, news.searched) == (count - 1, None)
    assert shelf.calls <= most


def test_a_search_goes_on_another_night_where_it_stopped() -> None:
    shelf = Shelf(library(10_000))
    cache, calls, nights = synced(shelf), 0, 0
    gone = shelf.likes.pop(7_777)

    while gone.track.spotify_id in {one.track.spotify_id for one in cache.likes}:
        shelf.likes.insert(0, like(20_000 + nights, days_ago=-nights))
        cache = kept(cache, news_of(shelf, cache, pages=4))
        calls, nights = calls + shelf.calls, nights + 1

    assert (calls, nights) <= (12, 4)
    assert list(cache.likes) == shelf.likes


def test_where_positions_do_not_tell_the_pages_are_read_in_turn_over_nights() -> None:
    shelf = Shelf(library(1_000), unreadable=7)
    cache = synced(shelf)
    costs: list[int] = []
    shelf.likes.pop(700)

    while cache.searched is not None or not costs:
        cache = kept(cache, news_of(shelf, cache, pages=4))
        costs.append(shelf.calls)

    assert list(cache.likes) == shelf.likes
    assert max(costs) == 4
    assert len(costs) <= 6


def test_an_entry_nobody_can_read_is_not_an_unliked_track() -> None:
    shelf = OddShelf(library(120), odd=30)
    cache = synced(shelf)

    news = news_of(shelf, cache)

    assert (news.gone, news.added, news.total, shelf.calls) == (set(), [], 120, 1)


def test_many_likes_of_one_moment_hide_no_unliked_one() -> None:
    at_once = [LikedTrack(track=like(number).track, added_at=NOON) for number in range(300)]
    shelf = Shelf(at_once)
    cache = synced(shelf)
    gone = shelf.likes.pop(140)

    after = kept(cache, news_of(shelf, cache))

    assert gone not in after.likes
    assert len(after.likes) == 299


def test_a_huge_library_is_walked_in_parts_that_join() -> None:
    shelf = Shelf(library(490))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=4))
    assert (len(first.likes), first.walked) == (200, 200)
    shelf.likes.insert(0, like(1000))

    second = kept(first, news_of(shelf, first, pages=4))
    third = kept(second, news_of(shelf, second, pages=4))

    assert list(third.likes) == shelf.likes
    assert third.walked is None
    assert news_of(shelf, third).added == []
    assert shelf.calls == 1


def test_a_short_look_goes_on_until_it_meets_what_is_known() -> None:
    shelf = Shelf(library(900))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    shelf.likes = [like(1000 + number) for number in range(70)] + shelf.likes

    news = news_of(shelf, first, pages=1)

    assert (len(news.added), news.walked, shelf.calls) == (70, (first.walked or 0) + 69, 2)


def test_a_first_walk_reads_the_newest_likes_and_a_few_of_every_age() -> None:
    shelf = Shelf(library(2000))

    news = news_of(shelf, CachedLikes(likes=[], total=None), pages=FIRST_WALK_PAGES)

    walked = (FIRST_WALK_PAGES - SPREAD_PAGES) * PAGE
    places = {int(one.track.title.removeprefix("Song ")) for one in news.added}
    assert (news.walked, shelf.calls) == (walked, FIRST_WALK_PAGES)
    assert places >= set(range(walked)) | set(range(1950, 2000))
    assert len(places) == FIRST_WALK_PAGES * PAGE
    assert all(places & set(range(start, start + 400)) for start in range(400, 2000, 400))


def test_all_pages_that_are_needed_are_asked_for_side_by_side() -> None:
    shelf = SlowShelf(library(2000))

    news_of(shelf, CachedLikes(likes=[], total=None), pages=FIRST_WALK_PAGES)

    assert shelf.most_under_way == FIRST_WALK_PAGES - 1


def test_what_was_unliked_before_the_walk_came_to_it_is_not_kept() -> None:
    shelf = Shelf(library(2000))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    gone = shelf.likes.pop()

    second = kept(first, news_of(shelf, first, pages=60))

    assert gone.track in {one.track for one in first.likes}
    assert list(second.likes) == shelf.likes


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 180),
    st.sets(st.integers(0, 179), max_size=40),
    st.integers(0, 70),
    st.integers(0, 3),
)
def test_after_any_change_the_cache_is_what_spotify_has(
    count: int, unliked: set[int], liked: int, unreadable: int
) -> None:
    shelf = Shelf(library(count), unreadable=unreadable)
    cache = synced(shelf)
    shelf.likes = [one for place, one in enumerate(shelf.likes) if place not in unliked]
    shelf.likes = [like(1000 + number) for number in range(liked)] + shelf.likes

    after = kept(cache, news_of(shelf, cache, believe_shrinking=True))

    assert list(after.likes) == sorted(shelf.likes, key=lambda one: one.added_at, reverse=True)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(60, 900),
    st.sets(st.integers(0, 899), max_size=6),
    st.sets(st.integers(0, 899), max_size=3),
    st.lists(st.integers(0, 70), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_night_by_night_within_four_calls_the_cache_becomes_what_spotify_has(
    count: int, unliked: set[int], again: set[int], liked: list[int], unreadable: int
) -> None:
    shelf = Shelf(library(count), unreadable=unreadable)
    cache = synced(shelf)
    shelf.likes = [one for place, one in enumerate(shelf.likes) if place not in unliked]
    moved = [one for place, one in enumerate(shelf.likes) if place in again]
    shelf.likes = [one for one in shelf.likes if one not in moved]
    shelf.likes[:0] = [
        LikedTrack(track=one.track, added_at=NOON - timedelta(seconds=place))
        for place, one in enumerate(moved)
    ]

    for night, number in enumerate([*liked, *[0] * 40]):
        new = [like(10_000 * (night + 1) + one, days_ago=-night - 1) for one in range(number)]
        shelf.likes = [*new, *shelf.likes]
        cache = kept(cache, news_of(shelf, cache, pages=4))
        assert shelf.calls <= 4

    assert list(cache.likes) == sorted(shelf.likes, key=lambda one: one.added_at, reverse=True)
    assert (shelf.calls, cache.searched) == (1, None)


def nights_until_settled(shelf: Shelf, cache: CachedLikes, *, most: int = 20) -> CachedLikes:
    """The cache after so many nights of four calls that a look costs one again."""
    for _ in range(most):
        cache = kept(cache, news_of(shelf, cache, pages=4))
        assert shelf.calls <= 4
        if shelf.calls == 1 and cache.walked is None:
            return cache
    raise AssertionError("never settled")


def test_a_walk_that_is_told_one_page_again_and_again_is_not_over() -> None:
    shelf = StuckShelf(library(500))

    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache))
    shelf.stuck = False

    assert (len(first.likes), first.walked) == (50, 50)
    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


def test_entries_that_nobody_could_read_in_the_first_walk_are_read_again() -> None:
    shelf = OddShelf(library(500), odd=260)

    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache))
    shelf.odd = 1_000

    assert (len(first.likes), first.walked) == (499, 250)
    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


def test_entries_that_stay_unreadable_are_not_looked_at_for_ever() -> None:
    shelf = OddShelf(library(500), odd=260)

    last = nights_until_settled(shelf, CachedLikes(likes=[], total=None))

    assert (len(last.likes), last.walked, last.unkept) == (499, None, 1)


@pytest.mark.parametrize("counted", [0, 30, 50])
def test_a_library_that_was_counted_too_small_at_first_is_walked_at_the_next_looks(
    counted: int,
) -> None:
    likes = library(320)
    shelf = MistakenShelf(likes, counted=counted)
    first = kept(
        CachedLikes(likes=[], total=None), news_of(shelf, CachedLikes(likes=[], total=None))
    )

    looked = kept(first, news_of(shelf, first, pages=1))
    walked = kept(looked, news_of(shelf, looked, pages=WALK_PAGES_AHEAD))

    assert len(first.likes) == counted
    assert looked.walked is not None
    assert len(walked.likes) == walked.total == len(likes)
    assert walked.walked is None


def test_a_count_that_grows_while_a_library_is_first_walked_is_walked_to_the_end() -> None:
    likes = library(335)
    shelf = MistakenShelf(likes, counted=55)

    news = news_of(shelf, CachedLikes(likes=[], total=None))

    assert (len(news.added), news.total, news.walked) == (len(likes), len(likes), None)
    assert news.calls <= FIRST_WALK_PAGES


def test_likes_in_another_order_are_no_unliked_ones_at_any_look() -> None:
    shelf = Shelf(library(500))
    cache = synced(shelf)
    shelf.likes.reverse()

    for believe in (False, True):
        news = news_of(shelf, cache, believe_shrinking=believe)
        assert (news.doubted, news.gone, news.added, shelf.calls) == (True, set(), [], 1)


def test_a_new_like_among_likes_in_another_order_is_found_at_the_second_look() -> None:
    shelf = Shelf([like(1000), *library(500)])
    cache = CachedLikes(likes=library(500), total=500, unkept=0)
    shelf.likes.reverse()

    news = news_of(shelf, cache, believe_shrinking=True)

    assert [one.track.title for one in news.added] == ["Song 1000"]
    assert news.gone == set()


def test_no_more_likes_are_gone_than_spotify_counts_less() -> None:
    shelf = Shelf(library(500))
    cache = synced(shelf)
    shelf.likes = [*shelf.likes[50:], *shelf.likes[:50]]

    news = news_of(shelf, cache, believe_shrinking=True)

    assert (news.gone, news.total) == (set(), 500)


def test_likes_that_were_lost_are_found_again_within_a_few_calls_a_night() -> None:
    shelf = Shelf(library(500), unreadable=2)
    cache = CachedLikes(likes=library(350), total=502)

    last = nights_until_settled(shelf, cache)

    assert list(last.likes) == shelf.likes
    assert last.unkept == 2


@pytest.mark.parametrize(("size", "place"), [(29, 3), (29, 28), (120, 3), (120, 80), (500, 3)])
def test_what_was_unliked_is_gone_though_the_library_is_walked_again_meanwhile(
    size: int, place: int
) -> None:
    shelf = Shelf(library(size), unreadable=1)
    cache = CachedLikes(likes=library(size), total=size + 1)
    shelf.likes.pop(place)

    last = nights_until_settled(shelf, cache)

    assert list(last.likes) == shelf.likes
    assert last.unkept == 1


@pytest.mark.parametrize("new", [0, 5])
@pytest.mark.parametrize("places", [{60, 100, 150, 200, 250}, {3, 399, 400, 401}, {700, 999}])
def test_what_was_unliked_between_two_parts_of_a_walk_costs_no_like_at_the_seam(
    places: set[int], new: int
) -> None:
    shelf = Shelf(library(1000))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    shelf.likes = [one for place, one in enumerate(shelf.likes) if place not in places]
    shelf.likes[:0] = [like(2000 + number) for number in range(new)]

    last = nights_until_settled(shelf, first)

    assert list(last.likes) == sorted(shelf.likes, key=lambda one: one.added_at, reverse=True)


def test_a_like_that_moves_up_between_two_parts_of_a_walk_costs_no_like_at_the_seam() -> None:
    shelf = Shelf(library(1000))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    again = LikedTrack(track=shelf.likes.pop(120).track, added_at=NOON)
    shelf.likes.insert(0, again)

    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


@pytest.mark.parametrize("left", [300, 40, 0])
def test_a_library_cleaned_down_below_what_was_walked_is_walked_to_its_new_end(left: int) -> None:
    shelf = Shelf(library(1000))
    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    shelf.likes = shelf.likes[::3][:left]

    second = kept(first, news_of(shelf, first, pages=4, believe_shrinking=True))

    assert shelf.calls <= 4
    assert list(nights_until_settled(shelf, second).likes) == shelf.likes


def test_a_library_of_which_more_is_kept_than_spotify_counts_is_walked_again() -> None:
    shelf = Shelf(library(40))
    cache = CachedLikes(likes=library(616), total=40, unkept=-576)

    assert list(nights_until_settled(shelf, cache).likes) == shelf.likes


def test_an_unliked_one_among_likes_of_one_moment_at_a_seam_of_a_walk_is_found() -> None:
    likes = [
        replace(one, added_at=NOON - timedelta(days=1 + (number + 20) // 50))
        for number, one in enumerate(library(900))
    ]
    shelf = Shelf(likes, unreadable=1)
    seam = PAGE * FIRST_WALK_PAGES
    left_over = replace(like(5000), added_at=shelf.likes[seam].added_at)
    cache = CachedLikes(likes=[*shelf.likes, left_over], total=901, walked=0)

    for _ in range(3):
        cache = kept(cache, news_of(shelf, cache, pages=FIRST_WALK_PAGES))

    assert set(cache.likes) == set(shelf.likes)
    assert (cache.walked, cache.unkept) == (None, 1)


def test_a_like_taken_back_between_two_pages_of_one_walk_is_noticed_at_the_next_look() -> None:
    shelf = RestlessShelf(library(300), before={3: 10})

    last = nights_until_settled(shelf, CachedLikes(likes=[], total=None))

    assert list(last.likes) == shelf.likes


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([30, 260, 700, 1200]),
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.lists(st.integers(0, 1199), max_size=3),
            st.sampled_from([1, 2, 4, 12]),
        ),
        max_size=6,
    ),
    st.dictionaries(st.integers(1, 30), st.integers(0, 1199), max_size=2),
    st.integers(0, 3),
)
def test_whatever_changes_while_a_library_is_walked_in_parts_the_cache_becomes_what_spotify_has(
    count: int,
    nights: list[tuple[int, list[int], int]],
    in_between: dict[int, int],
    unreadable: int,
) -> None:
    shelf = RestlessShelf(library(count), before=in_between)
    shelf.unreadable = unreadable
    cache = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))

    for night, (liked, unliked, pages) in enumerate([*nights, *[(0, [], 12)] * 40]):
        for place in unliked:
            shelf.likes.pop(place % len(shelf.likes))
        new = [like(10_000 * (night + 1) + one, days_ago=-night - 1) for one in range(liked)]
        shelf.likes = [*new, *shelf.likes]
        cache = kept(cache, news_of(shelf, cache, pages=pages, believe_shrinking=True))
        assert shelf.calls <= max(pages, 4)

    assert list(cache.likes) == sorted(shelf.likes, key=lambda one: one.added_at, reverse=True)
    assert (shelf.calls, cache.walked, cache.searched) == (1, None, None)


@pytest.mark.parametrize(("count", "place"), [(60, 40), (1000, 40), (1000, 800)])
def test_a_track_that_was_saved_twice_is_one_like_and_not_news_at_every_look(
    count: int, place: int
) -> None:
    shelf = Shelf(library(count))
    twin = replace(shelf.likes[5], added_at=shelf.likes[place].added_at - timedelta(hours=1))
    shelf.likes.insert(place + 1, twin)

    last = nights_until_settled(shelf, CachedLikes(likes=[], total=None))

    assert list(last.likes) == [one for one in shelf.likes if one is not twin]
    assert news_of(shelf, last).added == []


@pytest.mark.parametrize("start", [0, 50, 100, 200])
def test_a_page_on_which_nothing_is_left_for_a_moment_costs_no_like(start: int) -> None:
    shelf = HollowShelf(library(250), hollow=range(start, start + 50))

    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    shelf.hollow = range(0)

    assert first.walked == start
    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


@pytest.mark.parametrize(
    "hollow", [range(50), range(50, 100), range(100, 150), range(60, 240), range(250)]
)
def test_pages_on_which_nothing_is_left_at_a_second_look_are_believed(hollow: range) -> None:
    shelf = HollowShelf(library(250), hollow=hollow)

    cache = CachedLikes(likes=[], total=None)

    for _ in range(8):
        cache = kept(cache, news_of(shelf, cache, pages=4))
        assert shelf.calls <= 4

    assert len(cache.likes) == 250 - len(hollow)
    assert (cache.walked, cache.unkept) == (None, len(hollow))


def test_a_page_on_which_nothing_is_left_makes_no_known_like_an_unliked_one() -> None:
    shelf = HollowShelf(library(250), hollow=range(100, 150))
    cache = CachedLikes(likes=shelf.likes, total=250, walked=0)

    first = kept(cache, news_of(shelf, cache, pages=12))
    shelf.hollow = range(0)

    assert list(first.likes) == shelf.likes
    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


@pytest.mark.parametrize("beyond", [1, 7, 60, 130])
@pytest.mark.parametrize("count", [20, 50, 335])
def test_a_library_counted_larger_than_it_is_shown_is_read_to_its_end(
    count: int, beyond: int
) -> None:
    shelf = OvercountedShelf(library(count), beyond=beyond)

    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    last = first
    for pages in (1, 4, 1, WALK_PAGES_AHEAD) * 2:
        last = kept(last, news_of(shelf, last, pages=pages))

    assert list(first.likes) == list(last.likes) == shelf.likes
    assert (last.total, last.walked, last.unkept) == (count + beyond, None, beyond)
    assert news_of(shelf, last).calls == 1


def test_a_page_that_is_never_shown_keeps_no_other_likes_away() -> None:
    shelf = OvercountedShelf(library(400), stuck=[210])
    behind = {one.track.spotify_id for one in [*shelf.likes[:200], *shelf.likes[261:]]}

    cache = CachedLikes(likes=[], total=None)
    for _ in range(8):
        cache = kept(cache, news_of(shelf, cache, pages=6))

    assert behind <= {one.track.spotify_id for one in cache.likes}
    assert cache.walked is None


def test_pages_that_are_not_shown_for_a_while_cost_no_like() -> None:
    shelf = OvercountedShelf(library(400), stuck=range(120, 400))

    first = kept(cache := CachedLikes(likes=[], total=None), news_of(shelf, cache, pages=12))
    shelf.stuck = ()

    assert (list(first.likes), first.walked) == (shelf.likes[:100], 100)
    assert list(nights_until_settled(shelf, first).likes) == shelf.likes


def test_a_new_like_is_kept_though_an_unliked_one_is_looked_for_where_nothing_is_shown() -> None:
    shelf = OvercountedShelf(library(400))
    cache = synced(shelf)
    del shelf.likes[333]
    shelf.likes.insert(0, like(900, days_ago=0))
    shelf.stuck = range(50, 400)

    news = kept(cache, news_of(shelf, cache))
    shelf.stuck = ()

    assert news.likes[0] == shelf.likes[0]
    assert len(news.likes) == 401
    assert list(nights_until_settled(shelf, news).likes) == shelf.likes


def test_all_plays_that_spotify_remembers_are_asked_for_in_one_call() -> None:
    shelf = Shelf([])
    shelf.plays = [play(number, minutes_ago=number) for number in range(80)]

    news = asyncio.run(plays_delta(shelf))

    assert (len(news.plays), news.full, shelf.calls) == (50, True, 1)


@pytest.mark.parametrize(
    ("days", "due"), [(None, True), (0, False), (6, False), (7, True), (30, True), (-300, True)]
)
def test_top_items_are_due_once_a_week(days: int | None, due: bool) -> None:  # noqa: FBT001
    fetched_at = None if days is None else NOON - timedelta(days=days)

    assert top_items_due(fetched_at, now=NOON) is due


def test_top_items_come_from_two_ranges_of_time() -> None:
    found = asyncio.run(top_items(Shelf([])))

    assert {(item.kind, item.time_range) for item in found} == {
        (kind, time_range)
        for kind in ("artist", "track")
        for time_range in ("short_term", "medium_term")
    }
