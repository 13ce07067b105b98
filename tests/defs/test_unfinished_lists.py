"""Lists that were left half-way go on by themselves, and who waits is told where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import text

from tests.support.automation import (
    NIGHT,
    NOW,
    TODAY,
    begun_edition,
    ended,
    fails,
    left_at,
    requests,
    resources_at,
    run_of,
    skipped,
    sleeper,
    tick,
    tokens_of,
)
from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts import continuation
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import ConsentEnded
from vibe_pipeline.accounts.records import (
    Account,
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs import continuing, following
from vibe_pipeline.defs.repeating import begin_again
from vibe_pipeline.playlists.failures import refusal
from vibe_pipeline.records import EditionId


def test_a_run_that_died_without_a_word_has_its_place_in_the_ledger(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)

    assert run.run_id in following.explain(*ended(run, instance, store))

    edition = store.editions.required(EditionId(run.run_id))
    assert (edition.cause, edition.vibe_date) == (None, TODAY)
    assert store.outbox.take_due() == []


def test_a_preview_that_died_without_a_word_is_noted_as_failed(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, {}, dg.DagsterRunStatus.FAILURE, job="preview_vibe")

    following.explain(*ended(run, instance, store))

    edition = store.editions.required(EditionId(run.run_id))
    assert (edition.cause, edition.detail) == (FailureCause.UNEXPECTED, "was ended by SIGKILL")


@pytest.mark.parametrize("job", sorted(runs.REPEATED_JOBS))
def test_what_a_killed_run_was_asked_for_is_begun_again_and_not_for_ever(
    job: str, store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    asked = {runs.ASKED_BY: runs.CHAT, runs.EDITION: "some", runs.UNDO: "yes", "other": "tag"}
    asked[runs.STOOD_SINCE] = "2026-11-23T08:00:00+00:00"
    tried, run = [], run_of(instance, anna, asked, dg.DagsterRunStatus.FAILURE, job=job)

    while isinstance(request := begin_again(*ended(run, instance, store)), dg.RunRequest):
        tried.append(request)
        run = run_of(instance, anna, request.tags, dg.DagsterRunStatus.FAILURE, job=job)

    assert len(tried) == runs.MOST_REPEATS
    assert {request.job_name for request in tried} == {job}
    assert all({*asked} - {*request.tags} == {"other"} for request in tried)


def test_what_said_why_it_failed_or_was_overtaken_is_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    asked = {runs.ASKED_BY: runs.CHAT, runs.EDITION: "some"}
    restore = runs.RESTORE_EDITION
    said = asked | {runs.FAILURE_REASON: runs.STEP_FAILED}
    told = run_of(instance, anna, said, dg.DagsterRunStatus.FAILURE, job=restore)
    killed = run_of(instance, anna, asked, dg.DagsterRunStatus.FAILURE, job=restore)
    run_of(instance, anna, asked, dg.DagsterRunStatus.SUCCESS)

    assert "said itself" in str(begin_again(*ended(told, instance, store)))
    assert "another list" in str(begin_again(*ended(killed, instance, store)))


@pytest.mark.parametrize("told", [NIGHT, {}], ids=["nightly", "asked for"])
def test_a_list_whose_run_was_killed_goes_on_under_the_same_edition(
    store: AccountStore, instance: dg.DagsterInstance, told: Mapping[str, str]
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, told, dg.DagsterRunStatus.FAILURE)
    following.explain(*ended(run, instance, store))

    (request,) = requests(_sweep(instance))

    assert request.job_name == "daily_vibe"
    assert request.partition_key == anna.user_id
    assert request.run_key == f"continue:{run.run_id}:2"
    assert request.tags[runs.EDITION] == run.run_id
    assert runs.is_nightly(request.tags) is bool(told)


def test_a_list_that_was_chosen_is_only_published(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    left_at(store, anna, run_of(instance, anna, {}, dg.DagsterRunStatus.FAILURE))

    (request,) = requests(_sweep(instance))

    assert request.job_name == "publish_preview"


@pytest.mark.parametrize(
    "broken", ["accounts SET mode = 'weekly'", "editions SET tracks = '{'"], ids=["account", "list"]
)
def test_a_person_whose_row_cannot_be_read_keeps_nobody_elses_list(
    store: AccountStore, instance: dg.DagsterInstance, broken: str
) -> None:
    anna, boris = sleeper(store, 1), sleeper(store, 2)
    for person in (anna, boris):
        left_at(store, person, run_of(instance, person, {}, dg.DagsterRunStatus.FAILURE))
    with store.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {broken} WHERE user_id = ?", (anna.user_id,))

    (request,) = requests(_sweep(instance))

    assert request.partition_key == boris.user_id


@pytest.mark.parametrize("job", ["daily_vibe", "publish_preview", "restore_edition"])
def test_nothing_goes_on_beside_another_run_of_the_persons_list(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    anna = sleeper(store, 1)
    left_at(store, anna, run_of(instance, anna, {}, dg.DagsterRunStatus.FAILURE))
    run_of(instance, anna, {}, dg.DagsterRunStatus.STARTED, job=job)

    assert skipped(_sweep(instance)) == "No list was left half-way."


def test_what_somebody_called_off_stays_so(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    left_at(store, anna, run_of(instance, anna, {}, dg.DagsterRunStatus.CANCELED))

    assert skipped(_sweep(instance)) == "No list was left half-way."


@pytest.mark.parametrize("night", [True, False])
def test_what_is_written_is_recorded_though_its_run_was_called_off(
    store: AccountStore, instance: dg.DagsterInstance, *, night: bool
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT if night else {}, dg.DagsterRunStatus.CANCELED)
    left_at(store, anna, run, EditionState.ITEMS_WRITTEN, night=night)

    (later,) = requests(_sweep(instance, NOW + timedelta(days=3)))

    assert later.tags[runs.EDITION] == run.run_id


def test_a_night_that_was_called_off_is_told_and_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    left_at(store, anna, run, night=True)

    assert skipped(_sweep(instance)) == "No list was left half-way."
    assert skipped(tick(instance, NOW + timedelta(hours=3))) == "Nobody's night has come."

    assert store.editions.required(EditionId(run.run_id)).cause is FailureCause.CANCELED
    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]


def test_who_unlinked_spotify_in_the_night_and_came_back_is_not_told_that_somebody_stopped_it(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    left_at(store, anna, run, night=True)
    store.erasures.disconnect(anna.user_id)
    tokens = tokens_of(NOW + timedelta(minutes=5))
    store.people.connect(anna.user_id, "spotify-1", None, tokens)

    _sweep(instance, NOW + timedelta(minutes=6))

    assert store.editions.required(EditionId(run.run_id)).cause is FailureCause.CANCELED
    assert store.outbox.take_due() == []


def test_a_night_that_was_called_off_is_told_to_who_agreed_while_the_clock_ran_ahead(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    store.people.connect(anna.user_id, "spotify-1", None, tokens_of(NOW + timedelta(days=300)))
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)
    left_at(store, anna, run, night=True)

    _sweep(instance)

    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]


def test_a_night_that_was_called_off_in_the_queue_is_told_and_not_begun_again(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run_of(instance, anna, NIGHT, dg.DagsterRunStatus.CANCELED)

    assert skipped(tick(instance)) == "1 called off"
    assert skipped(tick(instance, NOW + timedelta(hours=3))) == "Nobody's night has come."

    assert [message.key for message in store.outbox.take_due()] == ["bot.failed.canceled"]
    assert requests(tick(instance, NOW + timedelta(days=1)))


@pytest.mark.parametrize("night", [True, False])
def test_a_list_that_a_later_one_has_overtaken_is_closed_without_a_word(
    store: AccountStore, instance: dg.DagsterInstance, *, night: bool
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT if night else {}, dg.DagsterRunStatus.FAILURE)
    left_at(store, anna, run, EditionState.PLAYLIST_MADE, night=night)
    store.editions.fail(EditionId(run.run_id), FailureCause.SERVICE_UNAVAILABLE)
    later = replace(store.editions, now=lambda: NOW + timedelta(minutes=5))
    begun_edition(replace(store, editions=later), anna, recorded=True, occasion="asked:later")

    assert skipped(_sweep(instance, NOW + timedelta(hours=1))) == "No list was left half-way."

    closed = store.editions.required(EditionId(run.run_id))
    assert closed.cause is FailureCause.OVERTAKEN
    assert nights.settled(closed, NOW + timedelta(hours=9))
    assert store.outbox.take_due() == []


def test_deleting_one_of_several_runs_does_not_stop_what_goes_on(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    first = run_of(instance, anna, {}, dg.DagsterRunStatus.FAILURE)
    left_at(store, anna, first)
    (request,) = requests(_sweep(instance))
    tags = {**request.tags, runs.RUN_KEY: request.run_key or ""}
    run_of(instance, anna, tags, dg.DagsterRunStatus.FAILURE)
    instance.delete_run(first.run_id)

    (again,) = requests(_sweep(instance, NOW + timedelta(hours=1)))

    assert again.run_key != request.run_key


def test_deleting_one_of_several_runs_does_not_stop_a_nights_next_attempt(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    edition = begun_edition(store, anna)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)
    second = {**NIGHT, runs.RUN_KEY: f"{anna.user_id}:{TODAY}:2"}
    run_of(instance, anna, second, dg.DagsterRunStatus.FAILURE)

    (request,) = requests(tick(instance, NOW + timedelta(minutes=45)))

    assert request.run_key == f"{anna.user_id}:2026-11-23:3"


def test_nothing_goes_on_while_spotify_is_to_be_left_alone(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    left_at(store, anna, run_of(instance, anna, {}, dg.DagsterRunStatus.FAILURE))
    store.budget.block("spotify", NOW + timedelta(hours=2), "quota")

    assert skipped(_sweep(instance)) == "No list was left half-way."
    assert len(requests(_sweep(instance, NOW + timedelta(hours=3)))) == 1


def test_a_night_that_keeps_dying_is_given_up_and_the_sleeper_told(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    first = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    following.explain(*ended(first, instance, store))
    for number, _ in enumerate(continuation.PAUSES, start=1):
        again = {**NIGHT, runs.EDITION: first.run_id, runs.CONTINUED: str(number)}
        run_of(instance, anna, again, dg.DagsterRunStatus.FAILURE)

    assert skipped(_sweep(instance)) == "No list was left half-way."

    assert store.editions.required(EditionId(first.run_id)).cause is FailureCause.UNEXPECTED
    (message,) = store.outbox.take_due()
    assert message.key == "bot.failed.unexpected"
    told = datetime.fromisoformat(str(message.params["until"]))
    assert len(requests(tick(instance, told))) == 1


@pytest.mark.parametrize("days", [1, 2, 8])
def test_whoever_asked_hears_once_that_a_list_comes_no_more(
    store: AccountStore, instance: dg.DagsterInstance, days: int
) -> None:
    anna = sleeper(store, 1)
    asked = run_of(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
    edition = left_at(store, anna, asked)
    store.editions.fail(edition.edition_id, FailureCause.SERVICE_UNAVAILABLE)

    for _ in range(2):
        _sweep(instance, NOW + timedelta(days=days))

    told = [message.key for message in store.outbox.take_due()]
    assert told == (["bot.list_given_up"] if days == 2 else [])


def test_nothing_is_said_of_a_list_whose_playlist_was_not_looked_at_yet(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    asked = run_of(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
    edition = left_at(store, anna, asked, EditionState.PLAYLIST_MADE)
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
    anna, later = sleeper(store, 1), NOW + timedelta(days=3)
    first = run_of(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.SUCCESS)
    edition_id = _refused_anew(store, anna, first, at=later)
    for _ in continuation.PAUSES:
        run_of(instance, anna, _going_on_with(edition_id), dg.DagsterRunStatus.FAILURE)
    anew = {runs.EDITION: edition_id, runs.ASKED_BY: begun_by}
    run_of(instance, anna, anew, dg.DagsterRunStatus.FAILURE, job="publish_preview")

    tried = 0
    while isinstance(_sweep(instance, later + timedelta(hours=5)), list):
        run_of(instance, anna, _going_on_with(edition_id), dg.DagsterRunStatus.FAILURE)
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
    anna, later = sleeper(store, 1), NOW + timedelta(days=3)
    first = run_of(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.SUCCESS)
    edition_id = _refused_anew(store, anna, first, at=later)
    again = _going_on_with(edition_id)
    run_of(instance, anna, again, dg.DagsterRunStatus.FAILURE, again_of=first.run_id)

    tried = 0
    while isinstance(_sweep(instance, later + timedelta(hours=5)), list):
        run_of(instance, anna, again, dg.DagsterRunStatus.FAILURE)
        tried += 1

    assert tried == len(continuation.PAUSES)
    assert store.outbox.take_due() == []


def test_whoever_cannot_be_told_that_a_list_is_given_up_keeps_nobody_else_waiting(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    people = [sleeper(store, number) for number in (1, 2, 3)]
    for person in people:
        asked = run_of(instance, person, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.FAILURE)
        left_at(store, person, asked)
    with store.database.writing() as connection:
        spoilt = "UPDATE accounts SET mode = 'weekly' WHERE user_id = ?"
        connection.exec_driver_sql(spoilt, (people[1].user_id,))

    _sweep(instance, NOW + timedelta(days=2))

    told = {message.user_id for message in store.outbox.take_due()}
    assert told == {people[0].user_id, people[2].user_id}


def test_nobody_hears_of_a_list_that_was_called_off(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    asked = run_of(instance, anna, {runs.ASKED_BY: runs.CHAT}, dg.DagsterRunStatus.CANCELED)
    left_at(store, anna, asked)

    _sweep(instance, NOW + timedelta(days=2))

    assert store.outbox.take_due() == []


@pytest.mark.parametrize("asked_by", [runs.OPERATOR, None])
def test_nobody_hears_of_a_list_that_they_did_not_ask_for(
    store: AccountStore, instance: dg.DagsterInstance, asked_by: str | None
) -> None:
    anna = sleeper(store, 1)
    tags = {} if asked_by is None else {runs.ASKED_BY: asked_by}
    left_at(store, anna, run_of(instance, anna, tags, dg.DagsterRunStatus.FAILURE))

    _sweep(instance, NOW + timedelta(days=2))

    assert store.outbox.take_due() == []


def test_a_night_whose_last_attempt_keeps_dying_promises_no_other(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    first = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    following.explain(*ended(first, instance, store))
    for _ in range(nights.ATTEMPTS - 1):
        run_of(instance, anna, NIGHT, dg.DagsterRunStatus.FAILURE)
    for _ in continuation.PAUSES:
        again = {**NIGHT, runs.EDITION: first.run_id, runs.CONTINUED: "1"}
        run_of(instance, anna, again, dg.DagsterRunStatus.FAILURE)

    _sweep(instance)

    (message,) = store.outbox.take_due()
    assert (message.key, message.params["until"]) == ("bot.failed.unexpected", None)


def test_a_night_that_was_recorded_as_its_run_was_killed_is_told_once(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    edition = begun_edition(store, anna, recorded=True)
    run = run_of(instance, anna, {runs.OCCASION: edition.occasion}, dg.DagsterRunStatus.FAILURE)

    for _ in range(2):
        assert "and told" in following.explain(*ended(run, instance, store))

    (message,) = store.outbox.take_due()
    assert message.key == "bot.night_ready"
    assert message.params == {"edition_id": edition.edition_id}


def test_a_failed_run_whose_asked_for_list_is_there_is_not_explained(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    edition = begun_edition(store, anna, recorded=True)
    named = {runs.EDITION: edition.edition_id}
    run = run_of(instance, anna, named, dg.DagsterRunStatus.FAILURE)

    assert following.explain(*ended(run, instance, store)) == "It said why itself."
    assert store.outbox.take_due() == []


@pytest.mark.parametrize("job", ["collect_listening", "sync_library"])
def test_a_failed_run_that_makes_no_list_needs_no_explanation(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    run = run_of(instance, sleeper(store, 1), {}, dg.DagsterRunStatus.FAILURE, job=job)

    assert following.explain(*ended(run, instance, store)) == "It said why itself."


def test_what_seems_under_way_is_settled_and_what_stalled_is_not(store: AccountStore) -> None:
    edition = begun_edition(store, sleeper(store, 1))

    assert nights.settled(edition, NOW + timedelta(minutes=30))
    assert not nights.settled(edition, NOW + nights.STALLED_AFTER)
    assert nights.next_try(replace(edition, cause=FailureCause.CONSENT_EXPIRED)) is None


@pytest.mark.parametrize("cause", [FailureCause.NOTHING_TO_CHOOSE, FailureCause.CONSENT_EXPIRED])
def test_why_a_night_failed_is_noted_only_together_with_the_word_of_it(
    store: AccountStore, instance: dg.DagsterInstance, cause: FailureCause
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    edition = left_at(store, anna, run, EditionState.STARTED, night=True)
    assert anna.consented_at is not None
    store.outbox.put(anna.user_id, ConsentEnded.of(anna.user_id, anna.consented_at))

    with _outbox_closed(store), pytest.raises(UnknownPerson):
        fails(instance, store, anna, run, refusal(cause))
    assert store.editions.required(edition.edition_id).cause is None
    told_at_first = [message.key for message in store.outbox.take_due()]
    with pytest.raises(dg.Failure):
        fails(instance, store, anna, run, refusal(cause))

    assert told_at_first == ["bot.connect.expired"]
    assert store.editions.required(edition.edition_id).cause is cause
    assert f"bot.failed.{cause}" in {message.key for message in store.outbox.take_due()}


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE])
def test_a_night_is_called_off_or_given_up_only_together_with_the_word_of_it(
    store: AccountStore, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    anna = sleeper(store, 1)
    runs_of_it = [
        run_of(instance, anna, NIGHT, status) for _ in range(len(continuation.PAUSES) + 1)
    ]
    left_at(store, anna, runs_of_it[0], EditionState.STARTED, night=True)

    with _outbox_closed(store), pytest.raises(UnknownPerson):
        _sweep(instance)
    _sweep(instance)

    canceled = status is dg.DagsterRunStatus.CANCELED
    (told,) = store.outbox.take_due()
    assert told.key == f"bot.failed.{'canceled' if canceled else 'unexpected'}"


def test_a_list_that_is_there_is_not_said_to_have_failed(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    run = run_of(instance, anna, NIGHT, dg.DagsterRunStatus.STARTED)
    left_at(store, anna, run, EditionState.RECORDED, night=True)

    with pytest.raises(dg.Failure) as failed:
        fails(instance, store, anna, run, refusal(FailureCause.NOTHING_TO_CHOOSE))

    assert store.outbox.take_due() == []
    assert failed.value.metadata["person told"].value == "no: the list is there"


def test_a_person_who_is_forgotten_meanwhile_keeps_nobody_from_their_list(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    gone, anna = sleeper(store, 1), sleeper(store, 2)
    run_of(instance, gone, NIGHT, dg.DagsterRunStatus.CANCELED)
    with store.database.writing() as connection:
        connection.execute(
            text(
                "create trigger forgotten_meanwhile before insert on editions"
                " begin select raise(abort, 'nobody is called that'); end"
            )
        )

    (begun,) = requests(tick(instance))

    assert begun.partition_key == anna.user_id


def _sweep(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    with dg.build_sensor_context(instance, resources=resources_at(now)) as context:
        return continuing.unfinished_lists(context)


def _refused_anew(
    store: AccountStore, account: Account, run: dg.DagsterRun, *, at: datetime
) -> EditionId:
    """The run's list stood in its playlist, was chosen anew then, and could not be written."""
    edition_id = left_at(store, account, run, EditionState.RECORDED).edition_id
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
