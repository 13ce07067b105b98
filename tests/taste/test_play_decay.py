"""How fast plays fade: as fast as the person's taste moves, and as for everybody while unsure."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.support.moving_tastes import FIRST_DAY, moving_plays, played, steady_plays
from vibe_pipeline.ranking.activation import power_law
from vibe_pipeline.taste.play_decay import USUAL_EXPONENT, PersonalDecay, half_life

END = FIRST_DAY + timedelta(days=70)


def test_a_taste_that_stays_is_remembered_longer_than_one_that_moves() -> None:
    staying = {PersonalDecay.of(steady_plays(seed), END).exponent for seed in range(3)}
    moving = {PersonalDecay.of(moving_plays(seed), END).exponent for seed in range(3)}

    assert max(staying) < USUAL_EXPONENT < min(moving)


def test_on_few_days_the_usual_curve_holds() -> None:
    plays = steady_plays(1, days=7)

    decay = PersonalDecay.of(plays, FIRST_DAY + timedelta(days=7))

    assert decay == PersonalDecay(exponent=USUAL_EXPONENT, days=6)


def test_who_played_nothing_has_the_usual_curve() -> None:
    assert PersonalDecay.of([], END) == PersonalDecay(exponent=USUAL_EXPONENT, days=0)


def test_days_that_say_nothing_leave_the_usual_curve() -> None:
    """One artist every day is foretold by every curve alike."""
    plays = [played("Only", "Song", FIRST_DAY + timedelta(days=day, hours=9)) for day in range(60)]

    assert PersonalDecay.of(plays, END).exponent == USUAL_EXPONENT


def test_the_order_of_plays_and_what_was_played_later_do_not_matter() -> None:
    plays = moving_plays(2)
    shuffled = random.Random(1).sample(plays, len(plays))
    later = [played("Later", "Song", END + timedelta(hours=hour)) for hour in range(50)]

    assert PersonalDecay.of([*shuffled, *later], END) == PersonalDecay.of(plays, END)


def test_a_power_forgets_faster_at_first_and_slower_in_the_end() -> None:
    power, halving = power_law(1.0), half_life(3)

    assert power(0) == halving(0) == 1
    assert power(24) < halving(24)
    assert power(24 * 60) > halving(24 * 60)
