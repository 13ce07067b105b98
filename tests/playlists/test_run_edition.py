"""Which edition a run works on, and what is noted of one that ended without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.accounts_site import BEGINNING, DAY, Clock, connected, made, opened
from tests.support.warehouse_examples import chosen
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.playlists.run_edition import (
    EditionUnknown,
    RunIdentity,
    begun_too_late,
    edition_for,
    silently_failed,
    slice_for,
    unfinished_before,
)
from vibe_pipeline.records import EditionId, Mode, UserId
from vibe_pipeline.runs import LaunchRequest


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return made(tmp_path)


def run(
    name: str = "r1",
    *,
    tags: Mapping[str, str] | None = None,
    kind: EditionKind | None = EditionKind.DAILY,
    publishes: bool = False,
    root: str | None = None,
) -> RunIdentity:
    return RunIdentity(
        run_id=name, root_run_id=root, tags=tags or {}, kind=kind, publishes=publishes
    )


def test_a_retried_run_goes_on_with_the_edition_of_the_first(store: AccountStore) -> None:
    anna = connected(store)
    first = edition_for(store, anna, run("r1"), now=BEGINNING)

    again = edition_for(store, anna, run("r2", root="r1"), now=BEGINNING)

    assert again == first


def test_a_wish_launched_twice_has_one_edition_and_another_wish_its_own(
    store: AccountStore,
) -> None:
    anna = connected(store)
    wish, other = {runs.REQUEST: "w1"}, {runs.REQUEST: "w2"}
    first = edition_for(store, anna, run("r1", tags=wish), now=BEGINNING)

    again = edition_for(store, anna, run("r2", tags=wish), now=BEGINNING)
    more = edition_for(store, anna, run("r3", tags=other), now=BEGINNING)

    assert again == first
    assert more is not None
    assert more.edition_id == "r3"


def test_the_date_is_the_one_the_run_is_for_else_the_persons_own(store: AccountStore) -> None:
    anna = store.people.change(connected(store).user_id, timezone="Pacific/Kiritimati")
    tagged = run(tags={runs.VIBE_DATE: "2026-11-20"}, kind=None)

    dates = [
        slice_for(anna, identity, None, now=BEGINNING.replace(hour=12)).vibe_date
        for identity in (tagged, run(kind=None))
    ]

    assert dates == [date(2026, 11, 20), date(2026, 11, 24)]


def test_a_run_that_makes_no_list_opens_none(store: AccountStore) -> None:
    anna = connected(store)

    edition = edition_for(store, anna, run(kind=None), now=BEGINNING)

    assert edition is None
    assert store.editions.history(anna.user_id) == []


def test_somebody_elses_edition_is_refused(store: AccountStore) -> None:
    anna, boris = connected(store, 1), connected(store, 2)
    hers = opened(store, anna)

    with pytest.raises(EditionUnknown, match=hers.edition_id):
        edition_for(store, boris, run(tags={runs.EDITION: hers.edition_id}), now=BEGINNING)


def test_a_run_that_died_before_it_had_an_edition_gets_one(store: AccountStore) -> None:
    anna = connected(store)

    edition = silently_failed(store, anna, run(), now=BEGINNING)

    assert edition is not None
    assert (edition.edition_id, edition.vibe_date, edition.cause) == ("r1", DAY, None)


def test_a_failure_that_said_why_is_not_silent(store: AccountStore) -> None:
    anna = connected(store)
    edition_for(store, anna, run(), now=BEGINNING)
    store.editions.fail(EditionId("r1"), FailureCause.QUOTA)

    assert silently_failed(store, anna, run(), now=BEGINNING) is None


def test_a_run_that_makes_no_list_gets_no_edition(store: AccountStore) -> None:
    anna = connected(store)

    assert silently_failed(store, anna, run(kind=None), now=BEGINNING) is None


def test_a_preview_whose_publication_died_is_a_list_from_now_on(store: AccountStore) -> None:
    anna = connected(store)
    shown = edition_for(store, anna, run("r1", kind=EditionKind.PREVIEW), now=BEGINNING)
    assert shown is not None
    choose(store, shown)

    publishing = run("r2", tags={runs.EDITION: "r1"}, kind=None, publishes=True)
    died = silently_failed(store, anna, publishing, now=BEGINNING)

    assert died is not None
    assert died.kind is EditionKind.DAILY


def test_whoever_asks_again_goes_on_with_what_was_left_unfinished(store: AccountStore) -> None:
    anna = connected(store)
    left = edition_for(store, anna, run("r1"), now=BEGINNING)

    assert unfinished_before(store, anna, run("r2"), now=BEGINNING) == left


def test_whoever_asks_again_after_a_later_list_gets_a_new_one(store: AccountStore) -> None:
    anna = connected(store)
    opened(store, anna, "early")
    afterwards = BEGINNING + timedelta(minutes=5)
    later = replace(store, editions=replace(store.editions, now=lambda: afterwards))
    opened(later, anna, "later")
    for before, after in pairwise(EditionState):
        later.editions.advance(EditionId("later"), before, after)

    assert unfinished_before(later, anna, run("r3"), now=afterwards) is None


def test_a_night_a_preview_or_another_day_goes_on_with_nothing(store: AccountStore) -> None:
    anna = connected(store)
    edition_for(store, anna, run("r1"), now=BEGINNING)

    night = run("r2", tags={runs.OCCASION: "nightly:2026-11-23"})
    preview = run("r3", kind=EditionKind.PREVIEW)
    tomorrow = run("r4", tags={runs.VIBE_DATE: "2026-11-24"})

    found = [
        unfinished_before(store, anna, later, now=BEGINNING) for later in (night, preview, tomorrow)
    ]
    assert found == [None, None, None]


def test_what_is_recorded_or_waits_for_the_person_is_not_gone_on_with(store: AccountStore) -> None:
    anna = connected(store)
    edition_for(store, anna, run("r1"), now=BEGINNING)
    store.editions.fail(EditionId("r1"), FailureCause.CONSENT_EXPIRED)

    assert unfinished_before(store, anna, run("r2"), now=BEGINNING) is None


def test_a_list_that_may_have_a_playlist_is_gone_on_with_whatever_it_failed_for(
    store: AccountStore,
) -> None:
    anna = connected(store)
    edition = edition_for(store, anna, run("r1"), now=BEGINNING)
    assert edition is not None
    choose(store, edition)
    store.editions.fail(EditionId("r1"), FailureCause.NOT_ALLOWLISTED)
    before = unfinished_before(store, anna, run("r2"), now=BEGINNING)

    store.editions.advance(
        edition.edition_id, EditionState.CHOSEN, EditionState.CHOSEN, marker="vibe-1", title="t"
    )
    store.editions.fail(EditionId("r1"), FailureCause.NOT_ALLOWLISTED)

    left = unfinished_before(store, anna, run("r2"), now=BEGINNING)
    assert before is None
    assert left is not None
    assert left.edition_id == "r1"


@pytest.mark.parametrize("may_have_one", [True, False])
def test_who_asks_again_for_a_playlist_of_its_own_goes_on_with_what_stands_in_none(
    store: AccountStore, *, may_have_one: bool
) -> None:
    anna = connected(store)
    edition = edition_for(store, anna, run("r1"), now=BEGINNING)
    assert edition is not None
    choose(store, edition)
    state, marker = EditionState.CHOSEN, "vibe-1" if may_have_one else None
    store.editions.advance(edition.edition_id, state, state, marker=marker, title="t")
    anna = store.people.change(anna.user_id, mode=Mode.DAILY)

    left = unfinished_before(store, anna, run("r2"), now=BEGINNING)

    assert (left is None) is may_have_one


def choose(store: AccountStore, edition: Edition) -> None:
    assert store.editions.advance(
        edition.edition_id, EditionState.STARTED, EditionState.CHOSEN, tracks=(chosen(1),)
    )


NIGHT = LaunchRequest.nightly(UserId("u1"), DAY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_night_begun(store: AccountStore, anna: Account, clock: Clock) -> Edition:
    """The list of ``DAY``'s night, whose hour was 06:00, begun now."""
    edition = edition_for(store, anna, run("night", tags=NIGHT.tags), now=clock())
    assert edition is not None
    return edition


