"""What the stories of playlists share: a world of the graph, and a ledger with playlists."""

from pathlib import Path

import pytest

from tests.support.publication_desk import Desk
from tests.support.shared_world import shared_world, world

__all__ = ["shared_world", "world"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Somebody with an account, and no list yet."""
    return Desk(tmp_path)
