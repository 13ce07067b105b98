"""Scrobbles become plays of the person's own, read ahead of time; each listening counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.support.dagster_storage import dagster_in_files
from tests.support.vibe_world import VibeWorld
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    ExclusionKind,
    HistoryService,
    HistorySource,
    HistoryTrouble,
)
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.listening_history import CHECK, LISTENING_HISTORY, reading_history
from vibe_pipeline.locales import say
from vibe_pipeline.locales.source_keys import reason_key
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import EditionId, Source
from vibe_pipeline.simulator.faults import fault_from_json
from vibe_pipeline.simulator.metabrainz.listenbrainz import Models
from vibe_pipeline.simulator.scrobbles import Scrobble, Scrobbles
from vibe_pipeline.sources.pools import Reason
from vibe_pipeline.taste.scrobble_reading import PAGES_A_RUN, reading_due

OUTSIDE = frozenset(Source) - {Source.REDISCOVERED_LIKES}


def scrobbler(world: VibeWorld, *services: HistoryService) -> tuple[Account, str]:
    """Somebody who named their accounts elsewhere; and their name there."""
    anna = world.connected()
    name = world.listener_of(anna).listener.id
    for service in services:
        world.store.history_sources.set(anna.user_id, service, name)
    return world.store.people.change(anna.user_id, sources_off=OUTSIDE), name


def scrobbles(world: VibeWorld, name: str) -> list[Scrobble]:
    told = world.simulator.simulation.part(Scrobbles).of(name)
    assert told is not None
    return told


def read(world: VibeWorld, anna: Account, *, days_later: int = 0) -> dict[str, Any]:
    """One run of reading; its figures."""
    result = world.run(runs.READ_HISTORY, anna.user_id, days_later=days_later)
    (shown,) = result.asset_materializations_for_node("listening_history")
    (check,) = result.get_asset_check_evaluations()
    assert check.check_name == CHECK
    return {name: value.value for name, value in shown.metadata.items()} | {"passed": check.passed}


def read_all(world: VibeWorld, anna: Account) -> None:
    """So many runs as it takes."""
    while any(source.unread for source in world.store.history_sources.list(anna.user_id)):
        read(world, anna)


def named(world: VibeWorld, anna: Account) -> HistorySource:
    (source,) = world.store.history_sources.list(anna.user_id)
    return source


def test_all_scrobbles_are_read_bit_by_bit_and_then_only_what_is_new(world: VibeWorld) -> None:
    anna, name = scrobbler(world, HistoryService.LASTFM)
    told = scrobbles(world, name)

    first = read(world, anna)
    begun = named(world, anna)
    read_all(world, anna)
    done = named(world, anna)
    again = read(world, anna)

    assert (first["passed"], first["added"]) == (True, pytest.approx(PAGES_A_RUN * 200, rel=0.02))
    assert len(begun.unread) == 1
    assert begun.unread[0].since is None
    assert done.unread == ()
    assert done.plays == pytest.approx(len(told), rel=0.01)
    assert again["added"] == 0
    with world.warehouse.open() as tables:
        heard = tables.history.most_heard(anna.user_id, most=5)
        assert tables.history.counted(anna.user_id) == {"lastfm": done.plays}
        assert sum(tables.history.plays_per_year(anna.user_id).values()) == done.plays
    assert all(sum(one.years.values()) == one.plays for one in heard)
    assert min(one.first_at for one in heard) < datetime.now(UTC) - timedelta(days=365)


def test_what_several_services_and_spotify_tell_of_counts_once(world: VibeWorld) -> None:
    anna, name = scrobbler(world, *HistoryService)
    world.run("collect_listening", anna.user_id)
    with world.warehouse.open() as tables:
        spotifys = list(tables.library.plays(anna.user_id))

    read_all(world, anna)

    with world.warehouse.open() as tables:
        plays = list(tables.library.plays(anna.user_id))
        counted = tables.history.counted(anna.user_id)
    since = spotifys[-1].played_at
    assert [play for play in plays if play.played_at > since] == [
        play for play in spotifys if play.played_at > since
    ]
    assert len(plays) > len(spotifys)
    told = scrobbles(world, name)
    assert sum(counted.values()) == pytest.approx(len(told) - len(spotifys), rel=0.02)


def test_what_spotify_tells_later_takes_the_place_of_the_scrobble(world: VibeWorld) -> None:
    anna, _ = scrobbler(world, HistoryService.LASTFM)
    read(world, anna)
    before = datetime.now(UTC)

    world.run("collect_listening", anna.user_id)

    with world.warehouse.open() as tables:
        plays = list(tables.library.plays(anna.user_id))
        then = list(tables.library.plays(anna.user_id, until=before))
    newest = plays[:40]
    assert all(play.track.spotify_id for play in newest)
    assert not any(play.track.spotify_id for play in then)
    assert len({(play.track.title, play.played_at) for play in plays}) == len(plays)


def test_taken_back_scrobbles_count_no_more_and_an_earlier_day_stays_as_it_was(
    world: VibeWorld,
) -> None:
    anna, _ = scrobbler(world, HistoryService.LASTFM)
    read(world, anna)
    then = datetime.now(UTC)
    with world.warehouse.open() as tables:
        heard = list(tables.library.plays(anna.user_id))
    world.store.history_sources.remove(anna.user_id, HistoryService.LASTFM)

    shown = read(world, anna)

    with world.warehouse.open() as tables:
        assert not list(tables.library.plays(anna.user_id))
        assert list(tables.library.plays(anna.user_id, until=then)) == heard
        assert tables.history.recordings(anna.user_id) == 0
        lost = tables.trim(before=datetime.now(UTC).date() + timedelta(days=1))
    assert lost["listening_history"] >= shown["counts no more"] > len(heard)
    assert world.store.history_sources.everybody().get(anna.user_id) is None


@pytest.mark.parametrize("trouble", [HistoryTrouble.UNKNOWN, HistoryTrouble.HIDDEN])
def test_a_name_that_is_gone_or_hidden_is_noted_and_asked_again_another_day(
    world: VibeWorld, trouble: HistoryTrouble
) -> None:
    anna, name = scrobbler(world)
    everybody = world.simulator.simulation.part(Scrobbles)
    asked = name if trouble is HistoryTrouble.HIDDEN else "nobody_at_all"
    everybody.hidden.add(name)
    world.store.history_sources.set(anna.user_id, HistoryService.LASTFM, asked)

    shown = read(world, anna)
    everybody.hidden.clear()

    source, now = named(world, anna), datetime.now(UTC)
    assert (shown["passed"], source.trouble) == (False, trouble)
    assert not reading_due([source], now + timedelta(hours=4))
    assert reading_due([source], now + timedelta(hours=21))


def test_a_service_that_breaks_off_in_between_loses_nothing(world: VibeWorld) -> None:
    anna, name = scrobbler(world, HistoryService.LASTFM)
    order = {"service": "lastfm", "kind": "status", "status": 500, "probability": 0.6}
    world.simulator.simulation.faults.add(fault_from_json(order))

    broken, begun = [read(world, anna)["passed"]], named(world, anna)
    world.simulator.simulation.faults.clear()
    read_all(world, anna)

    source = named(world, anna)
    assert False in broken
    assert (begun.read_at is not None) == (begun.plays > 0)
    assert source.trouble is None
    assert source.plays == pytest.approx(len(scrobbles(world, name)), rel=0.01)


@pytest.mark.parametrize("service", HistoryService)
def test_years_that_are_imported_into_an_empty_account_later_are_read(
    world: VibeWorld, service: HistoryService
) -> None:
    anna, name = scrobbler(world)
    silent = world.simulator.simulation.part(Scrobbles).silent
    silent.add(name)
    world.store.history_sources.set(anna.user_id, service, name)

    empty = read(world, anna)
    silent.clear()
    read(world, anna, days_later=1)
    noticed = named(world, anna)
    read_all(world, anna)

    assert (empty["added"], empty["passed"]) == (0, True)
    assert [since for since, _ in noticed.unread] == [None]
    assert named(world, anna).plays == pytest.approx(len(scrobbles(world, name)), rel=0.01)


def test_the_schedule_reads_for_whom_it_is_due_and_for_nobody_twice(
    world: VibeWorld, tmp_path: Path
) -> None:
    anna, _ = scrobbler(world, HistoryService.LASTFM)
    hidden, _ = scrobbler(world)

    def tick() -> set[str | None]:
        with (
            dagster_in_files(tmp_path) as instance,
            dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=datetime.now(UTC),
                resources=world.definitions.resources,
            ) as context,
        ):
            begun = reading_history(context)
        return {one.partition_key for one in begun} if isinstance(begun, list) else set()

    before = tick()
    read(world, anna)
    after = tick()

    assert anna.user_id in before
    assert hidden.user_id not in before
    assert anna.user_id not in after


def test_a_list_brings_back_what_was_loved_years_ago_and_says_when(world: VibeWorld) -> None:
    anna, _ = scrobbler(world, HistoryService.LASTFM)
    read_all(world, anna)
    off = frozenset(Source) - {Source.REDISCOVERED_LIKES, Source.LOVED_ONCE}
    world.store.people.change(anna.user_id, sources_off=off, min_new_ratio=0.0)

    made = world.run(runs.PREVIEW_VIBE, anna.user_id)

    edition = world.store.editions.get(EditionId(made.run_id))
    assert edition is not None
    chosen = [track for track in edition.tracks if track.source is Source.LOVED_ONCE]
    assert chosen
    assert not any(track.is_new for track in chosen)
    for track in chosen:
        assert 2015 < int(track.seed) <= datetime.now(UTC).year
        words = say("en", reason_key(track.source, seeded=True), seed=track.seed)
        assert words == f"you loved this in {track.seed}"

    def artists(pool_of: str) -> set[str]:
        with world.warehouse.open() as tables:
            wanted = {Source.LOVED_ONCE: EditionId(pool_of)}
            pools = tables.candidates.pools(anna.user_id, wanted)
        return {artist_key(one.artist) for pool in pools for one in pool.proposals}

    left_out = chosen[0].artist_key
    world.store.exclusions.add(anna.user_id, ExclusionKind.ARTIST, left_out, "left out")
    key = pool_key(Source.LOVED_ONCE)
    again = world.run(runs.PREPARE_VIBE, anna.user_id, selection=[key], days_later=3)
    assert left_out in artists(made.run_id)
    assert left_out not in (asked_anew := artists(again.run_id))
    assert asked_anew


def test_listenbrainz_recommends_to_those_who_named_their_account_once_it_can(
    world: VibeWorld,
) -> None:
    bob, (anna, name) = scrobbler(world)[0], scrobbler(world, HistoryService.LISTENBRAINZ)
    key = pool_key(Source.LISTENBRAINZ_FOR_YOU)

    def pool(person: Account) -> tuple[int, object]:
        world.store.people.change(person.user_id, sources_off=frozenset())
        made = world.run(runs.PREPARE_VIBE, person.user_id, selection=[key])
        (shown,) = (one for one in made.get_asset_materialization_events() if one.asset_key == key)
        metadata = shown.step_materialization_data.materialization.metadata
        offered = metadata["dagster/partition_row_count"].value
        reason = metadata["reason"].value if "reason" in metadata else None
        return int(str(offered)), reason

    assert pool(bob) == (0, Reason.NO_ACCOUNT_NAMED)
    assert pool(anna) == (0, Reason.NO_MODEL_YET)
    world.simulator.simulation.part(Models).users.add(name)
    offered, reason = pool(anna)
    assert offered > 10
    assert reason is None


def test_no_list_waits_for_it(world: VibeWorld) -> None:
    for job in (runs.DAILY_VIBE, runs.PREVIEW_VIBE, runs.PREPARE_VIBE, runs.SYNC_LIBRARY):
        assets = world.definitions.resolve_job_def(job).asset_layer.selected_asset_keys
        assert LISTENING_HISTORY not in assets