def recorded_list(store: AccountStore, anna: Account, clock: Clock) -> None:
    """One that was asked for now."""
    edition = edition_for(store, anna, run("asked"), now=clock())
    assert edition is not None
    for before, after in pairwise(EditionState):
        store.editions.advance(edition.edition_id, before, after)


@pytest.mark.parametrize(("hours", "too_late"), [(0, False), (23, False), (24, True), (40, True)])
def test_a_night_that_waited_in_the_queue_for_a_day_is_left_out(
    tmp_path: Path, clock: Clock, hours: int, *, too_late: bool
) -> None:
    store = made(tmp_path, clock)
    anna = store.people.change(connected(store).user_id, nightly_at=time(6))
    clock.advance(hours=hours)

    night = a_night_begun(store, anna, clock)

    assert begun_too_late(store, anna, night) is too_late


def test_a_night_that_waited_in_the_queue_is_not_written_over_the_next_days_list(
    tmp_path: Path, clock: Clock
) -> None:
    store = made(tmp_path, clock)
    anna = store.people.change(connected(store).user_id, nightly_at=time(6))
    clock.advance(hours=20)
    recorded_list(store, anna, clock)
    clock.advance(minutes=5)

    assert begun_too_late(store, anna, a_night_begun(store, anna, clock))


def test_a_night_after_a_list_of_its_day_or_a_list_dated_in_the_future_is_begun(
    tmp_path: Path, clock: Clock
) -> None:
    store = made(tmp_path, clock)
    anna = store.people.change(connected(store).user_id, nightly_at=time(6))
    recorded_list(store, anna, clock)
    clock.advance(days=30)
    ahead = opened(store, anna, "ahead")
    store.editions.advance(ahead.edition_id, EditionState.STARTED, EditionState.RECORDED)
    clock.advance(days=-30, minutes=5)

    assert not begun_too_late(store, anna, a_night_begun(store, anna, clock))


def test_a_night_begun_in_time_goes_on_however_long_that_takes(
    tmp_path: Path, clock: Clock
) -> None:
    store = made(tmp_path, clock)
    anna = store.people.change(connected(store).user_id, nightly_at=time(6))
    a_night_begun(store, anna, clock)
    clock.advance(hours=30)
    recorded_list(store, anna, clock)

    assert not begun_too_late(store, anna, a_night_begun(store, anna, clock))
