"""A refresh asks for what its plan names, as far as is right, and keeps the answers."""

from __future__ import annotations

import asyncio
import gc
import warnings
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.support.spotify_shelf import Shelf
from tests.support.warehouse_examples import ANNA, NOON, like, play
from vibe_pipeline.clients.errors import AuthorizationExpired
from vibe_pipeline.clients.spotify_records import LikedPage
from vibe_pipeline.records import TopItem
from vibe_pipeline.taste.library_refresh import (
    SEARCH_PAGES,
    SECOND_LOOK_AFTER,
    TOP_AGE_FOR_A_LIST,
    LibraryDelta,
    LibrarySnapshot,
    RefreshPlan,
    just_read,
    keep,
    library_delta,
    may_walk_again,
    pages_ahead,
    plays_per_day,
    second_look,
    still_to_search,
    top_items_wanted,
    walk_pages,
    within,
)
from vibe_pipeline.taste.library_sync import (
    FIRST_WALK_PAGES,
    NEXT_WALK_PAGES,
    SYNC_WALK_PAGES,
    TOP_AGE,
    WALK_PAGES_AHEAD,
)
from vibe_pipeline.warehouse import LibraryState, Warehouse

EVERYTHING = RefreshPlan(likes_pages=4, plays=True, top_items=True)


def shelf() -> Shelf:
    filled = Shelf([like(number, days_ago=number) for number in range(3)])
    filled.plays = [play(number, minutes_ago=10 * number) for number in range(1, 5)]
    return filled


def refreshed(
    warehouse: Warehouse, spotify: Shelf, plan: RefreshPlan, *, now: datetime = NOON
) -> LibrarySnapshot:
    with warehouse.open() as tables:
        state, likes = tables.library.state(ANNA), tables.library.likes(ANNA)
    delta = asyncio.run(library_delta(spotify, plan, state=state, likes=likes))
    with warehouse.open() as tables:
        return keep(tables, ANNA, delta, since=state, now=now)


@pytest.mark.parametrize(
    ("state", "syncing", "pages"),
    [
        (LibraryState(), False, FIRST_WALK_PAGES),
        (LibraryState(), True, FIRST_WALK_PAGES),
        (LibraryState(likes_total=900, likes_walked=800), False, NEXT_WALK_PAGES),
        (LibraryState(likes_total=900, likes_walked=800), True, SYNC_WALK_PAGES),
        (LibraryState(likes_total=900), True, SEARCH_PAGES),
        (LibraryState(likes_total=900), False, NEXT_WALK_PAGES),
    ],
)
def test_a_walk_goes_far_at_first_a_little_with_each_list_and_furthest_when_asked_for(
    *, state: LibraryState, syncing: bool, pages: int
) -> None:
    assert walk_pages(state, syncing=syncing) == pages


def test_whoever_waits_for_a_list_waits_for_the_newest_likes_only() -> None:
    walked_to = LibraryState(likes_total=900, likes_walked=800)

    assert walk_pages(walked_to, syncing=False, list_awaited=True) == 1
    assert walk_pages(LibraryState(), syncing=False, list_awaited=True) == FIRST_WALK_PAGES


@pytest.mark.parametrize(
    ("walked", "calls_left", "pages"),
    [
        (400, None, WALK_PAGES_AHEAD),
        (400, 500, WALK_PAGES_AHEAD),
        (400, 5, 5),
        (400, 1, None),
        (400, 0, None),
        (None, None, None),
    ],
)
def test_a_library_is_walked_on_ahead_of_time_while_the_day_has_calls_for_it(
    *, walked: int | None, calls_left: int | None, pages: int | None
) -> None:
    state = LibraryState(likes_total=900, likes_walked=walked)

    assert pages_ahead(state, calls_left=calls_left) == pages


def test_what_was_unliked_is_looked_for_ahead_of_time_too() -> None:
    state = LibraryState(likes_total=9_000, likes_searched=600)

    assert still_to_search(state) == 8_400
    assert still_to_search(replace(state, likes_search_end=1_000)) == 400
    assert still_to_search(LibraryState(likes_total=9_000)) == 0
    assert pages_ahead(state, calls_left=None) == WALK_PAGES_AHEAD


@pytest.mark.parametrize(
    ("read_before", "known"), [(timedelta(seconds=30), True), (timedelta(minutes=2), False)]
)
def test_only_what_was_read_just_now_is_not_read_again(
    *, read_before: timedelta, known: bool
) -> None:
    assert just_read(LibraryState(likes_synced_at=NOON - read_before), now=NOON) is known
    assert not just_read(LibraryState(), now=NOON)


