"""The world that the stories of one file share, as fixtures for a room's ``conftest``.

Each test brings people of its own. A file whose world differs has fixtures of these names itself.
"""

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
    """That world, named by the environment for this test; no call was counted, nothing is wrong."""
    shared_world.point_here(monkeypatch)
    shared_world.forget_calls()
    shared_world.simulator.simulation.faults.clear()
    return shared_world
