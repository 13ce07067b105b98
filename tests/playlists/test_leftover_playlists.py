"""What lists left on Spotify without being recorded: kept as theirs, taken away, or left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.publication_desk import Desk, shown
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER
from vibe_pipeline.accounts.records import Account, EditionState, FailureCause
from vibe_pipeline.clients.errors import NotThere, ServiceUnavailable
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.playlists.leftover_playlists import LeftoverPlaylists, leftovers
from vibe_pipeline.playlists.publish import Publication
from vibe_pipeline.records import EditionId, Mode


def refused(desk: Desk, name: str, *, mode: Mode = Mode.DAILY) -> EditionId:
    """A list whose playlist was made, and nothing came to it as far as we heard."""
    edition_id = desk.chosen(name, mode=mode)
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "down") if call == "items" else None
    )
    with pytest.raises(ServiceUnavailable):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None
    desk.spotify.calls.clear()
    desk.store.editions.fail(edition_id, FailureCause.SERVICE_UNAVAILABLE)
    return edition_id


def made_unheard(desk: Desk, name: str, *, mode: Mode = Mode.DAILY) -> EditionId:
    """A list whose playlist was made and nobody heard of it."""
    edition_id = desk.chosen(name, mode=mode)
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "down") if call in {"create", "newest"} else None
    )
    with pytest.raises(ServiceUnavailable):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None
    desk.spotify.calls.clear()
    desk.store.editions.fail(edition_id, FailureCause.SERVICE_UNAVAILABLE)
    return edition_id


def put_back_before_it(desk: Desk) -> EditionId:
    """A list whose playlist is empty, as the one taken back before was put back instead."""
    user_id = desk.account.user_id
    before = desk.publish(desk.chosen("before", day=19))
    desk.store.editions.let_go_of(user_id, "p1")
    desk.store.people.change(user_id, playlist_id=None, playlist_url=None)
    desk.store.editions.take_back(before.edition_id)
    desk.now += timedelta(hours=1)
    edition_id = refused(desk, "first", mode=Mode.LIVING)
    desk.now += timedelta(hours=1)
    desk.store.editions.put_back(before.edition_id)
    desk.store.people.change(user_id, playlist_id="p1", playlist_url=before.playlist_url)
    return edition_id


def own_playlist(desk: Desk, name: str) -> None:
    """One that the person made."""
    desk.spotify.playlists[name] = Playlist(
        id=name, name=name, url="u", description="mine", total=3
    )


def much_later(desk: Desk) -> None:
    desk.now += LEFT_ALONE_AFTER + timedelta(hours=1)


def put_in_order(desk: Desk, *, besides: EditionId | None = None) -> None:
    """As the person's next run does."""
    account = desk.store.people.get(desk.account.user_id)
    assert isinstance(account, Account)
    publication = Publication(
        store=desk.store, spotify=desk.spotify, record=desk._record, sleep=desk.naps
    )
    left = leftovers(desk.store, account, now=desk.now, besides=besides)
    asyncio.run(LeftoverPlaylists(publication=publication, now=desk.now).put_in_order(left))


@pytest.mark.parametrize("make", [refused, made_unheard])
def test_an_empty_playlist_of_a_list_that_is_over_is_taken_away_once(
    desk: Desk, make: Callable[[Desk, str], EditionId]
) -> None:
    edition_id = make(desk, "first")
    much_later(desk)

    put_in_order(desk)
    put_in_order(desk)

    edition = desk.store.editions.required(edition_id)
    assert desk.spotify.removed == ["p1"]
    assert (edition.state, edition.playlist_id, edition.marker) == (
        EditionState.CHOSEN,
        None,
        None,
    )
    assert edition.cause is FailureCause.SERVICE_UNAVAILABLE


def test_a_friends_playlist_that_says_the_same_hides_no_empty_one(desk: Desk) -> None:
    made_unheard(desk, "e1")
    own = desk.spotify.playlists["p1"] = replace(desk.spotify.playlists["p1"], owner_id="anna")
    desk.spotify.playlists["of bob"] = replace(own, id="of bob", owner_id="bob", total=3)
    much_later(desk)

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]


