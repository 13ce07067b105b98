"""The graph in bad weather: sources off, absent or failing, runs that die, people who left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import update
from structlog.contextvars import get_contextvars

from tests.support.vibe_world import OUTSIDE, VibeWorld, playlists_of, vibe_world
from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    BlockKind,
    Edition,
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.accounts.tables import services
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import EditionId, PoolState, Source

NIGHT = {"vibe/occasion": "nightly:2026-11-23", "vibe/asked_by": "schedule"}


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
    shared_world.no_trouble()
    shared_world.end_pauses()


def only(world: VibeWorld, person: Account) -> Edition:
    """The person's one edition."""
    (edition,) = world.store.editions.history(person.user_id)
    return edition


def states(edition: Edition) -> dict[str, str]:
    assert edition.summary is not None
    return {pool.source: pool.state for pool in edition.summary.pools}


@contextmanager
def lines_logged() -> Iterator[list[dict[str, object]]]:
    """What is bound to each line that our own modules log meanwhile."""
    lines: list[dict[str, object]] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(dict(get_contextvars()))

    handler, ours = Collecting(), logging.getLogger("vibe_pipeline")
    ours.addHandler(handler)
    yield lines
    ours.removeHandler(handler)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def test_with_every_source_switched_off_but_one_there_is_a_list(world: VibeWorld) -> None:
    anna = world.at_home()

    world.run("daily_vibe", anna.user_id)

    edition = only(world, anna)
    assert len(edition.tracks) == anna.playlist_size
    assert {states(edition)[source] for source in OUTSIDE} == {PoolState.OFF}
    assert world.calls()["GET /search"] == 0


