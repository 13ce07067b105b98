"""The shares of a day's calls as the account store counts them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.accounts_site import Clock, chosen, connected, made, opened
from vibe_pipeline.accounts.budget import StoredBudget
from vibe_pipeline.accounts.budget_shares import Ceiling, Share
from vibe_pipeline.accounts.call_allowance import (
    ASKED_AGAIN,
    FIRST_LIST,
    FIRST_LIST_AT_MOST,
    FIRST_LIST_ITSELF,
    PUBLISHING,
    SPOTIFY,
    CallAllowance,
    budget_for,
    listening_of,
    preparing_of,
)
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.clients.errors import AllowanceSpent, RateLimited
from vibe_pipeline.records import EditionId
from vibe_pipeline.settings import settings_from

LIST = EditionId("list-1")


def with_a_list(store: AccountStore, chat_id: int = 1) -> Account:
    person = connected(store, chat_id)
    edition = EditionId(f"before-{chat_id}")
    opened(store, person, edition)
    store.editions.advance(edition, EditionState.STARTED, EditionState.CHOSEN, tracks=(chosen(1),))
    return person


def spend(budget: StoredBudget, calls: int) -> int:
    """As many calls as are granted of these."""
    for granted in range(calls):
        try:
            budget.ask(SPOTIFY, asked_for=True)
        except (RateLimited, AllowanceSpent):
            return granted
    return calls


def test_a_newcomer_is_one_until_tracks_were_chosen_for_them(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, bohdan = connected(store), with_a_list(store, 2)

    accounts = (LIST, preparing_of(anna.user_id), listening_of(anna.user_id))
    of_anna = [
        budget_for(store, anna.user_id, name, asked_for=name == LIST).share for name in accounts
    ]

    assert of_anna == [Share.FIRST] * 3
    assert budget_for(store, bohdan.user_id, LIST, asked_for=True).share is Share.ASKED
    assert budget_for(store, bohdan.user_id, LIST, asked_for=False).share is Share.NIGHT


def test_preparing_stops_at_its_quarter_and_says_when_it_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    anna = with_a_list(store)
    ahead = budget_for(store, anna.user_id, preparing_of(anna.user_id), asked_for=False)
    asked = budget_for(store, anna.user_id, LIST, asked_for=True)
    ceiling = store.budget.ceilings[SPOTIFY]

    granted = spend(ahead, 300)

    assert granted == ceiling.calls // 4
    assert CallAllowance.ahead_of_time(store, anna.user_id).left == 0
    assert asked.left(SPOTIFY) == ceiling.calls - ceiling.calls // 4 - ceiling.a_night(1)
    assert ahead.opens_at(SPOTIFY) == clock() + timedelta(days=1, minutes=1)
    assert asked.opens_at(SPOTIFY) is None
    clock.advance(days=1, minutes=1)
    assert ahead.left(SPOTIFY) == ceiling.calls // 4


def test_wishes_leave_the_nights_of_those_who_sleep(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, bohdan = with_a_list(store), with_a_list(store, 2)

    spend(budget_for(store, anna.user_id, LIST, asked_for=True), 1000)
    spend(store.budget.of(EditionId("somebody's")), 1000)
    opened(store, bohdan, EditionId("night"))
    night = budget_for(store, bohdan.user_id, EditionId("night"), asked_for=False)

    assert spend(night, 20) == store.budget.ceilings[SPOTIFY].a_night(2)


def test_calls_of_a_list_are_the_persons_whose_list_it_is(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, bohdan = with_a_list(store), with_a_list(store, 2)
    opened(store, anna, LIST)
    hers = budget_for(store, anna.user_id, LIST, asked_for=True)
    his = budget_for(store, bohdan.user_id, EditionId("list-2"), asked_for=True)

    granted = spend(hers, 1000)

    ceiling = store.budget.ceilings[SPOTIFY]
    assert granted == (ceiling.calls - 2 * ceiling.a_night(2)) // 2
    assert his.left(SPOTIFY) == granted


@pytest.mark.parametrize("calls", [50, 5000])
def test_the_operator_says_how_many_calls_the_app_has(tmp_path: Path, calls: int) -> None:
    told = {"VIBE_HOME": str(tmp_path), "SPOTIFY_DAILY_CALLS": str(calls)}

    store = open_for(settings_from(told))

    assert store.budget.ceilings[SPOTIFY] == Ceiling.of(calls)


def test_what_prepares_a_first_list_and_the_list_itself_spend_one_share_side_by_side(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    opened(store, anna, LIST)
    ahead = preparing_of(anna.user_id)
    preparing = budget_for(store, anna.user_id, ahead, asked_for=False, looking_up=True)
    making = budget_for(store, anna.user_id, LIST, asked_for=True, looking_up=True)
    publishing = budget_for(store, anna.user_id, LIST, asked_for=True)
    spend(budget_for(store, anna.user_id, listening_of(anna.user_id), asked_for=False), 10)

    granted = [spend(making, 2), spend(preparing, 100), spend(making, 100)]

    lookups_end = FIRST_LIST_AT_MOST - PUBLISHING - ASKED_AGAIN
    ahead_of_it = FIRST_LIST - PUBLISHING - FIRST_LIST_ITSELF - 10 - 2
    assert granted == [2, ahead_of_it, lookups_end - 10 - 2 - ahead_of_it]
    assert spend(publishing, PUBLISHING + ASKED_AGAIN) == PUBLISHING + ASKED_AGAIN


def test_a_first_list_leaves_calls_for_publishing_whoever_spends(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = connected(store)
    store.people.change(anna.user_id, likes_synced_at=store.budget.now())
    opened(store, anna, LIST)
    listening, preparing = listening_of(anna.user_id), preparing_of(anna.user_id)
    spenders = [
        budget_for(store, anna.user_id, account, asked_for=True, looking_up=looking_up)
        for account, looking_up in ((listening, False), (preparing, True), (LIST, True))
    ]

    granted = [spend(budget, 100) for budget in spenders]

    assert sum(granted) == FIRST_LIST_AT_MOST - PUBLISHING - ASKED_AGAIN
    assert granted[1] == 0
    assert granted[2] >= FIRST_LIST_ITSELF


def test_what_no_first_list_can_do_without_goes_on_when_an_outage_has_used_its_calls_up(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    opened(store, anna, LIST)
    publishing = budget_for(store, anna.user_id, LIST, asked_for=True)
    reading = budget_for(store, anna.user_id, listening_of(anna.user_id), asked_for=True)
    looking_up = budget_for(store, anna.user_id, LIST, asked_for=True, looking_up=True)

    granted = [spend(publishing, FIRST_LIST_AT_MOST), spend(looking_up, 1), spend(reading, 5)]

    assert granted == [FIRST_LIST_AT_MOST, 0, 5]
    assert spend(publishing, 5) == 5


def test_what_a_first_list_may_cost_is_told_with_the_moment_it_may_cost_more(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    anna = connected(store)
    opened(store, anna, LIST)
    begun = clock()
    looking_up = budget_for(store, anna.user_id, LIST, asked_for=True, looking_up=True)
    spend(looking_up, 1)
    clock.advance(minutes=30)
    spend(looking_up, 100)

    with pytest.raises(AllowanceSpent) as refused:
        looking_up.ask(SPOTIFY, asked_for=True)

    until = refused.value.until
    assert until is not None
    assert timedelta(0) <= until - begun - timedelta(hours=24) <= timedelta(minutes=2)


def test_calls_refused_by_the_count_are_no_limit_of_the_service(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = connected(store)
    budget = budget_for(
        store, anna.user_id, preparing_of(anna.user_id), asked_for=False, looking_up=True
    )
    spend(budget, 100)

    with pytest.raises(AllowanceSpent):
        budget.ask(SPOTIFY, asked_for=False)

    assert budget.blocked_until(SPOTIFY) is None
    assert budget.opens_at(SPOTIFY) is None


def test_a_later_list_and_what_prepares_it_have_no_joint_limit(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = with_a_list(store)
    making = budget_for(store, anna.user_id, LIST, asked_for=True, looking_up=True)

    assert spend(making, FIRST_LIST + 1) == FIRST_LIST + 1
