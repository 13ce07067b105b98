"""A warehouse that was deleted, damaged or exchanged gets back what the account store knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.accounts_site import BEGINNING, connected, made
from tests.support.warehouse_examples import NOON, blocks_of, chosen, damage_block, play
from vibe_pipeline.accounts.records import Account, EditionKind, EditionState
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.playlists.recommendation_history import record_publication
from vibe_pipeline.playlists.warehouse_recovery import (
    mend,
    put_back,
    put_back_if_older,
    put_back_into,
    recover,
)
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.warehouse import NotAWarehouse, Warehouse, WarehouseError


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return made(tmp_path)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def published(
    store: AccountStore, warehouse: Warehouse, account: Account, name: str, day: int
) -> EditionId:
    """A list of three tracks as a finished run leaves it in both stores."""
    edition_id = EditionId(name)
    store.editions.open(
        edition_id,
        account.user_id,
        vibe_date=date(2026, 11, day),
        occasion=f"asked:{name}",
        kind=EditionKind.DAILY,
        mode=account.mode,
    )
    tracks = tuple(replace(chosen(n), key=f"{name}-{n}") for n in range(1, 4))
    for before, after in pairwise(EditionState):
        assert store.editions.advance(edition_id, before, after, tracks=tracks, playlist_id="p1")
    record_publication(warehouse, store.editions.required(edition_id), now=BEGINNING)
    return edition_id


def remembered(warehouse: Warehouse, account: Account) -> set[str]:
    with warehouse.open() as tables:
        return {line.key for line in tables.playlists.past(account.user_id, besides=None)}


def test_a_deleted_warehouse_knows_again_what_was_recommended(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna = connected(store)
    for day in (20, 21):
        published(store, warehouse, anna, f"e{day}", day)
    before = remembered(warehouse, anna)
    warehouse.path.unlink()

    recovery = recover(Warehouse(warehouse.path), store, now=BEGINNING)

    assert recovery is not None
    assert (recovery.lists, recovery.tracks, recovery.aside) == (2, 6, None)
    assert remembered(warehouse, anna) == before
    assert len(before) == 6


def test_an_older_copy_in_the_place_of_the_file_knows_the_later_lists_with_the_next_one(
    store: AccountStore, warehouse: Warehouse, tmp_path: Path
) -> None:
    anna, copy = connected(store), tmp_path / "copy.duckdb"
    published(store, warehouse, anna, "e20", 20)
    shutil.copyfile(warehouse.path, copy)
    published(store, warehouse, anna, "e21", 21)
    before = remembered(warehouse, anna)
    copy.replace(warehouse.path)
    assert remembered(warehouse, anna) < before

    with warehouse.open() as tables:
        put_back_if_older(tables, store, anna.user_id)

    assert remembered(warehouse, anna) == before


def test_a_file_that_is_deleted_between_two_steps_of_a_run_knows_the_lists_again(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna = connected(store)
    published(store, warehouse, anna, "e20", 20)
    before = remembered(warehouse, anna)
    of_a_run = Warehouse(
        warehouse.path,
        at_birth=lambda tables: put_back_into(tables, store.editions.recorded()),
    )
    assert remembered(of_a_run, anna) == before

    warehouse.path.unlink()

    assert remembered(of_a_run, anna) == before


def test_only_what_is_missing_is_put_back_and_only_once(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna = connected(store)
    published(store, warehouse, anna, "e20", 20)
    older = warehouse.path.read_bytes()
    published(store, warehouse, anna, "e21", 21)
    warehouse.path.write_bytes(older)

    restored = [put_back(Warehouse(warehouse.path), store) for _ in range(2)]

    assert [[edition.edition_id for edition in some] for some in restored] == [["e21"], []]


def test_what_was_taken_back_stays_forgotten(store: AccountStore, warehouse: Warehouse) -> None:
    anna = connected(store)
    store.editions.take_back(published(store, warehouse, anna, "e20", 20))
    warehouse.path.unlink()

    assert recover(Warehouse(warehouse.path), store, now=BEGINNING) is None


@pytest.mark.parametrize("left", [0, 5, 4096, 0.3, 0.5])
def test_a_truncated_file_is_kept_under_another_name(
    store: AccountStore, warehouse: Warehouse, left: float
) -> None:
    anna = connected(store)
    published(store, warehouse, anna, "e20", 20)
    size = warehouse.path.stat().st_size
    os.truncate(warehouse.path, int(left if left > 1 or left == 0 else left * size))

    recovery = recover(Warehouse(warehouse.path), store, now=BEGINNING)

    assert recovery is not None
    assert recovery.aside is not None
    assert recovery.aside.exists()
    assert recovery.aside.name in recovery.in_words(warehouse.path)
    assert len(remembered(warehouse, anna)) == 3


def plays_of(warehouse: Warehouse) -> int:
    with warehouse.open() as tables:
        return sum(len(tables.library.plays(UserId(f"u{number}"))) for number in range(30))


def collect(path: Path, user_id: str) -> None:
    with Warehouse(path).open() as tables:
        tables.library.add_plays(
            UserId(user_id), [play(1, minutes_ago=1)], collected_at=NOON, gap=False
        )


def a_list_and_thirty_plays(store: AccountStore, warehouse: Warehouse, anna: Account) -> None:
    published(store, warehouse, anna, "e20", 20)
    for number in range(30):
        collect(warehouse.path, f"u{number}")


def test_whichever_block_is_damaged_rows_can_be_added_again_and_all_that_can_be_read_stays(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna, path = connected(store), warehouse.path
    a_list_and_thirty_plays(store, warehouse, anna)
    whole, met = path.read_bytes(), Counter[bool]()
    for block in blocks_of(path):
        path.write_bytes(whole)
        damage_block(path, block)
        try:
            collect(path, "u-later")
        except NotAWarehouse:
            mended = mend(Warehouse(path), store, now=NOON)
            collect(path, "u-later")
        else:
            continue

        assert mended is not None
        assert mended.aside is not None
        assert mended.aside.name in mended.in_words(path)
        assert len(remembered(warehouse, anna)) == 3
        assert plays_of(warehouse) == (30 if mended.whole else 0)
        met[mended.whole] += 1

    assert set(met) == {True, False}


_CRASH = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("SET wal_autocheckpoint = '1TB'")
connection.execute("CREATE TABLE crashed AS SELECT range FROM range(1000)")
os._exit(0)
"""


