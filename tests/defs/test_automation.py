"""What happens by itself by day: partitions, collecting, preparing, following what has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tests.support.automation import (
    NOW,
    collect,
    ended,
    prepare,
    requests,
    resources_at,
    run_of,
    skipped,
    sleeper,
)
from vibe_pipeline import runs
from vibe_pipeline.accounts.budget_shares import Share
from vibe_pipeline.accounts.call_allowance import listening_of
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import (
    Account,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs import automation, following
from vibe_pipeline.defs.ended_runs import (
    LOOKS_BACK,
    MOST_AT_ONCE,
    TRIED_AGAIN_FOR,
    EndedRun,
    Surroundings,
)
from vibe_pipeline.records import Source
from vibe_pipeline.runs import LaunchRequest


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
    anna = sleeper(store, 1)
    instance.add_dynamic_partitions("users", ["gone"])

    result = _look_at_people(instance)

    assert isinstance(result, dg.SensorResult)
    add, remove = result.dynamic_partitions_requests or []
    assert (list(add.partition_keys), list(remove.partition_keys)) == ([anna.user_id], ["gone"])


def test_plays_are_collected_from_whoever_is_connected(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    store.people.register(2, "Nobody yet", "en")

    (request,) = requests(collect(instance))

    assert request.partition_key == anna.user_id
    store.budget.block("spotify", NOW + timedelta(hours=1), "quota")
    assert "left alone" in skipped(collect(instance))


def test_nothing_is_collected_once_the_calls_for_listening_are_used_up(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    listening = store.budget.of(listening_of(anna.user_id), share=Share.LISTENING)
    for _ in range(store.budget.ceilings["spotify"].at_most(Share.LISTENING)):
        listening.ask("spotify", asked_for=False)

    assert "used up until 06:11 UTC" in skipped(collect(instance))


def test_by_day_the_next_list_is_prepared_of_who_has_nothing_ready(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = sleeper(store, 1), sleeper(store, 2)
    run_of(instance, bohdan, {}, dg.DagsterRunStatus.SUCCESS, job="prepare_vibe")
    later = datetime.now(UTC) + timedelta(hours=1)  # Dagster dates its runs by the machine's clock

    (request,) = requests(prepare(instance, later))

    assert request.partition_key == anna.user_id
    assert request.run_key == f"ahead:{anna.user_id}:{later.isoformat()}"
    assert request.tags[runs.ASKED_BY] == "ahead"


def test_nothing_is_prepared_while_somebody_waits_or_spotify_rests(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna = sleeper(store, 1)
    waiting = run_of(
        instance, anna, LaunchRequest.asked_list(anna.user_id).tags, dg.DagsterRunStatus.STARTED
    )

    assert skipped(prepare(instance)) == "Somebody waits for a list."
    instance.report_run_failed(waiting)
    store.budget.block("spotify", NOW + timedelta(hours=1), "quota")
    assert "left alone" in skipped(prepare(instance))


def test_what_was_prepared_is_read_from_the_runs(
    store: AccountStore, instance: dg.DagsterInstance
) -> None:
    anna, bohdan = sleeper(store, 1), sleeper(store, 2)
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
        run_of(instance, anna, {}, status, job="prepare_vibe")
    run_of(instance, bohdan, {}, dg.DagsterRunStatus.STARTED, job="prepare_vibe")

    known = automation.preparations(instance, NOW)

    assert known[anna.user_id].prepared_at is not None
    assert (known[anna.user_id].failures, known[anna.user_id].under_way) == (1, False)
    assert (known[bohdan.user_id].prepared_at, known[bohdan.user_id].under_way) == (None, True)


@pytest.mark.parametrize("job", ["preview_vibe", "daily_vibe"])
def test_only_what_a_deadline_cut_off_is_asked_after_a_preview_and_a_failure(
    store: AccountStore, instance: dg.DagsterInstance, job: str
) -> None:
    anna = sleeper(store, 1)
    cut_off = runs.cut_off_tags([Source.LISTENBRAINZ, Source.LASTFM_SIMILAR_TRACKS])

    def after(tags: Mapping[str, str]) -> object:
        made = job == "preview_vibe"
        status = dg.DagsterRunStatus.SUCCESS if made else dg.DagsterRunStatus.FAILURE
        followers = following.after_success(job) if made else following.after_failure(job)
        assert following.finish_asking in followers
        run = run_of(instance, anna, tags, status, job=job)
        return following.finish_asking(*ended(run, instance, store))

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
    anna, bohdan = sleeper(store, 1), sleeper(store, 2)
    first, second = _made_list(instance, anna), _made_list(instance, bohdan)

    looked = _look(following.succeeded_runs, instance)
    again = _look(following.succeeded_runs, instance, looked.cursor)

    assert [request.run_key for request in looked.run_requests or ()] == [
        f"ahead:{first}",
        f"ahead:{second}",
    ]
    assert skipped(again.skip_reason) == "Nothing has ended."
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
    anna, bohdan = sleeper(store, 1), sleeper(store, 2)
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
    _made_list(instance, sleeper(store, 1))
    later = datetime.now(UTC) + LOOKS_BACK + timedelta(minutes=1)

    looked = _look(following.succeeded_runs, instance, now=later)

    assert not looked.run_requests
    _made_list(instance, sleeper(store, 2))
    assert _look(following.succeeded_runs, instance, looked.cursor, now=later).run_requests


def test_a_run_that_cannot_be_followed_is_tried_again_for_a_while_and_then_passed_over(
    store: AccountStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bohdan = sleeper(store, 1), sleeper(store, 2)
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
    anna = sleeper(store, 1)
    success = dg.DagsterRunStatus.SUCCESS
    unfinished = run_of(instance, anna, runs.still_to_walk_tags(800), success, job="walk_library")
    finished = run_of(instance, anna, runs.still_to_walk_tags(0), success, job="walk_library")

    request = following.walk_on(*ended(unfinished, instance, store))

    assert isinstance(request, dg.RunRequest)
    assert request.run_key == f"walk:{unfinished.run_id}"
    assert "read to its end" in str(following.walk_on(*ended(finished, instance, store)))


@dg.op
def _ends() -> None:
    """Nothing more."""


@dg.job(name="daily_vibe")
def _ended_list() -> None:
    _ends()


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
    with dg.build_sensor_context(instance, cursor=cursor, resources=resources_at(now)) as context:
        answer = sensor(context)
    assert isinstance(answer, dg.SensorResult)
    return answer


def _look_at_people(instance: dg.DagsterInstance) -> object:
    with dg.build_sensor_context(instance, resources=resources_at(NOW)) as context:
        return automation.people(context)
