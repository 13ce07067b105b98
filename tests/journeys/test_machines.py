"""A piece of the night of two machines: real servers, one list each, one of them cut off by kill.

``python -m tests.matrices.machines`` plays it for a hundred people. On the same servers what is
kept about one of the two is then exported and erased.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from tests.matrices.machines import night, shared_world
from tests.support.vibe_world import VibeWorld
from tests.support.warehouse_server import ServedWarehouse
from vibe_pipeline.commands.personal_data import erase, export
from vibe_pipeline.warehouse.extensions import ExtensionMissing, load_extensions

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_CRASH_SEED", "12"))


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VibeWorld, ServedWarehouse]]:
    """Postgres, a warehouse server, and the simulated world."""
    try:
        load_extensions(duckdb.connect(), "httpfs", "quack")
    except ExtensionMissing as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("machines")
    folder.chmod(0o755)  # where we are root, Postgres is another user
    with shared_world(folder, people=2) as here:
        yield here


def test_two_machines_make_a_list_each_though_one_is_killed_and_who_leaves_is_erased_everywhere(
    shared: tuple[VibeWorld, ServedWarehouse], tmp_path: Path
) -> None:
    world, served = shared

    came = night(world, served, people=2, kills=1, seed=SEED, within=150)
    leaves, stays = (account.user_id for account in world.store.people.all())
    CliRunner().invoke(export, [leaves, "--to", str(tmp_path / "all.zip")], catch_exceptions=False)
    told = CliRunner().invoke(erase, [leaves, "--json"], catch_exceptions=False)

    assert came.troubles == []
    assert came.lists == 2
    assert came.cut_off.total() == 1
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        history = json.loads(archive.read("warehouse/recommendation_history.json"))
    assert len(history) == 30
    erased = json.loads(told.stdout)
    assert erased["left"] == 0
    assert erased["erased"]["warehouse.recommendation_history"] == 30
    assert (len(world.remembered(leaves)), len(world.remembered(stays))) == (0, 30)
