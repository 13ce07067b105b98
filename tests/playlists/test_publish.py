"""From chosen tracks to a playlist: whatever dies, one playlist, one history, the right tracks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from tests.support.accounts_site import tokens
from tests.support.publication_desk import (
    OTHERS,
    SUMMARY,
    TRACKS,
    Desk,
    Killed,
    LockedOut,
    doubted,
    of_others,
    shown,
)
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.records import (
    EditionKind,
    EditionState,
    FailureCause,
)
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine
from vibe_pipeline.playlists.failures import (
    ListRefused,
    failure_of,
)
from vibe_pipeline.playlists.ledger_step import PublicationLost
from vibe_pipeline.playlists.own_playlists import marker
from vibe_pipeline.playlists.publish import (
    NothingToPublish,
    chosen_twice,
    edition_to_publish,
    without_uri,
)
from vibe_pipeline.playlists.wording import wording
from vibe_pipeline.records import EditionId, Mode


def test_a_first_list_takes_two_calls(desk: Desk) -> None:
    edition = desk.publish(desk.chosen("e1"))

    assert desk.spotify.calls == ["create", "items"]
    assert edition.state is EditionState.RECORDED
    assert edition.playlist_url == "https://open.spotify.com/playlist/p1"
    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert desk.recorded == ["e1"]


def test_the_next_day_refreshes_the_same_playlist_in_two_calls(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.calls.clear()

    edition = desk.publish(desk.chosen("e2", day=21))

    assert desk.spotify.calls == ["items", "details"]
    assert edition.playlist_id == "p1"
    assert "21 November 2026" in (desk.spotify.playlists["p1"].description or "")


def test_a_second_list_of_the_day_need_not_change_the_words(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.calls.clear()

    desk.publish(desk.chosen("e2"))

    assert desk.spotify.calls == ["items"]


def test_daily_mode_makes_a_playlist_for_each_list_and_leaves_the_living_one(desk: Desk) -> None:
    living = desk.publish(desk.chosen("e1"))

    daily = desk.publish(desk.chosen("e2", mode=Mode.DAILY))
    again = desk.publish(desk.chosen("e3"))

    assert daily.playlist_id == "p2"
    assert again.playlist_id == living.playlist_id == "p1"
    assert "20 November 2026" in desk.spotify.playlists["p2"].name


def test_a_write_is_not_believed_that_names_what_the_playlist_was_called_before(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    other = desk.chosen("e2", day=21)
    turned = tuple(reversed(TRACKS))
    desk.store.editions.advance(other, EditionState.CHOSEN, EditionState.CHOSEN, tracks=turned)

    desk.publish(desk.chosen("e3", day=21))
    same = desk.spotify.former
    desk.publish(other)

    assert same == frozenset()
    assert desk.spotify.former >= {first.snapshot_id}


def test_a_recorded_list_costs_nothing(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    first = desk.publish(edition_id)
    desk.spotify.calls.clear()

    assert desk.publish(edition_id) == first
    assert desk.spotify.calls == []


def test_a_list_is_recorded_only_together_with_the_word_of_it(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    closed = "create trigger closed before insert on outbox begin select raise(abort, 'no'); end"
    with desk.store.database.writing() as connection:
        connection.execute(text(closed))
    with pytest.raises(UnknownPerson):
        desk.publish(edition_id)
    left_at = desk.store.editions.required(edition_id).state
    with desk.store.database.writing() as connection:
        connection.execute(text("drop trigger closed"))

    desk.publish(edition_id)

    assert left_at is EditionState.ITEMS_WRITTEN
    assert [message.key for message in desk.store.outbox.take_due()] == ["bot.night_ready"]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("call", ["create", "items", "record"])
def test_killed_anywhere_and_rerun_there_is_one_playlist_with_the_right_tracks(
    desk: Desk, call: str, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dies = lambda made: made == call
    desk.record_dies = call == "record"
    with pytest.raises(Killed):
        desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert len(desk.spotify.playlists) == 1
    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert desk.recorded == ["e1"]


def test_killed_between_items_and_words_both_are_right_after_a_rerun(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.dies = lambda made: made == "details"
    with pytest.raises(Killed):
        desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.playlists["p1"].description == edition.description


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_an_older_list_is_not_written_over_a_later_one(desk: Desk, left_at: EditionState) -> None:
    desk.publish(desk.chosen("e0", day=19))
    older = _left_at(desk, desk.chosen("older"), left_at)
    desk.now += timedelta(days=1)
    later = desk.publish(desk.chosen("later", day=21))
    calls = list(desk.spotify.calls)

    with pytest.raises(ListRefused) as refused:
        desk.publish(older)

    assert refused.value.cause is FailureCause.OVERTAKEN
    assert desk.spotify.calls == calls
    assert desk.store.editions.latest(desk.account.user_id) == later


def test_what_was_written_before_a_later_list_is_only_recorded(desk: Desk) -> None:
    older = desk.chosen("older")
    desk.record_dies = True
    with pytest.raises(Killed):
        desk.publish(older)
    desk.recorded.clear()
    desk.now += timedelta(days=1)
    later = desk.publish(desk.chosen("later", day=21))
    words, calls = desk.spotify.playlists["p1"].description, list(desk.spotify.calls)

    recorded = desk.publish(older)

    assert recorded.state is EditionState.RECORDED
    assert desk.recorded == ["later", "older"]
    assert (desk.spotify.playlists["p1"].description, desk.spotify.calls) == (words, calls)
    assert desk.store.editions.latest(desk.account.user_id) == later


def test_a_days_own_playlist_is_filled_whatever_came_later(desk: Desk) -> None:
    older = desk.chosen("older", mode=Mode.DAILY)
    desk.now += timedelta(days=1)
    desk.publish(desk.chosen("later", day=21, mode=Mode.DAILY))

    assert desk.publish(older).state is EditionState.RECORDED


def test_an_older_list_that_is_written_on_purpose_is_the_one_to_listen_to(desk: Desk) -> None:
    older = desk.publish(desk.chosen("older"))
    desk.now += timedelta(days=1)
    desk.publish(desk.chosen("later", day=21))
    desk.now += timedelta(hours=1)
    again = EditionState.PLAYLIST_MADE
    desk.store.editions.advance(older.edition_id, EditionState.RECORDED, again)
    chosen_again = desk.store.editions.required(older.edition_id)

    edition_to_publish(desk.store, chosen_again, on_purpose=True)
    written = desk.publish(older.edition_id)

    assert written.restored_at == desk.now
    assert desk.store.editions.latest(desk.account.user_id) == written


def test_a_preview_that_is_published_after_a_later_list_is_the_one_to_listen_to(
    desk: Desk,
) -> None:
    preview = desk.chosen("preview")
    kind = EditionKind.PREVIEW
    desk.store.editions.advance(preview, EditionState.CHOSEN, EditionState.CHOSEN, kind=kind)
    desk.now += timedelta(hours=1)
    desk.publish(desk.chosen("night"))
    desk.now += timedelta(hours=1)

    edition_to_publish(desk.store, desk.store.editions.required(preview))
    written = desk.publish(preview)

    assert desk.store.editions.latest(desk.account.user_id) == written


def test_a_list_finished_after_its_person_came_back_has_the_one_playlist(desk: Desk) -> None:
    left = _left_at(desk, desk.chosen("e1"), EditionState.PLAYLIST_MADE)
    desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)

    desk.publish(left)
    desk.publish(desk.chosen("e2", day=21))

    assert list(desk.spotify.items) == ["p1"]


def _left_at(desk: Desk, edition_id: EditionId, state: EditionState) -> EditionId:
    if state is EditionState.PLAYLIST_MADE:
        desk.store.editions.advance(edition_id, EditionState.CHOSEN, state, playlist_id="p1")
        desk.spotify.playlists.setdefault("p1", Playlist(id="p1", name="", url="", description=""))
    return edition_id


def test_killed_at_every_call_in_turn_still_one_playlist(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda _: True
    for _ in range(4):
        with pytest.raises(Killed):
            desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert len(desk.spotify.playlists) == 1


def test_another_day_finds_the_living_playlist_that_a_killed_run_made(desk: Desk) -> None:
    desk.spotify.dies = lambda made: made == "create"
    with pytest.raises(Killed):
        desk.publish(desk.chosen("e1"))

    desk.spotify.dies = lambda _: False
    edition = desk.publish(desk.chosen("e2", day=21))

    assert edition.playlist_id == "p1"
    assert len(desk.spotify.playlists) == 1


def test_a_list_counts_as_written_though_its_words_could_not_be_changed(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "502") if call == "details" else None
    )

    edition = desk.publish(desk.chosen("e2", day=21))

    assert edition.state is EditionState.RECORDED
    assert desk.recorded == ["e1", "e2"]


def test_words_that_could_not_be_changed_are_tried_again_with_the_next_list(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "502") if call == "details" else None
    )
    desk.publish(desk.chosen("e2", day=21))
    desk.spotify.spoils = lambda _: None

    edition = desk.publish(desk.chosen("e3", day=21))

    assert desk.spotify.playlists["p1"].description == edition.description


def test_a_playlist_that_exists_and_cannot_be_written_is_not_replaced(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.hidden = 99

    with pytest.raises(WriteRefused) as refused:
        desk.publish(desk.chosen("e2", day=21))

    assert failure_of(refused.value).cause is FailureCause.WRITING_REFUSED

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == first.playlist_id
    assert len(desk.spotify.playlists) == 1


def test_a_dead_track_that_spotify_calls_absent_as_it_does_a_playlist_is_left_out(
    desk: Desk,
) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.dead, desk.spotify.calls_the_dead_absent = {OTHERS[1].uri}, True

    second = desk.publish(of_others(desk, "e2"))

    assert second.playlist_id == first.playlist_id
    assert desk.spotify.items["p1"] == [OTHERS[0].uri, OTHERS[2].uri]


def test_an_outage_leaves_the_edition_where_it_stands(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    async def out(*_: object, **__: object) -> str:
        raise ServiceUnavailable("spotify", "down")

    desk.spotify.replace_items = out  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        desk.publish(edition_id)

    edition = desk.store.editions.required(edition_id)
    assert edition.state is EditionState.PLAYLIST_MADE
    assert edition.playlist_id == "p1"


def test_a_second_process_that_moves_the_edition_on_is_noticed(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    def meanwhile(_: str) -> bool:
        desk.store.editions.advance(
            edition_id, EditionState.CHOSEN, EditionState.PLAYLIST_MADE, playlist_id="other"
        )
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)


@pytest.mark.parametrize("call", ["create", "items"])
@pytest.mark.parametrize("mode", Mode)
def test_who_connects_another_account_meanwhile_never_gets_the_former_ones_playlist(
    desk: Desk, mode: Mode, call: str
) -> None:
    person, now = desk.account.user_id, desk.now
    desk.store.people.connect(person, "spotify-anna", "Anna", tokens(now))
    edition_id = desk.chosen("e1", mode=mode)

    def meanwhile(made: str) -> bool:
        if made == call:
            desk.store.people.connect(person, "spotify-other", "Other", tokens(now))
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)

    account, edition = desk.store.people.get(person), desk.store.editions.required(edition_id)
    assert account is not None
    assert account.playlist_id is None
    assert (edition.state, edition.playlist_id) == (EditionState.STARTED, None)


def test_who_disconnects_while_a_playlist_is_made_is_left_without_it(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    def meanwhile(made: str) -> bool:
        if made == "create":
            desk.store.erasures.disconnect(desk.account.user_id)
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id is None


def test_nothing_chosen_is_a_mistake_of_the_caller(desk: Desk) -> None:
    edition = desk.store.editions.open(
        EditionId("e1"),
        desk.account.user_id,
        vibe_date=date(2026, 11, 20),
        occasion="asked:e1",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )

    with pytest.raises(ValueError, match="nothing chosen"):
        desk.publish(edition.edition_id)


@pytest.mark.parametrize("language", ["en", "ru", "uk", "nl"])
@pytest.mark.parametrize("mode", Mode)
def test_title_and_description_are_in_the_person_s_language(
    desk: Desk, language: str, mode: Mode
) -> None:
    account = desk.store.people.change(desk.account.user_id, language=language)
    edition = desk.store.editions.required(desk.chosen("e1", mode=mode))

    words = wording(account, edition, SUMMARY)

    assert "2026" in words.description
    assert marker(edition) not in words.description
    assert len(words.title) < 100
    assert len(words.description) <= 300


@pytest.mark.parametrize("call", ["create", "details"])
def test_words_that_spotify_refuses_give_way_and_never_cost_the_list(desk: Desk, call: str) -> None:
    desk.store.people.change(desk.account.user_id, own_title="A name nobody may have")
    if call == "details":
        desk.publish(desk.chosen("e0"))
    refused: list[str] = []

    def refuses(called: str) -> Exception | None:
        bearing = [p for p in desk.spotify.playlists.values() if p.name.startswith("A name")]
        if called in {"create", "details"} and bearing:
            refused.append(called)
            if called == "create":
                del desk.spotify.playlists[bearing[0].id]
            return UnexpectedResponse("spotify", "refused (400)")
        return None

    desk.spotify.spoils = refuses

    edition = desk.publish(desk.chosen("e1", day=21))

    assert call in refused
    assert edition.state is EditionState.RECORDED
    assert edition.title == "Your daily vibe"
    assert desk.spotify.playlists["p1"].name == "Your daily vibe"


def test_repeats_and_holes_are_counted() -> None:
    twice = [chosen(1), replace(chosen(2), uri=chosen(1).uri), chosen(3)]

    assert chosen_twice(twice) == 1
    assert without_uri([replace(chosen(1), uri="")]) == 1
    assert (chosen_twice(TRACKS), without_uri(TRACKS)) == (0, 0)


def test_a_preview_that_is_published_becomes_a_list(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, kind=EditionKind.PREVIEW
    )

    edition_to_publish(desk.store, desk.store.editions.required(edition_id))

    assert desk.store.editions.required(edition_id).kind is EditionKind.DAILY


def test_nothing_chosen_is_nothing_to_publish(desk: Desk) -> None:
    empty = replace(desk.store.editions.required(desk.chosen("e1")), tracks=())

    for edition in (None, empty):
        with pytest.raises(NothingToPublish):
            edition_to_publish(desk.store, edition)


def test_the_second_write_of_a_list_is_not_believed_with_the_snapshot_of_the_first(
    desk: Desk,
) -> None:
    edition_id = doubted(desk, 2)
    desk.spotify.lines = shown(1, 7, 3)
    desk.spotify.fixed_snapshot = "the first"

    with pytest.raises(BrokenAnswer):
        desk.publish(edition_id)


def test_where_snapshots_repeat_a_list_counts_as_written_once_it_shows(desk: Desk) -> None:
    desk.spotify.fixed_snapshot = "always the same"
    desk.publish(desk.chosen("e1"))
    desk.spotify.lines = shown(11, 12, 13)

    edition = desk.publish(of_others(desk, "e2"))

    assert edition.state is EditionState.RECORDED
    assert desk.recorded == ["e1", "e2"]


@pytest.mark.parametrize("stands", [True, False])
def test_a_list_written_anew_that_names_its_own_snapshot_is_believed_where_it_shows(
    desk: Desk, *, stands: bool
) -> None:
    written = desk.publish(desk.chosen("e1"))
    again = EditionState.PLAYLIST_MADE
    tracks = TRACKS if stands else OTHERS
    desk.store.editions.advance(
        written.edition_id, EditionState.RECORDED, again, tracks=tracks, summary=SUMMARY
    )
    desk.spotify.fixed_snapshot = written.snapshot_id
    desk.spotify.lines = shown(1, 2, 3)

    if stands:
        assert desk.publish(written.edition_id).state is EditionState.RECORDED
    else:
        with pytest.raises(BrokenAnswer):
            desk.publish(written.edition_id)


def test_an_unconfirmed_track_is_looked_at_and_left_out_when_it_is_another_s(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = (*TRACKS[:2], replace(TRACKS[2], confirmed=False))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    shown = [replace(track(number), title=TRACKS[number - 1].title) for number in (1, 2, 3)]
    shown[2] = replace(shown[2], artists=("Somebody Else",), title="Another Song")
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert desk.spotify.calls.count("lines") == 1


def test_what_spotify_marks_as_explicit_is_left_out_for_whoever_wants_none(desk: Desk) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    edition_id = desk.chosen("e1")
    unmarked = (*TRACKS[:1], *(replace(one, confirmed=False) for one in TRACKS[1:]))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=unmarked
    )
    shown = [replace(track(at), title=TRACKS[at - 1].title, explicit=at == 3) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert desk.spotify.calls.count("lines") == 1


def test_what_nobody_could_look_at_is_left_out_where_nothing_explicit_may_be(desk: Desk) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    edition_id = desk.chosen("e1")
    unmarked = (*TRACKS[:2], replace(TRACKS[2], confirmed=False))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=unmarked
    )

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]


def test_a_list_is_written_though_what_it_showed_could_not_be_kept(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = tuple(replace(one, confirmed=False, is_new=True) for one in TRACKS)
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    shown = [replace(track(at), title=TRACKS[at - 1].title) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]
    desk.mender = LockedOut()

    assert desk.publish(edition_id).state is EditionState.RECORDED


def test_where_spotify_does_not_show_the_list_it_stands_as_it_was_written(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.store.editions.advance(
        edition_id,
        EditionState.CHOSEN,
        EditionState.CHOSEN,
        tracks=tuple(replace(one, confirmed=False) for one in TRACKS),
    )

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [one.uri for one in TRACKS]
