"""The warehouse as a DuckDB resource: configured and used like one, and never round its lock."""

from __future__ import annotations

import sys
from contextvars import Context
from pathlib import Path

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from vibe_pipeline.defs.resources import WarehouseResource
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse, WarehouseLocked, WarehouseReadOnly

LIKE = (
    "INSERT INTO liked_tracks (user_id, spotify_id, uri, title, artists, artist_ids, added_at,"
    " seen_at) VALUES ('u1', 's1', 'x', 'Song', [], [], now()::TIMESTAMP, now()::TIMESTAMP)"
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    return read_settings().warehouse_path


def likes(path: Path) -> int:
    with Warehouse(path).open() as tables:
        (count,) = tables.connection.execute("SELECT count(*) FROM liked_tracks").fetchone() or (0,)
    return int(count)


def test_an_asset_written_for_dagsters_own_resource_takes_ours_with_its_frames_and_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "pandas", raising=False)

    @dg.asset
    def my_table(duckdb: DuckDBResource) -> tuple[int, bool]:
        with duckdb.get_connection() as connection:
            connection.execute(LIKE)
            (threads,) = connection.execute("SELECT current_setting('threads')").fetchone()
            return threads, sys.modules.get("pandas", "not yet") is not None

    resource = WarehouseResource(database=str(path), connection_config={"threads": 3})
    # Apart from the instance that a story before this one may have had.
    result = Context().run(dg.materialize, [my_table], resources={"duckdb": resource})

    assert result.output_for_node("my_table") == (3, True)
    assert likes(path) == 1


def test_nobody_gets_in_meanwhile_and_an_error_leaves_nothing_behind(path: Path) -> None:
    def failing() -> None:
        with WarehouseResource(database=str(path)).get_connection() as connection:
            connection.execute(LIKE)
            with pytest.raises(WarehouseLocked), Warehouse(path, patience=0.05).open():
                pass
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        failing()

    assert likes(path) == 0


def test_a_file_that_may_only_be_read_is_not_written(path: Path) -> None:
    likes(path)
    resource = WarehouseResource(database=str(path), connection_config={"access_mode": "READ_ONLY"})

    def write() -> None:
        with resource.get_connection() as connection:
            connection.execute(LIKE)

    with pytest.raises(WarehouseReadOnly):
        write()

    assert likes(path) == 0


@pytest.mark.parametrize("database", [":memory:", ":memory:ours"])
def test_what_is_no_file_is_refused_in_words(database: str) -> None:
    with pytest.raises(dg.DagsterInvariantViolationError, match="a file that stays, or a server"):
        WarehouseResource(database=database).open()
