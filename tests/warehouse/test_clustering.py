"""Each person's rows lie together again after many nights, and nothing else about them changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.warehouse_examples import NOON
from vibe_pipeline.warehouse import Warehouse, clustering

PEOPLE = ("u-anna", "u-boris", "u-clara", "u-dora")
FIRST = date(2026, 11, 1)


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setattr(clustering, "SMALL_TABLE", 100)
    monkeypatch.setattr(clustering, "ROWS_MOVED_AT_ONCE", 400)
    return Warehouse(tmp_path / "w.duckdb")


def play_on(warehouse: Warehouse, nights: range) -> None:
    """Each night everybody hears twenty tracks."""
    with warehouse.open() as tables:
        for night in nights:
            tables.connection.execute(
                "INSERT INTO recent_plays SELECT person, ?::TIMESTAMP + to_minutes(number), 'id',"
                " 'uri', person || number, [person], [], 'album', NULL, NULL, NULL, NULL, NULL,"
                " NULL, ? FROM range(20) r(number), (SELECT unnest(?) AS person)",
                [FIRST + timedelta(days=night), NOON.replace(tzinfo=None), list(PEOPLE)],
            )


def people_in_order(warehouse: Warehouse) -> list[str]:
    """Whose rows follow whose, as they lie in the file."""
    with warehouse.open() as tables:
        rows = tables.connection.execute(
            "SELECT user_id FROM recent_plays ORDER BY rowid"
        ).fetchall()
    people = [row[0] for row in rows]
    return [
        person for person, before in zip(people, [None, *people], strict=False) if person != before
    ]


def everything(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with warehouse.open() as tables:
        return tables.connection.execute("FROM recent_plays ORDER BY ALL").fetchall()


def test_rows_of_many_nights_lie_person_by_person_and_are_the_same(warehouse: Warehouse) -> None:
    play_on(warehouse, range(10))
    before = everything(warehouse)

    moved = warehouse.cluster_by_person()

    assert moved == 10 * 20 * len(PEOPLE)
    assert people_in_order(warehouse) == list(PEOPLE)
    assert everything(warehouse) == before
    assert warehouse.cluster_by_person() == 0


def test_a_few_new_rows_stay_where_they_are_until_they_are_many(warehouse: Warehouse) -> None:
    play_on(warehouse, range(30))
    warehouse.cluster_by_person()

    play_on(warehouse, range(30, 31))
    after_one_night = warehouse.cluster_by_person()
    play_on(warehouse, range(31, 32))
    after_another = warehouse.cluster_by_person()

    assert (after_one_night, after_another) == (0, 32 * 20 * len(PEOPLE))
    assert people_in_order(warehouse) == list(PEOPLE)


def test_an_ordering_cut_short_loses_nothing_and_is_finished_the_next_night(
    warehouse: Warehouse,
) -> None:
    play_on(warehouse, range(10))
    before = everything(warehouse)
    with warehouse.open() as tables:
        first, *_ = tables.clustering.ranges("recent_plays")
        tables.clustering.bring_together("recent_plays", first)
    assert everything(warehouse) == before

    warehouse.cluster_by_person()

    assert people_in_order(warehouse) == list(PEOPLE)
    assert everything(warehouse) == before


def test_a_small_table_is_left_alone(warehouse: Warehouse) -> None:
    play_on(warehouse, range(1))

    assert warehouse.cluster_by_person() == 0