def test_with_every_service_in_trouble_there_is_a_list_and_every_pool_says_why(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    world.trouble(service="lastfm", kind="html")
    world.trouble(service="labs", kind="status", status=500)
    world.trouble(service="spotify", kind="status", status=500, endpoint="GET /search")

    with lines_logged() as lines:
        result = world.run("daily_vibe", anna.user_id)

    edition = only(world, anna)
    failed = {
        check.check_name for check in result.get_asset_check_evaluations() if not check.passed
    }
    assert edition.state is EditionState.RECORDED
    assert len(edition.tracks) == anna.playlist_size
    assert states(edition)[Source.LASTFM_SIMILAR_TRACKS] == PoolState.FAILED
    assert states(edition)[Source.SPOTIFY_RECOMMENDATIONS] == PoolState.ABSENT
    assert "lastfm_similar_tracks_had_something_to_offer" in failed
    assert materialized(result) >= {f"candidates/{source}" for source in Source}
    assert {source for line in lines if (source := line.get("source"))} >= {*map(str, Source)}
    whose = {"run": result.run_id, "edition": result.run_id, "user": anna.user_id}
    assert all(line.items() >= whose.items() for line in lines)


def test_one_source_can_be_asked_alone(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("collect_listening", anna.user_id)
    source = pool_key(Source.REDISCOVERED_LIKES)

    result = world.run("daily_vibe", anna.user_id, selection=[source])

    assert materialized(result) == {"candidates/rediscovered_likes"}
    assert world.store.editions.history(anna.user_id) == []


def test_the_selection_alone_takes_the_newest_pools(world: VibeWorld) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)

    result = world.run("daily_vibe", anna.user_id, selection=[dg.AssetKey("ranked_selection")])

    with world.warehouse.open() as tables:
        inputs = tables.selections.inputs(anna.user_id, EditionId(result.run_id))
    first = world.store.editions.latest(anna.user_id)
    assert first is not None
    assert inputs is not None
    assert set(inputs.pool_editions.values()) == {first.edition_id}


def test_syncing_touches_the_library_only(world: VibeWorld) -> None:
    anna = world.connected()

    result = world.run("sync_library", anna.user_id)

    account = world.store.people.get(anna.user_id)
    assert account is not None
    assert materialized(result) == {"liked_tracks", "recent_plays"}
    assert account.likes_cached
    assert account.likes_synced_at is not None
    assert world.store.editions.history(anna.user_id) == []


def test_collecting_again_costs_one_call_and_top_items_a_week(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("collect_listening", anna.user_id)
    world.forget_calls()

    world.run("collect_listening", anna.user_id)

    assert dict(world.calls()) == {"GET /me/player/recently-played": 1}


def test_a_run_that_failed_goes_on_from_there_with_the_same_edition(world: VibeWorld) -> None:
    anna = world.at_home()
    world.trouble(
        service="spotify", kind="status", status=503, endpoint="PUT /playlists/{id}/items"
    )
    failed = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    stood = only(world, anna)
    world.no_trouble()
    world.forget_calls()

    again = world.rerun_from_failure(failed.run_id, anna.user_id)

    edition = only(world, anna)
    assert (stood.cause, stood.state) == (
        FailureCause.SERVICE_UNAVAILABLE,
        EditionState.PLAYLIST_MADE,
    )
    assert again.success
    assert edition.edition_id == failed.run_id
    assert edition.state is EditionState.RECORDED
    assert edition.cause is None
    assert world.calls()["GET /me/tracks"] == 0
    assert len(playlists_of(world, anna)) == 1
    assert told(world, anna) == ["bot.ready_after_all"]


def test_a_list_told_by_the_message_that_waited_for_it_is_not_told_again(world: VibeWorld) -> None:
    anna = world.at_home()
    world.trouble(service="spotify", kind="html", endpoint="PUT /playlists/{id}/items")
    failed = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    world.no_trouble()
    watches = world.store.watches
    watches.add(failed.run_id, anna.user_id, anna.chat_id, 1, "daily_vibe")

    def bot() -> None:
        while only(world, anna).state is not EditionState.RECORDED:
            time.sleep(0.001)
        watches.finish(failed.run_id)

    telling = threading.Thread(target=bot)
    telling.start()
    tags = {runs.EDITION: failed.run_id, runs.CONTINUED: "1", runs.ASKED_BY: runs.CHAT}
    again = world.run("publish_preview", anna.user_id, tags=tags)
    telling.join()

    assert again.success
    assert told(world, anna) == []


def test_a_list_that_an_operator_has_made_is_told_once(world: VibeWorld) -> None:
    anna = world.at_home()

    world.run("daily_vibe", anna.user_id, tags={"dagster/backfill": "b1"})
    world.run("daily_vibe", anna.user_id, tags={"vibe/asked_by": "chat"})

    assert told(world, anna) == ["bot.made_by_operator"]


def test_a_night_that_an_operator_finishes_by_hand_is_told(world: VibeWorld) -> None:
    anna, writing = world.at_home(), "PUT /playlists/{id}/items"
    world.trouble(service="spotify", endpoint=writing, kind="status", status=503)
    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    failed = told(world, anna)
    world.no_trouble()
    world.end_pauses()

    world.run("daily_vibe", anna.user_id, tags={"dagster/backfill": "b1"})

    assert failed == ["bot.failed.service_unavailable"]
    assert only(world, anna).state is EditionState.RECORDED
    assert told(world, anna) == ["bot.ready_after_all"]


def test_an_end_of_the_consent_that_nobodys_list_finds_is_told(world: VibeWorld) -> None:
    anna = world.at_home()
    world.revoke(anna)

    for days in range(2):
        tick = datetime.now(UTC) + timedelta(days=days)
        asked = runs.LaunchRequest.collecting(anna.user_id, tick)
        world.run(asked.job, anna.user_id, tags=asked.tags, raise_on_error=False, days_later=days)

    ended = world.store.people.get(anna.user_id)
    assert ended is not None
    assert not ended.connected
    assert told(world, anna, days_later=2) == ["bot.connect.expired"]


@pytest.mark.parametrize("followed", [True, False])
def test_an_end_of_the_consent_that_a_continued_list_finds_is_told_by_a_message_or_another(
    world: VibeWorld, *, followed: bool
) -> None:
    anna, writing = world.at_home(), "PUT /playlists/{id}/items"
    asked = runs.LaunchRequest.asked_list(anna.user_id)
    world.trouble(service="spotify", endpoint=writing, kind="rate", retry_after=7200)
    first = world.run(asked.job, anna.user_id, tags=asked.tags, raise_on_error=False)
    world.store.watches.add(first.run_id, anna.user_id, anna.chat_id, 7, asked.job)
    if not followed:
        world.store.watches.finish(first.run_id)
    world.no_trouble()
    world.end_pauses()
    left = only(world, anna)
    world.revoke(anna)

    for days in range(2):
        launch = runs.LaunchRequest.continuation(
            anna.user_id,
            left.edition_id,
            occasion=left.occasion,
            vibe_date=left.vibe_date,
            chosen=True,
            attempt=2 + days,
        )
        world.run(launch.job, anna.user_id, tags=launch.tags, raise_on_error=False, days_later=days)

    assert only(world, anna).cause is FailureCause.CONSENT_EXPIRED
    assert told(world, anna, days_later=2) == ([] if followed else ["bot.connect.expired"])


@pytest.mark.parametrize("tags", [NIGHT, {"vibe/asked_by": "chat"}])
def test_a_good_list_that_an_operator_has_made_anew_is_told_each_time(
    world: VibeWorld, tags: dict[str, str]
) -> None:
    anna = world.at_home()
    first = world.run("daily_vibe", anna.user_id, tags=tags)
    before = told(world, anna)
    later = []

    for size in (12, 15):
        world.store.people.change(anna.user_id, playlist_size=size)
        world.rerun_all(first.run_id, tags={runs.PARTITION: anna.user_id, **tags})
        later += told(world, anna)

    assert len(only(world, anna).tracks) == 15
    assert before == (["bot.night_ready"] if tags is NIGHT else [])
    assert later == ["bot.made_by_operator"] * 2


def told(world: VibeWorld, person: Account, *, days_later: int = 0) -> list[str]:
    """What the bot is to tell the person, as it looks so many days later."""
    then = open_for(world.settings, now=lambda: datetime.now(UTC) + timedelta(days=days_later))
    messages = then.outbox.take_due(1000)
    return [message.key for message in messages if message.user_id == person.user_id]


def test_a_night_whose_first_run_died_is_finished_by_the_second(world: VibeWorld) -> None:
    anna = world.at_home()
    world.trouble(
        service="spotify",
        kind="drop",
        endpoint="POST /me/playlists",
        times=1,
        applied=True,
    )
    world.trouble(service="spotify", kind="status", status=503, endpoint="GET /me/playlists")
    first = world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    assert not first.success
    world.no_trouble()

    second = world.run("daily_vibe", anna.user_id, tags=NIGHT)

    edition = only(world, anna)
    assert second.success
    assert (edition.edition_id, edition.state) == (first.run_id, EditionState.RECORDED)
    assert len(playlists_of(world, anna)) == 1


def test_a_grant_that_is_refused_at_night_is_told_as_ended_when_it_is_refused_again(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.revoke(anna)

    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    first, told_first = only(world, anna), told(world, anna)
    later = world.store.people.get(anna.user_id)
    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False, days_later=1)

    ended = world.store.people.get(anna.user_id)
    assert (first.cause, told_first) == (FailureCause.GRANT_REFUSED, [])
    assert later is not None
    assert later.connected
    assert ended is not None
    assert not ended.connected
    assert only(world, anna).cause is FailureCause.CONSENT_EXPIRED
    open_later = open_for(world.settings, now=lambda: datetime.now(UTC) + timedelta(days=2))
    messages = open_later.outbox.take_due(1000)
    keys = [message.key for message in messages if message.user_id == anna.user_id]
    assert keys == ["bot.failed.consent_expired"]


def test_a_token_that_is_refused_at_every_try_of_a_night_is_told_of_the_second_time(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.trouble(service="spotify", kind="status", status=401)

    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    told_first = told(world, anna)
    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)

    assert only(world, anna).cause is FailureCause.GRANT_REFUSED
    assert (told_first, told(world, anna)) == ([], ["bot.failed.grant_refused"])


def test_the_giving_up_of_a_night_is_told_though_its_cause_was_told_before(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.trouble(service="spotify", kind="status", status=401)

    for _ in range(nights.ATTEMPTS + 1):
        world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)

    messages = [one for one in world.store.outbox.take_due(100) if one.user_id == anna.user_id]
    promised = [one.params["until"] is not None for one in messages]
    assert promised == [True, False]
    assert {one.key for one in messages} == {"bot.failed.grant_refused"}


def test_the_day_s_quota_is_told_with_its_end_once_it_is_said_again(world: VibeWorld) -> None:
    anna = world.at_home()
    world.trouble(service="spotify", kind="quota", retry_after=40_000)

    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    doubted, told_first = only(world, anna), told(world, anna)
    with world.store.database.writing() as connection:
        over = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(update(services).values(blocked_until=over))
    world.forget_calls()
    result = world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)

    edition = only(world, anna)
    assert (doubted.cause, told_first) == (FailureCause.RATE_LIMITED, [])
    assert doubted.cause_until is not None
    assert doubted.cause_until < datetime.now(UTC) + timedelta(minutes=16)
    (message,) = [
        message for message in world.store.outbox.take_due(100) if message.user_id == anna.user_id
    ]
    assert not result.success
    assert edition.cause is FailureCause.QUOTA
    assert edition.cause_until is not None
    assert edition.cause_until > datetime.now(UTC) + timedelta(hours=10)
    assert message.key == "bot.failed.quota"
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    reported = failure.step_failure_data.user_failure_data
    assert reported is not None
    shown = {name: value.value for name, value in reported.metadata.items()}
    assert shown["service"] == "spotify"
    assert shown["endpoint"] in {call.split(" -> ")[0] for call in world.calls()}
    assert shown["next try"] == edition.cause_until.isoformat(timespec="minutes")
    assert shown["person told"] == "yes, in the chat"
    assert len({call.rsplit("/", 1)[0] for call in world.calls()}) <= 3
    assert world.calls().total() <= 6


def tried_but_once(world: VibeWorld, person: Account) -> None:
    """Let the night have failed so often that one try is left."""
    for _ in range(nights.ATTEMPTS - 1):
        run = dg.DagsterRun(
            job_name="daily_vibe",
            run_id=str(uuid4()),
            tags=NIGHT | {runs.PARTITION: person.user_id},
            status=dg.DagsterRunStatus.FAILURE,
        )
        world.instance.add_run(run)


def test_a_sleeper_is_told_of_the_try_that_comes_next_and_of_none_after_the_last(
    world: VibeWorld,
) -> None:
    anna, boris = world.at_home(), world.at_home("Boris")
    world.trouble(service="spotify", kind="status", status=500)
    tried_but_once(world, boris)

    for person in (anna, boris):
        world.run("daily_vibe", person.user_id, tags=NIGHT, raise_on_error=False)

    until = {
        one.user_id: one.params["until"]
        for one in world.store.outbox.take_due(100)
        if one.user_id in {anna.user_id, boris.user_id}
    }
    again = nights.next_try(only(world, anna))
    assert again is not None
    assert until == {anna.user_id: again.isoformat(), boris.user_id: None}


def test_what_may_be_nothing_is_told_at_once_where_no_try_is_left_to_show_it(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.trouble(service="spotify", kind="status", status=401)
    tried_but_once(world, anna)

    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)

    assert told(world, anna) == ["bot.failed.grant_refused"]


def test_a_quota_that_is_over_by_the_next_try_is_told_only_if_it_lasts(world: VibeWorld) -> None:
    anna = world.at_home()
    world.store.budget.block("spotify", datetime.now(UTC) + timedelta(minutes=20), "quota")

    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)
    told_first = told(world, anna)
    world.run("daily_vibe", anna.user_id, tags=NIGHT, raise_on_error=False)

    assert only(world, anna).cause is FailureCause.QUOTA
    assert (told_first, told(world, anna)) == ([], ["bot.failed.quota"])


