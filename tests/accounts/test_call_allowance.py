"""What one list may cost, and what is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.accounts_site import chosen, connected, made, opened
from vibe_pipeline.accounts.call_allowance import (
    AHEAD,
    FIRST_LIST,
    LIST,
    PUBLISHING,
    CallAllowance,
    CallsSpent,
    listening_of,
)
from vibe_pipeline.accounts.records import EditionState
from vibe_pipeline.records import EditionId

ONE, OTHER = EditionId("one"), EditionId("other")


def test_calls_are_counted_by_edition_and_for_everybody(tmp_path: Path) -> None:
    budget = made(tmp_path).budget
    for edition in (ONE, ONE, OTHER):
        budget.of(edition).ask("spotify", asked_for=True)
    budget.ask("spotify", asked_for=True)

    assert (budget.spent("spotify", ONE), budget.spent("spotify", OTHER)) == (2, 1)
    assert budget.used("spotify") == 4


def test_a_first_list_may_cost_more_than_a_later_one(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = connected(store)
    store.budget.of(ONE).ask("spotify", asked_for=True)
    first = CallAllowance.of(store, anna.user_id, ONE, asked_for=True)
    opened(store, anna, OTHER)
    store.editions.advance(OTHER, EditionState.STARTED, EditionState.CHOSEN, tracks=(chosen(1),))

    later = CallAllowance.of(store, anna.user_id, ONE, asked_for=True)

    assert (first.first, first.left) == (True, FIRST_LIST - 1 - PUBLISHING)
    assert (later.first, later.left) == (False, LIST - 1 - PUBLISHING)


def test_listening_before_the_first_list_is_charged_to_it_and_to_no_later_one(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    for _ in range(5):
        store.budget.of(listening_of(anna.user_id)).ask("spotify", asked_for=True)
    first = CallAllowance.of(store, anna.user_id, ONE, asked_for=True)
    opened(store, anna, OTHER)
    store.editions.advance(OTHER, EditionState.STARTED, EditionState.CHOSEN, tracks=(chosen(1),))

    later = CallAllowance.of(store, anna.user_id, ONE, asked_for=True)

    assert first.left == FIRST_LIST - 5 - PUBLISHING
    assert later.left == LIST - PUBLISHING


@pytest.mark.parametrize(
    ("spent", "today", "left"),
    [(0, None, 6), (2, None, 4), (7, None, 0), (50, None, 0), (2, 5, 3), (2, 1, 0), (0, 900, 6)],
)
def test_a_later_list_has_what_it_has_not_spent_within_the_day_less_publishing(
    spent: int, today: int | None, left: int
) -> None:
    on_list = CallsSpent(on_list=spent)

    assert CallAllowance.for_list(on_list, first=False, today=today).left == left


@pytest.mark.parametrize(
    ("spent", "left", "lest_short"),
    [
        (CallsSpent(listening=18), 10, 34),
        (CallsSpent(listening=18, preparing=4), 8, 30),
        (CallsSpent(listening=40), 8, 12),
        (CallsSpent(listening=18, preparing=4, on_list=8), 0, 22),
        (CallsSpent(listening=52), 8, 0),
    ],
)
def test_a_first_list_has_lookups_of_its_own_and_more_lest_it_be_short(
    spent: CallsSpent, left: int, lest_short: int
) -> None:
    allowance = CallAllowance.for_list(spent, first=True)

    assert (allowance.left, allowance.lest_short) == (left, lest_short)


@pytest.mark.parametrize(
    ("spent", "before_first", "newcomer", "left"),
    [
        (CallsSpent(listening=18), True, True, 2),
        (CallsSpent(listening=18, preparing=2, on_list=8), False, True, 22),
        (CallsSpent(listening=40, preparing=23), False, True, AHEAD),
        (CallsSpent(listening=18), False, False, AHEAD),
    ],
)
def test_a_newcomers_reserve_is_laid_in_once_their_first_list_is_there(
    spent: CallsSpent, *, before_first: bool, newcomer: bool, left: int
) -> None:
    ahead = CallAllowance.ahead(spent, before_first=before_first, newcomer=newcomer)

    assert ahead.left == left


def test_an_allowance_never_gives_more_than_it_holds() -> None:
    allowance = CallAllowance(left=3)

    assert [allowance.take(most) for most in (2, 2, 2, -1)] == [2, 1, 0, 0]
    allowance.give_back(1)
    assert allowance.left == 1
