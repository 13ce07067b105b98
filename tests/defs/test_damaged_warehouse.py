"""A warehouse that is damaged while a run needs it: the run goes on, or its list is begun anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.vibe_world import VibeWorld
from tests.support.warehouse_examples import damaged_for_writers
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.defs import library
from vibe_pipeline.defs.run_context import SELECTION
from vibe_pipeline.taste.library_refresh import LibraryDelta, library_delta


def kept_aside(world: VibeWorld) -> list[Path]:
    return [*world.settings.warehouse_path.parent.glob("*.damaged-*")]


@pytest.fixture
def anna(world: VibeWorld) -> Iterator[Account]:
    """Somebody with a list; what was set aside for her is taken away."""
    anna = world.at_home()
    world.run(runs.DAILY_VIBE, anna.user_id)
    yield anna
    for path in kept_aside(world):
        path.unlink()


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def test_damage_that_only_whoever_writes_meets_costs_nobody_a_row_nor_a_second_run(
    world: VibeWorld, anna: Account
) -> None:
    before = set(world.remembered(anna.user_id))
    assert damaged_for_writers(world.settings.warehouse_path)

    second = world.run(runs.DAILY_VIBE, anna.user_id)

    now = {track.key for track in world.list_of(second).tracks}
    assert set(world.remembered(anna.user_id)) == before | now
    assert now.isdisjoint(before)
    assert len(kept_aside(world)) == 1


def test_no_list_is_made_of_the_library_that_a_run_lost_on_its_way(
    world: VibeWorld, anna: Account
) -> None:
    before = set(world.remembered(anna.user_id))
    kept = world.settings.warehouse_path.read_bytes()
    world.settings.warehouse_path.unlink()

    failed = world.run(runs.DAILY_VIBE, anna.user_id, selection=[SELECTION], raise_on_error=False)

    assert "holds no library" in world.failure(failed)
    begun = world.list_of(failed)
    assert (begun.state, begun.cause) == (EditionState.STARTED, None)
    again = world.run(runs.DAILY_VIBE, anna.user_id)
    assert {track.key for track in world.list_of(again).tracks}.isdisjoint(before)
    world.settings.warehouse_path.write_bytes(kept)


def test_a_library_that_is_lost_while_spotify_is_asked_is_not_taken_for_a_small_one(
    world: VibeWorld, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.settings.warehouse_path
    kept = path.read_bytes()

    async def lost_meanwhile(*args: Any, **named: Any) -> LibraryDelta:
        path.unlink(missing_ok=True)
        return await library_delta(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(library, "library_delta", lost_meanwhile)
        failed = world.run(runs.DAILY_VIBE, anna.user_id, raise_on_error=False)
    world.run(runs.DAILY_VIBE, anna.user_id)

    assert "holds no library" in world.failure(failed)
    assert len(world.list_of(failed).tracks) == anna.playlist_size
    path.write_bytes(kept)


def test_an_archive_asked_for_of_a_damaged_warehouse_holds_what_the_account_store_gives_back(
    world: VibeWorld, anna: Account
) -> None:
    halve(world.settings.warehouse_path)

    exported = world.run(runs.EXPORT_PERSON, anna.user_id)

    rows = world.output_metadata(exported, "export")
    assert rows["warehouse/recommendation_history"].value == anna.playlist_size
    assert len(kept_aside(world)) == 1


def test_somebody_elses_file_in_the_warehouses_place_is_told_and_not_touched(
    world: VibeWorld, anna: Account
) -> None:
    path = world.settings.warehouse_path
    ours = path.read_bytes()
    path.write_text("Dear listener, this is not a database. " * 200)

    failed = world.run(runs.EXPORT_PERSON, anna.user_id, raise_on_error=False)

    assert not failed.success
    assert "is not a DuckDB database" in world.failure(failed)
    assert path.read_text().startswith("Dear listener")
    path.write_bytes(ours)