def test_a_grant_that_is_refused_is_told_kept_and_stops_nobody_else(world: VibeWorld) -> None:
    anna, boris = world.at_home(), world.at_home("Boris")
    world.revoke(anna)

    failed = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    made = world.run("daily_vibe", boris.user_id)

    assert not failed.success
    assert only(world, anna).cause is FailureCause.GRANT_REFUSED
    assert world.store.tokens.get(anna.user_id) is not None
    assert made.success


def test_somebody_with_nothing_at_all_is_told_that_there_was_nothing_to_choose(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    listening = world.listener_of(anna)
    listening.saved.clear()
    listening.played.clear()

    result = world.run("daily_vibe", anna.user_id, raise_on_error=False)

    assert not result.success
    assert only(world, anna).cause is FailureCause.NOTHING_TO_CHOOSE
    assert "liked" in world.failure(result) or "likes" in world.failure(result)


def test_somebody_who_blocked_all_their_music_is_told_that_it_is_left_out(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    with world.warehouse.open() as tables:
        likes = [like.track for like in tables.library.likes(anna.user_id)]
    for name in {artist for track in likes for artist in track.artists}:
        world.store.blocks.add(anna.user_id, BlockKind.ARTIST, artist_key(name), name)

    result = world.run("daily_vibe", anna.user_id, raise_on_error=False)

    assert not result.success
    latest = world.store.editions.history(anna.user_id)[0]
    assert latest.cause is FailureCause.EVERYTHING_LEFT_OUT
    assert "blocked" in world.failure(result)


def test_three_artists_are_enough_where_there_is_nothing_else_to_start_from(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    listening = world.listener_of(anna)
    listening.saved.clear()
    listening.played.clear()
    named = world.simulator.simulation.world.artists[:3]
    for artist in named:
        world.store.chosen_artists.add(anna.user_id, artist_key(artist.name), artist.name)

    world.run("daily_vibe", anna.user_id)

    edition = only(world, anna)
    assert len(edition.tracks) == anna.playlist_size
    assert {track.seed for track in edition.tracks} <= {artist.name for artist in named}
    assert world.calls().total() <= 60
    shown = world.output_metadata(world.replay(anna.user_id, edition), "replay")
    assert shown["equal"].value is True


def test_everything_already_liked_still_gives_a_list_that_says_so(world: VibeWorld) -> None:
    anna = world.at_home()

    world.run("daily_vibe", anna.user_id)

    summary = only(world, anna).summary
    assert summary is not None
    assert (summary.new, summary.familiar) == (0, anna.playlist_size)
    assert "only_familiar" in summary.notes


def test_a_backfill_of_two_users_makes_each_their_own(world: VibeWorld) -> None:
    people = [world.at_home(name) for name in ("Anna", "Boris")]

    for person in people:
        world.run("daily_vibe", person.user_id, tags={"dagster/backfill": "b1"})

    done = world.instance.get_materialized_partitions(dg.AssetKey("published_playlist"))
    assert {person.user_id for person in people} <= done
    assert {only(world, person).user_id for person in people} == {p.user_id for p in people}


def test_the_outcome_of_a_track_is_what_the_person_did_after_it(world: VibeWorld) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    tracks = [track for track in only(world, anna).tracks if track.is_new]
    for track in tracks[:5]:
        world.like(anna, track.uri)

    result = world.run("daily_vibe", anna.user_id)

    shown = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }["recommendation_outcomes"]
    assert shown["liked"].value in range(1, 6)
    assert shown["dagster/partition_row_count"].value == 2 * anna.playlist_size
