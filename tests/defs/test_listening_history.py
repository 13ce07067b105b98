"""A play history of our own: gaps noticed and shown, and whatever Spotify lists kept or passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from tests.support.vibe_world import VibeWorld, playlists_of, uris_of
from vibe_pipeline.accounts.records import Account, ExclusionKind, FailureCause
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.simulator.spotify.state import LocalFile, Played, Saved

PLAYS = ("GET /me/player/recently-played", "stale_recent_plays")
LIKES = ("GET /me/tracks", "stale_liked_tracks")
"""What Spotify is asked for, and the note of a list that had to do without."""


def plays_on(world: VibeWorld, person: Account, count: int) -> None:
    """The person plays on: so many tracks in a row, up to this moment."""
    listening, now = world.listener_of(person), datetime.now(UTC)
    tracks = [saved.track for saved in listening.saved if saved.track is not None][:count]
    heard = [
        Played(track=track, played_at=now - timedelta(seconds=20 * place))
        for place, track in enumerate(tracks)
    ]
    listening.played[:] = [
        *heard,
        *(one for one in listening.played if one.played_at < heard[-1].played_at),
    ]


def plays_shown(
    result: dg.ExecuteInProcessResult,
) -> tuple[dict[str, object], dg.AssetCheckEvaluation]:
    shown = next(
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("recent_plays")
    )
    (check,) = [
        one
        for one in result.get_asset_check_evaluations()
        if one.check_name == "no_plays_slipped_away"
    ]
    return {name: value.value for name, value in shown.metadata.items()}, check


def test_more_than_fifty_plays_between_two_collections_are_shown_as_a_gap_and_a_warning(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    first, before = plays_shown(world.run("collect_listening", anna.user_id))
    plays_on(world, anna, 70)

    second, after = plays_shown(world.run("collect_listening", anna.user_id))

    assert (first["gaps"], before.passed) == (0, True)
    assert (second["gaps"], after.passed) == (1, False)
    assert after.severity is dg.AssetCheckSeverity.WARN
    assert after.description is not None
    assert "Collect more often" in after.description
    assert "missing" in second
    with world.warehouse.open() as tables:
        (gap,) = tables.library.gaps(anna.user_id)
    assert gap.since is not None
    assert gap.until is not None
    assert gap.since < gap.until <= gap.noticed_at


def test_fewer_plays_between_two_collections_are_all_kept(world: VibeWorld) -> None:
    anna = world.at_home()
    first, _ = plays_shown(world.run("collect_listening", anna.user_id))
    plays_on(world, anna, 30)

    second, check = plays_shown(world.run("collect_listening", anna.user_id))

    assert check.passed
    assert second["added"] == 30
    assert second["dagster/partition_row_count"] == int(str(first["added"])) + 30


def test_local_files_and_vanished_tracks_trouble_nobody(world: VibeWorld) -> None:
    anna = world.at_home()
    listening, now = world.listener_of(anna), datetime.now(UTC)
    local = LocalFile(artist="My Brother", title="Demo Tape", seconds=100)
    listening.saved.insert(0, Saved(track=None, local=local, added_at=now - timedelta(minutes=1)))
    listening.saved.insert(0, Saved(track=None, added_at=now - timedelta(seconds=30)))
    gone = replace(listening.played[0].track, vanished=True)
    listening.played.insert(0, Played(track=gone, played_at=now - timedelta(seconds=5)))

    made = world.run("daily_vibe", anna.user_id)
    again = world.run("daily_vibe", anna.user_id)

    assert made.success
    assert again.success
    with world.warehouse.open() as tables:
        likes = tables.library.likes(anna.user_id)
    assert all(like.track.spotify_id for like in likes)
    assert "Demo Tape" not in {like.track.title for like in likes}


def test_what_is_left_out_is_told_in_the_profile_and_kept_with_the_edition(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    heard = world.listener_of(anna).played[0].track
    name = heard.recording.artist.name
    world.store.exclusions.add(anna.user_id, ExclusionKind.ARTIST, artist_key(name), name)

    made = world.run("daily_vibe", anna.user_id)

    profile = _profile_metadata(made)
    (edition,) = world.store.editions.history(anna.user_id)
    with world.warehouse.open() as tables:
        inputs = tables.selections.inputs(anna.user_id, edition.edition_id)
        seeds = tables.taste.profile(anna.user_id, edition.edition_id)
    assert int(str(profile["plays left out"].value)) >= 1
    assert inputs is not None
    assert list(inputs.exclusions) == [{"kind": "artist", "key": artist_key(name)}]
    assert artist_key(name) not in {seed.key for seed in seeds.artists}
    same = world.output_metadata(world.replay(anna.user_id, edition), "replay")
    assert same["equal"].value is True


def test_plays_from_our_own_playlist_are_kept_as_such_and_make_no_taste(world: VibeWorld) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    (playlist,) = playlists_of(world, anna)
    uris = uris_of(playlist)[:5]
    world.play(anna, uris, playlist=playlist["id"])

    made = world.run("daily_vibe", anna.user_id)

    with world.warehouse.open() as tables:
        plays = tables.library.plays(anna.user_id)
    ours = [play for play in plays if play.context_uri == f"spotify:playlist:{playlist['id']}"]
    assert len(ours) == len(uris)
    profile = _profile_metadata(made)
    assert profile["plays from our lists"].value == 5
    (edition, *_) = world.store.editions.history(anna.user_id)
    with world.warehouse.open() as tables:
        stored = tables.taste.profile(anna.user_id, edition.edition_id)
    assert profile["plays fade by the power"].value == stored.play_decay


def _profile_metadata(made: dg.ExecuteInProcessResult) -> Mapping[str, dg.MetadataValue[Any]]:
    return next(
        event.step_materialization_data.materialization.metadata
        for event in made.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("seed_profile")
    )


@pytest.mark.drawn(3)
@pytest.mark.parametrize(
    ("what", "kind", "order"),
    [
        (PLAYS, "status", {"status": 404}),
        (LIKES, "status", {"status": 403}),
        (PLAYS, "status", {"status": 503}),
        (LIKES, "quota", {"retry_after": 40_000}),
        (PLAYS, "garbage", {}),
        (LIKES, "wrong_types", {}),
        (PLAYS, "redirect", {}),
    ],
)
def test_one_part_that_is_not_told_makes_a_list_from_what_was_known(
    world: VibeWorld, what: tuple[str, str], kind: str, order: Mapping[str, object]
) -> None:
    anna, (endpoint, note) = world.at_home(), what
    world.run("sync_library", anna.user_id)
    world.trouble(service="spotify", kind=kind, endpoint=endpoint, **order)

    made = world.run("daily_vibe", anna.user_id)

    world.no_trouble()
    world.end_pauses()
    (edition,) = world.store.editions.history(anna.user_id)
    assert made.success
    assert edition.summary is not None
    assert note in edition.summary.notes
    assert "Spotify didn't tell what is new" in (edition.description or "")


def test_who_has_more_likes_counted_than_shown_gets_lists_of_all_that_are_shown(
    world: VibeWorld,
) -> None:
    anna, rules = world.at_home(), world.simulator.simulation.rules
    rules.change({"likes_overcounted": 7})

    world.run("daily_vibe", anna.user_id)
    world.run("walk_library", anna.user_id)

    rules.change({"likes_overcounted": 0})
    (edition,) = world.store.editions.history(anna.user_id)
    with world.warehouse.open() as tables:
        likes = tables.library.likes(anna.user_id)
        state = tables.library.state(anna.user_id)
    counted = len(world.listener_of(anna).saved) + 7
    assert len(edition.tracks) == anna.playlist_size
    assert (state.likes_total, state.likes_walked) == (counted, None)
    assert state.likes_unkept == counted - len(likes)


def test_what_was_not_told_once_is_told_again_in_the_next_list(world: VibeWorld) -> None:
    anna, (endpoint, note) = world.at_home(), PLAYS
    world.run("sync_library", anna.user_id)
    world.trouble(service="spotify", kind="status", status=500, endpoint=endpoint)
    world.run("daily_vibe", anna.user_id)
    world.no_trouble()
    world.end_pauses()

    world.run("daily_vibe", anna.user_id)

    second, first = world.store.editions.history(anna.user_id)
    assert first.summary is not None
    assert second.summary is not None
    assert note in first.summary.notes
    assert note not in second.summary.notes
    assert "Spotify didn't tell" not in (second.description or "")


def test_a_first_list_is_made_without_plays_when_they_are_not_told(world: VibeWorld) -> None:
    anna = world.at_home()
    endpoint = "GET /me/player/recently-played"
    world.trouble(service="spotify", kind="status", status=404, endpoint=endpoint)

    made = world.run("daily_vibe", anna.user_id)

    world.no_trouble()
    assert made.success


def test_whose_listening_is_closed_from_the_first_is_told_just_that(world: VibeWorld) -> None:
    anna = world.at_home()
    for endpoint in ("player/recently-played", "tracks", "top/artists", "top/tracks"):
        order = {"kind": "status", "status": 404, "endpoint": f"GET /me/{endpoint}"}
        world.trouble(service="spotify", **order)

    world.run("daily_vibe", anna.user_id, raise_on_error=False)

    world.no_trouble()
    (edition,) = world.store.editions.history(anna.user_id)
    assert edition.cause is FailureCause.LISTENING_CLOSED


def test_an_app_that_may_not_write_is_told_as_that(world: VibeWorld) -> None:
    anna = world.at_home()
    order = {"kind": "status", "status": 403, "endpoint": "PUT /playlists/{id}/items"}
    world.trouble(service="spotify", **order)

    world.run("daily_vibe", anna.user_id, raise_on_error=False)

    world.no_trouble()
    (edition,) = world.store.editions.history(anna.user_id)
    assert edition.cause is FailureCause.WRITING_REFUSED
