"""A playlist is made once: what was made unheard is found, and another made only after doubt."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.support.publication_desk import (
    SUMMARY,
    TRACKS,
    Desk,
    Killed,
    killed_before_it_is_made,
)
from vibe_pipeline.accounts.records import (
    EditionState,
)
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    PassinglyRefused,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.locales import day, say
from vibe_pipeline.playlists.edition_record import record_choice
from vibe_pipeline.playlists.missing_playlist import (
    SECOND_LOOK_SECONDS,
)
from vibe_pipeline.playlists.own_playlists import marker
from vibe_pipeline.playlists.playlist_creation import DOUBT_FOR
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.records import EditionId, Mode


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("spotify", "500", may_have_happened=True),
        BrokenAnswer("spotify", "not the playlist it made"),
        UnexpectedResponse("spotify", "neither this nor that"),
    ],
)
def test_a_playlist_made_with_a_spoiled_answer_is_found_by_its_mark(
    desk: Desk, mode: Mode, error: Exception
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.spoils = lambda call: error if call == "create" else None

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert list(desk.spotify.items) == ["p1"]
    assert len(desk.spotify.playlists) == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_a_playlist_made_while_every_answer_is_spoiled_is_found_once_they_are_not(
    desk: Desk, mode: Mode
) -> None:
    desk.store.people.change(desk.account.user_id, own_title="For the ferry")
    edition_id = desk.chosen("e1", mode=mode)
    spoiled = UnexpectedResponse("spotify", "neither this nor that")
    desk.spotify.spoils = lambda call: spoiled if call in {"create", "newest"} else None
    with pytest.raises(UnexpectedResponse):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_that_the_ledger_knows_is_none_that_was_just_made(
    desk: Desk, mode: Mode
) -> None:
    desk.publish(desk.chosen("e1", mode=Mode.DAILY))
    known, create = desk.spotify.playlists["p1"], desk.spotify.create_playlist

    async def named_wrongly(name: str, *, description: str, public: bool) -> Playlist:
        await create(name, description=description, public=public)
        return known

    desk.spotify.create_playlist = named_wrongly  # type: ignore[method-assign]

    edition = desk.publish(desk.chosen("e2", mode=mode, day=21))

    assert edition.playlist_id == "p2"
    assert desk.spotify.calls.count("create") == 2


def test_an_attempt_that_never_reached_spotify_is_made_again_after_a_last_look(
    desk: Desk,
) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda made: made == "create"
    with pytest.raises(Killed):
        desk.publish(edition_id)
    desk.spotify.playlists.clear()
    desk.spotify.dies = lambda _: False
    desk.now += timedelta(seconds=10)

    desk.publish(edition_id)

    looks = ["newest", "newest", "newest"]
    assert desk.spotify.calls == ["create", *looks, "create", "items", "newest"]
    assert desk.naps.taken == [SECOND_LOOK_SECONDS, DOUBT_FOR.total_seconds() - 10]


@pytest.mark.parametrize("mode", Mode)
def test_a_lost_creation_is_found_though_one_list_of_the_playlists_lags(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.lagging_looks = 1
    desk.now += timedelta(hours=1)

    desk.publish(edition_id)

    assert desk.naps.taken == [SECOND_LOOK_SECONDS]
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


def test_a_refusal_in_passing_that_was_none_makes_no_second_playlist_where_a_list_lags(
    desk: Desk,
) -> None:
    spoiled = [PassinglyRefused("spotify", "404")]
    desk.spotify.spoils = lambda call: spoiled.pop() if call == "create" and spoiled else None
    desk.spotify.lagging_looks = 1

    desk.publish(desk.chosen("e1"))

    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


@pytest.mark.parametrize("chosen_again", [True, False])
@pytest.mark.parametrize("mode", Mode)
def test_after_a_creation_in_doubt_another_comes_only_later_and_none_stays_empty(
    desk: Desk, mode: Mode, *, chosen_again: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    spoiled: list[Exception] = [BrokenAnswer("spotify", "?", may_have_happened=True)]
    desk.spotify.spoils = lambda call: spoiled.pop() if call == "create" and spoiled else None
    desk.spotify.lagging_looks = 5
    with pytest.raises(BrokenAnswer):
        desk.publish(edition_id)
    if chosen_again:
        edition = desk.store.editions.required(edition_id)
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=mode)

    edition = desk.publish(edition_id)

    assert max(desk.naps.taken) == DOUBT_FOR.total_seconds()
    assert edition.playlist_id == "p2"
    assert list(desk.spotify.items) == ["p2"]
    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize("times_chosen_again", [0, 1, 2])
@pytest.mark.parametrize("mode", Mode)
def test_an_attempt_of_long_ago_is_in_doubt_no_more_though_the_list_is_chosen_again(
    desk: Desk, mode: Mode, times_chosen_again: int
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    killed_before_it_is_made(desk, edition_id)
    for _ in range(times_chosen_again):
        edition = desk.store.editions.required(edition_id)
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=mode)
        desk.now += timedelta(seconds=1)
    desk.naps.taken.clear()

    edition = desk.publish(edition_id)

    assert desk.naps.taken == [SECOND_LOOK_SECONDS]
    assert edition.marker == marker(edition)


def test_a_playlist_that_appears_before_another_is_made_is_filled(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.lagging_looks = 2

    desk.publish(edition_id)

    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


def test_a_living_playlist_made_after_the_backup_that_was_restored_is_found_by_its_words(
    desk: Desk,
) -> None:
    said = say("uk", "playlist.description_stale", date="21 листопада", new=12, familiar=18)
    asyncio.run(desk.spotify.create_playlist("Mine", description=said, public=False))
    asyncio.run(desk.spotify.create_playlist("Other", description="Road trip", public=False))
    desk.restored_at = desk.now + timedelta(hours=1)

    edition = desk.publish(desk.chosen("e2", day=22))

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == edition.playlist_id == "p1"
    assert list(desk.spotify.playlists) == ["p1", "p2"]
    assert "p2" not in desk.spotify.items


@pytest.mark.parametrize(
    ("of_november", "nightly", "playlist"),
    [(20, True, "p2"), (20, False, "p4"), (21, True, "p4")],
    ids=["the night", "asked for", "the next night"],
)
def test_a_night_s_own_playlist_made_after_the_backup_that_was_restored_is_not_made_again(
    desk: Desk, of_november: int, playlist: str, *, nightly: bool
) -> None:
    for number in (19, 20):
        of_day = day("en", date(2026, 11, number))
        said = say("en", "playlist.description", date=of_day, new=12, familiar=18)
        asyncio.run(desk.spotify.create_playlist("Mine", description=said, public=False))
    asyncio.run(desk.spotify.create_playlist("Other", description=of_day, public=False))
    desk.restored_at = desk.now + timedelta(hours=1)

    edition = desk.publish(desk.chosen("e1", mode=Mode.DAILY, day=of_november, nightly=nightly))

    assert edition.playlist_id == playlist


def test_who_came_after_a_restore_has_no_earlier_playlist_looked_for(desk: Desk) -> None:
    desk.restored_at = desk.now - timedelta(hours=1)

    desk.publish(desk.chosen("e1"))

    assert "newest" not in desk.spotify.calls


@pytest.mark.parametrize("mode", Mode)
def test_a_lost_creation_is_found_by_what_it_says_and_another_of_the_same_words_is_not(
    desk: Desk, mode: Mode
) -> None:
    first = desk.publish(desk.chosen("e1", mode=mode))
    desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(desk.chosen("e2", mode=mode))
    desk.spotify.dies = lambda _: False
    lost = desk.spotify.playlists["p2"]
    escaped = replace(lost, description=(lost.description or "").replace(":", "&#58;"))
    desk.spotify.playlists["p2"] = escaped

    again = desk.publish(EditionId("e2"))

    assert (first.playlist_id, again.playlist_id) == ("p1", "p2")
    assert len(desk.spotify.playlists) == 2


def test_a_playlist_that_a_former_release_made_is_known_by_its_sign(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    sign = marker(desk.store.editions.required(edition_id))
    lost = desk.spotify.playlists["p1"]
    desk.spotify.playlists["p1"] = replace(lost, description=f"20 November: 24 new. {sign}")

    assert desk.publish(edition_id).playlist_id == "p1"
    assert len(desk.spotify.playlists) == 1


@pytest.mark.parametrize("others", [60, 400])
def test_a_playlist_nobody_heard_of_is_found_behind_many_others_within_a_bound(
    desk: Desk, others: int
) -> None:
    edition_id = desk.chosen("e1", mode=Mode.DAILY)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.now += DOUBT_FOR
    for number in range(others):
        mine = Playlist(id=f"mine {number}", name="mine", url="u", description="mine")
        desk.spotify.playlists[mine.id] = mine

    edition = desk.publish(edition_id)

    assert (edition.playlist_id == "p1") is (others == 60)
    assert desk.spotify.calls.count("newest") == (2 if others == 60 else 6 + 1 + 1)
