"""A playlist that Spotify says is not there: looked for again, waited for, at last replaced."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from tests.support.publication_desk import (
    SUMMARY,
    TRACKS,
    Desk,
    Killed,
    killed_before_it_is_made,
)
from vibe_pipeline.accounts.continuation import may_have_a_playlist
from vibe_pipeline.accounts.records import (
    EditionState,
)
from vibe_pipeline.clients.errors import (
    NotThere,
    ServiceError,
)
from vibe_pipeline.playlists.edition_record import record_choice
from vibe_pipeline.playlists.failures import (
    PlaylistMissing,
    failure_of,
)
from vibe_pipeline.playlists.missing_playlist import (
    MISSING_FOR,
    SECOND_LOOK_SECONDS,
    MissingPlaylist,
)
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.records import EditionId, Mode


def fail_to_publish(
    desk: Desk, edition_id: EditionId, error: type[ServiceError] = PlaylistMissing
) -> datetime | None:
    """Run the step, which comes to nothing, and have that noted; gives when it may go on."""
    with pytest.raises(error) as failed:
        desk.publish(edition_id)
    failure = failure_of(failed.value)
    desk.store.editions.fail(edition_id, failure.cause, failure.until, failure.sentence)
    return failure.until


def test_a_living_playlist_that_comes_back_within_minutes_is_kept(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    first = fail_to_publish(desk, edition_id)
    desk.now += timedelta(minutes=4)
    second = fail_to_publish(desk, edition_id)
    desk.spotify.gone.clear()
    desk.now += timedelta(minutes=6)

    edition = desk.publish(edition_id)

    assert first == second == desk.now
    assert edition.playlist_id == "p1"
    assert list(desk.spotify.playlists) == ["p1"]


def test_a_sight_noted_before_the_clock_was_set_back_counts_from_now(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now -= timedelta(days=3)

    again = fail_to_publish(desk, edition_id)

    assert again == desk.now + MISSING_FOR


def test_a_living_playlist_that_stays_away_is_replaced_by_a_new_one(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    edition = desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert edition.playlist_id == "p2"
    assert account is not None
    assert account.playlist_id == "p2"
    assert desk.spotify.items["p2"] == [track.uri for track in TRACKS]


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_that_keeps_vanishing_is_replaced_once_however_often_it_is_tried(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone |= {"p1", "p2", "p3"}
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    for error in (PlaylistMissing, NotThere, PlaylistMissing, NotThere):
        fail_to_publish(desk, edition_id, error)
        desk.now += timedelta(hours=1)

    assert list(desk.spotify.playlists) == ["p1", "p2"]
    assert desk.spotify.removed == ["p1"]
    desk.spotify.gone.clear()
    assert desk.publish(edition_id).playlist_id == "p2"
    assert list(desk.spotify.items) == ["p2"]


@pytest.mark.parametrize("mode", Mode)
def test_a_new_playlist_that_is_not_there_at_once_is_waited_for_and_filled(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone.add("p1")
    until = fail_to_publish(desk, edition_id)
    desk.spotify.gone.clear()

    edition = desk.publish(edition_id)

    assert until == desk.now + MISSING_FOR
    assert edition.playlist_id == "p1"
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_of_a_second_attempt_is_waited_for_and_replaced_like_that_of_a_first(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    killed_before_it_is_made(desk, edition_id)
    desk.spotify.gone.add("p1")

    until = fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    assert until == desk.now
    assert desk.publish(edition_id).playlist_id == "p2"
    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("replaced", [True, False])
def test_a_list_that_is_recorded_is_written_anew_as_if_nothing_had_been_replaced(
    desk: Desk, mode: Mode, *, replaced: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    if replaced:
        desk.spotify.gone.add("p1")
        fail_to_publish(desk, edition_id)
        desk.now += MISSING_FOR
    else:
        killed_before_it_is_made(desk, edition_id)
    last = desk.publish(edition_id)
    again, recorded = EditionState.PLAYLIST_MADE, EditionState.RECORDED
    desk.store.editions.advance(edition_id, recorded, again)
    desk.spotify.calls.clear()

    desk.publish(edition_id)

    assert ("newest" in desk.spotify.calls) is not replaced
    desk.store.editions.advance(edition_id, recorded, again)
    desk.spotify.gone.add(last.playlist_id or "")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    assert desk.publish(edition_id).playlist_id not in desk.spotify.gone


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("removed", [True, False])
def test_killed_while_a_missing_playlist_is_let_go_no_empty_one_stays(
    desk: Desk, *, mode: Mode, removed: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    desk.spotify.dies = lambda call: call == "remove"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.gone.clear()
    desk.now += MISSING_FOR
    if not removed:
        desk.spotify.removed.clear()

    edition = desk.publish(edition_id)

    assert edition.playlist_id == ("p2" if removed else "p1")
    assert list(desk.spotify.items) == [edition.playlist_id]
    assert list(desk.spotify.playlists) == (["p1", "p2"] if removed else ["p1"])


def test_a_living_playlist_that_held_lists_stays_in_the_library_when_it_is_replaced(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone |= {"p1", "p2", "p3"}
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    for error in (PlaylistMissing, PlaylistMissing):
        fail_to_publish(desk, edition_id, error)
    desk.now += MISSING_FOR
    fail_to_publish(desk, edition_id, NotThere)
    desk.spotify.gone.clear()

    edition = desk.publish(edition_id)

    assert edition.playlist_id == "p2"
    assert sorted(desk.spotify.items) == list(desk.spotify.playlists) == ["p1", "p2"]
    assert desk.spotify.removed == []


@pytest.mark.parametrize("let_go", [False, True])
@pytest.mark.parametrize("chosen_again", [False, True])
def test_a_list_whose_living_playlist_is_gone_goes_where_its_person_has_lists_by_now(
    desk: Desk, *, let_go: bool, chosen_again: bool
) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    edition = desk.store.editions.required(edition_id)
    if let_go:
        missing = MissingPlaylist(store=desk.store, spotify=desk.spotify)
        asyncio.run(missing.let_go(edition))
        edition = desk.store.editions.required(edition_id)
        assert not may_have_a_playlist(edition)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)
    if chosen_again:
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=Mode.DAILY)
    gone = NotThere("spotify", "no such playlist")
    desk.spotify.spoils = lambda call: gone if call == "lines" else None

    edition = desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert (edition.mode, edition.playlist_id) == (Mode.DAILY, "p2")
    assert account.playlist_id is None


def test_two_lists_that_wait_for_the_same_living_playlist_end_in_the_one_that_replaces_it(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("e1"))
    waiting = []
    for number in (2, 3):
        desk.now += timedelta(minutes=1)
        waiting.append(desk.chosen(f"e{number}", day=20 + number))
    desk.spotify.gone.add("p1")
    for edition_id in waiting:
        fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    ends = [desk.publish(edition_id).playlist_id for edition_id in waiting]

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert [*ends, account.playlist_id] == ["p2", "p2", "p2"]
    assert list(desk.spotify.playlists) == ["p1", "p2"]


def test_the_next_list_lets_go_of_an_empty_playlist_and_takes_the_one_before_along(
    desk: Desk,
) -> None:
    first = desk.chosen("e1")
    desk.spotify.gone |= {"p1", "p2"}
    fail_to_publish(desk, first)
    desk.now += MISSING_FOR
    fail_to_publish(desk, first)
    second = desk.chosen("e2", day=21)
    fail_to_publish(desk, second)
    desk.now += MISSING_FOR

    edition = desk.publish(second)

    assert edition.playlist_id == "p3"
    assert desk.spotify.removed == ["p1", "p2"]
    assert desk.store.editions.required(first).playlist_id is None


def test_one_no_such_playlist_costs_nobody_their_playlist(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.hidden = 1

    second = desk.publish(desk.chosen("e2", day=21))

    assert second.playlist_id == first.playlist_id
    assert len(desk.spotify.playlists) == 1
    assert desk.naps.taken == [SECOND_LOOK_SECONDS]
