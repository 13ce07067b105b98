"""What connecting begins, and a first list that comes after it or right into it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.support.dagster_storage import dagster_in_memory
from tests.support.vibe_world import ROOMY, VibeWorld, vibe_world
from vibe_pipeline.accounts.call_allowance import (
    AHEAD,
    FIRST_LIST,
    FIRST_LIST_AT_MOST,
    FIRST_LIST_ITSELF,
    LOOKED_OVER,
    NEWCOMERS_RESERVE,
    PUBLISHING,
)
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.authorization import AccountLinking, SpotifyConnection, clients_for_people
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.defs import single_flight
from vibe_pipeline.defs.single_flight import SharedWork
from vibe_pipeline.records import PERSONAL_SOURCES, UserId
from vibe_pipeline.runs import STILL_TO_WALK, LaunchRequest
from vibe_pipeline.simulator.simulation import Simulation

pytestmark = pytest.mark.slow

MUSIC_SERVICES = ("spotify", "lastfm", "labs", "listenbrainz", "musicbrainz")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VibeWorld]:
    rules = replace(ROOMY, likes_per_person=2000)
    with vibe_world(tmp_path, simulation=Simulation(rules=rules)) as world:
        yield world


@pytest.fixture
def hurried_world(tmp_path: Path) -> Iterator[VibeWorld]:
    """One whose services take as much as comes, where only the count of calls matters."""
    rules = replace(ROOMY, likes_per_person=200, limits_enforced=False)
    with vibe_world(tmp_path, simulation=Simulation(rules=rules)) as world:
        yield world


def launch(world: VibeWorld, request: LaunchRequest) -> bool:
    assert request.partition_key is not None
    result = world.run(request.job, request.partition_key, tags=request.tags, raise_on_error=False)
    return result.success


def launch_apart(world: VibeWorld, request: LaunchRequest) -> bool:
    """The same beside another run: Dagster's records in memory are no place for two."""
    with dagster_in_memory() as instance:
        instance.add_dynamic_partitions("users", [str(request.partition_key)])
        return launch(replace(world, instance=instance), request)


def newcomer(world: VibeWorld) -> Account:
    """Somebody who has just connected, so that what follows is all their first list costs."""
    person = world.connected()
    world.forget_calls()
    asyncio.run(told_who_they_are(world, person))
    return person


async def told_who_they_are(world: VibeWorld, person: Account) -> None:
    async with open_http() as http:
        clients = clients_for_people(http, world.settings, world.store, now=world.store.budget.now)
        connection = SpotifyConnection(world.store, clients.spotify_accounts())
        token = await connection.access_for(person.user_id).token()
        linking = AccountLinking.over(clients, world.store, clients.dagster())
        await linking.profile(person.user_id, token)


def both_at_once(world: VibeWorld, person: Account) -> list[bool]:
    """What connecting begins, and a list asked for right into it."""
    wanted = [
        LaunchRequest.first_preparation(person.user_id),
        LaunchRequest.asked_list(person.user_id),
    ]
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda request: launch_apart(world, request), wanted))


def spotify_saw(world: VibeWorld) -> int:
    """The requests to Spotify's Web API, as the simulator's own control tells them."""
    address = f"{world.simulator.address}/control/requests"
    answer = httpx.get(address, params={"service": "spotify"}).raise_for_status()
    return len(answer.json()["requests"])


def spotify_saw_until_published(world: VibeWorld) -> int:
    """Of these, how many until the list was in the playlist; what comes then nobody waits for."""
    requests = world.simulator.simulation.log.requests()
    asked = [one for one in requests if one.service == "spotify" and "/v1/" in one.path]
    written = [one.method in {"POST", "PUT"} and "/items" in one.path for one in asked]
    return written.index(True) + 1


def questions(world: VibeWorld) -> Counter[tuple[str, str, str]]:
    """How often each question was asked, in whatever run; publishing is the list's alone."""
    requests = world.simulator.simulation.log.requests()
    return Counter(
        (one.service, one.path, json.dumps([one.query, one.body], sort_keys=True, default=str))
        for one in requests
        if one.service in MUSIC_SERVICES and "/playlists/" not in one.path
    )


