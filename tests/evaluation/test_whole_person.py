"""Whether a list of thirty is the whole person's: how that is read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.evaluation.whole_person import LongList, Wholeness, divergence, largest_part
from vibe_pipeline.ranking.tag_profile import tag_shares

bags = st.dictionaries(st.integers(0, 9), st.floats(0.1, 10), min_size=1).map(tag_shares)


@given(bags, bags)
def test_no_list_is_nearer_to_a_taste_than_one_that_is_tagged_just_like_it(
    taste: dict[int, float], listed: dict[int, float]
) -> None:
    assert divergence(taste, taste) == pytest.approx(0.0, abs=1e-12)
    assert divergence(taste, listed) >= -1e-12


def test_a_list_that_lacks_a_kind_strays_but_not_without_end() -> None:
    taste = {1: 0.5, 2: 0.5}

    half, none = divergence(taste, {1: 1.0}), divergence(taste, {})

    assert 0.5 < half < none == pytest.approx(math.log(100))


def test_of_somebody_whose_music_nobody_tagged_nothing_is_said() -> None:
    assert math.isnan(divergence({}, {1: 1.0}))


def test_one_seeds_part_is_that_of_the_one_named_most() -> None:
    assert largest_part(["Bark", "Moss", "Bark", "Fern"]) == 0.5
    assert largest_part([]) == 0.0


def test_lists_are_told_by_what_was_known_and_untagged_people_only_count_for_their_seeds() -> None:
    def made(evidence: str, part: float, strays: float, own: float) -> LongList:
        return LongList(
            evidence=evidence,
            split=0,
            user="u",
            top_seed=part,
            opening_seed=part,
            divergence=strays,
            own=own,
        )

    lists = [
        made("night-1", 0.5, 3.0, 1.0),
        made("night-1", 0.1, 1.0, 1.0),
        made("night-1", 0.3, math.nan, math.nan),
        made("full", 0.1, 1.0, 2.0),
    ]

    night, full = Wholeness.of_each(lists)

    assert (night.evidence, night.lists) == ("night-1", 3)
    assert (night.divergence, night.mean_divergence) == (2.0, 2.0)
    assert (night.top_seed, night.above_a_third) == pytest.approx((0.3, 1 / 3))
    assert (full.evidence, full.divergence) == ("full", 0.5)
    assert Wholeness.of_each([]) == ()
