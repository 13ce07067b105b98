"""Who gets which policy on which day, and what a verdict takes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest

from vibe_pipeline.taste.policy_comparison import (
    BLOCK_DAYS,
    Preference,
    Tally,
    assigned_policy,
    unit_of,
    verdict,
)

POLICIES = ("default", "similar-sum")
MONDAY = date(2026, 11, 23)


def days(count: int) -> list[date]:
    return [MONDAY + timedelta(days=number) for number in range(count)]


def units(
    count: int, first: float, second: float, *, offered: int = 200, seed: int = 1
) -> list[Tally]:
    """So many listeners whom both policies please so much, each listener in a mood of their own."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        mood = rng.uniform(-0.1, 0.1)
        for policy, rate in (("default", first), ("similar-sum", second)):
            accepted = round(offered * (rate + mood + rng.uniform(-0.01, 0.01)))
            found.append(
                Tally(unit=f"u{number}", policy=policy, offered=offered, accepted=accepted)
            )
    return found


def test_the_same_person_and_day_always_get_the_same_policy() -> None:
    given = [assigned_policy("u1", day, POLICIES) for day in days(60)]

    again = [assigned_policy("u1", day, tuple(reversed(POLICIES))) for day in days(60)]

    assert given == again


def test_a_policy_stays_for_a_whole_block_of_days() -> None:
    start = date.fromordinal(MONDAY.toordinal() // BLOCK_DAYS * BLOCK_DAYS)

    blocks = [
        {assigned_policy("u1", start + timedelta(days=7 * n + day), POLICIES) for day in range(7)}
        for n in range(20)
    ]

    assert all(len(block) == 1 for block in blocks)


def test_every_round_of_blocks_holds_each_policy_once() -> None:
    by_unit: dict[str, Counter[str]] = {}
    for day in days(400):
        unit = unit_of("u1", day, POLICIES)
        by_unit.setdefault(unit, Counter())[assigned_policy("u1", day, POLICIES)] += 1

    whole = list(by_unit.values())[1:-1]

    assert whole
    assert all(count == {"default": 7, "similar-sum": 7} for count in whole)


def test_people_begin_with_different_policies() -> None:
    first = Counter(assigned_policy(f"u{number}", MONDAY, POLICIES) for number in range(400))

    assert 150 < first["default"] < 250


def test_one_policy_alone_is_always_given() -> None:
    assert {assigned_policy("u1", day, ("default",)) for day in days(30)} == {"default"}


def test_no_policy_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no policy"):
        assigned_policy("u1", MONDAY, ())


def test_a_clear_difference_has_a_winner() -> None:
    found = verdict(units(30, 0.50, 0.40), "default", "similar-sum")

    assert found.answer is Preference.FIRST_BETTER
    assert 0 < found.low < found.difference < found.high
    assert "default is better than similar-sum" in found.sentence


def test_the_worse_one_is_called_worse_whichever_is_named_first() -> None:
    found = verdict(units(30, 0.40, 0.50), "default", "similar-sum")

    assert found.answer is Preference.SECOND_BETTER
    assert found.high < 0


def test_pairing_takes_the_moods_of_people_out() -> None:
    found = verdict(units(12, 0.43, 0.40), "default", "similar-sum")

    assert found.answer is Preference.FIRST_BETTER
    assert found.high - found.low < 0.03


def test_many_alike_results_make_two_policies_alike() -> None:
    found = verdict(units(60, 0.40, 0.40, offered=1000), "default", "similar-sum")

    assert found.answer is Preference.ALIKE


@pytest.mark.parametrize(
    ("people", "offered"), [(3, 500), (20, 5)], ids=["few people", "few tracks"]
)
def test_little_evidence_is_never_enough(people: int, offered: int) -> None:
    tallies = [
        Tally(unit=f"u{n}", policy=policy, offered=offered, accepted=offered if best else 0)
        for n in range(people)
        for policy, best in (("default", True), ("similar-sum", False))
    ]

    found = verdict(tallies, "default", "similar-sum")

    assert found.answer is Preference.NOT_ENOUGH
    assert found.sentence.startswith("Not enough evidence yet")


def test_a_wide_interval_about_zero_is_not_enough() -> None:
    rng = random.Random(4)
    tallies = [
        Tally(unit=f"u{n}", policy=policy, offered=50, accepted=rng.randint(5, 45))
        for n in range(12)
        for policy in POLICIES
    ]

    found = verdict(tallies, "default", "similar-sum")

    assert found.low < 0 < found.high
    assert found.answer is Preference.NOT_ENOUGH


def test_nothing_at_all_is_not_enough_either() -> None:
    found = verdict([], "default", "similar-sum")

    assert found.answer is Preference.NOT_ENOUGH
    assert (found.pairs, found.offered) == (0, 0)


def test_units_that_met_only_one_policy_do_not_count() -> None:
    lonely = [Tally(unit="x", policy="default", offered=10_000, accepted=10_000)]

    found = verdict([*units(30, 0.4, 0.4), *lonely], "default", "similar-sum")

    assert found.pairs == 30
    assert found.first_rate < 0.6


def test_the_order_of_tallies_does_not_matter() -> None:
    tallies = units(10, 0.5, 0.4)

    assert verdict(tallies, "default", "similar-sum") == verdict(
        tallies[::-1], "default", "similar-sum"
    )