@pytest.mark.parametrize(
    ("age", "making_a_list", "wanted"),
    [
        (TOP_AGE, False, True),
        (TOP_AGE, True, False),
        (TOP_AGE_FOR_A_LIST, True, True),
        (TOP_AGE - timedelta(seconds=1), False, False),
    ],
)
def test_a_list_is_content_with_older_top_items_than_collecting_is(
    *, age: timedelta, making_a_list: bool, wanted: bool
) -> None:
    state = LibraryState(top_fetched_at=NOON - age)

    assert top_items_wanted(state, making_a_list=making_a_list, now=NOON) is wanted


def test_only_what_the_plan_names_is_asked_for() -> None:
    spotify, nothing = shelf(), RefreshPlan(likes_pages=None, plays=False, top_items=False)

    delta = asyncio.run(library_delta(spotify, nothing, state=LibraryState(), likes=[]))

    assert (delta, spotify.calls) == (LibraryDelta(), 0)


class ClosedShelf(Shelf):
    """A library that its owner no longer lets us into."""

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = 50) -> LikedPage:
        raise AuthorizationExpired("spotify", f"refused at {offset} of {limit}")


def test_a_new_library_that_refuses_us_leaves_no_question_begun_and_never_asked() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(AuthorizationExpired):
            asyncio.run(library_delta(ClosedShelf([]), EVERYTHING, state=LibraryState(), likes=[]))
        gc.collect()

    assert [str(one.message) for one in told if "never awaited" in str(one.message)] == []


def test_what_spotify_answered_is_the_library_afterwards(tmp_path: Path) -> None:
    spotify = shelf()

    snapshot = refreshed(Warehouse(tmp_path / "w.duckdb"), spotify, EVERYTHING)

    assert snapshot.likes == spotify.likes
    assert [p.track.title for p in snapshot.plays] == ["Song 1", "Song 2", "Song 3", "Song 4"]
    assert (snapshot.change.added, snapshot.plays_added, snapshot.liked_twice) == (3, 4, 0)
    assert snapshot.state.top_fetched_at == NOON


