"""What keeps the file open for less long: records made later, answers read together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.warehouse_examples import ANNA, NOON, like
from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.library import Library, LibraryState
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


def test_how_far_a_library_was_read_is_asked_once_in_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, reads = Warehouse(tmp_path / "w.duckdb"), list[str]()
    read = Library._read_state

    def counted(self: Library, user_id: UserId) -> LibraryState:
        reads.append(user_id)
        return read(self, user_id)

    monkeypatch.setattr(Library, "_read_state", counted)
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
    reads.clear()

    with warehouse.open() as tables:
        likes, plays = tables.library.likes(ANNA), tables.library.plays(ANNA)
        state = tables.library.state(ANNA)

    assert (likes, plays, state.likes_total, reads) == ([like(1)], [], 1, [ANNA])


def test_who_is_forgotten_has_no_library_in_the_same_transaction_either(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb").open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
        before = tables.library.state(ANNA).likes_total
        tables.forget(ANNA)
        after = tables.library.state(ANNA)

    assert (before, after) == (1, LibraryState())


def test_answers_of_several_services_are_read_in_one_opening(tmp_path: Path) -> None:
    warehouse, openings = Warehouse(tmp_path / "w.duckdb"), list[str]()

    @contextmanager
    def opened() -> Iterator[LookupTable]:
        openings.append("once more")
        with warehouse.open() as tables:
            yield tables.lookups

    earlier = warehouse.lookups(now=lambda: NOON)
    earlier.remember("labs", {"a": "1", "b": None}, days=1)
    earlier.remember("spotify", {"c": "2", "1": "what a led to"}, days=1)
    earlier.keep()
    lookups = WarehouseLookups(opened, now=lambda: NOON)

    lookups.read_ahead(
        {"labs": ["a", "b", "unheard of"], "spotify": ["c"], "nobody": []},
        following={"labs": "spotify"},
    )

    assert lookups.known("labs", ["a", "b", "unheard of"]) == {"a": "1", "b": None}
    assert lookups.known("spotify", ["c", "1"]) == {"c": "2", "1": "what a led to"}
    assert openings == ["once more"]