def test_a_playlist_whose_list_goes_on_is_left_to_it(desk: Desk) -> None:
    refused(desk, "first")

    put_in_order(desk, besides=EditionId("another"))

    assert desk.spotify.calls == []


def test_what_only_its_operator_can_mend_is_put_in_order_as_soon_as_spotify_answers(
    desk: Desk,
) -> None:
    edition_id = refused(desk, "first")
    desk.store.editions.fail(edition_id, FailureCause.OWNER_NOT_PREMIUM)

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]


def test_a_removal_that_fails_fails_nothing_and_is_tried_again(desk: Desk) -> None:
    refused(desk, "first")
    much_later(desk)
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "down") if call == "remove" else None
    )
    put_in_order(desk)
    desk.spotify.spoils = lambda _: None
    desk.spotify.removed.clear()

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]


def test_a_playlist_that_holds_what_we_did_not_write_is_left_alone(desk: Desk) -> None:
    edition_id = refused(desk, "first")
    much_later(desk)
    desk.spotify.lines = shown(1)

    put_in_order(desk)
    desk.spotify.calls.clear()
    put_in_order(desk)

    assert desk.spotify.removed == []
    assert desk.spotify.calls == []
    assert desk.store.editions.required(edition_id).playlist_id is None


def test_one_sight_of_an_empty_playlist_takes_nothing_away(desk: Desk) -> None:
    refused(desk, "first")
    much_later(desk)
    desk.spotify.sights, desk.spotify.lines = [[]], shown(1, 2, 3)

    put_in_order(desk)

    assert desk.spotify.removed == []


def test_the_living_playlist_is_never_taken_away(desk: Desk) -> None:
    refused(desk, "first", mode=Mode.LIVING)
    much_later(desk)

    put_in_order(desk)

    assert desk.spotify.removed == []
    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == "p1"


def test_a_living_playlist_nobody_heard_of_is_left_to_the_next_list(desk: Desk) -> None:
    made_unheard(desk, "first", mode=Mode.LIVING)
    much_later(desk)

    put_in_order(desk)

    assert desk.publish(desk.chosen("second", day=21)).playlist_id == "p1"
    assert desk.spotify.removed == []


def test_who_has_a_playlist_for_each_list_by_now_keeps_no_empty_living_one(desk: Desk) -> None:
    made_unheard(desk, "first", mode=Mode.LIVING)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)
    much_later(desk)

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]


def test_who_turned_to_a_playlist_for_each_list_keeps_no_empty_living_one(desk: Desk) -> None:
    edition_id = refused(desk, "first", mode=Mode.LIVING)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)
    much_later(desk)

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]
    assert desk.store.editions.required(edition_id).playlist_id is None
    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert (account.playlist_id, account.playlist_url) == (None, None)


def test_a_living_playlist_that_held_lists_is_kept_by_who_has_one_for_each_by_now(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("before", day=19))
    refused(desk, "first", mode=Mode.LIVING)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)
    much_later(desk)

    put_in_order(desk)

    assert desk.spotify.removed == []


@pytest.mark.parametrize("noted", [True, False])
def test_the_empty_playlist_of_a_list_that_another_was_put_back_before_is_taken_away(
    desk: Desk, *, noted: bool
) -> None:
    overtaken = put_back_before_it(desk)
    if noted:
        desk.store.editions.fail(overtaken, FailureCause.OVERTAKEN)
    else:
        much_later(desk)
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "down") if call == "remove" else None
    )
    put_in_order(desk)
    desk.spotify.spoils = lambda _: None
    desk.spotify.removed.clear()

    put_in_order(desk)

    assert desk.spotify.removed == ["p2"]
    assert desk.store.editions.required(overtaken).playlist_id is None
    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == "p1"


