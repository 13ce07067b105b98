"""A playlist that its person removed: noticed within a week, and never written into again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.account_examples import account
from tests.support.accounts_site import opened
from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.accounts.records import Account, EditionState, FailureCause
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.playlists import missing_playlist
from vibe_pipeline.playlists.kept_playlist import EVERY_DAYS, is_due, let_go_if_removed
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Library:
    """Answers whether a playlist is there, one answer after another; lists these."""

    def __init__(self, *answers: bool, listed: Sequence[str] = ()) -> None:
        self.answers = list(answers)
        self.listed = [Playlist(id=one, name="Mine", url="") for one in listed]

    async def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]:
        for playlist in self.listed[:most]:
            yield playlist

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        return {uris[0]: self.answers.pop(0)}


async def at_once(_: float) -> None:
    return None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VibeWorld]:
    with vibe_world(tmp_path) as found:
        yield found


def as_stored(world: VibeWorld, person: Account) -> Account:
    found = world.store.people.get(person.user_id)
    assert found is not None
    return found


def told(world: VibeWorld) -> list[str]:
    later = open_for(world.settings, now=lambda: datetime.now(UTC) + timedelta(days=30))
    return [message.key for message in later.outbox.take_due(10)]


def days_until_look(person: Account) -> int:
    now = datetime.now(UTC)
    return next(n for n in range(EVERY_DAYS) if is_due(person, now + timedelta(days=n)))


def test_it_is_looked_at_on_one_day_of_each_week() -> None:
    person = replace(account(), playlist_id="p1")

    due = [is_due(person, NOW + timedelta(days=number)) for number in range(28)]

    assert sum(due) == 4
    assert not any(is_due(account(), NOW + timedelta(days=number)) for number in range(7))


def test_one_passing_answer_lets_no_playlist_go(world: VibeWorld) -> None:
    anna = world.at_home()
    kept = world.store.people.change(anna.user_id, playlist_id="p1")

    gone = asyncio.run(let_go_if_removed(world.store, Library(False, True), kept, sleep=at_once))

    assert not gone
    assert as_stored(world, anna).playlist_id == "p1"


@pytest.mark.parametrize(("listed", "gone"), [("p1", False), ("p2", True)])
def test_a_playlist_that_spotify_still_lists_is_kept_whatever_the_library_says(
    world: VibeWorld, listed: str, *, gone: bool
) -> None:
    kept = world.store.people.change(world.at_home().user_id, playlist_id="p1")
    library = Library(False, False, listed=[*(f"newer{number}" for number in range(60)), listed])

    waiting = opened(world.store, kept)
    assert world.store.editions.advance(
        waiting.edition_id,
        EditionState.STARTED,
        EditionState.PLAYLIST_MADE,
        playlist_id="p1",
        marker="vibe",
    )

    let_go = asyncio.run(let_go_if_removed(world.store, library, kept, sleep=at_once))

    assert let_go is gone
    now = world.store.editions.required(waiting.edition_id)
    assert (now.playlist_id is None, now.state is EditionState.CHOSEN) == (gone, gone)


def test_whoever_removed_their_playlist_is_told_and_gets_a_new_one(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    listening = world.listener_of(anna)
    removed = listening.playlists.pop(0)
    content = [entry.uri for entry in removed.items]

    days = days_until_look(as_stored(world, anna))
    world.run("prepare_vibe", anna.user_id, days_later=days)
    world.run("daily_vibe", anna.user_id, days_later=days + 1)

    assert "bot.playlist_let_go" in told(world)
    assert [playlist.id for playlist in listening.playlists] != [removed.id]
    assert len(listening.playlists) == 1
    assert [entry.uri for entry in removed.items] == content
    assert len(listening.playlists[0].items) > 0


def test_a_list_whose_playlist_is_missing_fails_and_goes_on_in_a_new_one(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_playlist, "MISSING_FOR", timedelta(0))
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    gone = world.listener_of(anna).playlists.pop(0)
    theirs = world.simulator.simulation.part(SpotifyAccounts).playlists
    theirs["gone"] = theirs.pop(gone.id)

    missed = world.run("daily_vibe", anna.user_id, raise_on_error=False)
    waiting = world.list_of(missed)
    world.run("daily_vibe", anna.user_id)

    assert not missed.success
    assert (waiting.playlist_id, waiting.cause) == (gone.id, FailureCause.PLAYLIST_MISSING)
    made = world.store.editions.required(waiting.edition_id)
    assert made.state is EditionState.RECORDED
    assert [playlist.id for playlist in world.listener_of(anna).playlists] == [made.playlist_id]
