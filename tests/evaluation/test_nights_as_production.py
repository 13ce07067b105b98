"""What simulated nights and the assets share: one making of lists, and what a list may cost."""

from __future__ import annotations

import ast
import asyncio
import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.accounts.call_allowance import FIRST_LIST, LIST, PUBLISHING, SPOTIFY
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.defs import candidates, selection
from vibe_pipeline.evaluation.nights import list_maker
from vibe_pipeline.evaluation.nights.library import SimulatedAccount, SyncedLibrary
from vibe_pipeline.evaluation.nights.list_maker import ListMaker
from vibe_pipeline.evaluation.nights.listener import SimulatedListener
from vibe_pipeline.evaluation.nights.plan import Plan
from vibe_pipeline.evaluation.nights.simulation import FIRST_MORNING
from vibe_pipeline.evaluation.nights.world import SimulatedServices
from vibe_pipeline.playlists import build
from vibe_pipeline.ranking.policy import DEFAULT
from vibe_pipeline.records import EditionId, LikedTrack
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.taste.library_sync import FIRST_WALK_PAGES, NEXT_WALK_PAGES
from vibe_pipeline.taste.unliked import PAGE

ROOT = Path(build.__file__).parents[1]
LIBRARY = ("GET /me/tracks", "GET /me/player/recently-played", "GET /me/top/")


def listener(services: SimulatedServices) -> SimulatedListener:
    return SimulatedListener.begin(services.world, services.world.listeners[0], 5, FIRST_MORNING)


def services() -> SimulatedServices:
    return SimulatedServices(BuiltInWorld(5, artists=200, listeners=1))


def a_like(life: SimulatedListener, number: int) -> LikedTrack:
    """One like of many: the same song under as many ids, an hour older each."""
    track = next(iter(life.likes.values())).track
    return LikedTrack(
        track=replace(track, spotify_id=f"id{number}", uri=f"spotify:track:id{number}"),
        added_at=FIRST_MORNING - timedelta(hours=number + 1),
    )


def library_calls(world: VibeWorld) -> int:
    return sum(n for endpoint, n in world.calls().items() if endpoint.startswith(LIBRARY))


def saved_pages(likes: int) -> int:
    return math.ceil(likes / PAGE)


def test_nights_and_assets_make_lists_with_the_same_functions() -> None:
    assert vars(list_maker)["build_list"] is vars(selection)["build_list"] is build.build_list
    assert vars(list_maker)["stock_up"] is vars(selection)["stock_up"] is build.stock_up
    assert vars(list_maker)["propose"] is vars(candidates)["propose"] is build.propose


@pytest.mark.parametrize("step", ["Resolver", "propose_all", "choose"])
def test_the_steps_of_a_making_are_called_in_one_place(step: str) -> None:
    callers = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == step
    }

    assert callers == {"playlists/build.py"}


async def test_every_night_costs_no_more_calls_than_production_lets_a_list_cost() -> None:
    simulated = services()
    life = listener(simulated)
    maker = ListMaker(simulated, life, Plan(), DEFAULT, now=FIRST_MORNING)
    costs = []

    for number in range(3):
        await maker.wake(FIRST_MORNING + timedelta(days=number))
        maker.remember(await maker.selection(), EditionId(f"night {number}"))
        costs.append(maker.calls[SPOTIFY])

    assert LIST < costs[0] <= FIRST_LIST - PUBLISHING
    assert all(0 < cost <= LIST - PUBLISHING for cost in costs[1:])


def test_reading_the_library_costs_a_night_what_it_costs_a_run(tmp_path: Path) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        in_production = run_costs(world, anna)
        likes = len(world.listener_of(anna).saved)
    life = listener(services())

    in_nights = asyncio.run(night_costs(life))

    assert in_production[0] - saved_pages(likes) == in_nights[0] - saved_pages(len(life.likes))
    assert in_production[1] == in_nights[1] == 2


def run_costs(world: VibeWorld, person: Account) -> tuple[int, int]:
    """Calls for the library: from connecting to the first list, and of a later list."""
    world.forget_calls()
    world.run("sync_library", person.user_id)
    world.run("daily_vibe", person.user_id)
    first = library_calls(world)
    world.forget_calls()
    world.run("daily_vibe", person.user_id)
    return first, library_calls(world)


async def night_costs(life: SimulatedListener) -> tuple[int, int]:
    library = synced(life)
    calls = library.account.calls
    await library.connect()
    await library.refresh()
    first = calls[SPOTIFY]
    calls.clear()
    await library.refresh()
    return first, calls[SPOTIFY]


def synced(life: SimulatedListener) -> SyncedLibrary:
    nobody = services().spotify(Counter())
    account = SimulatedAccount(life=life, catalogue=nobody, calls=Counter(), now=FIRST_MORNING)
    return SyncedLibrary(account=account)


async def test_a_long_library_is_walked_on_night_by_night_and_unknown_likes_are_taken_in() -> None:
    life = listener(services())
    life.likes = {f"song {n}": a_like(life, n) for n in range(1200)}
    library = synced(life)

    await library.connect()
    known_first = len(library.likes)
    await library.refresh()
    unknown = list(life.likes.values())[-130]
    library.take_in([unknown.track])

    assert known_first == FIRST_WALK_PAGES * PAGE
    read_twice, taken_in = 1, 1
    walked = (NEXT_WALK_PAGES - 1) * PAGE - read_twice
    assert len(library.likes) == known_first + walked + taken_in
    assert library.state.likes_walked is not None
    assert unknown.track in {like.track for like in library.likes}


@pytest.mark.parametrize("days", [1, 6])
async def test_top_items_of_the_week_cost_no_list_anything(days: int) -> None:
    library = synced(listener(services()))
    await library.connect()
    await library.refresh()
    top = library.top
    library.account.calls.clear()
    library.account.now = FIRST_MORNING + timedelta(days=days)

    await library.refresh()

    assert top
    assert library.top is top
    assert library.account.calls[SPOTIFY] == 2
