"""What was written before this machine's clock was set back by hours holds nobody up for hours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.accounts_site import (
    Clock,
    connected,
    greeting,
    made,
    messages_waiting,
    opened,
)
from vibe_pipeline.accounts.records import Account, EditionState, StateKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.nightly_promise import people_without_list
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> AccountStore:
    return made(tmp_path, clock)


@pytest.fixture
def anna(store: AccountStore) -> Account:
    return connected(store)


def test_a_list_dated_in_the_future_keeps_no_list_of_today_from_being_written(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    later = opened(store, anna, "later")
    store.editions.advance(later.edition_id, EditionState.STARTED, EditionState.RECORDED)
    clock.advance(hours=-5)

    today = opened(store, anna, "today")

    assert not store.editions.overtaken(today)


def written(store: AccountStore, anna: Account, edition_id: str) -> EditionId:
    edition = opened(store, anna, edition_id)
    store.editions.advance(edition.edition_id, EditionState.STARTED, EditionState.RECORDED)
    return edition.edition_id


def in_order(store: AccountStore, anna: Account) -> list[EditionId]:
    return [edition.edition_id for edition in store.editions.standing(anna.user_id)]


def test_a_list_dated_in_the_future_is_the_latest_until_the_next_one_comes(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    before = written(store, anna, "before")
    clock.advance(days=30)
    ahead = [written(store, anna, f"ahead-{number}") for number in (2, 1)]
    clock.advance(days=-30, hours=1)
    shown = in_order(store, anna)
    today = written(store, anna, "today")
    clock.advance(days=1)
    tomorrow = written(store, anna, "tomorrow")

    assert shown[-1] == before
    assert set(shown[:-1]) == set(ahead)
    assert in_order(store, anna) == [tomorrow, today, *shown]
    assert store.editions.history(anna.user_id)[0].edition_id == tomorrow
    assert all(edition.stands_since <= clock() for edition in store.editions.standing(anna.user_id))


def test_a_list_put_back_by_a_clock_that_ran_ahead_makes_room_for_what_is_put_back_since(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    first, second = (written(store, anna, edition_id) for edition_id in ("first", "second"))
    clock.advance(hours=9)
    store.editions.put_back(first)
    clock.advance(hours=-8)

    store.editions.put_back(second)

    assert in_order(store, anna) == [second, first]


def test_a_clock_that_is_far_behind_changes_no_dates_of_a_long_history(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    for day in range(10):
        written(store, anna, f"day-{day}")
        clock.advance(days=1)
    begun = [edition.created_at for edition in store.editions.standing(anna.user_id)]
    clock.advance(days=-365)

    written(store, anna, "long-ago")

    standing = store.editions.standing(anna.user_id)
    assert [edition.created_at for edition in standing][:-1] == begun


def test_a_list_dated_in_the_future_hides_nobody_who_goes_without(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    written(store, anna, "before")
    begun = clock()
    clock.advance(days=30)
    written(store, anna, "ahead")
    clock.advance(days=-28)

    assert store.editions.last_made() == {anna.user_id: begun}
    assert people_without_list(store, clock()) == 1


def test_a_lease_on_a_renewal_that_died_is_not_held_for_hours(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    assert store.tokens.lease_renewal(anna.user_id, 50)
    assert not store.tokens.lease_renewal(anna.user_id, 50)

    clock.advance(hours=-5)

    assert store.tokens.lease_renewal(anna.user_id, 50)
    assert not store.tokens.lease_renewal(anna.user_id, 50)


def test_a_doubt_about_a_grant_begins_anew(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    assert anna.consented_at is not None
    store.tokens.doubt_grant(anna.user_id, anna.consented_at)

    clock.advance(hours=-5)
    since = store.tokens.doubt_grant(anna.user_id, anna.consented_at)
    clock.advance(minutes=20)

    assert since is not None
    assert clock() - since == timedelta(minutes=20)
    assert store.tokens.doubt_grant(anna.user_id, anna.consented_at) == since


def test_a_closed_door_is_not_closed_for_a_year(store: AccountStore, clock: Clock) -> None:
    clock.advance(days=365)
    store.capabilities.switch_off("recommendations", clock() + timedelta(days=1), "403")
    assert store.capabilities.absent("recommendations")

    clock.advance(days=-365)

    assert not store.capabilities.absent("recommendations")
    assert store.capabilities.list() == []
    assert store.capabilities.times_closed("recommendations") == 1


def test_a_message_is_delivered_at_once_and_leased_as_ever(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    store.outbox.put(anna.user_id, greeting("one", "A"))

    clock.advance(hours=-5)

    assert len(store.outbox.take_due()) == 1
    assert store.outbox.take_due() == []
    assert messages_waiting(store) == 1


def test_a_message_for_tomorrow_waits_until_then(
    store: AccountStore, clock: Clock, anna: Account
) -> None:
    store.outbox.put(anna.user_id, greeting("one", "A"), clock() + timedelta(hours=20))

    assert store.outbox.take_due() == []


def test_a_wish_is_launched_at_once(store: AccountStore, clock: Clock, anna: Account) -> None:
    launch = LaunchRequest.first_preparation(anna.user_id)
    store.pending_launches.add("r1", anna.user_id, launch, pause=timedelta(seconds=20))
    assert store.pending_launches.due() == []

    clock.advance(hours=-5)

    assert [wish.request_id for wish in store.pending_launches.due()] == ["r1"]


def test_a_link_is_not_good_for_hours(store: AccountStore, clock: Clock, anna: Account) -> None:
    link = store.oauth_states.make(anna.user_id, StateKind.LINK)

    clock.advance(hours=-5)

    assert store.oauth_states.whose(link, StateKind.LINK) is None
    assert store.oauth_states.take(link, StateKind.LINK) is None
