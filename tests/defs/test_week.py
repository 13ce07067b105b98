"""Days in a row of one person through the whole graph: what they cost, and what is new in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.accounts.records import Account, Summary
from vibe_pipeline.records import EditionId

DAYS = 4
FIRST_LIST, LATER_LIST = 60, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one night's list cost and held."""

    calls: int
    exchanged: int
    """How often the list was written anew because Spotify showed a track as unplayable."""
    length: int
    summary: Summary
    new: frozenset[str]


def week(world: VibeWorld, person: Account) -> list[Day]:
    """A list each night, and each day the person hears it, and likes some of it."""
    return [_day(world, person, number) for number in range(DAYS)]


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


def _hold(days: list[Day], size: int) -> None:
    """What every run of days must keep."""
    first, *later = days
    assert first.calls <= FIRST_LIST
    assert [day.calls for day in later if day.calls > LATER_LIST + 3 * day.exchanged] == []
    assert [day.length for day in days] == [size] * DAYS
    short = [day for day in days if day.summary.new < day.summary.wished_new]
    assert [day.summary for day in short] == []
    assert sum(len(day.new) for day in days) == len(frozenset().union(*(d.new for d in days)))


@pytest.mark.slow
def test_every_night_of_a_week_costs_eight_calls_and_is_as_new_as_wished(tmp_path: Path) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()

        days = week(world, anna)

        _hold(days, anna.playlist_size)


@pytest.mark.slow
def test_a_week_without_listenbrainz_labs_costs_no_more_and_is_as_new(tmp_path: Path) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        world.trouble(service="labs", kind="status", status=503)

        days = week(world, anna)

        _hold(days, anna.playlist_size)
