"""The night after a restore: what was made since the backup is found again, and not made twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.vibe_world import vibe_world
from vibe_pipeline.commands.backup import backup, restore

pytestmark = pytest.mark.slow


def test_the_playlist_made_after_the_backup_is_the_one_the_next_night_fills(
    tmp_path: Path,
) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        archive = str(tmp_path / "before.tar.gz")
        assert CliRunner().invoke(backup, ["--to", archive]).exit_code == 0
        world.run("daily_vibe", anna.user_id)
        first = world.store.editions.latest(anna.user_id)
        world.store.database.engine.dispose()

        restored = CliRunner().invoke(restore, [archive])
        known = world.store.editions.latest(anna.user_id)
        world.run("daily_vibe", anna.user_id)

        assert restored.exit_code == 0, restored.output
        assert known is None
        second = world.store.editions.latest(anna.user_id)
        assert first is not None
        assert second is not None
        assert second.playlist_id == first.playlist_id
        assert second.edition_id != first.edition_id
