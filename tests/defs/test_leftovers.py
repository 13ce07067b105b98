"""What a list that is over left on Spotify is put in order by the next run of its person's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.defs.test_graph import only
from tests.support.vibe_world import VibeWorld, playlists_of, vibe_world
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.playlists.recommendation_history import published
from vibe_pipeline.records import Mode
from vibe_pipeline.runs import LaunchRequest

NO_PREMIUM = json.dumps(
    {
        "error": {
            "status": 403,
            "message": "Active premium subscription required for the owner of the app.",
        }
    }
)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VibeWorld]:
    """One world for all tests here; each brings a person of its own."""
    with vibe_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def world(shared_world: VibeWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[VibeWorld]:
    shared_world.point_here(monkeypatch)
    yield shared_world
    shared_world.no_trouble()
    shared_world.end_pauses()


def refused(world: VibeWorld, mode: Mode, **trouble: object) -> Account:
    """Somebody whose list could not be written, as far as we heard; then the weather is good."""
    anna = world.at_home()
    world.store.people.change(anna.user_id, mode=mode, playlist_size=12)
    world.trouble(service="spotify", endpoint="PUT /playlists/{id}/items", **trouble)
    tags = LaunchRequest.asked_list(anna.user_id).tags
    world.run("daily_vibe", anna.user_id, tags=tags, raise_on_error=False)
    world.no_trouble()
    world.end_pauses()
    return anna


def test_no_empty_playlist_stays_once_its_list_is_of_the_past(world: VibeWorld) -> None:
    anna = refused(world, Mode.DAILY, kind="status", status=500)
    before = [len(playlist["items"]) for playlist in playlists_of(world, anna)]

    tags = LaunchRequest.collecting(anna.user_id, world.store.editions.now()).tags
    world.run("collect_listening", anna.user_id, tags=tags, days_later=2)

    assert before == [0]
    assert playlists_of(world, anna) == []
    assert only(world, anna).state is EditionState.CHOSEN


def test_the_next_days_list_is_beside_no_empty_one(world: VibeWorld) -> None:
    anna = refused(world, Mode.DAILY, kind="status", status=403, body=NO_PREMIUM)

    tags = LaunchRequest.asked_list(anna.user_id).tags
    world.run("daily_vibe", anna.user_id, tags=tags, days_later=1)

    assert [len(playlist["items"]) for playlist in playlists_of(world, anna)] == [12]


def test_what_was_written_unheard_is_in_the_history_days_later(world: VibeWorld) -> None:
    anna = refused(world, Mode.LIVING, kind="garbage", applied=True)

    tags = LaunchRequest.collecting(anna.user_id, world.store.editions.now()).tags
    world.run("collect_listening", anna.user_id, tags=tags, days_later=2)

    edition = only(world, anna)
    assert edition.state is EditionState.RECORDED
    assert tuple(published(world.warehouse, edition)) == edition.tracks
    assert [len(playlist["items"]) for playlist in playlists_of(world, anna)] == [12]
