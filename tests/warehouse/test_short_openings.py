"""What keeps the file open for less long: records made later, answers read together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.warehouse_examples import ANNA, NOON, like
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.lookups import LookupTable, WarehouseLookups
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


def test_answers_of_several_services_are_read_in_one_opening(tmp_path: Path) -> None:
    warehouse, openings = Warehouse(tmp_path / "w.duckdb"), list[str]()

    @contextmanager
    def opened() -> Iterator[LookupTable]:
        openings.append("once more")
        with warehouse.open() as tables:
            yield tables.lookups

    earlier = warehouse.lookups(now=lambda: NOON)
    earlier.remember("labs", {"a": "1", "b": None}, days=1)
    earlier.remember("spotify", {"c": "2"}, days=1)
    earlier.keep()
    lookups = WarehouseLookups(opened, now=lambda: NOON)

    lookups.read_ahead({"labs": ["a", "b", "unheard of"], "spotify": ["c"], "nobody": []})

    assert lookups.known("labs", ["a", "b", "unheard of"]) == {"a": "1", "b": None}
    assert lookups.known("spotify", ["c"]) == {"c": "2"}
    assert openings == ["once more"]
