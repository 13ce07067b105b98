"""Records that are made from their rows once the file is closed."""

from __future__ import annotations

from pathlib import Path

from tests.support.warehouse_examples import ANNA, NOON, like
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.rows import Deferred


def test_records_are_made_once_and_only_when_they_are_looked_at() -> None:
    made: list[str] = []

    def make() -> list[int]:
        made.append("now")
        return [1, 2, 3]

    records = Deferred(make)

    assert made == []
    assert (list(records), len(records), records[0], records[1:]) == ([1, 2, 3], 3, 1, [2, 3])
    assert records == [1, 2, 3] != Deferred(lambda: [1, 2])
    assert repr(records) == "[1, 2, 3]"
    assert made == ["now"]


def test_what_was_read_is_told_as_it_was_when_the_file_was_open(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
    with warehouse.open() as tables:
        likes = tables.library.likes(ANNA)
    with warehouse.open() as tables:
        tables.forget(ANNA)

    assert likes == [like(1)]
