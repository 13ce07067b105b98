"""Whose next list is prepared now: before their night, a few at a time, later after a failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.account_examples import account
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.playlists.pools_at_hand import FRESH_FOR
from vibe_pipeline.playlists.preparing import (
    AT_ONCE,
    FIRST_PAUSE,
    LATELY,
    LONGEST_PAUSE,
    NONE,
    SETTLING,
    Preparations,
    is_due,
    pause_after,
    preparing_due,
)
from vibe_pipeline.records import UserId

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
YESTERDAY = NOW - timedelta(days=1)


def person(
    number: int = 1, *, at: time | None = time(6, 0), connected: bool = True, active: bool = True
) -> Account:
    return account(
        at=at, user_id=f"u{number:03}", connected=connected, active=active, consented_at=LONG_AGO
    )


def prepared(ago: timedelta) -> Preparations:
    return Preparations(prepared_at=NOW - ago, tried_at=NOW - ago)


def test_who_was_prepared_for_after_their_last_list_is_left_alone() -> None:
    assert not is_due(person(), prepared(timedelta(hours=5)), NOW - timedelta(hours=6), NOW)


def test_a_list_that_nothing_was_prepared_after_is_a_reason_once_things_have_settled() -> None:
    before = prepared(timedelta(hours=9))

    assert is_due(person(), before, NOW - timedelta(hours=6), NOW)
    assert not is_due(person(), before, NOW - SETTLING + timedelta(minutes=1), NOW)


def test_pools_that_will_be_too_old_at_the_next_night_are_asked_anew() -> None:
    to_the_night = timedelta(hours=18)
    just_fresh = FRESH_FOR - to_the_night

    assert not is_due(person(), prepared(just_fresh), LONG_AGO, NOW)
    assert is_due(person(), prepared(just_fresh + timedelta(minutes=1)), LONG_AGO, NOW)


def test_what_a_clock_that_ran_ahead_noted_is_not_known() -> None:
    ahead = NOW + timedelta(days=30)
    newcomer = replace(person(), consented_at=ahead)

    assert is_due(person(), NONE, ahead, NOW)
    assert is_due(newcomer, NONE, None, NOW)
    assert is_due(person(), Preparations(tried_at=ahead, failures=1), YESTERDAY, NOW)
    assert is_due(person(), Preparations(prepared_at=ahead, tried_at=ahead), YESTERDAY, NOW)
    assert not is_due(person(), prepared(timedelta(hours=5)), ahead, NOW)


def test_without_nights_pools_are_kept_fresh_for_who_asked_lately() -> None:
    by_wish = person(at=None)

    assert not is_due(by_wish, prepared(timedelta(hours=30)), NOW - timedelta(days=2), NOW)
    assert is_due(by_wish, prepared(timedelta(hours=37)), NOW - timedelta(days=2), NOW)
    assert not is_due(by_wish, prepared(timedelta(days=8)), NOW - LATELY - timedelta(hours=1), NOW)


def test_nobody_is_prepared_for_who_is_not_there_or_is_being_prepared_for() -> None:
    assert is_due(person(), NONE, YESTERDAY, NOW)
    assert not is_due(person(connected=False), NONE, YESTERDAY, NOW)
    assert not is_due(person(active=False), NONE, YESTERDAY, NOW)
    assert not is_due(person(), Preparations(under_way=True), YESTERDAY, NOW)


def test_a_failure_is_tried_again_later_and_each_time_later() -> None:
    def due(failures: int, ago: timedelta) -> bool:
        before = Preparations(tried_at=NOW - ago, failures=failures)
        return is_due(person(), before, YESTERDAY, NOW)

    assert not due(1, FIRST_PAUSE - timedelta(minutes=1))
    assert due(1, FIRST_PAUSE)
    assert not due(2, FIRST_PAUSE)
    assert due(50, LONGEST_PAUSE)


def test_those_whose_night_is_nearest_come_first_and_only_a_few_at_once() -> None:
    people = [person(1, at=None), person(2, at=time(11, 0)), person(3, at=time(13, 0))]
    lists = dict.fromkeys((one.user_id for one in people), YESTERDAY)

    due = preparing_due(people, {}, lists, NOW)

    assert [one.user_id for one in due] == ["u003", "u002"]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.times()),
            st.integers(0, 100),
            st.integers(0, 6),
            st.integers(0, 100),
        ),
        max_size=20,
    )
)
def test_in_a_day_of_ticks_everybody_who_is_due_gets_their_turn(
    lives: list[tuple[time | None, int, int, int]],
) -> None:
    people = [person(number, at=at) for number, (at, *_) in enumerate(lives)]
    before = {
        one.user_id: Preparations(
            prepared_at=NOW - timedelta(hours=hours),
            tried_at=NOW - timedelta(hours=hours),
            failures=failures,
        )
        for one, (_, hours, failures, _) in zip(people, lives, strict=True)
    }
    lists = {
        one.user_id: NOW - timedelta(hours=hours)
        for one, (*_, hours) in zip(people, lives, strict=True)
    }
    first = {
        one.user_id for one in people if is_due(one, before[one.user_id], lists[one.user_id], NOW)
    }

    turns: set[UserId] = set()
    for tick in range(len(people)):
        now = NOW + tick * timedelta(seconds=1)
        due = preparing_due(people, before, lists, now)
        assert len(due) <= AT_ONCE
        for one in due:
            before[one.user_id] = Preparations(prepared_at=now, tried_at=now)
            turns.add(one.user_id)

    assert first <= turns


@given(st.integers(0, 200))
def test_pauses_grow_and_are_bounded(failures: int) -> None:
    assert SETTLING <= pause_after(failures) <= pause_after(failures + 1) <= LONGEST_PAUSE
