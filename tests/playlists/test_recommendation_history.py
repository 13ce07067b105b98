"""What was published is remembered once, and what was taken back never was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.accounts_site import connected, made, opened
from tests.support.warehouse_examples import NOON, chosen
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.playlists.recommendation_history import (
    published,
    record_publication,
    remember,
    unremember,
)
from vibe_pipeline.warehouse import Warehouse

TRACKS = tuple(chosen(position) for position in range(1, 4))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "w.duckdb")


@pytest.fixture
def edition(tmp_path: Path) -> Edition:
    store = made(tmp_path)
    return replace(opened(store, connected(store)), tracks=TRACKS, playlist_id="p1")


def recommended(warehouse: Warehouse, edition: Edition) -> list[str]:
    with warehouse.open() as tables:
        return [line.key for line in tables.playlists.recommended(edition.user_id)]


def test_a_publication_is_recorded_once_however_often_it_is_repeated(
    warehouse: Warehouse, edition: Edition
) -> None:
    for _ in range(2):
        record_publication(warehouse, edition, now=NOON)

    assert tuple(published(warehouse, edition)) == TRACKS
    assert sorted(recommended(warehouse, edition)) == sorted(track.key for track in TRACKS)


def test_what_is_taken_back_was_never_recommended_until_it_is_put_back(
    warehouse: Warehouse, edition: Edition
) -> None:
    record_publication(warehouse, edition, now=NOON)

    unremember(warehouse, edition)
    taken_back = recommended(warehouse, edition)
    remember(warehouse, edition, now=NOON)

    assert taken_back == []
    assert len(recommended(warehouse, edition)) == len(TRACKS)
