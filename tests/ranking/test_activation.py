"""How present a known track is, and when it is due."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.ranking.activation import DUE_DAYS, activation, is_due, nearness

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
DAYS = st.floats(min_value=0, max_value=1000)


def heard(*days_ago: float) -> list[datetime]:
    return [NOW - timedelta(days=days) for days in days_ago]


def test_once_just_now_is_nothing_lost_and_never_is_less_than_anything() -> None:
    assert activation(heard(0), NOW) == 0
    assert activation([], NOW) == -math.inf
    assert is_due(activation([], NOW))
    assert nearness(activation([], NOW)) == 0


@pytest.mark.parametrize(
    "days_ago", [[DUE_DAYS + 0.1], [25] * 10, [9, 16, 23, 30, 37]], ids=["once", "often", "weekly"]
)
def test_what_has_faded_enough_is_due(days_ago: list[float]) -> None:
    assert is_due(activation(heard(*days_ago), NOW))


@pytest.mark.parametrize(
    "days_ago", [[DUE_DAYS - 0.1], [23] * 10, [6, 13, 20, 27, 34]], ids=["once", "often", "weekly"]
)
def test_the_more_often_it_was_heard_the_longer_it_rests(days_ago: list[float]) -> None:
    assert not is_due(activation(heard(*days_ago), NOW))


@given(ages=st.lists(DAYS, max_size=20), one_more=DAYS)
def test_hearing_it_once_more_makes_it_more_present(ages: list[float], one_more: float) -> None:
    assert activation(heard(*ages, one_more), NOW) >= activation(heard(*ages), NOW)


@given(ages=st.lists(DAYS, min_size=1, max_size=20), later=DAYS)
def test_it_only_fades_until_it_is_heard_again(ages: list[float], later: float) -> None:
    moments = heard(*ages)

    then, now = activation(moments, NOW), activation(moments, NOW + timedelta(days=later))

    assert now <= then
    assert 0 <= nearness(now) <= nearness(then) <= 1
