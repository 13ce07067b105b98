"""What the stories about somebody's data share: a world of the graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.vibe_world import VibeWorld, vibe_world


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VibeWorld]:
    """One world for all tests of a file; each brings people of its own."""
    with vibe_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def world(shared_world: VibeWorld, monkeypatch: pytest.MonkeyPatch) -> VibeWorld:
    """That world, named by the environment for this test."""
    shared_world.point_here(monkeypatch)
    return shared_world
