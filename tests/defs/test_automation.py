"""What happens by itself: who is begun at night, who is told, which partitions there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import text

from tests.support.blank_accounts import set_up_store
from tests.support.dagster_storage import dagster_in_files
from tests.support.warehouse_examples import chosen
from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts import continuation
from vibe_pipeline.accounts.budget_shares import Share
from vibe_pipeline.accounts.call_allowance import listening_of
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.messages import ConsentEnded
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
    Tokens,
)
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.clients.errors import RateLimited
from vibe_pipeline.defs import automation, continuing, following
from vibe_pipeline.defs.ended_runs import (
    LOOKS_BACK,
    MOST_AT_ONCE,
    TRIED_AGAIN_FOR,
    EndedRun,
    Surroundings,
)
from vibe_pipeline.defs.failures import failures_recorded
from vibe_pipeline.defs.repeating import begin_again
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.playlists.failures import refusal
from vibe_pipeline.playlists.paused_nights import MOST_TOLD
from vibe_pipeline.records import EditionId, Source
from vibe_pipeline.runs import LaunchRequest, nightly_occasion
from vibe_pipeline.settings import read_settings

NOW = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)
TODAY = date(2026, 11, 23)
NIGHT = {
    runs.OCCASION: "nightly:2026-11-23",
    runs.VIBE_DATE: "2026-11-23",
    runs.ASKED_BY: "schedule",
}


class StoppedClock(ClockResource):
    """A clock that stands where the test put it."""

    at: str

    def now(self) -> datetime:
        """That moment."""
        return datetime.fromisoformat(self.at)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AccountStore:
    """An empty account store that the environment names."""
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    settings = read_settings()
    set_up_store(settings.accounts_address)
    return open_for(settings, now=lambda: NOW)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster that schedules may open for themselves."""
    with dagster_in_files(tmp_path) as made:
        yield made