def test_what_was_not_asked_for_stays_as_it_was(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    before = refreshed(warehouse, spotify, EVERYTHING)
    spotify.likes, spotify.plays = [], []
    plays_only = RefreshPlan(likes_pages=None, plays=True, top_items=False)

    after = refreshed(warehouse, spotify, plays_only)

    assert (after.likes, after.plays, after.top) == (before.likes, before.plays, before.top)
    assert (after.change.removed, after.plays_added) == (0, 0)


def test_the_days_shown_end_with_the_newest_play_and_are_fourteen() -> None:
    day = timedelta(days=1) // timedelta(minutes=1)
    plays = [play(number, minutes_ago=minutes) for number, minutes in enumerate([0, 1, 13 * day])]

    days = plays_per_day([*plays, play(9, minutes_ago=13 * day + 1)])

    assert days == {"2026-11-20": 2, "2026-11-07": 1}
    assert plays_per_day([]) == {}


@pytest.mark.parametrize(
    ("left", "parts"),
    [(None, (True, True)), (9, (True, True)), (8, (True, False)), (0, (False, False))],
)
def test_what_a_newcomer_has_no_calls_left_for_is_not_asked_for(
    left: int | None, parts: tuple[bool, bool]
) -> None:
    plan = within(EVERYTHING, left)

    assert (plan.likes_pages, (plan.plays, plan.top_items)) == (4, parts)


def test_what_could_not_be_kept_is_remembered_and_not_walked_for_again(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    spotify.unreadable = 2
    likes_only = replace(EVERYTHING, plays=False, top_items=False)
    first = refreshed(warehouse, spotify, likes_only)
    spotify.calls = 0

    second = refreshed(warehouse, spotify, likes_only)

    assert first.state.likes_unkept == second.state.likes_unkept == 2
    assert spotify.calls == 1


def test_a_library_in_which_no_walk_can_tell_what_is_gone_is_walked_again_once_a_week(
    tmp_path: Path,
) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    spotify.likes = [like(number, days_ago=number % 500) for number in range(1000)]
    Random(0).shuffle(spotify.likes)
    calls = []

    for day in range(30):
        if day == 6:
            spotify.likes.pop(200)
        now = NOON + timedelta(days=day)
        with warehouse.open() as tables:
            state = tables.library.state(ANNA)
        plan = RefreshPlan(
            likes_pages=12,
            plays=False,
            top_items=False,
            believe_shrinking=True,
            walk_again=may_walk_again(state, now=now),
        )
        spotify.calls = 0
        refreshed(warehouse, spotify, plan, now=now)
        calls.append(spotify.calls)

    assert calls[10:16] == [1] * 6
    assert [calls[day : day + 2] for day in (16, 24)] == [[12, 9]] * 2
    assert sum(calls[10:]) == 2 * (12 + 9) + 16


def test_an_implausibly_small_library_is_kept_until_a_second_look(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    before = refreshed(warehouse, spotify, EVERYTHING)
    spotify.likes = []

    doubted = refreshed(warehouse, spotify, EVERYTHING)
    believed = refreshed(warehouse, spotify, replace(EVERYTHING, believe_shrinking=True))

    assert (doubted.likes, doubted.state.likes_doubted_at) == (before.likes, NOON)
    assert not second_look(doubted.state, now=NOON + SECOND_LOOK_AFTER / 2)
    assert second_look(doubted.state, now=NOON + SECOND_LOOK_AFTER)
    assert second_look(doubted.state, now=NOON - timedelta(days=300))
    assert (believed.likes, believed.state.likes_doubted_at) == ([], None)


def test_a_library_that_is_whole_again_is_doubted_no_longer(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    whole = refreshed(warehouse, spotify, EVERYTHING).likes
    spotify.likes = []
    refreshed(warehouse, spotify, EVERYTHING)
    spotify.likes = list(whole)

    assert refreshed(warehouse, spotify, EVERYTHING).state.likes_doubted_at is None


def test_plays_that_come_in_late_are_kept_with_their_true_time(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    refreshed(warehouse, spotify, EVERYTHING)
    offline = [play(100 + number, minutes_ago=300 + number) for number in range(30)]
    spotify.plays += offline

    after = refreshed(warehouse, spotify, EVERYTHING)

    assert after.plays_added == 30
    assert {one.played_at for one in offline} <= {one.played_at for one in after.plays}
    assert after.gaps == []


def test_two_tracks_of_one_moment_are_two_plays(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    refreshed(warehouse, spotify, EVERYTHING)
    spotify.plays.append(play(50, minutes_ago=10))

    assert refreshed(warehouse, spotify, EVERYTHING).plays_added == 1
    assert refreshed(warehouse, spotify, EVERYTHING).plays_added == 0


def test_a_play_whose_track_was_moved_to_another_id_is_the_play_we_know(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    refreshed(warehouse, spotify, EVERYTHING)
    spotify.plays = [
        replace(one, track=replace(one.track, spotify_id=f"{number:022d}"))
        for number, one in enumerate(spotify.plays)
    ]

    assert refreshed(warehouse, spotify, EVERYTHING).plays_added == 0


def test_a_play_of_the_future_is_kept_once_and_counts_as_heard_when_we_learned_of_it(
    tmp_path: Path,
) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    spotify.plays.append(play(50, minutes_ago=-600))

    first = refreshed(warehouse, spotify, EVERYTHING)
    again = refreshed(warehouse, spotify, EVERYTHING)

    assert (first.plays[0].played_at, first.state.plays_cursor) == (NOON, NOON)
    assert (again.plays_added, again.plays) == (0, first.plays)


@pytest.mark.parametrize(("heard", "gap"), [(49, False), (50, True), (80, True)])
def test_plays_slipped_away_when_nothing_known_is_remembered_any_longer(
    *, heard: int, gap: bool, tmp_path: Path
) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), shelf()
    spotify.plays = [play(1, minutes_ago=500)]
    refreshed(warehouse, spotify, EVERYTHING, now=NOON - timedelta(minutes=400))
    spotify.plays += [play(number, minutes_ago=number) for number in range(2, 2 + heard)]

    after = refreshed(warehouse, spotify, EVERYTHING)

    lost = [(NOON - timedelta(minutes=500), NOON - timedelta(minutes=51))] if gap else []
    assert [(one.since, one.until) for one in after.gaps] == lost


def test_late_plays_within_what_spotify_can_tell_hide_none(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), Shelf([])
    spotify.plays = [play(number, minutes_ago=number) for number in range(18)]
    refreshed(warehouse, spotify, EVERYTHING)
    spotify.plays += [play(100 + number, minutes_ago=300 + number) for number in range(30)]

    after = refreshed(warehouse, spotify, EVERYTHING)

    assert (after.plays_added, after.gaps) == (30, [])


def test_late_plays_that_fill_the_whole_answer_may_hide_others(tmp_path: Path) -> None:
    warehouse, spotify = Warehouse(tmp_path / "w.duckdb"), Shelf([])
    spotify.plays = [play(number, minutes_ago=number) for number in range(3)]
    refreshed(warehouse, spotify, EVERYTHING)
    spotify.plays += [play(100 + number, minutes_ago=300 + number) for number in range(60)]

    assert len(refreshed(warehouse, spotify, EVERYTHING).gaps) == 1


def test_no_top_items_at_all_make_nobody_forget_the_former(tmp_path: Path) -> None:
    class NothingOnTop(Shelf):
        async def top_artists(self, time_range: str) -> list[TopItem]:
            return []

        async def top_tracks(self, time_range: str) -> list[TopItem]:
            return []

    warehouse = Warehouse(tmp_path / "w.duckdb")
    before = refreshed(warehouse, shelf(), EVERYTHING)

    after = refreshed(warehouse, NothingOnTop(shelf().likes), EVERYTHING)

    assert after.top == before.top
    assert after.top
