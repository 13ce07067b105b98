"""The shared budget of calls, and capabilities."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.accounts_site import BEGINNING, KEY, Clock, address, in_processes, made
from vibe_pipeline.accounts.budget import CEILINGS, FIRST_PAUSE, StoredBudget
from vibe_pipeline.accounts.budget_shares import Ceiling
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.clients.budget import Budget, Capabilities, ServicePause
from vibe_pipeline.clients.errors import RateLimited

SPOTIFY = CEILINGS["spotify"]


def small(store: AccountStore, clock: Clock, calls: int = 5, reserved: int = 2) -> StoredBudget:
    """The store's budget with a ceiling that a test can reach."""
    ceilings = {"spotify": Ceiling(calls=calls, reserved=reserved)}
    return StoredBudget(store.database, clock, ceilings)


def test_the_store_offers_what_the_clients_ask_for(tmp_path: Path) -> None:
    store = made(tmp_path)

    budget: Budget = store.budget
    capabilities: Capabilities = store.capabilities

    budget.ask("lastfm", asked_for=False)
    assert not capabilities.absent("anything")


def test_nightly_work_leaves_a_reserve_for_what_is_asked_for(tmp_path: Path) -> None:
    clock = Clock()
    budget = small(made(tmp_path, clock), clock)
    for _ in range(3):
        budget.ask("spotify", asked_for=False)

    with pytest.raises(RateLimited) as refused:
        budget.ask("spotify", asked_for=False)
    budget.ask("spotify", asked_for=True)
    budget.ask("spotify", asked_for=True)
    with pytest.raises(RateLimited):
        budget.ask("spotify", asked_for=True)

    assert refused.value.quota
    assert budget.used("spotify") == 5
    assert budget.left("spotify") == budget.left("spotify", asked_for=False) == 0


def test_what_was_noted_before_the_clock_was_set_back_stops_nobody(tmp_path: Path) -> None:
    """The machine believed to be two years on; the calls and the pause are of no real day."""
    clock = Clock()
    budget = small(made(tmp_path, clock), clock, calls=1, reserved=0)
    clock.advance(days=730)
    budget.ask("spotify", asked_for=True)
    budget.block("spotify", clock() + timedelta(hours=2), "quota")
    budget.block("spotify", clock() + timedelta(hours=2), "quota", bucket="search")

    clock.advance(days=-730)

    assert budget.blocked_until("spotify") is None
    budget.ask("spotify", asked_for=True, bucket="search")
    pause = budget.block("spotify", clock() + timedelta(hours=1), "too many calls")
    assert pause.until == clock() + timedelta(hours=1)


def test_the_refusal_names_the_moment_when_a_call_is_free_again(tmp_path: Path) -> None:
    clock = Clock()
    budget = small(made(tmp_path, clock), clock, calls=2, reserved=0)
    budget.ask("spotify", asked_for=True)
    clock.advance(hours=3)
    budget.ask("spotify", asked_for=True)

    with pytest.raises(RateLimited) as refused:
        budget.ask("spotify", asked_for=True)

    until = refused.value.until
    assert BEGINNING + timedelta(hours=24) <= until <= BEGINNING + timedelta(hours=24, minutes=2)
    clock.moment = until
    budget.ask("spotify", asked_for=True)
    with pytest.raises(RateLimited):
        budget.ask("spotify", asked_for=True)


@settings(max_examples=25, deadline=None)
@given(gaps=st.lists(st.integers(min_value=0, max_value=20_000), min_size=1, max_size=25))
def test_no_day_ever_sees_more_calls_than_the_ceiling(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int]
) -> None:
    clock = Clock()
    budget = small(made(tmp_path_factory.mktemp("budget"), clock), clock, calls=4, reserved=0)
    granted: list[datetime] = []

    for gap in gaps:
        clock.advance(seconds=gap)
        try:
            budget.ask("spotify", asked_for=True)
        except RateLimited:
            continue
        granted.append(clock())

    for start in granted:
        assert sum(start <= call < start + timedelta(hours=24) for call in granted) <= 4


