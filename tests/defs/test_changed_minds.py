"""What a person says between a list's choice and its writing: the list that goes on heeds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_pipeline import runs
from vibe_pipeline.accounts import continuation
from vibe_pipeline.accounts.records import Account, BlockKind, Edition, EditionState
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.records import PERSONAL_SOURCES, EditionId, Mode, Source
from vibe_pipeline.runs import LaunchRequest

WRITING = "PUT /playlists/{id}/items"


def fails_at_writing(world: VibeWorld, person: Account) -> Edition:
    """A list that has its tracks, and that Spotify does not take."""
    world.trouble(service="spotify", kind="html", endpoint=WRITING)
    failed = world.run("daily_vibe", person.user_id, raise_on_error=False)
    world.no_trouble()
    edition = world.store.editions.required(EditionId(failed.run_id))
    assert edition.state is EditionState.PLAYLIST_MADE
    return edition


def hears_of_no_playlist(world: VibeWorld, person: Account) -> Edition:
    """A list whose playlist was made, and of which nobody could hear."""
    world.trouble(service="spotify", kind="drop", endpoint="POST /me/playlists", applied=True)
    world.trouble(service="spotify", kind="status", status=503, endpoint="GET /me/playlists")
    failed = world.run("daily_vibe", person.user_id, raise_on_error=False)
    world.no_trouble()
    edition = world.list_of(failed)
    assert edition.state is EditionState.CHOSEN
    return edition


def goes_on(world: VibeWorld, edition: Edition, job: str = "publish_preview") -> Edition:
    tags = {runs.EDITION: edition.edition_id, runs.CONTINUED: "1", runs.ASKED_BY: runs.CHAT}
    world.run(job, edition.user_id, tags=tags)
    return world.store.editions.required(edition.edition_id)


def take_back(world: VibeWorld, edition: Edition) -> None:
    stood = edition.stands_since
    launch = LaunchRequest.undoing(edition.user_id, edition.edition_id, stood_since=stood)
    world.run(launch.job, edition.user_id, tags=launch.tags)


def in_library(world: VibeWorld, person: Account) -> list[dict[str, Any]]:
    return [one for one in playlists_of(world, person) if one.get("followed", True)]


def test_what_was_blocked_since_a_list_was_chosen_is_not_on_it_and_others_stand_there(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    left = fails_at_writing(world, anna)
    artist, track = left.tracks[0], left.tracks[-1]
    blocks = world.store.blocks
    blocks.add(anna.user_id, BlockKind.ARTIST, artist.artist_key, artist.artist)
    blocks.add(anna.user_id, BlockKind.TRACK, track.key, f"{track.artist} – {track.title}")

    edition = goes_on(world, left)

    (playlist,) = playlists_of(world, anna)
    assert uris_of(playlist) == [one.uri for one in edition.tracks]
    assert artist.artist_key not in {one.artist_key for one in edition.tracks}
    assert track.key not in {one.key for one in edition.tracks}
    assert len(edition.tracks) == anna.playlist_size
    assert world.remembered(anna.user_id) == [one.key for one in edition.tracks]
    shown = world.output_metadata(world.replay(anna.user_id, edition), "replay")
    assert shown["equal"].value is True


def test_a_block_that_is_about_nothing_on_a_list_leaves_it_as_it_was_chosen(
    world: VibeWorld,
) -> None:
    listening = world.at_home().user_id
    anna = world.store.people.change(listening, sources_off=frozenset(Source) - PERSONAL_SOURCES)
    left = fails_at_writing(world, anna)
    world.store.blocks.add(anna.user_id, BlockKind.ARTIST, "nobody at all", "Nobody at all")

    assert goes_on(world, left).tracks == left.tracks


def test_who_wants_nothing_explicit_since_a_list_was_chosen_finds_nothing_of_it_there(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.store.people.change(anna.user_id, min_new_ratio=0.5, playlist_size=50)
    left = fails_at_writing(world, anna)
    catalogue = world.simulator.simulation.world
    world.store.people.change(anna.user_id, leaves_out_explicit=True)

    edition = goes_on(world, left)

    marked = [
        [found.recording.explicit for one in tracks if (found := catalogue.track(one.spotify_id))]
        for tracks in (left.tracks, edition.tracks)
    ]
    (playlist,) = playlists_of(world, anna)
    assert [any(marks) for marks in marked] == [True, False]
    assert uris_of(playlist) == [one.uri for one in edition.tracks]


def test_who_turned_to_daily_playlists_since_a_list_was_chosen_keeps_the_living_one(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    (living,) = playlists_of(world, anna)
    left = fails_at_writing(world, anna)
    world.store.people.change(anna.user_id, mode=Mode.DAILY)

    edition = goes_on(world, left)

    held = {playlist["id"]: uris_of(playlist) for playlist in playlists_of(world, anna)}
    assert held.pop(living["id"]) == uris_of(living)
    assert held == {edition.playlist_id: [one.uri for one in edition.tracks]}
    assert edition.mode is Mode.DAILY


def test_who_turned_to_one_living_playlist_since_a_list_was_chosen_has_it_there(
    world: VibeWorld,
) -> None:
    listening = world.at_home().user_id
    anna = world.store.people.change(listening, mode=Mode.DAILY)
    preview = world.list_of(world.run("preview_vibe", anna.user_id))
    world.store.people.change(anna.user_id, mode=Mode.LIVING)

    tags = {runs.EDITION: preview.edition_id, runs.ASKED_BY: runs.CHAT}
    world.run("publish_preview", anna.user_id, tags=tags)

    edition, account = world.store.editions.latest(anna.user_id), world.store.people.get(listening)
    (playlist,) = playlists_of(world, anna)
    assert edition is not None
    assert account is not None
    assert (edition.mode, edition.playlist_id) == (Mode.LIVING, playlist["id"])
    assert account.playlist_id == playlist["id"]


@pytest.mark.parametrize("left_half_made", [fails_at_writing, hears_of_no_playlist])
def test_who_turns_to_a_living_playlist_while_a_days_own_is_half_made_and_asks_again_gets_that(
    world: VibeWorld, left_half_made: Callable[[VibeWorld, Account], Edition]
) -> None:
    anna = world.store.people.change(world.at_home().user_id, mode=Mode.DAILY)
    left = left_half_made(world, anna)
    world.store.people.change(anna.user_id, mode=Mode.LIVING)

    world.run("daily_vibe", anna.user_id, tags={runs.ASKED_BY: runs.CHAT})

    (playlist,) = playlists_of(world, anna)
    edition = world.store.editions.required(left.edition_id)
    assert (edition.state, edition.mode) == (EditionState.RECORDED, Mode.DAILY)
    assert uris_of(playlist) == [one.uri for one in edition.tracks]


def test_who_turns_to_daily_playlists_after_a_list_was_written_unheard_has_it_once(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    world.trouble(service="spotify", kind="html", endpoint=WRITING, applied=True)
    failed = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    world.no_trouble()
    left = world.store.editions.required(EditionId(failed.run_id))
    assert left.state is EditionState.PLAYLIST_MADE
    world.store.people.change(anna.user_id, mode=Mode.DAILY)

    edition = goes_on(world, left)

    (playlist,) = playlists_of(world, anna)
    assert uris_of(playlist) == [one.uri for one in edition.tracks]
    assert (edition.mode, edition.state) == (Mode.LIVING, EditionState.RECORDED)


def test_a_list_chosen_for_another_spotify_account_is_never_published_but_chosen_anew(
    world: VibeWorld,
) -> None:
    anna, boris = world.at_home(), world.connected("Boris")
    left = fails_at_writing(world, anna)
    world.store.tokens.expire_consent(boris.user_id, boris.consented_at or boris.created_at)
    world.connect_again(anna, listening_of=boris)

    begun = world.store.editions.required(left.edition_id)
    edition = goes_on(world, left, "daily_vibe")

    (playlist,) = playlists_of(world, boris)
    assert (begun.state, begun.tracks) == (EditionState.STARTED, ())
    assert uris_of(playlist) == [one.uri for one in edition.tracks]
    assert edition.tracks != left.tracks


@pytest.mark.parametrize("call", ["create_playlist", "replace_items"])
def test_who_connects_another_account_while_their_list_is_published_gets_it_there(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    anna, boris = world.at_home(), world.connected("Boris")
    world.store.tokens.expire_consent(boris.user_id, boris.consented_at or boris.created_at)
    asked = getattr(Spotify, call)

    async def and_meanwhile(spotify: Spotify, *given: Any, **named: Any) -> Any:
        answer = await asked(spotify, *given, **named)
        monkeypatch.setattr(Spotify, call, asked)
        await asyncio.to_thread(world.connect_again, anna, listening_of=boris)
        return answer

    monkeypatch.setattr(Spotify, call, and_meanwhile)
    lost = world.run("daily_vibe", anna.user_id, raise_on_error=False)

    left = world.list_of(lost)
    assert (left.state, left.cause, continuation.goes_on(left)) == ("started", None, True)
    edition = goes_on(world, left, "daily_vibe")
    (playlist,) = playlists_of(world, boris)
    assert uris_of(playlist) == [one.uri for one in edition.tracks]


def test_a_choice_that_is_taken_back_before_its_publication_begins_goes_on_by_itself(
    world: VibeWorld,
) -> None:
    anna, boris = world.at_home(), world.connected("Boris")
    world.store.tokens.expire_consent(boris.user_id, boris.consented_at or boris.created_at)
    left = fails_at_writing(world, anna)
    world.connect_again(anna, listening_of=boris)

    tags = {runs.EDITION: left.edition_id, runs.CONTINUED: "1", runs.ASKED_BY: runs.CHAT}
    late = world.run("publish_preview", anna.user_id, tags=tags, raise_on_error=False)

    edition = world.store.editions.required(left.edition_id)
    assert not late.success
    assert (edition.state, edition.cause, continuation.goes_on(edition)) == ("started", None, True)


def test_a_list_that_goes_on_after_the_only_one_was_taken_back_gets_a_playlist_of_its_own(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    only = world.list_of(world.run("daily_vibe", anna.user_id))
    left = fails_at_writing(world, anna)
    take_back(world, only)

    edition = goes_on(world, left)

    (playlist,) = in_library(world, anna)
    account = world.store.people.get(anna.user_id)
    assert account is not None
    assert playlist["id"] == edition.playlist_id == account.playlist_id != only.playlist_id
    assert uris_of(playlist) == [one.uri for one in edition.tracks]


@pytest.fixture
def fresh_world(tmp_path: Path) -> Iterator[VibeWorld]:
    """One whose first newcomer likes enough for two lists within a newcomer's calls."""
    with vibe_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("mode", Mode)
def test_a_list_that_is_made_anew_after_it_was_taken_back_is_to_be_seen(
    fresh_world: VibeWorld, mode: Mode
) -> None:
    world = fresh_world
    anna = world.store.people.change(world.at_home().user_id, mode=mode)
    only = world.list_of(world.run("daily_vibe", anna.user_id))
    take_back(world, only)

    world.rerun_all(only.edition_id, tags={runs.PARTITION: anna.user_id})

    (playlist,) = in_library(world, anna)
    edition = world.store.editions.required(only.edition_id)
    assert uris_of(playlist) == [one.uri for one in edition.tracks]
    assert (edition.state, edition.playlist_id) == (EditionState.RECORDED, playlist["id"])
    assert world.store.editions.latest(anna.user_id) == edition
