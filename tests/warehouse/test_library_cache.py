"""Likes and plays that a run has read once are read again when somebody changed them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.warehouse_examples import ANNA, BORIS, NOON, like, play
from vibe_pipeline.records import LikedTrack, UserId
from vibe_pipeline.warehouse import Warehouse

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """One with a like and a play of Anna's that it has read."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
        tables.library.add_plays(ANNA, [play(1, minutes_ago=9)], collected_at=NOON, gap=False)
    likes_of(warehouse, ANNA)
    return warehouse


def likes_of(warehouse: Warehouse, user_id: UserId) -> Sequence[LikedTrack]:
    with warehouse.open() as tables:
        return tables.library.likes(user_id)


def test_what_another_process_liked_and_played_meanwhile_counts(warehouse: Warehouse) -> None:
    with Warehouse(warehouse.path).open() as tables:
        tables.library.change_likes(ANNA, added=[like(2)], gone=["id00001"], total=1, seen_at=LATER)
        tables.library.add_plays(ANNA, [play(2, minutes_ago=3)], collected_at=LATER, gap=False)

    with warehouse.open() as tables:
        assert tables.library.likes(ANNA) == [like(2)]
        assert tables.library.likes(ANNA, as_of=NOON) == [like(1)]
        assert len(tables.library.plays(ANNA)) == 2
        assert len(tables.library.plays(ANNA, until=NOON)) == 1


def test_a_change_is_seen_at_once_and_one_that_was_undone_is_not(warehouse: Warehouse) -> None:
    def change_and_fail() -> None:
        with warehouse.open() as tables:
            tables.library.change_likes(ANNA, added=[like(2)], gone=(), total=1, seen_at=NOON)
            assert len(tables.library.likes(ANNA)) == 2
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        change_and_fail()

    assert likes_of(warehouse, ANNA) == [like(1)]


def test_a_sync_that_changed_nothing_leaves_what_was_read(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=LATER)
        before = tables.connection.execute("DELETE FROM liked_tracks").fetchall()

        assert tables.library.likes(ANNA) == [like(1)]
    assert before == [(1,)]


def test_what_is_one_persons_is_never_anothers(warehouse: Warehouse) -> None:
    assert likes_of(warehouse, BORIS) == []
    assert likes_of(warehouse, ANNA) == [like(1)]


def test_what_was_erased_by_another_process_is_gone(warehouse: Warehouse) -> None:
    with Warehouse(warehouse.path).open() as tables:
        tables.forget_listening(ANNA)

    assert likes_of(warehouse, ANNA) == []


def test_a_like_that_another_process_greyed_out_is_no_longer_playable(warehouse: Warehouse) -> None:
    with Warehouse(warehouse.path).open() as tables:
        tables.library.grey_out(ANNA, [like(1).track.spotify_id], seen_at=LATER)

    assert [liked.playable for liked in likes_of(warehouse, ANNA)] == [False]
