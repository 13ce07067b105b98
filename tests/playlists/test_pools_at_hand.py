"""When the pools asked ahead of time make a list, and when sources are asked after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vibe_pipeline.playlists.pools_at_hand import (
    FRESH_FOR,
    JUST_ASKED,
    RECORDINGS_A_PLACE,
    make_a_list,
)
from vibe_pipeline.records import EditionId, PoolState, Source
from vibe_pipeline.sources.pools import Reason
from vibe_pipeline.warehouse.candidates import PoolAtHand

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
ENOUGH = 30 * RECORDINGS_A_PLACE
POOLS = [
    PoolAtHand(
        source=source,
        edition_id=EditionId("ahead"),
        state=PoolState.OFFERED,
        reason=None,
        offered=100,
        asked_at=NOW - timedelta(hours=8),
    )
    for source in Source
]


def ready(
    pools: list[PoolAtHand], recordings: int = ENOUGH, *, off: frozenset[Source] = frozenset()
) -> bool:
    return make_a_list(pools, recordings, size=30, off=off, now=NOW)


def test_pools_of_the_same_day_with_enough_that_is_new_make_a_list() -> None:
    assert ready(POOLS)


def test_too_few_new_recordings_make_none() -> None:
    assert not ready(POOLS, ENOUGH - 1)


def test_a_source_that_was_never_asked_is_asked() -> None:
    assert not ready(POOLS[1:])


def test_old_pools_are_asked_again_and_those_that_know_nothing_of_years_given_since() -> None:
    old = replace(POOLS[0], asked_at=NOW - FRESH_FOR)

    def after_years_given(hours_ago: int) -> bool:
        given = NOW - timedelta(hours=hours_ago)
        return make_a_list(POOLS, ENOUGH, size=30, off=(), now=NOW, imported_at=given)

    assert not ready([old, *POOLS[1:]])
    assert not ready([replace(old, asked_at=NOW + timedelta(days=30)), *POOLS[1:]])
    assert not after_years_given(7)
    assert after_years_given(9)
    assert after_years_given(-300)
    assert after_years_given(9_000)


def test_a_source_cut_off_before_it_had_anything_is_asked_on() -> None:
    cut_off = replace(POOLS[0], reason=Reason.CUT_OFF)

    assert ready([cut_off, *POOLS[1:]])
    assert not ready([replace(cut_off, offered=0, state=PoolState.FAILED), *POOLS[1:]])


def test_a_source_cut_off_a_moment_ago_is_not_waited_for_again() -> None:
    nothing = replace(POOLS[0], reason=Reason.CUT_OFF, offered=0, state=PoolState.FAILED)

    assert ready([replace(nothing, asked_at=NOW - timedelta(seconds=20)), *POOLS[1:]])
    assert not ready([replace(nothing, asked_at=NOW - JUST_ASKED), *POOLS[1:]])


def test_a_source_switched_off_meanwhile_no_longer_counts() -> None:
    assert not ready(POOLS, off=frozenset({POOLS[0].source}))


def test_a_source_that_was_off_when_the_others_were_asked_stays_out() -> None:
    off = replace(POOLS[0], state=PoolState.OFF, reason=Reason.SWITCHED_OFF)

    assert ready([off, *POOLS[1:]], off=frozenset({off.source}))
    assert not ready([off, *POOLS[1:]])
