"""Fixtures of the OAuth service's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.oauth_site import Site, site
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld


@pytest.fixture(scope="session")
def world() -> BuiltInWorld:
    """Made once; nothing here changes it."""
    return BuiltInWorld(1, artists=64, listeners=8)


@pytest.fixture
async def here(tmp_path: Path, world: BuiltInWorld) -> AsyncIterator[Site]:
    """A service with a world round it."""
    async with site(tmp_path, Simulation(world)) as made:
        yield made