def damaged_log(path: Path) -> None:
    """What a crash leaves beside a file, and a bad disk of it."""
    subprocess.run([sys.executable, "-c", _CRASH, str(path)], check=True)
    log = path.with_name(f"{path.name}.wal")
    content = bytearray(log.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(range(64))
    log.write_bytes(content)


def test_a_damaged_log_beside_a_whole_file_costs_what_is_in_the_log_alone(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna, path = connected(store), warehouse.path
    a_list_and_thirty_plays(store, warehouse, anna)
    damaged_log(path)
    with pytest.raises(NotAWarehouse):
        plays_of(warehouse)

    mended = mend(Warehouse(path), store, now=NOON)

    assert mended is not None
    assert mended.aside is not None
    assert f"log that a crash left beside the warehouse {path}" in mended.in_words(path)
    assert plays_of(warehouse) == 30
    assert [one.name for one in path.parent.glob("*.damaged-*")] == [mended.aside.name]


def test_who_finds_the_damage_after_somebody_else_has_mended_it_goes_on_too(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna, path = connected(store), warehouse.path
    published(store, warehouse, anna, "e20", 20)
    os.truncate(path, path.stat().st_size // 2)

    both = [mend(Warehouse(path), store, now=NOON) for _ in range(2)]

    assert None not in both
    assert len(remembered(warehouse, anna)) == 3


def test_a_file_that_is_gone_when_its_damage_is_to_be_mended_is_made_anew(
    store: AccountStore, warehouse: Warehouse
) -> None:
    anna = connected(store)

    assert mend(warehouse, store, now=NOON) is not None
    assert remembered(warehouse, anna) == set()


def test_somebody_elses_file_is_not_mended(store: AccountStore, warehouse: Warehouse) -> None:
    warehouse.path.write_text("Dear listener, this is not a database. " * 200)

    assert mend(warehouse, store, now=NOON) is None
    assert warehouse.path.read_text().startswith("Dear listener")


def test_a_healthy_file_is_left_alone(store: AccountStore, warehouse: Warehouse) -> None:
    anna = connected(store)
    published(store, warehouse, anna, "e20", 20)

    assert recover(warehouse, store, now=BEGINNING) is None
    assert [path.name for path in warehouse.path.parent.glob("*damaged*")] == []


def test_somebody_elses_file_is_never_touched(store: AccountStore, warehouse: Warehouse) -> None:
    anna = connected(store)
    published(store, warehouse, anna, "e20", 20)
    warehouse.path.write_text("Dear listener, this is not a database. " * 200)

    with pytest.raises(WarehouseError, match="is not a DuckDB database"):
        recover(Warehouse(warehouse.path), store, now=BEGINNING)

    assert warehouse.path.read_text().startswith("Dear listener")
