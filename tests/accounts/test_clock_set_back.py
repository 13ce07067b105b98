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

    assert store.oauth_states.take(link, StateKind.LINK) is None
