"""A night of the soak, worse than most; `make soak` plays sixty of thirty people."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from tests.soak.__main__ import soak

pytestmark = pytest.mark.slow

CALM = timedelta(hours=10)
"""Long enough for what a night leaves, and too short for many a second night."""
SEED = int(os.environ.get("VIBE_SOAK_SEED", "5"))


def test_through_faults_and_kills_no_night_is_silent_and_nothing_is_doubled_or_lost() -> None:
    totals = soak(people=1, nights=1, seed=SEED, worse=5.0, calm=CALM, surely=True)

    assert totals.holds, totals.in_words()
    assert totals.kills > 0
    assert totals.lists > 0
