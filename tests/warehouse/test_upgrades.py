"""A file of every former schema level, with data in it, is brought up and goes on."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.support.warehouse_examples import ANNA, NOON, like, track
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.schema import file_version, migrations

_LEDGER = (
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL,"
    " applied_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'))"
)
_LIKE = (
    "INSERT INTO liked_tracks (user_id, spotify_id, uri, title, artists, artist_ids, added_at,"
    " seen_at) VALUES (?, ?, ?, 'Song', ['Artist'], ['a1'], ?, ?)"
)


def file_of_level(path: Path, level: int) -> None:
    """As that version of the program left it, with one like of Anna's."""
    one, moment = track(1), NOON.replace(tzinfo=None)
    with duckdb.connect(path) as connection:
        connection.execute(_LEDGER)
        for step in migrations()[:level]:
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO schema_version (version, name) VALUES (?, ?)",
                [step.version, step.name],
            )
        connection.execute(_LIKE, [ANNA, one.spotify_id, one.uri, moment, moment])


@pytest.mark.parametrize("level", range(1, len(migrations()) + 1))
def test_a_file_of_a_former_level_keeps_its_likes_and_takes_new_ones(
    tmp_path: Path, level: int
) -> None:
    file_of_level(tmp_path / "warehouse.duckdb", level)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")

    with warehouse.open() as tables:
        before = [one.track.spotify_id for one in tables.library.likes(ANNA)]
        tables.library.change_likes(ANNA, added=[like(2)], gone=(), total=2, seen_at=NOON)

    assert before == [track(1).spotify_id]
    with warehouse.open() as tables:
        assert file_version(tables.connection) == migrations()[-1].version
        assert len(tables.library.likes(ANNA)) == 2
