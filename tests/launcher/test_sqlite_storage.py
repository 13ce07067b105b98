"""Dagster's storage with open connections: the same files as Dagster's own, seen live by others."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from dagster import DagsterEventType, DagsterInstance, EventLogEntry
from sqlalchemy.exc import DatabaseError

from tests.support.launched_jobs import defs
from vibe_pipeline.launcher.dagster_internals import ConfigurableClassData
from vibe_pipeline.launcher.sqlite_storage import (
    RUNS_KEPT_OPEN,
    PooledEventLogStorage,
    PooledSqliteStorage,
)

POOLED = "PooledSqliteStorage"


@contextmanager
def opened(home: Path, *, pooled: bool = True) -> Iterator[DagsterInstance]:
    """The instance in this folder, with our storage or Dagster's own."""
    home.mkdir(exist_ok=True)
    configuration: dict[str, Any] = {"telemetry": {"enabled": False}}
    if pooled:
        ours = {"module": "vibe_pipeline.launcher", "class": POOLED}
        configuration["storage"] = {"custom": {**ours, "config": {"base_dir": str(home)}}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


def new_run(instance: DagsterInstance) -> str:
    return instance.create_run_for_job(defs.resolve_job_def("greet_job")).run_id


def report(instance: DagsterInstance, run_id: str, message: str) -> None:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_engine_event(message, run)


def messages(instance: DagsterInstance, run_id: str) -> list[str]:
    return [entry.get_dagster_event().message or "" for entry in instance.all_logs(run_id)]


def tables(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def test_a_home_goes_from_dagsters_storage_to_ours_and_back(tmp_path: Path) -> None:
    with opened(tmp_path, pooled=False) as instance:
        run_id = new_run(instance)
        report(instance, run_id, "first")

    with opened(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        assert messages(instance, run_id) == ["first"]
        report(instance, run_id, "second")
        ours = new_run(instance)
        report(instance, ours, "third")

    with opened(tmp_path, pooled=False) as instance:
        assert messages(instance, run_id) == ["first", "second"]
        assert messages(instance, ours) == ["third"]
        assert {run.run_id for run in instance.get_runs()} == {run_id, ours}


def test_every_run_gets_the_tables_that_dagster_would_make(tmp_path: Path) -> None:
    with opened(tmp_path / "stock", pooled=False) as instance:
        report(instance, (stock := new_run(instance)), "here")
    with opened(tmp_path / "ours") as instance:
        runs = [new_run(instance) for _ in range(3)]
        for run_id in runs:
            report(instance, run_id, "here")

    wanted = tables(tmp_path / "stock" / "history" / "runs" / f"{stock}.db")
    for run_id in runs:
        assert tables(tmp_path / "ours" / "history" / "runs" / f"{run_id}.db") == wanted


def test_a_commit_leaves_syncing_to_the_write_ahead_logs_checkpoint(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id = new_run(instance)
        storage = instance.event_log_storage
        assert isinstance(storage, PooledEventLogStorage)

        with storage.run_connection(run_id) as connection:
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            sync = connection.exec_driver_sql("PRAGMA synchronous").scalar()

    assert (journal, sync) == ("wal", 1)


def test_a_file_without_a_write_ahead_log_is_synced_in_full(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id = new_run(instance)
        report(instance, run_id, "here")
    path = tmp_path / "history" / "runs" / f"{run_id}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")

    with opened(tmp_path) as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, PooledEventLogStorage)
        with storage.run_connection(run_id) as connection:
            sync = connection.exec_driver_sql("PRAGMA synchronous").scalar()

    assert sync == 2


def test_who_watches_a_run_hears_of_events_that_another_process_keeps_in_its_open_file(
    tmp_path: Path,
) -> None:
    heard: list[str] = []
    both = threading.Event()

    def hear(entry: EventLogEntry, _cursor: str) -> None:
        heard.append(entry.get_dagster_event().message or "")
        if len(heard) == 2:
            both.set()

    with opened(tmp_path) as worker, opened(tmp_path) as webserver:
        run_id = new_run(worker)
        report(worker, run_id, "before")
        cursor = webserver.get_records_for_run(run_id).cursor
        webserver.watch_event_logs(run_id, cursor, hear)

        report(worker, run_id, "one")
        report(worker, run_id, "two")

        assert both.wait(10), heard
        webserver.end_watch_event_logs(run_id, hear)
    assert heard == ["one", "two"]


def test_two_processes_that_begin_the_same_runs_file_make_it_once(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other, ThreadPoolExecutor(2) as pool:
        for instance in (one, other):
            report(instance, new_run(instance), "so that both know what a blank file holds")
        run_ids = [f"run-{number}" for number in range(20)]
        for run_id in run_ids:
            storages = (one.event_log_storage, other.event_log_storage)
            assert list(pool.map(lambda s, r=run_id: s.get_logs_for_run(r), storages)) == [[], []]


def test_a_file_that_was_removed_is_not_read_on(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        run_id = new_run(one)
        report(one, run_id, "here")
        assert messages(other, run_id) == ["here"]

        one.event_log_storage.wipe()

        assert messages(other, run_id) == []


def test_where_tables_of_dagsters_were_deleted_who_runs_and_who_starts_share_new_ones(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as running:
        new_run(running)
        for path in (*tmp_path.glob("history/runs.db*"), *tmp_path.glob("schedules/*.db*")):
            path.unlink()

        run_id = new_run(running)
        assert running.all_instigator_state() == []

        with opened(tmp_path) as started:
            assert [run.run_id for run in started.get_runs()] == [run_id]
            assert started.all_instigator_state() == []
        assert ("job_ticks",) in {
            (name,) for name, _ in tables(tmp_path / "schedules/schedules.db")
        }


def test_a_storage_whose_folder_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as running:
        new_run(running)
        shutil.rmtree(tmp_path / "home")

        running.get_runs()

        assert not (tmp_path / "home").exists()


def zero_all_but_the_first_page(path: Path) -> None:
    """As a bad disk leaves them; what waits in the write-ahead log is written back before."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(size - 4096))


def ask_all(instance: DagsterInstance) -> str:
    """Have something written to each file; gives the run whose log it is."""
    run_id = new_run(instance)
    report(instance, run_id, "asked")
    instance.add_dynamic_partitions("users", [run_id])
    instance.all_instigator_state()
    return run_id


def test_a_file_damaged_while_processes_have_it_open_is_set_aside_and_all_go_on(
    tmp_path: Path,
) -> None:
    places = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
    with opened(tmp_path) as there_before:
        for place in places:
            ask_all(there_before)
            zero_all_but_the_first_page(tmp_path / place)

            for _ in places:
                with suppress(DatabaseError, sqlite3.DatabaseError), opened(tmp_path) as instance:
                    run_id = ask_all(instance)

            assert messages(there_before, run_id) == ["asked"]
            assert run_id in there_before.get_dynamic_partitions("users")
            report(there_before, run_id, "by the other")
            with opened(tmp_path) as instance:
                assert messages(instance, run_id) == ["asked", "by the other"]
            assert len([*tmp_path.rglob("*.db.damaged-*[0-9]")]) == 1 + places.index(place)


def test_the_damaged_events_of_a_run_hold_only_that_run(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id, other = new_run(instance), new_run(instance)
        report(instance, run_id, "lost")
        report(instance, other, "kept")
    zero_all_but_the_first_page(tmp_path / "history" / "runs" / f"{run_id}.db")

    with opened(tmp_path) as instance:
        with pytest.raises((DatabaseError, sqlite3.DatabaseError)):
            messages(instance, run_id)
        report(instance, run_id, "anew")

        assert (messages(instance, run_id), messages(instance, other)) == (["anew"], ["kept"])


def test_a_letter_of_one_run_that_is_none_any_more_hides_no_other(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        runs = {new_run(instance), new_run(instance)}
        with closing(sqlite3.connect(tmp_path / "history" / "runs.db")) as connection:
            run_id, body = connection.execute("SELECT run_id, run_body FROM runs").fetchone()
            damaged = body.encode().replace(b"greet_job", b"greet\xe1job", 1)
            assert damaged != body.encode()
            change = "UPDATE runs SET run_body = CAST(? AS TEXT) WHERE run_id = ?"
            connection.execute(change, [damaged, run_id])
            connection.commit()

        assert {run.run_id for run in instance.get_runs()} == runs


def test_only_the_last_runs_files_stay_open(tmp_path: Path) -> None:
    def open_files() -> set[str]:
        paths = {Path(file.path) for file in psutil.Process().open_files()}
        ours = {path for path in paths if path.is_relative_to(tmp_path)}
        return {path.name for path in ours if path.match("run-*.db")}

    with opened(tmp_path) as instance:
        for number in range(RUNS_KEPT_OPEN + 5):
            instance.event_log_storage.get_logs_for_run(f"run-{number}")

        assert len(open_files()) == RUNS_KEPT_OPEN
    assert open_files() == set()


def test_the_ends_of_runs_are_found_across_runs(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id = new_run(instance)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_failed(run, "it failed")

    with opened(tmp_path) as sensor:
        changes = sensor.fetch_run_status_changes(DagsterEventType.RUN_FAILURE, limit=5).records

    assert [change.run_id for change in changes] == [run_id]


def test_the_shipped_configuration_names_this_storage() -> None:
    text = (Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8")

    storage = yaml.safe_load(text)["storage"]["custom"]

    assert (storage["module"], storage["class"]) == ("vibe_pipeline.launcher", POOLED)
    assert PooledSqliteStorage.__name__ == POOLED
    assert storage["config"] == {}


def test_the_storage_lies_where_dagster_home_says_and_else_where_vibe_up_would_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "fresh"))
    data = ConfigurableClassData("vibe_pipeline.launcher", POOLED, "{}")

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    usual = PooledSqliteStorage.from_config_value(data, {})
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "named"))
    named = PooledSqliteStorage.from_config_value(data, {})
    told = PooledSqliteStorage.from_config_value(data, {"base_dir": str(tmp_path / "told")})

    for storage, folder in ((usual, "fresh/dagster"), (named, "named"), (told, "told")):
        assert storage.base_dir == str(tmp_path / folder)
        storage.dispose()
