"""The whole path from listening to a published list, against the simulator over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.accounts.records import EditionState


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VibeWorld]:
    with vibe_world(tmp_path, monkeypatch) as running:
        yield running


def test_a_first_list_is_made_and_published(world: VibeWorld) -> None:
    anna = world.connected()

    result = world.run("daily_vibe", anna.user_id)

    edition = world.store.editions.latest(anna.user_id)
    assert result.success
    assert edition is not None
    assert edition.state is EditionState.RECORDED
    assert len(edition.tracks) == anna.playlist_size
