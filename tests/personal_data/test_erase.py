"""Being forgotten: every store is swept, and counting proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import dagster as dg

from tests.support.secret_search import SecretSearch
from tests.support.sent_history import lay_down, plays
from tests.support.vibe_world import VibeWorld
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, Erasure, HistoryService, WishKind
from vibe_pipeline.defs.erase import promises
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.personal_data.archives import archive_path, unfinished
from vibe_pipeline.personal_data.export import everything
from vibe_pipeline.records import Source

OUTSIDE = frozenset(Source) - {Source.REDISCOVERED_LIKES}


def with_a_list(world: VibeWorld, name: str) -> Account:
    person = world.store.people.change(world.connected(name).user_id, sources_off=OUTSIDE)
    world.run("daily_vibe", person.user_id)
    return person


def sweep(world: VibeWorld, note: Erasure) -> dg.ExecuteInProcessResult:
    return world.definitions.resolve_job_def("forget_person").execute_in_process(
        instance=world.instance,
        run_config={"ops": {"forget": {"config": {"receipt": note.receipt}}}},
        tags={runs.RECEIPT: note.receipt},
        raise_on_error=False,
    )


def rows(world: VibeWorld, person: Account) -> int:
    with world.warehouse.open() as tables:
        return tables.rows_of(person.user_id)


def run_count(world: VibeWorld, person: Account) -> int:
    return len(world.instance.get_runs(dg.RunsFilter(tags={runs.PARTITION: person.user_id})))


def with_everything(world: VibeWorld, name: str) -> tuple[Account, Mapping[str, str]]:
    """Somebody who gave us all there is to give and has a list; and words to be searched for."""
    anna, words = giving_everything(world, name)
    world.run(runs.DAILY_VIBE, anna.user_id)
    return anna, words


def giving_everything(world: VibeWorld, name: str) -> tuple[Account, Mapping[str, str]]:
    """Somebody who switched on all there is, before their first list."""
    words = {
        "title": "Erasable Evenings",
        "address": "https://ntfy.example.org/erasable-topic",
        "chosen": "The Erasable Three",
        "wish": "erasable shoegaze",
        "archive": "Zoë & the Erasable Owls",
        "waiting": "Erasable_Waiting",
    }
    anna = world.store.people.change(
        world.connected(name, covers=True).user_id,
        sources_off=OUTSIDE,
        own_title=words["title"],
        covers=True,
        leaves_out_explicit=True,
    )
    store, listener = world.store, world.listener_of(anna).listener.id
    store.notice_targets.set(anna.user_id, words["address"])
    store.chosen_artists.add(anna.user_id, "erasable three", words["chosen"])
    store.steering.set(anna.user_id, WishKind.MORE, words["wish"], words["wish"])
    store.history_sources.set(anna.user_id, HistoryService.LASTFM, listener)
    world.run(runs.READ_HISTORY, anna.user_id)
    sent = lay_down(world, anna, plays(2019, artist=words["archive"]))
    world.run(runs.IMPORT_HISTORY, anna.user_id, tags={runs.FILE: sent.name})
    lay_down(world, anna, plays(2020, artist=words["waiting"]), number=2)
    return anna, words


def search(world: VibeWorld, words: Mapping[str, str]) -> set[str]:
    """Which of these words stand in any row of any store, or in any other file.

    What a database leaves in pages that it has freed is no row, and is written over in time.
    """
    looking = SecretSearch.of(words)
    looking.home(world.settings.home)
    stores = ("accounts.sqlite", "warehouse.duckdb")
    return {name for name, where in looking.met if " " in where or not where.startswith(stores)}


def test_somebody_forgotten_is_in_no_store_and_nobody_else_loses_a_row(world: VibeWorld) -> None:
    (anna, words), boris = with_everything(world, "Anna"), with_a_list(world, "Boris")
    before, marks = rows(world, boris), {**words, "id": anna.user_id}
    assert search(world, marks) == set(marks) - {"address"}
    handed_out = everything(world.store, world.warehouse, anna.user_id)

    note = world.store.erasures.forget(anna.user_id)
    result = sweep(world, note)

    swept = world.store.erasures.get(note.receipt)
    assert result.success
    assert swept is not None
    assert swept.swept_at is not None
    for name, kept in handed_out.items():
        store, _, table = name.partition("/")
        assert swept.counts.get(f"{store}.{table}", 0) == len(kept), name
    assert swept.counts["accounts.tokens"] == swept.counts["files.sent"] == 1
    assert swept.counts["dagster.runs"] == 3
    assert swept.counts["dagster.partitions"] == 1
    assert world.store.erasures.left_of(anna.user_id) == 0
    assert rows(world, anna) == run_count(world, anna) == 0
    assert not world.instance.has_dynamic_partition("users", anna.user_id)
    assert rows(world, boris) == before
    assert run_count(world, boris) == 1
    world.store.erasures.close(note.receipt)
    assert search(world, marks) == set()


def test_an_export_holds_all_that_somebody_gave_and_no_address_of_notices(world: VibeWorld) -> None:
    anna, words = giving_everything(world, "Anna")

    tables = everything(world.store, world.warehouse, anna.user_id)

    told = json.dumps(tables, default=str, ensure_ascii=False)
    assert {name for name, word in words.items() if word not in told} == {"address", "waiting"}
    for name in (
        *("accounts/history_sources", "accounts/steering", "accounts/chosen_artists"),
        *("accounts/notice_targets", "warehouse/listening_history", "warehouse/heard_recordings"),
        "warehouse/history_imports",
    ):
        assert tables[name], name


def test_dagster_keeps_no_copy_of_the_last_event(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.forget(anna.user_id)

    sweep(world, note)

    for key in world.instance.all_asset_keys():
        event = world.instance.get_latest_materialization_event(key)
        assert event is None or anna.user_id not in str(event)
    checks = world.definitions.resolve_asset_graph().asset_check_keys
    history = world.instance.event_log_storage.get_asset_check_execution_history
    answers = [answer for check in checks for answer in history(check, limit=100)]
    assert not any(anna.user_id in str(answer) for answer in answers)


def test_an_archive_nobody_fetched_goes_too_also_half_of_one(world: VibeWorld) -> None:
    anna = world.connected("Anna")
    made = world.run("export_person", anna.user_id)
    path = archive_path(world.settings.home, made.run_id)
    half = unfinished(path)
    half.write_text("as far as a killed run came")
    before = path.exists()

    sweep(world, world.store.erasures.forget(anna.user_id))

    assert before
    assert not path.exists()
    assert not half.exists()


def test_the_run_that_erases_names_nobody(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.forget(anna.user_id)

    result = sweep(world, note)

    run = world.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert anna.user_id not in f"{run.tags} {run.run_config}"
    events = world.instance.all_logs(result.run_id)
    assert not any(anna.user_id in str(event) for event in events)


def test_sweeping_again_changes_nothing(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.forget(anna.user_id)
    sweep(world, note)
    first = world.store.erasures.get(note.receipt)

    again = sweep(world, note)

    assert again.success
    assert world.store.erasures.get(note.receipt) == first


def test_nothing_is_swept_under_a_run_and_the_sensor_waits_for_it(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    world.instance.create_run_for_job(
        world.definitions.resolve_job_def("sync_library"),
        tags={runs.PARTITION: anna.user_id},
        status=dg.DagsterRunStatus.STARTED,
    )
    note = world.store.erasures.forget(anna.user_id)

    result = sweep(world, note)
    waits = promises(
        dg.build_sensor_context(
            instance=world.instance,
            resources={"accounts": AccountsResource(), "clock": ClockResource()},
        )
    )

    kept = world.store.erasures.get(note.receipt)
    assert not result.success
    assert kept is not None
    assert kept.swept_at is None
    assert isinstance(waits, dg.SkipReason)
    world.store.erasures.close(note.receipt)


def test_the_sensor_keeps_a_promise_that_was_left_open(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.forget(anna.user_id)

    found = promises(
        dg.build_sensor_context(
            instance=world.instance,
            resources={"accounts": AccountsResource(), "clock": ClockResource()},
        )
    )

    assert isinstance(found, list)
    (request,) = found
    assert request.run_key == f"{note.receipt}:1"
    assert request.run_config == {"ops": {"forget": {"config": {"receipt": note.receipt}}}}
    assert anna.user_id not in str(request)
    world.store.erasures.close(note.receipt)


def test_deleting_one_of_several_runs_does_not_stop_an_erasure(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.forget(anna.user_id)
    world.instance.create_run_for_job(
        world.definitions.resolve_job_def("forget_person"),
        tags={**runs.receipt_tags(note.receipt), runs.RUN_KEY: f"{note.receipt}:2"},
        run_config={"ops": {"forget": {"config": {"receipt": note.receipt}}}},
        status=dg.DagsterRunStatus.FAILURE,
    )

    found = promises(
        dg.build_sensor_context(
            instance=world.instance,
            resources={"accounts": AccountsResource(), "clock": ClockResource()},
        )
    )

    assert isinstance(found, list)
    assert [request.run_key for request in found] == [f"{note.receipt}:3"]
    world.store.erasures.close(note.receipt)


def test_unlinking_erases_the_listening_and_keeps_our_lists(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    remembered = world.remembered(anna.user_id)

    note = world.store.erasures.disconnect(anna.user_id)
    result = sweep(world, note)

    account = world.store.people.get(anna.user_id)
    assert result.success
    assert account is not None
    assert not account.connected
    assert world.store.tokens.get(anna.user_id) is None
    with world.warehouse.open() as tables:
        assert tables.rows_of_listening(anna.user_id) == 0
    assert world.remembered(anna.user_id) == remembered != []
    assert world.instance.has_dynamic_partition("users", anna.user_id)
    assert run_count(world, anna) == 0


def test_what_is_read_after_connecting_again_survives_a_late_erasure(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.disconnect(anna.user_id)
    world.connect_again(anna)

    world.run(runs.SYNC_LIBRARY, anna.user_id)
    with world.warehouse.open() as tables:
        read = tables.rows_of_listening(anna.user_id)
        likes = len(tables.library.likes(anna.user_id))
    swept = world.store.erasures.get(note.receipt)
    late = sweep(world, note)

    assert late.success
    assert swept is not None
    assert swept.swept_at is not None
    assert swept.counts["warehouse.liked_tracks"] == likes > 0
    assert swept.counts["dagster.runs"] == 1
    with world.warehouse.open() as tables:
        assert tables.rows_of_listening(anna.user_id) == read


def test_nothing_is_erased_late_from_somebody_who_has_connected_again(world: VibeWorld) -> None:
    anna = with_a_list(world, "Anna")
    note = world.store.erasures.disconnect(anna.user_id)
    world.connect_again(anna)

    late = sweep(world, note)

    kept = world.store.erasures.get(note.receipt)
    assert late.success
    assert kept is not None
    assert kept.swept_at is None
    world.store.erasures.close(note.receipt)


def test_what_a_run_of_before_may_still_write_is_waited_for_and_the_queue_is_not(
    world: VibeWorld,
) -> None:
    anna = with_a_list(world, "Anna")
    job = world.definitions.resolve_job_def("sync_library")
    queued, running = (
        world.instance.create_run_for_job(
            job, tags={runs.PARTITION: anna.user_id}, status=dg.DagsterRunStatus(status)
        )
        for status in ("NOT_STARTED", "STARTED")
    )
    note = world.store.erasures.disconnect(anna.user_id)
    world.connect_again(anna)

    too_early = world.run(runs.SYNC_LIBRARY, anna.user_id, raise_on_error=False)
    waiting = world.store.erasures.waiting()
    world.instance.report_run_canceled(running)
    later = world.run(runs.SYNC_LIBRARY, anna.user_id)

    assert not too_early.success
    assert [one.receipt for one in waiting] == [note.receipt]
    assert later.success
    assert world.instance.has_run(queued.run_id)
    assert not world.instance.has_run(running.run_id)
    world.instance.delete_run(queued.run_id)


def test_another_spotify_account_begins_without_what_the_former_one_played(
    world: VibeWorld,
) -> None:
    anna, boris = with_a_list(world, "Anna"), world.connected("Boris")
    with world.warehouse.open() as tables:
        former = {like.track.spotify_id for like in tables.library.likes(anna.user_id)}
    world.store.erasures.forget(boris.user_id)
    world.connect_again(anna, listening_of=boris)

    world.run(runs.SYNC_LIBRARY, anna.user_id)

    own = {saved.uri for saved in world.listener_of(boris).saved}
    with world.warehouse.open() as tables:
        likes = {like.track.spotify_id for like in tables.library.likes(anna.user_id)}
        given = tables.playlists.recommended(anna.user_id)
    assert former
    assert likes
    assert {f"spotify:track:{one}" for one in likes} <= own
    assert given
