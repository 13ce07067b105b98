"""The whole path from listening to a published list, against the simulator over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from tests.pipeline.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_pipeline.accounts.records import Cause, Edition, EditionKind, EditionState
from vibe_pipeline.records import Source, UserId

NIGHT = {"vibe/occasion": "nightly:2026-11-23", "vibe/asked_by": "schedule"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VibeWorld]:
    with vibe_world(tmp_path, monkeypatch) as running:
        yield running


def latest(world: VibeWorld, user_id: UserId) -> Edition:
    edition = world.store.editions.latest(user_id)
    assert edition is not None
    return edition


def test_a_first_list_is_made_published_and_remembered(world: VibeWorld) -> None:
    anna = world.connected()

    result = world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, 1001)
    assert edition.state is EditionState.RECORDED
    assert edition.edition_id == result.run_id
    assert len(edition.tracks) == anna.playlist_size
    assert uris_of(playlist) == [track.uri for track in edition.tracks]
    assert world.remembered(anna.user_id) == [track.key for track in edition.tracks]


def test_a_first_list_stays_within_sixty_spotify_calls(world: VibeWorld) -> None:
    anna = world.connected()
    world.forget_calls()

    world.run("daily_vibe", anna.user_id)

    assert world.calls().total() <= 60


def test_a_warm_list_costs_eight_spotify_calls_and_refreshes_the_same_playlist(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    world.forget_calls()

    world.run("daily_vibe", anna.user_id)

    (playlist,) = playlists_of(world, 1001)
    assert uris_of(playlist) == [track.uri for track in latest(world, anna.user_id).tracks]
    assert world.calls()["POST /me/playlists"] == 0
    assert world.calls().total() <= 8


def test_what_was_recommended_yesterday_rests(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    first = {track.key for track in latest(world, anna.user_id).tracks}

    world.run("daily_vibe", anna.user_id)

    second = {track.key for track in latest(world, anna.user_id).tracks if track.is_new}
    assert not first & second


def test_every_materialization_reports_a_count(world: VibeWorld) -> None:
    anna = world.connected()

    result = world.run("daily_vibe", anna.user_id)

    counts = {
        event.asset_key: event.step_materialization_data.materialization.metadata[
            "dagster/partition_row_count"
        ].value
        for event in result.get_asset_materialization_events()
    }
    assert len(counts) == 8 + len(Source)
    assert counts[dg.AssetKey(["candidates", "spotify_recommendations"])] == 0


def test_every_source_is_an_asset_of_its_own(world: VibeWorld) -> None:
    graph = world.definitions.resolve_asset_graph()

    parents = {
        key.to_user_string() for key in graph.get(dg.AssetKey("ranked_selection")).parent_keys
    }

    assert parents == {f"candidates/{source}" for source in Source}


def test_a_doubled_night_makes_one_list_and_asks_nothing_twice(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id, tags=NIGHT)
    first = latest(world, anna.user_id)
    world.forget_calls()

    again = world.run("daily_vibe", anna.user_id, tags=NIGHT)

    assert again.success
    assert world.calls().total() == 0
    assert latest(world, anna.user_id) == first
    assert len(world.remembered(anna.user_id)) == len(first.tracks)


def test_the_night_is_told_once(world: VibeWorld) -> None:
    anna = world.connected()

    world.run("daily_vibe", anna.user_id, tags=NIGHT)
    world.run("daily_vibe", anna.user_id, tags=NIGHT)

    (message,) = world.store.outbox.take_due()
    assert message.key == "bot.night_ready"
    assert message.params["url"] == latest(world, anna.user_id).playlist_url


def test_what_was_asked_for_is_not_told_twice(world: VibeWorld) -> None:
    anna = world.connected()

    world.run("daily_vibe", anna.user_id)

    assert world.store.outbox.take_due() == []


def test_a_preview_writes_nothing_to_spotify(world: VibeWorld) -> None:
    anna = world.connected()

    result = world.run("preview_vibe", anna.user_id)

    (edition,) = world.store.editions.history(anna.user_id)
    assert result.success
    assert (edition.kind, edition.state) == (EditionKind.PREVIEW, EditionState.CHOSEN)
    assert len(edition.tracks) == anna.playlist_size
    assert playlists_of(world, 1001) == []


def test_a_preview_can_be_published_exactly_as_shown(world: VibeWorld) -> None:
    anna = world.connected()
    preview = world.run("preview_vibe", anna.user_id)
    shown = world.store.editions.required(preview.run_id).tracks

    world.run("publish_preview", anna.user_id, tags={"vibe/edition": preview.run_id})

    (playlist,) = playlists_of(world, 1001)
    edition = latest(world, anna.user_id)
    assert edition.kind is EditionKind.DAILY
    assert edition.tracks == shown
    assert uris_of(playlist) == [track.uri for track in shown]


def test_a_vibe_date_may_be_told(world: VibeWorld) -> None:
    anna = world.connected()

    world.run("daily_vibe", anna.user_id, tags={"vibe/vibe_date": "2026-11-20"})

    assert latest(world, anna.user_id).vibe_date == date(2026, 11, 20)


def test_an_unknown_person_is_a_clear_failure(world: VibeWorld) -> None:
    world.instance.add_dynamic_partitions("users", ["nobody"])

    result = world.run("daily_vibe", UserId("nobody"), raise_on_error=False)

    assert not result.success
    assert "Nobody is known as nobody" in world.failure(result)


def test_somebody_not_connected_is_a_clear_failure(world: VibeWorld) -> None:
    boris = world.store.people.register(1002, "Boris", "en")
    world.instance.add_dynamic_partitions("users", [boris.user_id])

    result = world.run("daily_vibe", boris.user_id, raise_on_error=False)

    (edition,) = world.store.editions.history(boris.user_id)
    assert not result.success
    assert edition.cause is Cause.NOT_CONNECTED
    assert "/connect" in world.failure(result)


def test_a_replay_gives_the_same_list_byte_for_byte(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    first = latest(world, anna.user_id)
    world.run("daily_vibe", anna.user_id)
    world.forget_calls()

    result = world.replay(anna.user_id, first)

    shown = world.output_metadata(result, "replay")
    assert shown["equal"].value is True
    assert shown["digest then"] == shown["digest again"]
    assert world.calls().total() == 0


def test_a_replay_shows_what_another_policy_would_have_chosen(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)

    result = world.replay(anna.user_id, latest(world, anna.user_id), policy="similar-sum")

    shown = world.output_metadata(result, "replay")
    assert shown["made again with"].value == "similar-sum 1"
    assert shown["equal"].value is False
