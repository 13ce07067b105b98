"""Whoever switches nothing on gets the same list, whatever others have switched on beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.personal_data.test_erase import giving_everything
from tests.support.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_pipeline.records import Source, UserId

OFF = frozenset(Source) - {
    *(Source.REDISCOVERED_LIKES, Source.LASTFM_SIMILAR_ARTISTS),
    *(Source.LOVED_ONCE, Source.LISTENBRAINZ_FOR_YOU),
}
"""Those that cost time and have nothing to do with what may be switched on."""


def lists_of_anna(folder: Path, patch: pytest.MonkeyPatch, *, beside_others: bool) -> Any:
    """What Spotify was sent for Anna, and what the bot tells of it, with or without that beside."""
    folder.mkdir()
    with vibe_world(folder) as world:
        world.point_here(patch)
        anna = world.store.people.change(world.connected("Anna").user_id, sources_off=OFF)
        if beside_others:
            giving_everything(world, "Boris")
        else:
            world.connected("Boris")
        world.forget_calls()
        world.run("daily_vibe", anna.user_id)
        return _told(world, anna.user_id), world.calls()


def _told(world: VibeWorld, user_id: UserId) -> Any:
    account = world.store.people.get(user_id)
    edition = world.store.editions.latest(user_id)
    assert account is not None
    assert edition is not None
    (playlist,) = playlists_of(world, account)
    return uris_of(playlist), playlist["description"], edition.tracks, edition.summary


def test_what_others_switch_on_changes_no_byte_of_a_list_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = lists_of_anna(tmp_path / "alone", monkeypatch, beside_others=False)
    beside = lists_of_anna(tmp_path / "beside", monkeypatch, beside_others=True)

    assert alone == beside