def test_after_it_a_first_list_asks_spotify_a_few_times_and_nobody_else(world: VibeWorld) -> None:
    anna = newcomer(world)
    assert launch(world, LaunchRequest.first_preparation(anna.user_id))
    before = spotify_saw(world)
    world.forget_calls()

    assert launch(world, LaunchRequest.asked_list(anna.user_id))

    edition = world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert (edition.state, len(edition.tracks)) == (EditionState.RECORDED, anna.playlist_size)
    assert world.calls().total() <= FIRST_LIST_ITSELF + PUBLISHING + 2
    assert before + spotify_saw(world) <= FIRST_LIST
    assert len([track for track in edition.tracks if track.is_new]) >= 24
    assert not any(world.calls(service) for service in MUSIC_SERVICES[1:])


def test_a_list_is_made_of_pools_that_lay_there_before_a_source_was_invented(
    hurried_world: VibeWorld,
) -> None:
    anna = newcomer(hurried_world)
    assert launch(hurried_world, LaunchRequest.first_preparation(anna.user_id))
    with hurried_world.warehouse.open() as tables:
        for source in PERSONAL_SOURCES:
            tables.connection.execute("DELETE FROM candidate_pools WHERE source = ?", [source])
    hurried_world.forget_calls()

    assert launch(hurried_world, LaunchRequest.asked_list(anna.user_id))

    edition = hurried_world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert (edition.state, len(edition.tracks)) == (EditionState.RECORDED, anna.playlist_size)
    assert not any(hurried_world.calls(service) for service in MUSIC_SERVICES[1:])


def test_a_list_asked_for_meanwhile_joins_it_and_nothing_is_asked_twice(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKING_SECONDS", "60")
    monkeypatch.setattr(single_flight, "PATIENCE_SECONDS", dict.fromkeys(SharedWork, 120.0))
    anna = newcomer(world)
    for service in MUSIC_SERVICES:
        world.simulator.simulation.faults.latency[service] = 0.05

    ended = both_at_once(world, anna)

    assert ended == [True, True]
    edition = world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert len(edition.tracks) == anna.playlist_size
    assert spotify_saw_until_published(world) <= FIRST_LIST + FIRST_LIST_ITSELF
    again = {(service, path) for (service, path, _), times in questions(world).items() if times > 1}
    read_on = {"/spotify/v1/me/tracks", "/spotify/v1/me/player/recently-played"}
    assert again <= {("spotify", path) for path in read_on}


def test_a_first_list_stays_within_its_most_though_much_has_to_be_asked_again(
    world: VibeWorld,
) -> None:
    anna = newcomer(world)
    world.trouble(service="spotify", kind="status", status=503, probability=0.3)
    world.trouble(service="labs", kind="status", status=500)
    world.trouble(service="lastfm", kind="status", status=500)

    both_at_once(world, anna)

    assert spotify_saw(world) <= FIRST_LIST_AT_MOST


def test_a_first_list_comes_in_good_weather_however_much_an_outage_has_cost(
    hurried_world: VibeWorld,
) -> None:
    world = hurried_world
    anna = newcomer(world)
    endpoint = "PUT /playlists/{id}/items"
    world.trouble(service="spotify", endpoint=endpoint, kind="status", status=400)
    for _ in range(10):
        assert not launch(world, LaunchRequest.asked_list(anna.user_id))
        if spotify_saw(world) > FIRST_LIST_AT_MOST:
            break
    world.no_trouble()

    assert launch(world, LaunchRequest.asked_list(anna.user_id))

    edition = world.store.editions.latest(anna.user_id)
    assert edition is not None
    assert edition.state is EditionState.RECORDED
    assert spotify_saw(world) > FIRST_LIST_AT_MOST


def test_what_a_newcomers_reserve_lacks_is_laid_in_after_the_first_list(
    hurried_world: VibeWorld,
) -> None:
    world = hurried_world
    anna = newcomer(world)
    assert launch(world, LaunchRequest.first_preparation(anna.user_id))
    assert launch(world, LaunchRequest.asked_list(anna.user_id))
    world.forget_calls()

    assert launch(world, LaunchRequest.preparing(anna.user_id, "first list"))
    assert launch(world, LaunchRequest.preparing(anna.user_id, "once more"))

    assert AHEAD < spotify_saw(world) <= NEWCOMERS_RESERVE + LOOKED_OVER + AHEAD


def test_the_rest_of_a_long_library_is_read_after_the_first_list_until_all_is_known(
    world: VibeWorld,
) -> None:
    anna = newcomer(world)
    assert launch(world, LaunchRequest.first_preparation(anna.user_id))
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
