"""A few nights of the soak, worse than most; `make soak` plays sixty of thirty people."""

from __future__ import annotations

import os

import pytest

from tests.soak.__main__ import soak

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_SOAK_SEED", "5"))


def test_through_faults_and_kills_no_night_is_silent_and_nothing_is_doubled_or_lost() -> None:
    totals = soak(people=2, nights=2, seed=SEED, worse=4.0)

    assert totals.holds, totals.in_words()
    assert totals.lists > 0
