"""However Spotify refuses a new playlist, made or not: one for the list, and it is full."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.defs.test_graph import only
from tests.support.vibe_world import VibeWorld, playlists_of, vibe_world
from vibe_pipeline.accounts.records import EditionState, FailureCause
from vibe_pipeline.playlists import playlist_creation
from vibe_pipeline.records import Mode


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


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("mode", Mode)
def test_a_friends_playlist_that_says_the_same_is_nobody_elses(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch, mode: Mode, *, applied: bool
) -> None:
    monkeypatch.setattr(playlist_creation, "DOUBT_FOR", timedelta(seconds=0.1))
    bob, anna = world.at_home("Bob"), world.at_home("Anna")
    world.run("daily_vibe", bob.user_id)
    world.store.people.change(anna.user_id, mode=mode)
    (of_bob,) = world.listener_of(bob).playlists
    held = [item.uri for item in of_bob.items]
    world.listener_of(anna).playlists.insert(0, of_bob)
    creation = {"service": "spotify", "endpoint": "POST /me/playlists"}
    world.trouble(**creation, kind="html", times=1, applied=applied)

    first = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    if not first.success:
        world.run("daily_vibe", anna.user_id)

    (list_of_anna,) = (one for one in playlists_of(world, anna) if one["id"] != of_bob.id)
    assert first.success is applied
    assert only(world, anna).description == of_bob.description
    assert only(world, anna).playlist_id == list_of_anna["id"]
    assert [item.uri for item in of_bob.items] == held


@pytest.mark.drawn(2)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_new_playlist_that_was_made_though_it_was_refused_is_found_and_filled(
    world: VibeWorld, status: int, times: int
) -> None:
    anna = world.at_home()
    world.store.people.change(anna.user_id, mode=Mode.DAILY, playlist_size=12)
    world.trouble(
        service="spotify",
        endpoint="POST /me/playlists",
        kind="status",
        status=status,
        retry_after=1,
        applied=True,
        times=times,
    )

    world.run("daily_vibe", anna.user_id, tags={"vibe/asked_by": "chat"})

    assert only(world, anna).state is EditionState.RECORDED
    assert [len(playlist["items"]) for playlist in playlists_of(world, anna)] == [12]


@pytest.mark.drawn(1)
@pytest.mark.parametrize(("status", "times"), [(401, 1), (429, 1), (429, 2)])
def test_a_new_playlist_that_was_refused_in_passing_is_asked_for_again_in_place(
    world: VibeWorld, status: int, times: int
) -> None:
    anna, making = world.at_home(), "POST /me/playlists"
    world.trouble(
        service="spotify", endpoint=making, kind="status", status=status, retry_after=1, times=times
    )

    world.run("daily_vibe", anna.user_id, tags={"vibe/asked_by": "chat"})

    assert only(world, anna).state is EditionState.RECORDED
    assert len(playlists_of(world, anna)) == 1


def test_a_new_playlist_that_is_always_asked_for_too_fast_is_a_pause_for_everybody(
    world: VibeWorld,
) -> None:
    anna, making = world.at_home(), "POST /me/playlists"
    world.trouble(service="spotify", endpoint=making, kind="status", status=429, retry_after=1)

    world.run("daily_vibe", anna.user_id, raise_on_error=False)

    edition = only(world, anna)
    assert edition.cause is FailureCause.RATE_LIMITED
    assert edition.cause_until is not None
    assert playlists_of(world, anna) == []


def test_a_token_that_no_new_playlist_is_made_with_is_a_refused_grant(world: VibeWorld) -> None:
    anna, making = world.at_home(), "POST /me/playlists"
    world.trouble(service="spotify", endpoint=making, kind="status", status=401)

    world.run("daily_vibe", anna.user_id, raise_on_error=False)

    assert only(world, anna).cause is FailureCause.GRANT_REFUSED
    assert playlists_of(world, anna) == []