def test_services_without_a_ceiling_are_counted_and_can_be_blocked(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget
    budget.ask("lastfm", asked_for=False)

    budget.block("lastfm", BEGINNING + timedelta(minutes=5), "rate limit")

    assert budget.used("lastfm") == 1
    assert budget.left("lastfm") is None
    with pytest.raises(RateLimited) as refused:
        budget.ask("lastfm", asked_for=True)
    assert refused.value.until == BEGINNING + timedelta(minutes=5)
    assert budget.used("lastfm") == 1
    budget.ask("spotify", asked_for=False)


def test_a_block_ends_by_itself_and_a_shorter_one_does_not_shorten_it(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget
    budget.block("spotify", BEGINNING + timedelta(hours=13), "quota")
    budget.block("spotify", BEGINNING + timedelta(minutes=1), "rate")

    assert budget.blocked_until("spotify") == BEGINNING + timedelta(hours=13)
    assert [(block.service, block.reason) for block in budget.blocks()] == [("spotify", "quota")]
    clock.advance(hours=13)
    assert budget.blocked_until("spotify") is None
    budget.ask("spotify", asked_for=False)


def test_one_endpoints_pause_stops_no_other(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget

    block = budget.block("spotify", BEGINNING + timedelta(hours=5), "quota", bucket="GET /search")

    assert block == ServicePause(until=BEGINNING + timedelta(hours=5), whole=False)
    assert budget.blocked_until("spotify") is None
    budget.ask("spotify", asked_for=True, bucket="PUT /playlists")
    with pytest.raises(RateLimited) as refused:
        budget.ask("spotify", asked_for=True, bucket="GET /search")
    assert (refused.value.bucket, refused.value.until) == ("GET /search", block.until)
    clock.advance(hours=5)
    budget.ask("spotify", asked_for=True, bucket="GET /search")


def test_pauses_of_several_endpoints_are_the_apps(tmp_path: Path) -> None:
    budget = made(tmp_path, Clock()).budget
    ends = [BEGINNING + timedelta(hours=hours) for hours in (5, 3, 4)]

    blocks = [
        budget.block("spotify", until, "quota", bucket=bucket)
        for until, bucket in zip(ends, ("GET /me", "GET /search", "PUT /playlists"), strict=True)
    ]

    assert [block.whole for block in blocks] == [False, False, True]
    assert budget.blocked_until("spotify") == BEGINNING + timedelta(hours=3)
    with pytest.raises(RateLimited) as refused:
        budget.ask("spotify", asked_for=True, bucket="GET /me/tracks")
    assert refused.value.bucket is None


def test_one_passing_limit_does_not_silence_a_whole_service_for_a_day(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget

    first = budget.block("lastfm", BEGINNING + timedelta(hours=24), "rate", certain=False)
    clock.moment = first.until
    budget.ask("lastfm", asked_for=False)
    again = budget.block("lastfm", BEGINNING + timedelta(hours=24), "rate", certain=False)

    assert first.until == BEGINNING + FIRST_PAUSE
    assert again.until == BEGINNING + timedelta(hours=24)


def test_a_long_pause_is_believed_when_it_is_said_again_after_a_short_one(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget
    until = BEGINNING + timedelta(hours=20)

    first = budget.block("spotify", until, "slow", bucket="GET /search", certain=False)
    clock.advance(minutes=20)
    budget.ask("spotify", asked_for=True, bucket="GET /search")
    second = budget.block("spotify", until, "slow", bucket="GET /search", certain=False)

    assert first.until == BEGINNING + FIRST_PAUSE
    assert second.until == until


def test_answers_that_were_under_way_together_are_one_look(tmp_path: Path) -> None:
    clock = Clock()
    budget = made(tmp_path, clock).budget
    until = BEGINNING + timedelta(hours=20)

    for _ in range(3):
        pause = budget.block("spotify", until, "quota", bucket="GET /search", certain=False)
        clock.advance(seconds=2)

    assert pause.until < BEGINNING + FIRST_PAUSE + timedelta(minutes=1)


@pytest.mark.parametrize(("hours", "quota"), [(13.0, True), (0.2, False)])
def test_only_a_long_pause_is_called_the_days(tmp_path: Path, hours: float, *, quota: bool) -> None:
    budget = made(tmp_path, Clock()).budget
    budget.block("spotify", BEGINNING + timedelta(hours=hours), "quota")

    with pytest.raises(RateLimited) as refused:
        budget.ask("spotify", asked_for=True)

    assert refused.value.quota is quota


def test_calls_of_a_day_ago_are_cleared_away(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    for _ in range(4):
        store.budget.ask("spotify", asked_for=False)
        clock.advance(hours=20)

    with store.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM service_calls").scalar()
    assert rows == 2


def test_the_ceiling_stays_below_what_stopped_others(tmp_path: Path) -> None:
    assert SPOTIFY.calls < 1_144
    assert 0 < SPOTIFY.reserved < SPOTIFY.calls


def _ask_often(folder: str, times: int) -> int:
    clock = Clock()
    store = open_store(address(Path(folder)), KEY, now=clock)
    budget = small(store, clock, calls=50, reserved=0)
    granted = 0
    for _ in range(times):
        try:
            budget.ask("spotify", asked_for=True)
        except RateLimited:
            continue
        granted += 1
    return granted


def test_several_processes_together_stay_within_the_ceiling(tmp_path: Path) -> None:
    store = made(tmp_path)

    granted = in_processes(_ask_often, [(str(tmp_path), 30)] * 3)

    assert sum(granted) == 50
    assert store.budget.used("spotify") == 50


def test_a_capability_is_off_until_its_day_is_over(tmp_path: Path) -> None:
    clock = Clock()
    capabilities = made(tmp_path, clock).capabilities
    capabilities.switch_off("recommendations", BEGINNING + timedelta(days=1), "answered 404")
    capabilities.switch_off("recommendations", BEGINNING + timedelta(days=2), "answered 403")
    capabilities.switch_off("artist_top_tracks", BEGINNING + timedelta(days=1), "answered 404")

    assert capabilities.absent("recommendations")
    assert not capabilities.absent("search")
    assert [one.name for one in capabilities.list()] == ["artist_top_tracks", "recommendations"]
    capabilities.switch_on("artist_top_tracks")
    assert not capabilities.absent("artist_top_tracks")
    clock.advance(days=2)
    assert not capabilities.absent("recommendations")
    assert capabilities.list() == []
