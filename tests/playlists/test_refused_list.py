"""A list of which Spotify refuses tracks: those are left out, and no playlist stays empty."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.publication_desk import (
    OTHERS,
    SUMMARY,
    TRACKS,
    AllExplicit,
    Desk,
    Killed,
    LockedOut,
    Remembering,
    doubted,
    of_others,
    shown,
)
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline.accounts.continuation import may_have_a_playlist
from vibe_pipeline.accounts.records import (
    BlockKind,
    EditionState,
    FailureCause,
)
from vibe_pipeline.clients.errors import (
    CapabilityAbsent,
    ServiceUnavailable,
    WriteRefused,
)
from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.playlists.failures import (
    ListRefused,
)
from vibe_pipeline.playlists.playlist_creation import DOUBT_FOR
from vibe_pipeline.playlists.publish import (
    stand_again,
)
from vibe_pipeline.playlists.unusable_tracks import Unusable
from vibe_pipeline.records import ChosenTrack, EditionId, Mode
from vibe_pipeline.warehouse import WarehouseLocked


def test_a_dead_track_is_left_out_and_the_counts_say_so(desk: Desk) -> None:
    desk.spotify.dead = {TRACKS[1].uri}

    edition = desk.publish(desk.chosen("e1"))

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[2].uri]
    assert [track.position for track in edition.tracks] == [1, 2]
    assert edition.summary is not None
    assert "shorter_than_wished" in edition.summary.notes
    assert edition.summary.new + edition.summary.familiar == 2


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_what_was_blocked_since_and_has_no_other_in_its_place_is_left_out(
    desk: Desk, left_at: EditionState
) -> None:
    edition_id = desk.chosen("e1")
    left_half_way(desk, edition_id, left_at)
    desk.mender = Remembering()
    block(desk, TRACKS[1])

    edition = desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [TRACKS[0].uri, TRACKS[2].uri]}
    assert [track.position for track in edition.tracks] == [1, 2]
    assert edition.summary is not None
    assert edition.summary.notes == ("shorter_than_wished",)
    assert edition.summary.wished == len(TRACKS)


def test_what_was_blocked_since_is_not_written_before_others_are_chosen(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.mender = LockedOut()
    block(desk, TRACKS[1])

    with pytest.raises(WarehouseLocked):
        desk.publish(edition_id)

    assert desk.spotify.calls == []


def test_a_list_of_nothing_but_what_was_blocked_since_is_refused_in_words(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused) as refused:
        desk.publish(edition_id)

    assert refused.value.cause is FailureCause.EVERYTHING_LEFT_OUT
    assert desk.spotify.items == {}


def block(desk: Desk, one: ChosenTrack) -> None:
    """The person wants never to hear it again."""
    name = f"{one.artist} – {one.title}"
    desk.store.blocks.add(desk.account.user_id, BlockKind.TRACK, one.key, name)


def left_half_way(desk: Desk, edition_id: EditionId, state: EditionState) -> None:
    """The process dies before, or after, there is a playlist."""
    desk.spotify.spoils = lambda _: ServiceUnavailable("spotify", "down")
    with suppress(ServiceUnavailable):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None
    if state is EditionState.PLAYLIST_MADE:
        desk.spotify.dies = lambda call: call == "items"
        with suppress(Killed):
            desk.publish(edition_id)
        desk.spotify.dies = lambda _: False
    assert desk.store.editions.required(edition_id).state is state


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_a_living_playlist_made_for_the_list_itself_is_filled_whatever_mode_came_since(
    desk: Desk, left_at: EditionState
) -> None:
    edition_id = desk.chosen("e1")
    left_half_way(desk, edition_id, left_at)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)

    edition = desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert edition.mode is Mode.LIVING


def test_one_passing_refusal_leaves_no_track_out(desk: Desk) -> None:
    desk.spotify.refusals = 1

    edition = desk.publish(desk.chosen("e1"))

    assert edition.tracks == TRACKS
    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]


def test_one_strange_sight_of_a_list_leaves_no_track_out(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = tuple(replace(one, confirmed=False) for one in TRACKS)
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    desk.spotify.sights = [[PlaylistLine(track=None, playable=False)] * 3]
    shown = [replace(track(at), title=TRACKS[at - 1].title) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    edition = desk.publish(edition_id)

    assert edition.tracks == doubted
    assert desk.spotify.calls.count("lines") == 2


@pytest.mark.parametrize(
    ("unconfirmed", "sight"),
    [
        ((1, 2, 3), shown(0, 0, 0)),
        ((1, 2, 3), shown(1, 2, 3, playable=False)),
        ((1, 2, 3), shown(7, 8, 9)),
        ((2, 3), shown(7, 8, 9)),
        ((3,), shown(7, 2, 9)),
        ((3,), shown(0, 0, 9)),
        ((2,), shown(2, 3)),
        ((2, 3), shown(0, 0, 0)),
    ],
    ids=[
        "nothing is left of any",
        "all are greyed out",
        "another list",
        "another list in the place of something known",
        "another list that shares a track",
        "nothing is left of what is known",
        "another number",
        "nothing is left of any, also known ones",
    ],
)
def test_a_sight_that_is_not_of_the_list_leaves_no_track_out_however_often_it_comes(
    desk: Desk, unconfirmed: tuple[int, ...], sight: list[PlaylistLine]
) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.lines = sight

    edition = desk.publish(doubted(desk, *unconfirmed))

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]
    assert desk.spotify.calls.count("items") == 1
    assert desk.spotify.calls.count("lines") == 2
    assert mender.forgotten == []


def test_one_sight_of_the_former_list_is_followed_by_another_and_that_one_counts(
    desk: Desk,
) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.sights = [shown(7, 8, 9), shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2)

    desk.publish(doubted(desk, 2, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert mender.forgotten == [Unusable(mistaken=frozenset({TRACKS[2].spotify_id}))]


def test_where_nothing_is_known_a_mistake_is_looked_at_twice(desk: Desk) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.sights = [shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2, 3)

    desk.publish(doubted(desk, 1, 2, 3))

    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]
    assert mender.forgotten == []


def test_what_was_seen_before_the_list_was_changed_is_no_sight_of_the_changed_one(
    desk: Desk,
) -> None:
    other = replace(chosen(4), position=3, confirmed=False)
    desk.mender = mender = Remembering(desk.store, (*TRACKS[:2], other))
    desk.spotify.sights = [shown(1, 2, 9), shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2, 4)

    desk.publish(doubted(desk, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri, other.uri]
    assert len(mender.forgotten) == 1


def test_what_nobody_could_look_at_is_left_out_without_anything_said_against_it(
    desk: Desk,
) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = mender = Remembering()
    desk.spotify.sights = [[*shown(1, 2), PlaylistLine(track=None, playable=True)]]
    desk.spotify.lines = shown(1, 2)

    desk.publish(doubted(desk, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert mender.forgotten == [Unusable(unseen=frozenset({TRACKS[2].spotify_id}))]


def test_killed_at_every_call_while_dead_tracks_are_looked_for_still_one_whole_list(
    desk: Desk,
) -> None:
    desk.spotify.dead = {TRACKS[0].uri}
    for number in range(1, 9):
        last = len(desk.spotify.calls) + number
        desk.spotify.dies = lambda _, last=last: len(desk.spotify.calls) == last  # type: ignore[misc]
        with suppress(Killed):
            desk.publish(desk.chosen("e1"))

    desk.spotify.dies = lambda _: False
    edition = desk.publish(EditionId("e1"))

    assert list(desk.spotify.playlists) == ["p1"]
    assert desk.spotify.items["p1"] == [TRACKS[1].uri, TRACKS[2].uri]
    assert [track.uri for track in edition.tracks] == desk.spotify.items["p1"]
    assert desk.recorded == ["e1"]


@pytest.mark.parametrize("mode", Mode)
def test_a_list_of_nothing_but_dead_tracks_is_refused_and_leaves_no_empty_playlist(
    desk: Desk, mode: Mode
) -> None:
    desk.spotify.dead = {track.uri for track in TRACKS}

    with pytest.raises(ListRefused):
        desk.publish(desk.chosen("e1", mode=mode))

    assert desk.spotify.removed == ["p1"]
    assert not may_have_a_playlist(desk.store.editions.required(EditionId("e1")))
    desk.spotify.dead.clear()
    assert desk.publish(desk.chosen("e2", mode=mode)).playlist_id == "p2"


def _killed_at_the_removal(desk: Desk, mode: Mode) -> EditionId:
    """A list of dead tracks, whose empty playlist was being taken away when all ended."""
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dead = {track.uri for track in TRACKS}
    desk.spotify.dies = lambda call: call == "remove"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    return edition_id


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("goes_on_with", ["e1", "e2"])
@pytest.mark.parametrize("removed", [True, False])
def test_killed_at_the_removal_of_an_empty_playlist_the_next_list_is_in_one_that_is_kept(
    desk: Desk, *, mode: Mode, goes_on_with: str, removed: bool
) -> None:
    edition_id = _killed_at_the_removal(desk, mode)
    desk.spotify.dead.clear()
    if not removed:
        desk.spotify.removed.clear()

    desk.now += DOUBT_FOR
    next_id = edition_id if goes_on_with == "e1" else desk.chosen("e2", mode=mode)
    edition = desk.publish(next_id)

    found_again = not removed and (goes_on_with == "e1" or mode is Mode.LIVING)
    assert edition.playlist_id == ("p1" if found_again else "p2")
    assert edition.playlist_id not in desk.spotify.removed


@pytest.mark.parametrize("mode", Mode)
def test_killed_before_the_removal_of_an_empty_playlist_a_second_refusal_removes_it(
    desk: Desk, mode: Mode
) -> None:
    edition_id = _killed_at_the_removal(desk, mode)
    desk.spotify.removed.clear()
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.removed == ["p1"]
    assert not may_have_a_playlist(desk.store.editions.required(edition_id))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("removed", [True, False])
def test_a_list_written_anew_is_in_a_playlist_that_its_person_has(
    desk: Desk, *, mode: Mode, removed: bool
) -> None:
    written = desk.publish(desk.chosen("e1", mode=mode))
    made_anew = EditionState.PLAYLIST_MADE
    desk.store.editions.advance(written.edition_id, written.state, made_anew)
    if removed:
        desk.spotify.removed.append("p1")
        desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)

    edition = desk.publish(written.edition_id)

    assert edition.playlist_id == ("p2" if removed else "p1")
    looks = 2 if removed else int(mode is Mode.DAILY)
    assert desk.spotify.calls.count("contains") == looks
    assert desk.spotify.items[edition.playlist_id or ""] == [one.uri for one in TRACKS]
    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == (edition.playlist_id if mode is Mode.LIVING else None)


def test_a_list_written_anew_goes_where_it_was_though_the_library_tells_nothing(desk: Desk) -> None:
    written = desk.publish(desk.chosen("e1", mode=Mode.DAILY))
    desk.store.editions.advance(written.edition_id, written.state, EditionState.PLAYLIST_MADE)
    closed = CapabilityAbsent("spotify", "closed", capability="GET /me/library/contains")
    desk.spotify.spoils = lambda call: closed if call == "contains" else None

    assert desk.publish(written.edition_id).playlist_id == "p1"


@pytest.mark.parametrize("also_dead", [0, 1])
def test_where_every_new_track_is_refused_yesterdays_list_stands_again(
    desk: Desk, also_dead: int
) -> None:
    standing = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    edition_id = of_others(desk, "e2")
    gone = {track.uri for track in TRACKS[:also_dead]}
    desk.spotify.dead = {track.uri for track in OTHERS} | gone

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    left = [track.uri for track in TRACKS[also_dead:]]
    assert desk.spotify.items == {"p1": left}
    assert desk.spotify.removed == []
    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert latest.edition_id == standing.edition_id
    assert not may_have_a_playlist(desk.store.editions.required(edition_id))


def made_anew(desk: Desk, edition_id: EditionId) -> None:
    """An operator has a list of before chosen again; it comes to other tracks."""
    stands = desk.store.editions.required(edition_id)
    stand_again(desk.store, stands)
    desk.store.editions.advance(
        edition_id, stands.state, EditionState.PLAYLIST_MADE, tracks=OTHERS, summary=SUMMARY
    )
    desk.spotify.dead = {track.uri for track in OTHERS}
    desk.mender = Remembering()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("lists", [1, 2])
def test_a_list_that_could_not_be_made_anew_stands_as_before(
    desk: Desk, mode: Mode, lists: int
) -> None:
    for number in range(lists):
        stood = desk.publish(desk.chosen(f"e{number}", mode=mode, day=20 + number))
        desk.now += timedelta(days=1)
    words = desk.spotify.playlists[stood.playlist_id or ""]
    made_anew(desk, stood.edition_id)
    desk.store.considered.keep(stood.edition_id, stood.user_id, stood.vibe_date, [])

    with pytest.raises(ListRefused):
        desk.publish(stood.edition_id)

    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert (latest.edition_id, latest.state) == (stood.edition_id, EditionState.RECORDED)
    assert (latest.tracks, latest.title, latest.undone_at) == (TRACKS, stood.title, None)
    assert desk.spotify.items[words.id] == [track.uri for track in TRACKS]
    assert desk.spotify.playlists[words.id] == words
    assert desk.store.considered.of(stood.edition_id) is None


@pytest.mark.parametrize("overtaken", [True, False])
def test_an_older_list_that_could_not_be_made_anew_stays_behind_the_later_one(
    desk: Desk, *, overtaken: bool
) -> None:
    old = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    later = of_others(desk, "e2")
    desk.publish(later)
    desk.now += timedelta(days=1)
    made_anew(desk, old.edition_id)
    if overtaken:
        desk.now += timedelta(hours=1)
        desk.spotify.dead.clear()
        later = of_others(desk, "e3")
        desk.publish(later)
    else:
        desk.spotify.dead = {TRACKS[0].uri}
        dying = (TRACKS[0],)
        state = EditionState.PLAYLIST_MADE
        desk.store.editions.advance(old.edition_id, state, state, tracks=dying, summary=SUMMARY)

    with pytest.raises(ListRefused):
        desk.publish(old.edition_id)

    standing = desk.store.editions.standing(desk.account.user_id)
    latest = standing[0]
    left = desk.store.editions.required(old.edition_id)
    assert (latest.edition_id, standing[-1].edition_id) == (later, old.edition_id)
    assert (left.state, left.tracks, left.undone_at) == (EditionState.RECORDED, TRACKS, None)
    assert desk.spotify.items == {"p1": [track.uri for track in OTHERS]}
    assert desk.spotify.playlists["p1"].description == latest.description


@pytest.mark.parametrize("known", [True, False])
def test_yesterdays_list_stands_again_without_what_its_person_wants_to_hear_no_more(
    desk: Desk, *, known: bool
) -> None:
    desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    edition_id = of_others(desk, "e2")
    desk.spotify.dead = {track.uri for track in OTHERS}
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = Remembering() if known else None
    songs = [replace(track(at), explicit=at == 2) for at in ((2, 3) if known else (1, 2, 3))]
    desk.spotify.lines = [PlaylistLine(track=song, playable=True) for song in songs]

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    left = TRACKS[2:] if known else (TRACKS[0], TRACKS[2])
    assert desk.spotify.items == {"p1": [one.uri for one in left]}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("anew", [True, False])
def test_a_list_that_is_explicit_throughout_stands_again_as_it_was_and_no_playlist_is_empty(
    desk: Desk, *, known: bool, anew: bool
) -> None:
    standing = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    if anew:
        made_anew(desk, standing.edition_id)
        edition_id = standing.edition_id
    else:
        edition_id = of_others(desk, "e2")
        desk.spotify.dead = {one.uri for one in OTHERS}
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = AllExplicit(known=known)
    songs = [replace(track(at), explicit=True) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=song, playable=True) for song in songs]

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [one.uri for one in TRACKS]}
    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert (latest.edition_id, latest.tracks) == (standing.edition_id, TRACKS)


def test_while_a_list_stands_nobody_sees_the_playlist_empty(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    held: set[int] = set()

    def look(_: str) -> None:
        held.add(len(desk.spotify.items["p1"]))

    desk.spotify.spoils = look
    edition_id = of_others(desk, "e2")
    desk.spotify.dead = {track.uri for track in OTHERS}

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert 0 not in held


def test_a_days_playlist_that_nobody_heard_of_is_removed_where_all_was_blocked_since(
    desk: Desk,
) -> None:
    edition_id = desk.chosen("e1", mode=Mode.DAILY)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize(
    "address", [f"https://open.spotify.com/track/{'1' * 22}", f"spotify:episode:{'2' * 22}"]
)
def test_a_dead_track_whose_address_is_not_its_ids_is_left_out_like_others(
    desk: Desk, address: str
) -> None:
    edition_id = desk.chosen("e1")
    odd = (*TRACKS[:2], replace(TRACKS[2], uri=address))
    desk.store.editions.advance(edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=odd)
    desk.spotify.dead = {address}

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]


def test_a_list_that_is_refused_while_all_its_tracks_are_taken_is_not_written_without_end(
    desk: Desk,
) -> None:
    def whole_is_refused(call: str) -> WriteRefused | None:
        too_many = call == "items" and len(desk.spotify.items["p1"]) == len(TRACKS)
        assert len(desk.spotify.calls) < 100
        return WriteRefused("spotify", "payload refused") if too_many else None

    desk.spotify.spoils = whole_is_refused

    with pytest.raises(WriteRefused):
        desk.publish(desk.chosen("e1"))