def test_a_list_is_begun_at_the_persons_own_hour(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    late_riser = _person(store, 2, at=time(9, 0))

    (request,) = _requests(_tick(instance))

    assert request.partition_key == anna.user_id != late_riser.user_id
    assert request.run_key == f"{anna.user_id}:2026-11-23"
    assert request.tags[runs.OCCASION] == "nightly:2026-11-23"
    assert request.tags[runs.ASKED_BY] == "schedule"
    assert instance.get_dynamic_partitions("users") == [anna.user_id]


def test_a_doubled_tick_finds_the_list_begun(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    (request,) = _requests(_tick(instance))
    _run(instance, anna, request.tags, dg.DagsterRunStatus.STARTED)

    assert _skipped(_tick(instance)) == "1 under way"


def test_a_list_that_was_made_is_not_made_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    _edition(store, anna, recorded=True)

    assert _skipped(_tick(instance, NOW + timedelta(hours=1))) == "Nobody's night has come."


def test_a_failure_that_passes_is_tried_again_later_under_another_key(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    edition = _edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    _run(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    assert _skipped(_tick(instance, NOW + timedelta(minutes=15))) == "Nobody's night has come."
    (request,) = _requests(_tick(instance, NOW + timedelta(minutes=45)))

    assert request.run_key == f"{anna.user_id}:2026-11-23:2"


def test_a_failure_only_the_person_can_mend_is_left_to_them(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    edition = _edition(store, _person(store, 1))
    store.editions.fail(edition.edition_id, FailureCause.NOT_ALLOWLISTED)

    assert _skipped(_tick(instance, NOW + timedelta(hours=5))) == "Nobody's night has come."


def test_attempts_are_counted_and_end(store: AccountStore, instance: dg.DagsterInstance) -> None:
    anna = _person(store, 1)
    edition = _edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    for _ in range(nights.ATTEMPTS):
        _run(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    reason = _skipped(_tick(instance, NOW + timedelta(hours=2)))

    assert reason == "1 given up after 5 attempts"


def test_while_spotify_rests_nobody_is_begun_and_everybody_due_is_told_once(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    _person(store, 1)
    _person(store, 2, at=time(9, 0))
    store.budget.block("spotify", NOW + timedelta(hours=8), "quota")

    reasons = {_skipped(_tick(instance)) for _ in range(2)}

    assert reasons == {"1 waiting for Spotify until 2026-11-23T14:10+00:00"}
    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.quota"]
    assert len(_requests(_tick(instance, NOW + timedelta(hours=8, minutes=5)))) == 2


def test_while_spotify_rests_nobody_is_promised_a_try_that_will_not_be_made(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    given_up, under_way = _person(store, 1), _person(store, 2)
    for _ in range(nights.ATTEMPTS):
        _run(instance, given_up, NIGHT, dg.DagsterRunStatus.FAILURE)
    _run(instance, under_way, NIGHT, dg.DagsterRunStatus.STARTED)
    store.budget.block("spotify", NOW + timedelta(hours=8), "quota")

    assert _skipped(_tick(instance)) == "1 given up after 5 attempts; 1 under way"

    assert store.outbox.take_due() == []


def test_whose_next_try_moves_on_is_told_again_and_not_for_ever(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    _person(store, 1)
    told = []
    for hour in range(20):
        now = NOW + timedelta(hours=hour)
        _at(now).budget.block("spotify", now + timedelta(minutes=61), "429")
        _tick(instance, now)
        told += _next_tries(_at(now))

    assert told == [NOW + timedelta(hours=hour, minutes=61) for hour in range(MOST_TOLD)]


def test_a_night_that_waits_by_short_steps_is_told_once_the_steps_are_long_together(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    _person(store, 1)
    told = {}
    for minutes in range(0, 60, 10):
        now = NOW - timedelta(minutes=10) + timedelta(minutes=minutes)
        _at(now).budget.block("spotify", now + timedelta(minutes=15), "429")
        _tick(instance, now)
        told[minutes] = len(_next_tries(_at(now)))

    assert told == {0: 0, 10: 0, 20: 1, 30: 0, 40: 0, 50: 0}


def test_a_night_that_fails_again_and_waits_much_longer_says_so(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    _left_at(store, anna, run, EditionState.STARTED, night=True)
    told, shown = [], []
    for hour, until in ((0, 1), (1, 1.25), (2, 16)):
        later = _at(NOW + timedelta(hours=hour))
        resting = RateLimited("spotify", "429", until=NOW + timedelta(hours=until), quota=True)
        with pytest.raises(dg.Failure) as failed:
            _fails(instance, later, anna, run, resting)
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
    anna = _person(store, 1)
    before = NOW - timedelta(minutes=10)
    _at(before).budget.block("spotify", NOW - timedelta(minutes=1), "429")

    held_up = _skipped(_prepare(instance)), _skipped(_collect(instance))
    _run(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    under_way = _requests(_collect(instance))

    assert held_up == ("Somebody's night waited for Spotify, and comes first.",) * 2
    assert len(under_way) == 1


def test_an_unreadable_account_list_removes_nobody(
    store: AccountStore, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    instance.add_dynamic_partitions("users", ["u1"])
    (tmp_path / "accounts.sqlite").write_bytes(b"not a database" * 100)
    for sidecar in tmp_path.glob("accounts.sqlite-*"):
        sidecar.unlink()

    with pytest.raises(AccountsUnreadable):
        _look_at_people(instance)

    assert instance.get_dynamic_partitions("users") == ["u1"]


def test_partitions_follow_the_people(store: AccountStore, instance: dg.DagsterInstance) -> None:
    anna = _person(store, 1)
    instance.add_dynamic_partitions("users", ["gone"])

    result = _look_at_people(instance)

    assert isinstance(result, dg.SensorResult)
    add, remove = result.dynamic_partitions_requests or []
    assert (list(add.partition_keys), list(remove.partition_keys)) == ([anna.user_id], ["gone"])


def test_plays_are_collected_from_whoever_is_connected(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    store.people.register(2, "Nobody yet", "en")

    (request,) = _requests(_collect(instance))

    assert request.partition_key == anna.user_id
    store.budget.block("spotify", NOW + timedelta(hours=1), "quota")
    assert "left alone" in _skipped(_collect(instance))


def test_nothing_is_collected_once_the_calls_for_listening_are_used_up(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    listening = store.budget.of(listening_of(anna.user_id), share=Share.LISTENING)
    for _ in range(store.budget.ceilings["spotify"].at_most(Share.LISTENING)):
        listening.ask("spotify", asked_for=False)

    assert "used up until 06:11 UTC" in _skipped(_collect(instance))


def test_by_day_the_next_list_is_prepared_of_who_has_nothing_ready(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = _person(store, 1), _person(store, 2)
    _run(instance, bohdan, {}, dg.DagsterRunStatus.SUCCESS, job="prepare_vibe")
    later = datetime.now(UTC) + timedelta(hours=1)  # Dagster dates its runs by the machine's clock

    (request,) = _requests(_prepare(instance, later))

    assert request.partition_key == anna.user_id
    assert request.run_key == f"ahead:{anna.user_id}:{later.isoformat()}"
    assert request.tags[runs.ASKED_BY] == "ahead"


def test_nothing_is_prepared_while_somebody_waits_or_spotify_rests(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    waiting = _run(
        instance, anna, LaunchRequest.asked_list(anna.user_id).tags, dg.DagsterRunStatus.STARTED
    )

    assert _skipped(_prepare(instance)) == "Somebody waits for a list."
    instance.report_run_failed(waiting)
    store.budget.block("spotify", NOW + timedelta(hours=1), "quota")
    assert "left alone" in _skipped(_prepare(instance))


def test_what_was_prepared_is_read_from_the_runs(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = _person(store, 1), _person(store, 2)
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
        _run(instance, anna, {}, status, job="prepare_vibe")
    _run(instance, bohdan, {}, dg.DagsterRunStatus.STARTED, job="prepare_vibe")

    known = automation.preparations(instance, NOW)

    assert known[anna.user_id].prepared_at is not None
    assert (known[anna.user_id].failures, known[anna.user_id].under_way) == (1, False)
    assert (known[bohdan.user_id].prepared_at, known[bohdan.user_id].under_way) == (None, True)


@pytest.mark.parametrize("job", ["preview_vibe", "daily_vibe"])
def test_only_what_a_deadline_cut_off_is_asked_after_a_preview_and_a_failure(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    anna = _person(store, 1)
    cut_off = runs.cut_off_tags([Source.LISTENBRAINZ, Source.LASTFM_SIMILAR_TRACKS])

    def after(tags: Mapping[str, str]) -> object:
        made = job == "preview_vibe"
        status = dg.DagsterRunStatus.SUCCESS if made else dg.DagsterRunStatus.FAILURE
        followers = following.after_success(job) if made else following.after_failure(job)
        assert following.finish_asking in followers
        run = _run(instance, anna, tags, status, job=job)
        return following.finish_asking(*_ended(run, instance, store))

    request = after(cut_off)

    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection is not None
    assert [key.to_user_string() for key in request.asset_selection] == [
        "candidates/lastfm_similar_tracks",
        "candidates/listenbrainz",
        "track_reserve",
    ]
    assert request.tags[runs.ASKED_BY] == "ahead"
    assert after({}) == "No source was cut off."


def test_each_list_that_has_ended_is_followed_once_several_at_one_look(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = _person(store, 1), _person(store, 2)
    first, second = _made_list(instance, anna), _made_list(instance, bohdan)

    looked = _look(following.succeeded_runs, instance)
    again = _look(following.succeeded_runs, instance, looked.cursor)

    assert [request.run_key for request in looked.run_requests or ()] == [
        f"ahead:{first}",
        f"ahead:{second}",
    ]
    assert _skipped(again.skip_reason) == "Nothing has ended."
    third = _made_list(instance, anna)
    looked = _look(following.succeeded_runs, instance, again.cursor)
    (request,) = looked.run_requests or []
    assert (request.job_name, request.run_key) == ("prepare_vibe", f"ahead:{third}")
    assert following.after_success(runs.IMPORT_HISTORY) == following.after_success(
        runs.PUBLISH_PREVIEW
    )


def test_ends_of_runs_that_are_gone_hold_nobody_up(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = _person(store, 1), _person(store, 2)
    for run_id in [_made_list(instance, anna) for _ in range(MOST_AT_ONCE)]:
        instance.run_storage.delete_run(run_id)
    kept = _made_list(instance, bohdan)

    looked = _look(following.succeeded_runs, instance)
    later = _look(following.succeeded_runs, instance, looked.cursor)

    assert not looked.run_requests
    assert [request.run_key for request in later.run_requests or ()] == [f"ahead:{kept}"]


def test_a_first_look_leaves_history_alone(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    _made_list(instance, _person(store, 1))
    later = datetime.now(UTC) + LOOKS_BACK + timedelta(minutes=1)

    looked = _look(following.succeeded_runs, instance, now=later)

    assert not looked.run_requests
    _made_list(instance, _person(store, 2))
    assert _look(following.succeeded_runs, instance, looked.cursor, now=later).run_requests


def test_a_run_that_cannot_be_followed_is_tried_again_for_a_while_and_then_passed_over(
    store: AccountStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bohdan = _person(store, 1), _person(store, 2)
    _made_list(instance, anna)
    second = _made_list(instance, bohdan)
    prepare = following.prepare_next_list

    def unlucky(ended: EndedRun, around: Surroundings) -> dg.RunRequest | str:
        if runs.owner_of(ended.run.tags) == anna.user_id:
            raise AccountsUnreadable("locked")
        return prepare(ended, around)

    monkeypatch.setattr(following, "prepare_next_list", unlucky)
    now = datetime.now(UTC)

    looked = _look(following.succeeded_runs, instance, now=now)
    later = _look(following.succeeded_runs, instance, looked.cursor, now=now + TRIED_AGAIN_FOR)

    assert not looked.run_requests
    assert [request.run_key for request in later.run_requests or ()] == [f"ahead:{second}"]


def test_a_long_library_is_read_on_after_each_part_until_its_end(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    success = dg.DagsterRunStatus.SUCCESS
    unfinished = _run(instance, anna, runs.still_to_walk_tags(800), success, job="walk_library")
    finished = _run(instance, anna, runs.still_to_walk_tags(0), success, job="walk_library")

    request = following.walk_on(*_ended(unfinished, instance, store))

    assert isinstance(request, dg.RunRequest)
    assert request.run_key == f"walk:{unfinished.run_id}"
    assert "read to its end" in str(following.walk_on(*_ended(finished, instance, store)))


def test_a_run_that_died_without_a_word_has_its_place_in_the_ledger(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)

    assert run.run_id in following.explain(*_ended(run, instance, store))

    edition = store.editions.required(EditionId(run.run_id))
    assert (edition.cause, edition.vibe_date) == (None, TODAY)
    assert store.outbox.take_due() == []


def test_a_preview_that_died_without_a_word_is_noted_as_failed(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, {}, dg.DagsterRunStatus.FAILURE, job="preview_vibe")

    following.explain(*_ended(run, instance, store))

    edition = store.editions.required(EditionId(run.run_id))
    assert (edition.cause, edition.detail) == (FailureCause.UNEXPECTED, "was ended by SIGKILL")


@pytest.mark.parametrize("job", sorted(runs.REPEATED_JOBS))
def test_what_a_killed_run_was_asked_for_is_begun_again_and_not_for_ever(
    job: str, store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    asked = {runs.ASKED_BY: runs.CHAT, runs.EDITION: "some", runs.UNDO: "yes", "other": "tag"}
    asked[runs.STOOD_SINCE] = "2026-11-23T08:00:00+00:00"
    tried, run = [], _run(instance, anna, asked, dg.DagsterRunStatus.FAILURE, job=job)

    while isinstance(request := begin_again(*_ended(run, instance, store)), dg.RunRequest):
        tried.append(request)
        run = _run(instance, anna, request.tags, dg.DagsterRunStatus.FAILURE, job=job)

    assert len(tried) == runs.MOST_REPEATS
    assert {request.job_name for request in tried} == {job}
    assert all({*asked} - {*request.tags} == {"other"} for request in tried)


def test_what_said_why_it_failed_or_was_overtaken_is_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    asked = {runs.ASKED_BY: runs.CHAT, runs.EDITION: "some"}
    restore = runs.RESTORE_EDITION
    said = asked | {runs.FAILURE_REASON: runs.STEP_FAILED}
    told = _run(instance, anna, said, dg.DagsterRunStatus.FAILURE, job=restore)
    killed = _run(instance, anna, asked, dg.DagsterRunStatus.FAILURE, job=restore)
    _run(instance, anna, asked, dg.DagsterRunStatus.SUCCESS)

    assert "said itself" in str(begin_again(*_ended(told, instance, store)))
    assert "another list" in str(begin_again(*_ended(killed, instance, store)))


@pytest.mark.parametrize("told", [NIGHT, {}], ids=["nightly", "asked for"])
def test_a_list_whose_run_was_killed_goes_on_under_the_same_edition(
    store: AccountStore, instance: dg.DagsterInstance, told: Mapping[str, str]
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, told, dg.DagsterRunStatus.FAILURE)
    following.explain(*_ended(run, instance, store))

    (request,) = _requests(_sweep(instance))

    assert request.job_name == "daily_vibe"
    assert request.partition_key == anna.user_id
    assert request.run_key == f"continue:{run.run_id}:2"
    assert request.tags[runs.EDITION] == run.run_id
    assert runs.is_nightly(request.tags) is bool(told)


def test_a_list_that_was_chosen_is_only_published(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    _left_at(store, anna, _run(instance, anna, {}, dg.DagsterRunStatus.FAILURE))

    (request,) = _requests(_sweep(instance))

    assert request.job_name == "publish_preview"


@pytest.mark.parametrize(
    "broken", ["accounts SET mode = 'weekly'", "editions SET tracks = '{'"], ids=["account", "list"]
)
def test_a_person_whose_row_cannot_be_read_keeps_nobody_elses_list(
    store: AccountStore, instance: dg.DagsterInstance, broken: str
) -> None:
    anna, boris = _person(store, 1), _person(store, 2)
    for person in (anna, boris):
        _left_at(store, person, _run(instance, person, {}, dg.DagsterRunStatus.FAILURE))
    with store.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {broken} WHERE user_id = ?", (anna.user_id,))

    (request,) = _requests(_sweep(instance))

    assert request.partition_key == boris.user_id


@pytest.mark.parametrize("job", ["daily_vibe", "publish_preview", "restore_edition"])
def test_nothing_goes_on_beside_another_run_of_the_persons_list(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    anna = _person(store, 1)
    _left_at(store, anna, _run(instance, anna, {}, dg.DagsterRunStatus.FAILURE))
    _run(instance, anna, {}, dg.DagsterRunStatus.STARTED, job=job)

    assert _skipped(_sweep(instance)) == "No list was left half-way."


def test_what_somebody_called_off_stays_so(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    _left_at(store, anna, _run(instance, anna, {}, dg.DagsterRunStatus.CANCELED))

    assert _skipped(_sweep(instance)) == "No list was left half-way."


@pytest.mark.parametrize("night", [True, False])
def test_what_is_written_is_recorded_though_its_run_was_called_off(
    store: AccountStore, instance: dg.DagsterInstance, *, night: bool
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT if night else {}, dg.DagsterRunStatus.CANCELED)
    _left_at(store, anna, run, EditionState.ITEMS_WRITTEN, night=night)

    (later,) = _requests(_sweep(instance, NOW + timedelta(days=3)))

    assert later.tags[runs.EDITION] == run.run_id


def test_a_night_that_was_called_off_is_told_and_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    _left_at(store, anna, run, night=True)

    assert _skipped(_sweep(instance)) == "No list was left half-way."
    assert _skipped(_tick(instance, NOW + timedelta(hours=3))) == "Nobody's night has come."

    assert store.editions.required(EditionId(run.run_id)).cause is FailureCause.CANCELED
    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]


def test_who_unlinked_spotify_in_the_night_and_came_back_is_not_told_that_somebody_stopped_it(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    _left_at(store, anna, run, night=True)
    store.erasures.disconnect(anna.user_id)
    tokens = _tokens(NOW + timedelta(minutes=5))
    store.people.connect(anna.user_id, "spotify-1", None, tokens)

    _sweep(instance, NOW + timedelta(minutes=6))

    assert store.editions.required(EditionId(run.run_id)).cause is FailureCause.CANCELED
    assert store.outbox.take_due() == []


def test_a_night_that_was_called_off_is_told_to_who_agreed_while_the_clock_ran_ahead(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    store.people.connect(anna.user_id, "spotify-1", None, _tokens(NOW + timedelta(days=300)))
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    _left_at(store, anna, run, night=True)

    _sweep(instance)

    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]


def test_a_night_that_was_called_off_in_the_queue_is_told_and_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    _run(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)

    assert _skipped(_tick(instance)) == "1 called off"
    assert _skipped(_tick(instance, NOW + timedelta(hours=3))) == "Nobody's night has come."

    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]
    assert _requests(_tick(instance, NOW + timedelta(days=1)))


@pytest.mark.parametrize("night", [True, False])
def test_a_list_that_a_later_one_has_overtaken_is_closed_without_a_word(
    store: AccountStore, instance: dg.DagsterInstance, *, night: bool
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT if night else {}, dg.DagsterRunStatus.FAILURE)
    _left_at(store, anna, run, EditionState.PLAYLIST_MADE, night=night)
    store.editions.fail(EditionId(run.run_id), FailureCause.SERVICE_UNAVAILABLE)
    later = replace(store.editions, now=lambda: NOW + timedelta(minutes=5))
    _edition(replace(store, editions=later), anna, recorded=True, occasion="asked:later")

    assert _skipped(_sweep(instance, NOW + timedelta(hours=1))) == "No list was left half-way."

    closed = store.editions.required(EditionId(run.run_id))
    assert closed.cause is FailureCause.OVERTAKEN
    assert nights.settled(closed, NOW + timedelta(hours=9))
    assert store.outbox.take_due() == []


def test_deleting_one_of_several_runs_does_not_stop_what_goes_on(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    first = _run(instance, anna, {}, dg.DagsterRunStatus.FAILURE)
    _left_at(store, anna, first)
    (request,) = _requests(_sweep(instance))
    tags = {**request.tags, runs.RUN_KEY: request.run_key or ""}
    _run(instance, anna, tags, dg.DagsterRunStatus.FAILURE)
    instance.delete_run(first.run_id)

    (again,) = _requests(_sweep(instance, NOW + timedelta(hours=1)))

    assert again.run_key != request.run_key


def test_deleting_one_of_several_runs_does_not_stop_a_nights_next_attempt(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    edition = _edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    second = {**NIGHT, runs.RUN_KEY: f"{anna.user_id}:{TODAY}:2"}
    _run(instance, anna, second, dg.DagsterRunStatus.FAILURE)

    (request,) = _requests(_tick(instance, NOW + timedelta(minutes=45)))

    assert request.run_key == f"{anna.user_id}:2026-11-23:3"


def test_nothing_goes_on_while_spotify_is_to_be_left_alone(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    _left_at(store, anna, _run(instance, anna, {}, dg.DagsterRunStatus.FAILURE))
    store.budget.block("spotify", NOW + timedelta(hours=2), "quota")

    assert _skipped(_sweep(instance)) == "No list was left half-way."
    assert len(_requests(_sweep(instance, NOW + timedelta(hours=3)))) == 1


def test_a_night_that_keeps_dying_is_given_up_and_the_sleeper_told(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    first = _run(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    following.explain(*_ended(first, instance, store))
    for number, _ in enumerate(continuation.PAUSES, start=1):
        again = {**NIGHT, runs.EDITION: first.run_id, runs.CONTINUED: str(number)}
        _run(instance, anna, again, dg.DagsterRunStatus.FAILURE)

    assert _skipped(_sweep(instance)) == "No list was left half-way."

    assert store.editions.required(EditionId(first.run_id)).cause is FailureCause.UNEXPECTED
    (message,) = store.outbox.take_due()
    assert message.key == "bot.failed.unexpected"
    told = datetime.fromisoformat(str(message.params["until"]))
    assert len(_requests(_tick(instance, told))) == 1


@pytest.mark.parametrize("days", [1, 2, 8])
def test_whoever_asked_hears_once_that_a_list_comes_no_more(
    store: AccountStore, instance: dg.DagsterInstance, days: int
) -> None:
    anna = _person(store, 1)
    asked = _run(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
    edition = _left_at(store, anna, asked)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)

    for _ in range(2):
        _sweep(instance, NOW + timedelta(days=days))

    told = [message.key for message in store.outbox.take_due()]
    assert told == (["bot.list_given_up"] if days == 2 else [])


def test_nothing_is_said_of_a_list_whose_playlist_was_not_looked_at_yet(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    asked = _run(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
    edition = _left_at(store, anna, asked, EditionState.PLAYLIST_MADE)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    two_days_later = NOW + timedelta(days=2)

    _sweep(instance, two_days_later)
    before = store.outbox.take_due()
    store.editions.step_back(edition.edition_id, playlist_id=None)
    _sweep(instance, two_days_later)

    assert before == []
    assert [message.key for message in store.outbox.take_due()] == ["bot.list_given_up"]


@pytest.mark.parametrize("begun_by", [runs.CHAT, runs.OPERATOR])
def test_a_list_of_the_past_that_is_written_anew_is_not_tried_for_ever(
    store: AccountStore, instance: dg.DagsterInstance, begun_by: str
) -> None:
    anna, later = _person(store, 1), NOW + timedelta(days=3)
    first = _run(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.SUCCESS)
    edition_id = _refused_anew(store, anna, first, at=later)
    for _ in continuation.PAUSES:
        _run(instance, anna, _going_on_with(edition_id), dg.DagsterRunStatus.FAILURE)
    anew = {runs.EDITION: edition_id, runs.ASKED_BY: begun_by}
    _run(instance, anna, anew, dg.DagsterRunStatus.FAILURE, job="publish_preview")

    tried = 0
    while isinstance(_sweep(instance, later + timedelta(hours=5)), list):
        _run(instance, anna, _going_on_with(edition_id), dg.DagsterRunStatus.FAILURE)
        tried += 1
    _sweep(instance, later + timedelta(hours=5))

    assert tried == len(continuation.PAUSES)
    refused = store.editions.required(edition_id)
    assert (refused.cause, refused.updated_at) == (FailureCause.WRITING_REFUSED, later)
    told = [message.key for message in store.outbox.take_due()]
    assert told == (["bot.list_given_up"] if begun_by == runs.CHAT else [])


def test_a_list_that_is_executed_again_is_tried_as_often_and_nobody_hears_of_it(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, later = _person(store, 1), NOW + timedelta(days=3)
    first = _run(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.SUCCESS)
    edition_id = _refused_anew(store, anna, first, at=later)
    again = _going_on_with(edition_id)
    _run(instance, anna, again, dg.DagsterRunStatus.FAILURE, again_of=first.run_id)

    tried = 0
    while isinstance(_sweep(instance, later + timedelta(hours=5)), list):
        _run(instance, anna, again, dg.DagsterRunStatus.FAILURE)
        tried += 1

    assert tried == len(continuation.PAUSES)
    assert store.outbox.take_due() == []


def test_whoever_cannot_be_told_that_a_list_is_given_up_keeps_nobody_else_waiting(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    people = [_person(store, number) for number in (1, 2, 3)]
    for person in people:
        asked = _run(instance, person, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
        _left_at(store, person, asked)
    with store.database.writing() as connection:
        spoilt = "UPDATE accounts SET mode = 'weekly' WHERE user_id = ?"
        connection.exec_driver_sql(spoilt, (people[1].user_id,))

    _sweep(instance, NOW + timedelta(days=2))

    told = {message.user_id for message in store.outbox.take_due()}
    assert told == {people[0].user_id, people[2].user_id}


def test_nobody_hears_of_a_list_that_was_called_off(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    asked = _run(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.CANCELED)
    _left_at(store, anna, asked)

    _sweep(instance, NOW + timedelta(days=2))

    assert store.outbox.take_due() == []


@pytest.mark.parametrize("asked_by", [runs.OPERATOR, None])
def test_nobody_hears_of_a_list_that_they_did_not_ask_for(
    store: AccountStore, instance: dg.DagsterInstance, asked_by: str | None
) -> None:
    anna = _person(store, 1)
    tags = {} if asked_by is None else {runs.ASKED_BY: asked_by}
    _left_at(store, anna, _run(instance, anna, tags, dg.DagsterRunStatus.FAILURE))

    _sweep(instance, NOW + timedelta(days=2))

    assert store.outbox.take_due() == []


def test_a_night_whose_last_attempt_keeps_dying_promises_no_other(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    first = _run(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    following.explain(*_ended(first, instance, store))
    for _ in range(nights.ATTEMPTS - 1):
        _run(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    for _ in continuation.PAUSES:
        again = {**NIGHT, runs.EDITION: first.run_id, runs.CONTINUED: "1"}
        _run(instance, anna, again, dg.DagsterRunStatus.FAILURE)

    _sweep(instance)

    (message,) = store.outbox.take_due()
    assert (message.key, message.params["until"]) == ("bot.failed.unexpected", None)


def test_a_night_that_was_recorded_as_its_run_was_killed_is_told_once(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    edition = _edition(store, anna, recorded=True)
    run = _run(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    for _ in range(2):
        assert "and told" in following.explain(*_ended(run, instance, store))

    (message,) = store.outbox.take_due()
    assert message.key == "bot.night_ready"
    assert message.params == {"edition_id": edition.edition_id}


def test_a_failed_run_whose_asked_for_list_is_there_is_not_explained(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    edition = _edition(store, anna, recorded=True)
    named = {runs.EDITION: edition.edition_id}
    run = _run(instance, anna, named, dg.DagsterRunStatus.FAILURE)

    assert following.explain(*_ended(run, instance, store)) == "It said why itself."
    assert store.outbox.take_due() == []


@pytest.mark.parametrize("job", ["collect_listening", "sync_library"])
def test_a_failed_run_that_makes_no_list_needs_no_explanation(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    run = _run(instance, _person(store, 1), {}, dg.DagsterRunStatus.FAILURE, job=job)

    assert following.explain(*_ended(run, instance, store)) == "It said why itself."


def test_what_seems_under_way_is_settled_and_what_stalled_is_not(store: AccountStore) -> None:
    edition = _edition(store, _person(store, 1))

    assert nights.settled(edition, NOW + timedelta(minutes=30))
    assert not nights.settled(edition, NOW + nights.STALLED_AFTER)
    assert nights.next_try(replace(edition, cause=FailureCause.CONSENT_EXPIRED)) is None


@pytest.mark.parametrize("cause", [FailureCause.NOTHING_TO_CHOOSE, FailureCause.CONSENT_EXPIRED])
def test_why_a_night_failed_is_noted_only_together_with_the_word_of_it(
    store: AccountStore, instance: dg.DagsterInstance, cause: FailureCause
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    edition = _left_at(store, anna, run, EditionState.STARTED, night=True)
    assert anna.consented_at is not None
    store.outbox.put(anna.user_id, ConsentEnded.of(anna.user_id, anna.consented_at))

    with _outbox_closed(store), pytest.raises(UnknownPerson):
        _fails(instance, store, anna, run, refusal(cause))
    assert store.editions.required(edition.edition_id).cause is None
    told_at_first = [message.key for message in store.outbox.take_due()]
    with pytest.raises(dg.Failure):
        _fails(instance, store, anna, run, refusal(cause))

    assert told_at_first == ["bot.connect.expired"]
    assert store.editions.required(edition.edition_id).cause is cause
    assert f"bot.failed.{cause}" in {message.key for message in store.outbox.take_due()}


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE])
def test_a_night_is_called_off_or_given_up_only_together_with_the_word_of_it(
    store: AccountStore, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    anna = _person(store, 1)
    runs_of_it = [_run(instance, anna, NIGHT, status) for _ in range(len(continuation.PAUSES) + 1)]
    _left_at(store, anna, runs_of_it[0], EditionState.STARTED, night=True)

    with _outbox_closed(store), pytest.raises(UnknownPerson):
        _sweep(instance)
    _sweep(instance)

    canceled = status is dg.DagsterRunStatus.CANCELED
    (told,) = store.outbox.take_due()
    assert told.key == f"bot.failed.{'canceled' if canceled else 'unexpected'}"


def test_a_list_that_is_there_is_not_said_to_have_failed(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = _person(store, 1)
    run = _run(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    _left_at(store, anna, run, EditionState.RECORDED, night=True)

    with pytest.raises(dg.Failure) as failed:
        _fails(instance, store, anna, run, refusal(FailureCause.NOTHING_TO_CHOOSE))

    assert store.outbox.take_due() == []
    assert failed.value.metadata["person told"].value == "no: the list is there"


def test_a_person_who_is_forgotten_meanwhile_keeps_nobody_from_their_list(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    gone, anna = _person(store, 1), _person(store, 2)
    _run(instance, gone, NIGHT, dg.DagsterRunStatus.CANCELED)
    with store.database.writing() as connection:
        connection.execute(
            text(
                "create trigger forgotten_meanwhile before insert on editions"
                " begin select raise(abort, 'nobody is called that'); end"
            )
        )

    (begun,) = _requests(_tick(instance))

    assert begun.partition_key == anna.user_id


@dg.op
def _ends() -> None:
    """Nothing more."""


@dg.job(name="daily_vibe")
def _ended_list() -> None:
    _ends()


def _person(store: AccountStore, chat_id: int, *, at: time = time(6, 0)) -> Account:
    account = store.people.register(chat_id, f"Person {chat_id}", "en")
    store.people.change(account.user_id, nightly_at=at)
    tokens = _tokens(NOW - timedelta(hours=12))
    return store.people.connect(account.user_id, f"spotify-{chat_id}", None, tokens)


def _tokens(consented_at: datetime) -> Tokens:
    return Tokens(
        access_token="a",
        refresh_token="r",
        expires_at=NOW,
        scopes=frozenset(),
        consented_at=consented_at,
    )


def _edition(
    store: AccountStore,
    account: Account,
    *,
    recorded: bool = False,
    occasion: str = nightly_occasion(TODAY),
) -> Edition:
    edition_id = EditionId(f"edition-of-{account.user_id}")
    store.editions.open(
        edition_id,
        account.user_id,
        vibe_date=TODAY,
        occasion=occasion,
        kind=EditionKind.DAILY,
        mode=account.mode,
    )
    steps = list(EditionState)
    for before, after in pairwise(steps) if recorded else ():
        assert store.editions.advance(edition_id, before, after)
    return store.editions.required(edition_id)


def _run(
    instance: dg.DagsterInstance,
    account: Account,
    told: Mapping[str, str],
    status: dg.DagsterRunStatus,
    *,
    job: str = "daily_vibe",
    again_of: str | None = None,
) -> dg.DagsterRun:
    run = dg.DagsterRun(
        job_name=job,
        run_id=str(uuid4()),
        root_run_id=again_of,
        parent_run_id=again_of,
        status=status,
        tags={runs.PARTITION: account.user_id, **told},
    )
    return instance.add_run(run)


def _resources(now: datetime) -> dict[str, dg.ConfigurableResource[None]]:
    return {"accounts": AccountsResource(), "clock": StoppedClock(at=now.isoformat())}


def _tick(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    with dg.build_schedule_context(
        instance, scheduled_execution_time=now, resources=_resources(now)
    ) as context:
        return automation.nightly(context)


def _sweep(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    with dg.build_sensor_context(instance, resources=_resources(now)) as context:
        return continuing.unfinished_lists(context)


def _left_at(
    store: AccountStore,
    account: Account,
    run: dg.DagsterRun,
    state: EditionState = EditionState.CHOSEN,
    *,
    night: bool = False,
) -> Edition:
    """The run's edition has its tracks, and stands there."""
    edition = store.editions.open(
        EditionId(run.run_id),
        account.user_id,
        vibe_date=TODAY,
        occasion=nightly_occasion(TODAY) if night else runs.occasion_of({}, EditionId(run.run_id)),
        kind=EditionKind.DAILY,
        mode=account.mode,
    )
    for before, after in pairwise(EditionState):
        if before is state:
            break
        assert store.editions.advance(edition.edition_id, before, after, tracks=(chosen(1),))
    return store.editions.required(edition.edition_id)


def _refused_anew(
    store: AccountStore, account: Account, run: dg.DagsterRun, *, at: datetime
) -> EditionId:
    """The run's list stood in its playlist, was chosen anew then, and could not be written."""
    edition_id = _left_at(store, account, run, EditionState.RECORDED).edition_id
    recorded, waits = EditionState.RECORDED, EditionState.PLAYLIST_MADE
    assert store.editions.advance(edition_id, recorded, waits, snapshot_id="before")
    store.editions.fail(edition_id, FailureCause.WRITING_REFUSED, at=at)
    return edition_id


def _going_on_with(edition_id: EditionId) -> dict[str, str]:
    return {runs.EDITION: edition_id, runs.CONTINUED: "1", runs.ASKED_BY: runs.CHAT}


@contextmanager
def _outbox_closed(store: AccountStore) -> Iterator[None]:
    """Meanwhile the outbox takes nothing."""
    refusing = (
        "create trigger closed before insert on outbox begin select raise(abort, 'closed'); end"
    )
    with store.database.writing() as connection:
        connection.execute(text(refusing))
    yield
    with store.database.writing() as connection:
        connection.execute(text("drop trigger closed"))


def _fails(
    instance: dg.DagsterInstance,
    store: AccountStore,
    account: Account,
    run: dg.DagsterRun,
    refused: Exception,
) -> None:
    """A step of the night's run ends with this refusal."""
    edition = store.editions.required(EditionId(run.run_id))
    context = SimpleNamespace(instance=instance, run=run)
    with failures_recorded(
        cast("dg.AssetExecutionContext", context), store, account, edition, nightly=True
    ):
        raise refused


def _at(now: datetime) -> AccountStore:
    """The account store at another moment."""
    return open_for(read_settings(), now=lambda: now)


def _next_tries(store: AccountStore) -> list[datetime]:
    """What is told now of nights that failed: when each is tried next."""
    told = store.outbox.take_due()
    for message in told:
        store.outbox.done(message.id)
    return [datetime.fromisoformat(message.params["until"]) for message in told]


def _collect(instance: dg.DagsterInstance) -> object:
    at = NOW.replace(minute=5)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=at, resources=_resources(NOW)
    ) as context:
        return automation.collecting(context)


def _prepare(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    with dg.build_schedule_context(
        instance, scheduled_execution_time=now, resources=_resources(now)
    ) as context:
        return automation.preparing_by_day(context)


def _ended(
    run: dg.DagsterRun, instance: dg.DagsterInstance, store: AccountStore
) -> tuple[EndedRun, Surroundings]:
    """What a follower is told of a run that was killed, or ended well."""
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    ended = EndedRun(
        run=run, began_at=record.create_timestamp, at=NOW, message="was ended by SIGKILL"
    )
    return ended, Surroundings(instance=instance, store=store, now=NOW)


def _made_list(instance: dg.DagsterInstance, account: Account) -> str:
    """A list's run, ended well; gives its id."""
    tags = runs.owner_tags(account.user_id)
    return _ended_list.execute_in_process(instance=instance, tags=tags).run_id


def _look(
    sensor: dg.SensorDefinition,
    instance: dg.DagsterInstance,
    cursor: str | None = None,
    *,
    now: datetime = NOW,
) -> dg.SensorResult:
    with dg.build_sensor_context(instance, cursor=cursor, resources=_resources(now)) as context:
        answer = sensor(context)
    assert isinstance(answer, dg.SensorResult)
    return answer


def _look_at_people(instance: dg.DagsterInstance) -> object:
    with dg.build_sensor_context(instance, resources=_resources(NOW)) as context:
        return automation.people(context)


def _requests(answer: object) -> list[dg.RunRequest]:
    assert isinstance(answer, list)
    return answer


def _skipped(answer: object) -> str:
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""
