"""What connecting begins, and a first list that comes after it or right into it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tests.support.vibe_world import ROOMY, VibeWorld, vibe_world
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.defs import single_flight
from vibe_pipeline.defs.single_flight import SharedWork
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import STILL_TO_WALK, LaunchRequest
from vibe_pipeline.simulator.simulation import Simulation

MUSIC_SERVICES = ("spotify", "lastfm", "labs", "listenbrainz", "musicbrainz")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VibeWorld]:
    rules = replace(ROOMY, likes_per_person=2000)
    with vibe_world(tmp_path, simulation=Simulation(rules=rules)) as world:
        yield world


def launch(world: VibeWorld, request: LaunchRequest) -> bool:
    assert request.partition_key is not None
    result = world.run(request.job, request.partition_key, tags=request.tags)
    return result.success


def launch_apart(world: VibeWorld, request: LaunchRequest) -> bool:
    """The same beside another run: Dagster's records in memory are no place for two."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("users", [str(request.partition_key)])
        return launch(replace(world, instance=instance), request)


def newcomer(world: VibeWorld) -> Account:
    person = world.connected()
    world.forget_calls()
    return person


def questions(world: VibeWorld) -> Counter[tuple[str, str, str]]:
    """How often each question was asked, in whatever run."""
    requests = world.simulator.simulation.log.requests()
    return Counter(
        (one.service, one.path, json.dumps([one.query, one.body], sort_keys=True, default=str))
        for one in requests
        if one.service in MUSIC_SERVICES
    )


def test_after_it_a_first_list_asks_spotify_a_few_times_and_nobody_else(world: VibeWorld) -> None:
    anna = newcomer(world)
    launch(world, LaunchRequest.first_preparation(anna.user_id))
    before = world.calls().total()
    world.forget_calls()

    launch(world, LaunchRequest.asked_list(anna.user_id))

    edition = world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert (edition.state, len(edition.tracks)) == (EditionState.RECORDED, anna.playlist_size)
    assert world.calls().total() <= 16
    assert before + world.calls().total() <= 57
    assert not any(world.calls(service) for service in MUSIC_SERVICES[1:])


def test_a_list_asked_for_meanwhile_joins_it_and_nothing_is_asked_twice(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKING_SECONDS", "60")
    monkeypatch.setattr(single_flight, "PATIENCE_SECONDS", dict.fromkeys(SharedWork, 120.0))
    anna = newcomer(world)
    for service in MUSIC_SERVICES:
        world.simulator.simulation.faults.latency[service] = 0.05
    wanted = [
        LaunchRequest.first_preparation(anna.user_id),
        LaunchRequest.asked_list(anna.user_id),
    ]

    with ThreadPoolExecutor() as threads:
        ended = list(threads.map(lambda request: launch_apart(world, request), wanted))

    assert ended == [True, True]
    edition = world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert len(edition.tracks) == anna.playlist_size
    again = {(service, path) for (service, path, _), times in questions(world).items() if times > 1}
    assert again <= {("spotify", "/spotify/v1/me/tracks")}
    assert world.calls().total() <= 57


def test_the_rest_of_a_long_library_is_read_after_the_first_list_until_all_is_known(
    world: VibeWorld,
) -> None:
    anna = newcomer(world)
    launch(world, LaunchRequest.first_preparation(anna.user_id))
    listed = world.run("daily_vibe", anna.user_id)
    unread = [_still_to_walk(world, listed.run_id)]

    while unread[-1]:
        walk = LaunchRequest.walking(anna.user_id, "before")
        walked = world.run(walk.job, anna.user_id, tags=walk.tags)
        unread.append(_still_to_walk(world, walked.run_id))

    assert len(unread) >= 3
    assert unread == sorted(set(unread), reverse=True)
    with world.warehouse.open() as tables:
        known = {like.track.uri for like in tables.library.likes(anna.user_id)}
    saved = [one.track for one in world.listener_of(anna).saved if one.track is not None]
    readable = {song.uri for song in saved if not song.vanished and song.substitute is None}
    assert len(readable) > 1900
    assert readable <= known


def _still_to_walk(world: VibeWorld, run_id: str) -> int:
    run = world.instance.get_run_by_id(run_id)
    assert run is not None
    return int(run.tags.get(STILL_TO_WALK, "0"))


def held(folder: Path, user_id: str, work: SharedWork) -> AbstractContextManager[bool]:
    return single_flight.single_flight(folder, UserId(user_id), work, seconds=0)


def test_other_people_and_other_work_are_not_held_up(tmp_path: Path) -> None:
    with (
        held(tmp_path, "u1", SharedWork.SOURCES),
        held(tmp_path, "u2", SharedWork.SOURCES) as other_person,
        held(tmp_path, "u1", SharedWork.LIBRARY) as other_work,
    ):
        assert not other_person
        assert not other_work


def test_nobody_waits_longer_than_doing_it_alone_would_take(tmp_path: Path) -> None:
    with (
        held(tmp_path, "u1", SharedWork.SOURCES),
        held(tmp_path, "u1", SharedWork.SOURCES) as waited,
    ):
        assert waited
