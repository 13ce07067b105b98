"""Days in a row of one person through the whole graph: what they cost, and what is new in them.

Prepared for, as an installation that runs does it, and with nothing done ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.vibe_world import ROOMY, VibeWorld, vibe_world
from vibe_pipeline.accounts.records import Account, Summary
from vibe_pipeline.playlists.build import LISTS_IN_RESERVE
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.simulator.simulation import Simulation

DAYS = 3
FIRST_LIST, LATER_LIST, WARM_LIST = 60, 8, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one night's list cost and held."""

    calls: int
    exchanged: int
    """How often the list was written anew because Spotify showed a track as unplayable."""
    length: int
    summary: Summary
    new: frozenset[str]


def nights(world: VibeWorld, person: Account) -> list[Day]:
    """A list each night, and each day the person hears it, and likes some of it."""
    return [_day(world, person, number) for number in range(DAYS)]


def prepared_nights(world: VibeWorld, person: Account) -> list[Day]:
    """The same with each list prepared after the one before."""
    connecting = LaunchRequest.first_preparation(person.user_id)
    world.run(connecting.job, person.user_id, tags=connecting.tags)
    days = [_day(world, person, 0)]
    for number in range(1, DAYS):
        _prepare(world, person, number - 1)
        days.append(_day(world, person, number))
    return days


def _prepare(world: VibeWorld, person: Account, number: int) -> None:
    """What follows a list."""
    ahead = LaunchRequest.preparing(person.user_id, f"day {number}")
    run = world.run(ahead.job, person.user_id, tags=ahead.tags, days_later=number)
    shown = world.output_metadata(run, "track_reserve")
    assert shown["lists it is enough for"].value == LISTS_IN_RESERVE


def _day(world: VibeWorld, person: Account, number: int) -> Day:
    world.forget_calls()
    night = date(2026, 11, 23) + timedelta(days=number)
    tags = {"vibe/occasion": f"nightly:{night}", "vibe/asked_by": "schedule"}
    run = world.run("daily_vibe", person.user_id, tags=tags, days_later=number)
    edition = world.store.editions.required(EditionId(run.run_id))
    assert edition.summary is not None
    _listen(world, person, [track.uri for track in edition.tracks])
    calls = world.calls()
    day = Day(
        calls=calls.total(),
        exchanged=calls["PUT /playlists/{id}/items"] - 1,
        length=len(edition.tracks),
        summary=edition.summary,
        new=frozenset(track.key for track in edition.tracks if track.is_new),
    )
    world.simulator.simulation.clock.advance(86_400)
    return day


def _listen(world: VibeWorld, person: Account, uris: list[str]) -> None:
    address = f"{world.simulator.address}/control/people/{person.chat_id}"
    for what, some in (("plays", uris[:12]), ("likes", uris[:2])):
        httpx.post(f"{address}/{what}", json={"tracks": some}).raise_for_status()


def _hold_new(days: list[Day], size: int, *, least: float = 1.0) -> None:
    """Each list is whole, as new as wished, and new beside the others.

    Where few calls and nothing prepared allow no more, ``least`` of what was wished is enough, and
    the list says that it falls short.
    """
    assert [day.length for day in days] == [size] * len(days)
    short = [day for day in days if day.summary.new < day.summary.wished_new]
    assert [day for day in short if day.summary.new < least * day.summary.wished_new] == []
    assert [day for day in short if "fewer_new_than_wished" not in day.summary.notes] == []
    assert sum(len(day.new) for day in days) == len(frozenset().union(*(d.new for d in days)))


@pytest.mark.slow
def test_every_prepared_list_costs_four_calls_though_labs_names_wrong_and_dead_ids(
    tmp_path: Path,
) -> None:
    rules = replace(ROOMY, labs_wrong_share=0.2)
    with vibe_world(tmp_path, simulation=Simulation(rules=rules)) as world:
        anna = world.connected()

        first, *later = prepared_nights(world, anna)

        assert first.calls <= FIRST_LIST
        assert [day.calls for day in later if day.calls > WARM_LIST or day.exchanged] == []
        _hold_new(later, anna.playlist_size)


@pytest.mark.slow
def test_nights_without_listenbrainz_labs_and_with_nothing_prepared_are_nearly_as_new_and_say_so(
    tmp_path: Path,
) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        world.trouble(service="labs", kind="status", status=503)

        first, *later = days = nights(world, anna)

        assert first.calls <= FIRST_LIST
        assert [day.calls for day in later if day.calls > LATER_LIST + 3 * day.exchanged] == []
        _hold_new(days, anna.playlist_size, least=0.7)
