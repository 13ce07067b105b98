"""Tracks that Spotify greys out, deletes or was said to have: none of them on a list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.ranking.recording_match import same_recording
from vibe_pipeline.records import EditionId, UserId


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VibeWorld]:
    """One world for all tests here; each brings a person of its own."""
    with vibe_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def world(shared_world: VibeWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[VibeWorld]:
    shared_world.point_here(monkeypatch)
    shared_world.forget_calls()
    yield shared_world
    catalogue = shared_world.simulator.simulation.world
    catalogue.greyed_out.clear()
    catalogue.deleted.clear()


def half_familiar(world: VibeWorld) -> Account:
    """Somebody whose lists are half of what they know."""
    person = world.connected()
    return world.store.people.change(person.user_id, min_new_ratio=0.5)


def liked_uris(world: VibeWorld, person: Account) -> list[str]:
    """What the person saved and can be read by name, newest first."""
    return [
        entry.track.uri
        for entry in world.listener_of(person).saved
        if entry.track is not None and not entry.track.vanished
    ]


def latest(world: VibeWorld, user_id: UserId) -> Edition:
    edition = world.store.editions.latest(user_id)
    assert edition is not None
    return edition


def test_likes_that_are_greyed_out_stay_known_and_are_not_proposed(world: VibeWorld) -> None:
    anna = half_familiar(world)
    greyed = set(liked_uris(world, anna)[::2])
    world.becomes(greyed, "greyed_out")

    world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    with world.warehouse.open() as tables:
        likes = tables.library.likes(anna.user_id)
    assert {like.track.uri for like in likes if not like.playable} == greyed
    assert greyed.isdisjoint(uris_of(playlist))
    assert len(edition.tracks) == anna.playlist_size
    assert sum(not track.is_new for track in edition.tracks) >= 10


def test_a_like_that_greys_out_later_leaves_the_lists_and_comes_back(world: VibeWorld) -> None:
    anna = half_familiar(world)
    world.run("sync_library", anna.user_id)
    newest = liked_uris(world, anna)[:20]
    world.becomes(newest, "greyed_out")
    world.run("daily_vibe", anna.user_id)
    without = {track.uri for track in latest(world, anna.user_id).tracks}

    world.becomes(newest, "offered")
    world.run("sync_library", anna.user_id)

    with world.warehouse.open() as tables:
        likes = tables.library.likes(anna.user_id)
    assert without.isdisjoint(newest)
    assert all(like.playable for like in likes)


def test_a_list_made_of_half_greyed_out_likes_can_be_made_again(world: VibeWorld) -> None:
    anna = half_familiar(world)
    world.becomes(liked_uris(world, anna)[::2], "greyed_out")
    world.run("daily_vibe", anna.user_id)
    edition = latest(world, anna.user_id)
    world.becomes(liked_uris(world, anna), "offered")
    world.run("sync_library", anna.user_id)

    shown = world.output_metadata(world.replay(anna.user_id, edition), "replay")

    assert shown["equal"].value is True


def publish_with_deleted(world: VibeWorld, person: Account, count: int) -> set[str]:
    """Publish a list that so many familiar tracks were deleted of since it was shown."""
    previewed = world.run("preview_vibe", person.user_id)
    edition = world.store.editions.get(EditionId(previewed.run_id))
    assert edition is not None
    dead = {track.uri for track in [one for one in edition.tracks if not one.is_new][:count]}
    assert len(dead) == count
    world.becomes(dead, "deleted")
    world.forget_calls()
    world.run("publish_preview", person.user_id, tags={"vibe/edition": previewed.run_id})
    return dead


def test_a_deleted_track_is_replaced_in_the_same_run_and_never_chosen_again(
    world: VibeWorld,
) -> None:
    anna = half_familiar(world)

    (dead,) = publish_with_deleted(world, anna, 1)

    calls, edition = world.calls(), latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    world.forget_calls()
    world.run("daily_vibe", anna.user_id)
    (again,) = playlists_of(world, anna)
    assert uris_of(playlist) == [track.uri for track in edition.tracks]
    assert len(edition.tracks) == anna.playlist_size
    assert dead not in uris_of(playlist)
    assert 3 <= calls["PUT /playlists/{id}/items"] <= 12
    assert dead not in uris_of(again)
    assert world.calls()["PUT /playlists/{id}/items"] <= 2


def test_a_list_that_was_chosen_again_while_it_was_written_can_be_made_again(
    world: VibeWorld,
) -> None:
    anna = half_familiar(world)
    world.trouble(service="spotify", endpoint="GET /me/player/recently-played", kind="html")
    publish_with_deleted(world, anna, 2)
    world.no_trouble()

    edition = latest(world, anna.user_id)
    shown = world.output_metadata(world.replay(anna.user_id, edition), "replay")

    assert shown["equal"].value is True
    assert edition.summary is not None
    assert "stale_recent_plays" in edition.summary.notes


def test_where_nearly_all_that_is_known_was_deleted_the_list_is_shorter_and_says_so(
    tmp_path: Path,
) -> None:
    with vibe_world(tmp_path) as world:
        anna = half_familiar(world)
        world.run("preview_vibe", anna.user_id)
        dead = set(liked_uris(world, anna)[5:])
        world.becomes(dead, "deleted")

        world.run("daily_vibe", anna.user_id)

        edition = latest(world, anna.user_id)
        (playlist,) = playlists_of(world, anna)
        assert uris_of(playlist) == [track.uri for track in edition.tracks]
        assert dead.isdisjoint(uris_of(playlist))
        assert edition.summary is not None
        assert len(edition.tracks) == anna.playlist_size or "shorter_than_wished" in (
            edition.summary.notes
        )
        assert world.remembered(anna.user_id) == [track.key for track in edition.tracks]


def test_likes_that_grey_out_out_of_sight_are_found_in_the_list_and_replaced(
    world: VibeWorld,
) -> None:
    anna = half_familiar(world)
    world.run("sync_library", anna.user_id)
    greyed = set(liked_uris(world, anna)[::2])
    world.becomes(greyed, "greyed_out")

    world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    assert uris_of(playlist) == [track.uri for track in edition.tracks]
    assert greyed.isdisjoint(uris_of(playlist))
    assert sum(not track.is_new for track in edition.tracks) >= 12


def test_what_labs_names_wrongly_is_not_on_the_list_and_not_asked_about_again(
    world: VibeWorld,
) -> None:
    world.simulator.simulation.rules.labs_wrong_share = 0.5
    anna = world.connected()

    world.run("daily_vibe", anna.user_id)

    world.simulator.simulation.rules.labs_wrong_share = 0.0
    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    told = {track.uri: (track.artist, track.title) for track in edition.tracks}
    held = {item["uri"]: (item["artist"], item["title"]) for item in playlist["items"]}
    assert uris_of(playlist) == list(told)
    assert len(edition.tracks) == anna.playlist_size
    assert [
        uri for uri in told if not same_recording(*told[uri], held[uri][:1], held[uri][1])
    ] == []
