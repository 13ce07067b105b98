"""What is let go by itself: old, counted, and nothing that anybody would miss."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.accounts.records import Account, StateKind
from vibe_pipeline.defs.retention import retaining
from vibe_pipeline.installation.set_aside import before_restore, set_aside
from vibe_pipeline.personal_data.archives import archive_path, unfinished
from vibe_pipeline.personal_data.retention import let_go_of_set_aside
from vibe_pipeline.playlists.replay import NothingStored, edition_on, replay
from vibe_pipeline.settings import SettingsInvalid, settings_from

TODAY = datetime.now(UTC).date()
LONG_AGO = TODAY - timedelta(days=366)
A_YEAR_AGO = TODAY - timedelta(days=365)


def retention(world: VibeWorld) -> dict[str, Any]:
    """What a night's run says it let go."""
    result = world.definitions.resolve_job_def("nightly_retention").execute_in_process(
        instance=world.instance
    )
    (event,) = [event for event in result.all_events if event.is_successful_output]
    metadata = event.step_output_data.metadata
    return {name: value.value for name, value in metadata.items()}


def list_of(world: VibeWorld, person: Account, day: date) -> None:
    world.run("daily_vibe", person.user_id, tags={"vibe/vibe_date": day.isoformat()})


def replays_equal(world: VibeWorld, person: Account, day: date) -> bool:
    with world.warehouse.open() as tables:
        return replay(tables, *edition_on(tables, person.user_id, day)).equal


def test_only_what_old_lists_were_made_from_goes_and_the_run_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vibe_world(tmp_path) as world:
        world.point_here(monkeypatch)
        person = world.at_home()
        for day in (LONG_AGO, A_YEAR_AGO, TODAY):
            list_of(world, person, day)
        world.store.oauth_states.make(person.user_id, StateKind.LINK, ttl=0)
        archive = archive_path(world.settings.home, "a run of long ago")
        archive.parent.mkdir()
        for left in (archive, unfinished(archive)):
            left.touch()
            os.utime(left, (0, 0))
        damaged = world.settings.warehouse_path.with_name(
            "warehouse.duckdb.damaged-20200101-060000"
        )
        damaged.touch()

        told, again = retention(world), retention(world)

        with world.warehouse.open() as tables, pytest.raises(NothingStored):
            edition_on(tables, person.user_id, LONG_AGO)
        assert replays_equal(world, person, A_YEAR_AGO)
        assert replays_equal(world, person, TODAY)
        with world.warehouse.open() as tables:
            days = {line.vibe_date for line in tables.playlists.recommended(person.user_id)}
        (remembered,) = world.store.editions.of_day(person.user_id, LONG_AGO)
    assert told["days kept"] == 365
    assert told["warehouse.edition_inputs"] == 1
    assert told["warehouse.ranked_selection"] > 0
    assert told["accounts.oauth_states"] == 1
    assert told["archives let go"] == 2
    assert told["stores set aside let go"] == 1
    assert not damaged.exists()
    assert list(archive.parent.iterdir()) == []
    assert told["rows let go"] == sum(
        count for name, count in told.items() if name.startswith(("warehouse.", "accounts."))
    )
    assert again["rows let go"] == 0
    assert days == {LONG_AGO, A_YEAR_AGO, TODAY}
    assert remembered.tracks


def test_stores_that_were_set_aside_go_after_a_while_and_what_else_lies_there_stays(
    tmp_path: Path,
) -> None:
    home, warehouse = tmp_path / "home", tmp_path / "disk" / "w.duckdb"
    settings = settings_from({"VIBE_HOME": str(home), "DB_PATH": str(warehouse)})
    now = datetime(2026, 12, 31, tzinfo=UTC)
    runs = home / "dagster" / "history" / "runs.db"
    for path in (runs, home / "accounts.sqlite", warehouse):
        path.parent.mkdir(parents=True, exist_ok=True)
        for days in (31, 29):
            path.touch()
            Path(f"{path}-wal").touch()
            set_aside(path, now=now - timedelta(days=days), beside=("-wal",))
    for days in (31, 29):
        folder = before_restore(home, now - timedelta(days=days))
        folder.mkdir()
        (folder / "accounts.sqlite").touch()
    others = {home / "notes.damaged-by-me", home / "before-restore-notes", warehouse}
    for other in others:
        other.touch()

    gone = let_go_of_set_aside(settings, now=now)

    left = [one for one in tmp_path.rglob("*") if re.search("damaged|before-restore", one.name)]
    assert gone == 3 * 2 + 1
    assert {one for one in left if "20261202" not in one.name} == others - {warehouse}
    assert len(left) == 3 * 2 + 1 + 2
    assert warehouse.exists()


def test_a_doubled_tick_lets_go_once_a_night() -> None:
    night = datetime(2026, 11, 20, 3, 50, tzinfo=UTC)

    requests = [
        retaining(dg.build_schedule_context(scheduled_execution_time=moment))
        for moment in (night, night + timedelta(minutes=1), night + timedelta(days=1))
    ]

    keys = [request.run_key for request in requests if isinstance(request, dg.RunRequest)]
    assert keys == ["2026-11-20", "2026-11-20", "2026-11-21"]


def test_nobody_may_keep_less_than_the_resting_of_tracks_needs() -> None:
    with pytest.raises(SettingsInvalid, match="RETENTION_DAYS"):
        settings_from({"RETENTION_DAYS": "89"})
