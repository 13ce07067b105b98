"""What is looked at before a start, and by whoever asks the doctor."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from cryptography.fernet import Fernet

from tests.accounts.test_damaged_file import damage_index, replace_page
from tests.playlists.test_warehouse_recovery import published
from tests.support.accounts_site import connected
from vibe_pipeline.accounts.store import migrate, open_for, utc_now
from vibe_pipeline.commands.checks import Finding, NotReady, recovery, state, stop_on_trouble
from vibe_pipeline.commands.diagnosis import promises, stores
from vibe_pipeline.commands.service_checks import before_a_start
from vibe_pipeline.settings import Settings, settings_from
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.connection import FileEngine
from vibe_pipeline.warehouse.damage import trouble_with


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_from({"VIBE_HOME": str(tmp_path)})
    migrate(settings.accounts_address)
    connected(open_for(settings))
    return settings


def test_a_deleted_key_is_told_and_stops_no_start(settings: Settings) -> None:
    (settings.home / "secret.key").unlink()

    (sentence,) = stop_on_trouble(state(settings))

    assert "sealed with another key" in sentence


def test_another_key_is_told_too(settings: Settings) -> None:
    (settings.home / "secret.key").write_bytes(Fernet.generate_key())

    assert any("secret.key" in trouble for trouble in stop_on_trouble(state(settings)))


def test_the_right_key_gives_no_trouble(settings: Settings) -> None:
    assert stop_on_trouble(state(settings)) == []


def test_the_doctor_names_the_rows_that_are_damaged_and_no_start_waits_for_them(
    settings: Settings,
) -> None:
    store = open_for(settings)
    (anna,) = store.people.ids()
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE tokens SET scopes = '{x'")

    (told,) = [one.trouble for one in stores(settings) if one.trouble]

    assert f"the tokens of {anna}" in told
    assert stop_on_trouble(state(settings)) == []


@pytest.mark.parametrize(("hours", "late"), [(0, 0), (2, 1)])
def test_the_doctor_names_a_promise_to_erase_that_is_not_kept(
    settings: Settings, hours: int, late: int
) -> None:
    store = open_for(settings, now=lambda: utc_now() - timedelta(hours=hours))
    (anna,) = store.people.ids()
    store.erasures.forget(anna)

    told = [one.trouble or "" for one in promises(settings)]

    assert len(told) == late
    assert all("that are not kept yet: 1, the first of" in one for one in told)


def test_the_doctor_names_a_lock_that_nobody_can_hold(settings: Settings) -> None:
    with Warehouse(settings.warehouse_path).open():
        pass
    lock = Path(f"{settings.warehouse_path}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()

    (told,) = [one.trouble for one in stores(settings) if one.trouble]

    assert f"{lock} must be a file" in told


def test_what_stops_a_start_is_raised_and_what_does_not_is_given() -> None:
    mild = Finding(what="a", trouble="mild", stops=False)

    assert stop_on_trouble([mild]) == ["mild"]
    with pytest.raises(NotReady, match="grave"):
        stop_on_trouble([mild, Finding(what="b", trouble="grave")])


def test_telegram_away_is_said_and_stops_no_start_where_people_have_their_nights() -> None:
    away = settings_from(
        {
            "TELEGRAM_BOT_TOKEN": "12345:not-a-real-token-but-shaped-like-one-000",
            "TELEGRAM_API_URL": "http://127.0.0.1:9",
            "SPOTIFY_API_URL": "http://127.0.0.1:9",
        }
    )

    said = stop_on_trouble(before_a_start(away, has_people=True, now=utc_now))

    assert ["Telegram does not answer" in sentence for sentence in said] == [True, False]
    with pytest.raises(NotReady, match="Telegram does not answer"):
        stop_on_trouble(before_a_start(away, has_people=False, now=utc_now))


def test_a_start_without_anything_lost_says_nothing(settings: Settings) -> None:
    assert list(recovery(settings)) == []


def test_damage_in_the_middle_of_the_account_store_stops_a_start(settings: Settings) -> None:
    path = settings.home / "accounts.sqlite"
    open_for(settings).database.engine.dispose()
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(40_960, size, 8_192):
            file.seek(at)
            file.write(b"\xa7" * 2_000)

    with pytest.raises(NotReady, match="put a backup in its place"):
        stop_on_trouble(state(settings))


def a_newer_revision(path: Path) -> None:
    changed(path, "UPDATE alembic_version SET version_num = '9999'")


def no_revision(path: Path) -> None:
    changed(path, "DELETE FROM alembic_version")


def a_table_less(path: Path) -> None:
    changed(path, "DROP TABLE outbox")


def a_link_that_leads_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/accounts.sqlite")


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "harm", [a_newer_revision, no_revision, a_table_less, a_link_that_leads_nowhere]
)
def test_the_doctor_tells_of_every_account_store_on_which_nothing_would_start(
    settings: Settings, harm: Callable[[Path], None]
) -> None:
    harm(settings.home / "accounts.sqlite")

    (told,) = [one.trouble for one in stores(settings) if one.trouble]

    with pytest.raises(NotReady):
        stop_on_trouble(state(settings))
    assert "accounts.sqlite" in told


def test_a_warehouse_of_zeros_is_set_aside_and_its_lists_are_put_back(settings: Settings) -> None:
    store, warehouse = open_for(settings), Warehouse(settings.warehouse_path)
    published(store, warehouse, store.people.all()[0], "e20", 20)
    settings.warehouse_path.write_bytes(bytes(100_000))

    said = " ".join(stop_on_trouble(recovery(settings)))

    assert "warehouse.duckdb was damaged" in said
    assert "1 lists with" in said


def test_an_account_store_whose_indexes_alone_are_damaged_is_told_and_mended_by_a_start(
    settings: Settings,
) -> None:
    path = settings.home / "accounts.sqlite"
    everybody = open_for(settings).people.all()
    replace_page(path, "sqlite_autoindex_tokens_1", lambda page: bytes(len(page)))
    (told,) = [one.trouble for one in stores(settings) if one.trouble]

    (said,) = stop_on_trouble([*recovery(settings), *state(settings)])

    (aside,) = path.parent.glob("accounts.sqlite.damaged-*[0-9]")
    assert "accounts.sqlite" in told
    assert aside.name in said
    assert open_for(settings).people.all() == everybody
    assert [one.trouble for one in stores(settings) if one.trouble] == []


def test_accounts_that_contradict_their_index_are_told_and_stop_no_start(
    settings: Settings,
) -> None:
    path = settings.home / "accounts.sqlite"
    (anna,) = open_for(settings).people.all()
    damage_index(path, "sqlite_autoindex_accounts_1", anna.user_id)

    (said,) = stop_on_trouble([*recovery(settings), *state(settings)])

    assert "An index of the account store" in said
    assert [one.trouble for one in stores(settings) if one.trouble] == [said]


def test_a_lost_account_store_and_a_lost_history_of_runs_are_told(settings: Settings) -> None:
    store, warehouse = open_for(settings), Warehouse(settings.warehouse_path)
    published(store, warehouse, store.people.all()[0], "e20", 20)

    (runs,) = stop_on_trouble(recovery(settings))
    (settings.home / "dagster" / "history").mkdir(parents=True)
    (settings.home / "dagster" / "history" / "runs.db").touch()
    for suffix in ("", "-wal", "-shm"):
        (settings.home / f"accounts.sqlite{suffix}").unlink(missing_ok=True)
    (gone, *_) = [one.trouble for one in stores(settings) if one.trouble]
    (accounts,) = stop_on_trouble(recovery(settings))
    (empty, *_) = [one.trouble for one in stores(settings) if one.trouble]

    assert accounts == gone == empty
    assert "history of runs begins anew" in runs
    assert "lists (1)" in accounts
    assert "vibe restore" in accounts


@pytest.mark.parametrize(
    "name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"]
)
def test_a_damaged_database_of_dagsters_is_set_aside_by_a_start_and_told_by_the_doctor(
    settings: Settings, name: str
) -> None:
    path = settings.home / "dagster" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"junk" * 5000)

    (told,) = [one.trouble for one in stores(settings) if one.trouble]
    (said,) = stop_on_trouble(recovery(settings))

    (aside,) = path.parent.glob(f"{path.name}.damaged-*")
    assert path.name in told
    assert aside.name in said
    assert not path.exists()
    assert [one.trouble for one in stores(settings) if one.trouble] == []


def test_a_database_of_dagsters_that_may_not_be_written_stops_a_start_and_is_told_by_the_doctor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings.home / "dagster" / "history" / "runs.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id)")
    monkeypatch.setattr(os, "access", lambda other, mode: other != path or mode != os.W_OK)

    (told,) = [one.trouble for one in stores(settings) if one.trouble]

    assert str(path) in told
    with pytest.raises(NotReady, match=re.escape(told)):
        stop_on_trouble(state(settings))


@pytest.mark.parametrize("left", [0.4, 0.9])
def test_a_warehouse_that_was_cut_off_is_seen_without_reading_it(
    settings: Settings, left: float
) -> None:
    path = settings.warehouse_path
    with Warehouse(path).open():
        pass
    assert trouble_with(path) is None

    os.truncate(path, int(left * path.stat().st_size))

    assert "damaged" in str(trouble_with(path))


def test_a_warehouse_that_gave_room_back_to_the_disk_is_no_damaged_one(
    settings: Settings,
) -> None:
    path = settings.warehouse_path
    rows = "range AS number, md5(range::VARCHAR) AS words FROM range(200000)"
    engine = FileEngine(path)
    engine.make()
    with engine.transaction(patience=1) as connection:
        connection.execute(f"CREATE TABLE a_while AS SELECT {rows}")
    with engine.transaction(patience=1) as connection:
        connection.execute("DELETE FROM a_while")
    with duckdb.connect(str(path), read_only=True) as connection:
        size, blocks = connection.execute(
            "SELECT block_size, total_blocks FROM pragma_database_size()"
        ).fetchall()[0]

    assert path.stat().st_size < size * blocks
    assert trouble_with(path) is None