def test_what_is_overtaken_in_the_playlist_that_was_made_for_it_is_forgotten_without_a_call(
    desk: Desk,
) -> None:
    edition_id = refused(desk, "first", mode=Mode.LIVING)
    desk.now += timedelta(days=1)
    desk.publish(desk.chosen("second", day=21))
    desk.store.editions.fail(edition_id, FailureCause.OVERTAKEN)
    desk.spotify.calls.clear()

    put_in_order(desk)

    assert desk.spotify.calls == []
    assert desk.store.editions.required(edition_id).playlist_id is None


def test_the_persons_playlists_are_read_once_for_all_that_is_looked_for(desk: Desk) -> None:
    for name in ("first", "second", "third"):
        made_unheard(desk, name)
        desk.spotify.removed.append(f"p{len(desk.spotify.playlists)}")
    for number in range(100):
        own_playlist(desk, f"own{number}")
    much_later(desk)
    desk.naps.taken.clear()

    put_in_order(desk)

    assert desk.spotify.calls == ["newest", "newest"]
    assert desk.naps.taken == []
    assert leftovers(desk.store, desk.account, now=desk.now) == []


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_that_shows_only_after_another_was_made_is_taken_away_by_a_later_run(
    desk: Desk, mode: Mode, *, shows: bool
) -> None:
    edition_id = made_unheard(desk, "first", mode=mode)
    desk.spotify.lagging_looks = 4
    edition = desk.publish(edition_id)
    desk.spotify.lagging_looks = 0 if shows else 1
    put_in_order(desk)
    much_later(desk)
    put_in_order(desk)
    desk.spotify.calls.clear()

    put_in_order(desk)

    assert edition.playlist_id == "p2"
    assert desk.spotify.removed == ["p1"]
    assert desk.spotify.calls == []


def test_what_was_made_a_moment_ago_is_looked_for_twice(desk: Desk) -> None:
    edition_id = made_unheard(desk, "first")
    desk.store.editions.fail(edition_id, FailureCause.OWNER_NOT_PREMIUM)
    desk.spotify.lagging_looks = 1

    put_in_order(desk)

    assert desk.spotify.removed == ["p1"]


def test_a_playlist_that_is_gone_is_forgotten(desk: Desk) -> None:
    edition_id = refused(desk, "first")
    much_later(desk)
    desk.spotify.gone.add("p1")
    desk.spotify.spoils = lambda call: NotThere("spotify", "gone") if call == "lines" else None

    put_in_order(desk)

    assert desk.spotify.removed == []
    assert desk.store.editions.required(edition_id).playlist_id is None


@pytest.mark.parametrize("mode", Mode)
def test_tracks_that_were_written_though_nobody_heard_are_recorded_long_after(
    desk: Desk, mode: Mode
) -> None:
    edition_id = refused(desk, "first", mode=mode)
    much_later(desk)
    desk.spotify.lines = shown(1, 2, 3)

    put_in_order(desk)

    assert desk.recorded == [edition_id]
    assert desk.store.editions.required(edition_id).state is EditionState.RECORDED
    assert desk.spotify.removed == []
    assert "items" not in desk.spotify.calls


def test_what_stands_unheard_in_the_living_playlist_is_recorded_before_the_next_list(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("before", day=19))
    desk.now += timedelta(days=1)
    edition_id = refused(desk, "first", mode=Mode.LIVING)
    desk.spotify.lines = shown(1, 2, 3)

    put_in_order(desk, besides=EditionId("next"))

    assert desk.recorded == ["before", edition_id]


def test_a_living_list_that_does_not_show_goes_on_as_before(desk: Desk) -> None:
    edition_id = refused(desk, "first", mode=Mode.LIVING)

    put_in_order(desk, besides=EditionId("next"))

    edition = desk.store.editions.required(edition_id)
    assert (edition.state, edition.playlist_id) == (EditionState.PLAYLIST_MADE, "p1")
    assert desk.spotify.removed == []
