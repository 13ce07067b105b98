"""Collecting plays stays within its share of the day's calls."""

from __future__ import annotations

from vibe_pipeline.taste.collecting import hours_between


def test_the_more_people_the_rarer_plays_are_collected() -> None:
    hours = [hours_between(people) for people in (1, 5, 16, 17, 40, 200, 5000)]

    assert hours == sorted(hours)
    assert (hours[0], hours[1], hours[-1]) == (2, 2, 24)
    assert all(people * 24 / hours_between(people) <= 200 for people in (1, 5, 16, 17, 40, 200))
