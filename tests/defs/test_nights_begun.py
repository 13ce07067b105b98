"""Who is begun at night, who is tried again, and what the sleeper is told of it."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import dagster as dg
import pytest

from tests.support.automation import (
    NIGHT,
    NOW,
    begun_edition,
    collect,
    fails,
    left_at,
    prepare,
    requests,
    run_of,
    skipped,
    sleeper,
    tick,
)
from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.clients.errors import RateLimited
from vibe_pipeline.playlists.paused_nights import MOST_TOLD
from vibe_pipeline.settings import read_settings


def test_a_list_is_begun_at_the_persons_own_hour(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    late_riser = sleeper(store, 2, at=time(9, 0))

    (request,) = requests(tick(instance))

    assert request.partition_key == anna.user_id != late_riser.user_id
    assert request.run_key == f"{anna.user_id}:2026-11-23"
    assert request.tags[runs.OCCASION] == "nightly:2026-11-23"
    assert request.tags[runs.ASKED_BY] == "schedule"
    assert instance.get_dynamic_partitions("users") == [anna.user_id]


def test_a_doubled_tick_finds_the_list_begun(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    (request,) = requests(tick(instance))
    run_of(instance, anna, request.tags, dg.DagsterRunStatus.STARTED)

    assert skipped(tick(instance)) == "1 under way"


def test_a_list_that_was_made_is_not_made_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    begun_edition(store, anna, recorded=True)

    assert skipped(tick(instance, NOW + timedelta(hours=1))) == "Nobody's night has come."


def test_a_failure_that_passes_is_tried_again_later_under_another_key(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    edition = begun_edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    run_of(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    assert skipped(tick(instance, NOW + timedelta(minutes=15))) == "Nobody's night has come."
    (request,) = requests(tick(instance, NOW + timedelta(minutes=45)))

    assert request.run_key == f"{anna.user_id}:2026-11-23:2"


def test_a_failure_only_the_person_can_mend_is_left_to_them(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    edition = begun_edition(store, sleeper(store, 1))
    store.editions.fail(edition.edition_id, FailureCause.NOT_ALLOWLISTED)

    assert skipped(tick(instance, NOW + timedelta(hours=5))) == "Nobody's night has come."


def test_attempts_are_counted_and_end(store: AccountStore, instance: dg.DagsterInstance) -> None:
    anna = sleeper(store, 1)
    edition = begun_edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    for _ in range(nights.ATTEMPTS):
        run_of(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    reason = skipped(tick(instance, NOW + timedelta(hours=2)))

    assert reason == "1 given up after 5 attempts"


def test_while_spotify_rests_nobody_is_begun_and_everybody_due_is_told_once(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    sleeper(store, 1)
    sleeper(store, 2, at=time(9, 0))
    store.budget.block("spotify", NOW + timedelta(hours=8), "quota")

    reasons = {skipped(tick(instance)) for _ in range(2)}

    assert reasons == {"1 waiting for Spotify until 2026-11-23T14:10+00:00"}
    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.quota"]
    assert len(requests(tick(instance, NOW + timedelta(hours=8, minutes=5)))) == 2


def test_while_spotify_rests_nobody_is_promised_a_try_that_will_not_be_made(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    given_up, under_way = sleeper(store, 1), sleeper(store, 2)
    for _ in range(nights.ATTEMPTS):
        run_of(instance, given_up, NIGHT, dg.DagsterRunStatus.FAILURE)
    run_of(instance, under_way, NIGHT, dg.DagsterRunStatus.STARTED)
    store.budget.block("spotify", NOW + timedelta(hours=8), "quota")

    assert skipped(tick(instance)) == "1 given up after 5 attempts; 1 under way"

    assert store.outbox.take_due() == []


def test_whose_next_try_moves_on_is_told_again_and_not_for_ever(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    sleeper(store, 1)
    told = []
    for hour in range(20):
        now = NOW + timedelta(hours=hour)
        _at(now).budget.block("spotify", now + timedelta(minutes=61), "429")
        tick(instance, now)
        told += _next_tries(_at(now))

    assert told == [NOW + timedelta(hours=hour, minutes=61) for hour in range(MOST_TOLD)]


def test_a_night_that_waits_by_short_steps_is_told_once_the_steps_are_long_together(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    sleeper(store, 1)
    told = {}
    for minutes in range(0, 60, 10):
        now = NOW - timedelta(minutes=10) + timedelta(minutes=minutes)
        _at(now).budget.block("spotify", now + timedelta(minutes=15), "429")
        tick(instance, now)
        told[minutes] = len(_next_tries(_at(now)))

    assert told == {0: 0, 10: 0, 20: 1, 30: 0, 40: 0, 50: 0}


def test_a_night_that_fails_again_and_waits_much_longer_says_so(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    left_at(store, anna, run, EditionState.STARTED, night=True)
    told, shown = [], []
    for hour, until in ((0, 1), (1, 1.25), (2, 16)):
        later = _at(NOW + timedelta(hours=hour))
        resting = RateLimited("spotify", "429", until=NOW + timedelta(hours=until), quota=True)
        with pytest.raises(dg.Failure) as failed:
            fails(instance, later, anna, run, resting)
        shown.append(failed.value.metadata["person told"].value)
        told += _next_tries(later)

    assert told == [NOW + timedelta(hours=1), NOW + timedelta(hours=16)]
    assert shown == [
        "yes, in the chat",
        "yes, in the chat, after an earlier try",
        "yes, in the chat, another next try than before",
    ]


def test_the_first_call_after_a_rest_is_that_of_the_night_that_waited_for_it(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    before = NOW - timedelta(minutes=10)
    _at(before).budget.block("spotify", NOW - timedelta(minutes=1), "429")

    held_up = skipped(prepare(instance)), skipped(collect(instance))
    run_of(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    under_way = requests(collect(instance))

    assert held_up == ("Somebody's night waited for Spotify, and comes first.",) * 2
    assert len(under_way) == 1


def _at(now: datetime) -> AccountStore:
    """The account store at another moment."""
    return open_for(read_settings(), now=lambda: now)


def _next_tries(store: AccountStore) -> list[datetime]:
    """What is told now of nights that failed: when each is tried next."""
    told = store.outbox.take_due()
    for message in told:
        store.outbox.done(message.id)
    return [datetime.fromisoformat(message.params["until"]) for message in told]
