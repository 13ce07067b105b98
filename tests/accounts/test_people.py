"""Accounts, tokens and one-time states."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.accounts_site import (
    BEGINNING,
    KEY,
    Clock,
    address,
    connected,
    greeting,
    in_processes,
    made,
    opened,
    tokens,
)
from tests.support.warehouse_examples import chosen
from vibe_pipeline.accounts.continuation import goes_on
from vibe_pipeline.accounts.errors import (
    AccountsNotSetUp,
    SpotifyAccountTaken,
    UnknownPerson,
)
from vibe_pipeline.accounts.messages import ConsentEnded, PlaylistLetGo, ZoneQuestion
from vibe_pipeline.accounts.outbox import withhold
from vibe_pipeline.accounts.people import consent_end
from vibe_pipeline.accounts.records import (
    Account,
    BlockKind,
    Considered,
    Defaults,
    EditionState,
    ExclusionKind,
    FailureCause,
    HistoryService,
    PendingConnection,
    SourceOutcome,
    StateKind,
    Summary,
    WishKind,
)
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.accounts.tables import metadata
from vibe_pipeline.records import EditionId, Mode, Source, UserId
from vibe_pipeline.runs import LaunchRequest

NOBODY = UserId("nobody")


def test_somebody_new_gets_the_defaults_of_the_house(tmp_path: Path) -> None:
    made(tmp_path)
    defaults = Defaults(timezone="Europe/Kyiv", playlist_size=25, min_new_ratio=0.5)
    store = open_store(address(tmp_path), KEY, now=Clock(), defaults=defaults)

    account = store.people.register(7, "Олена", "uk")

    assert account.timezone == "Europe/Kyiv"
    assert account.playlist_size == 25
    assert account.min_new_ratio == 0.5
    assert account.nightly_at == time(6, 0)
    assert account.adventure == 40
    assert account.mode is Mode.LIVING
    assert account.active
    assert not account.connected
    assert account.created_at == BEGINNING


def test_a_chat_has_one_account_however_often_it_says_start(tmp_path: Path) -> None:
    store = made(tmp_path)
    first = store.people.register(7, "Olena", "uk")
    store.people.change(first.user_id, language="nl")

    again = store.people.register(7, "Olena K.", "uk")

    assert again.user_id == first.user_id
    assert again.telegram_name == "Olena K."
    assert again.language == "nl"
    assert store.people.by_chat(7) == again
    assert store.people.all() == [again]


def test_who_comes_back_after_blocking_the_bot_is_active_again(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(7, "Olena", "uk")
    store.people.change(account.user_id, active=False)
    assert store.people.all(active_only=True) == []

    again = store.people.register(7, "Olena", "uk")

    assert again.active


def test_a_name_may_hold_anything_but_the_zero_character(tmp_path: Path) -> None:
    store = made(tmp_path)

    account = store.people.register(7, "'; DROP TABLE accounts; --\0 \u202e🎧\n", "uk")

    assert account.telegram_name == "'; DROP TABLE accounts; -- \u202e🎧\n"
    assert store.people.by_chat(7) == account


def test_a_user_id_says_nothing_of_the_chat(tmp_path: Path) -> None:
    store = made(tmp_path)

    ids = {store.people.register(chat, "A", "en").user_id for chat in range(50)}

    assert len(ids) == 50
    assert all(user_id.isalnum() and 8 <= len(user_id) <= 40 for user_id in ids)


def test_every_setting_comes_back_as_it_was_set(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(-100123456789, "A", "en")
    synced = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    changed = store.people.change(
        account.user_id,
        nightly_at=None,
        mode=Mode.DAILY,
        sources_off=frozenset({Source.LISTENBRAINZ, Source.ARTIST_CATALOGUE}),
        likes_cached=0,
        likes_synced_at=synced,
        min_new_ratio=1.0,
        adventure=0,
    )

    assert changed == store.people.get(account.user_id)
    assert changed.nightly_at is None
    assert changed.mode is Mode.DAILY
    assert changed.sources_off == {Source.LISTENBRAINZ, Source.ARTIST_CATALOGUE}
    assert changed.likes_cached == 0
    assert changed.likes_synced_at == synced
    assert changed.likes_synced_at is not None
    assert changed.likes_synced_at.tzinfo is UTC


def test_the_moment_is_noted_at_which_another_hour_was_set(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = store.people.register(7, "A", "en")
    same = store.people.change(account.user_id, nightly_at=account.nightly_at)
    clock.advance(hours=1)

    other = store.people.change(account.user_id, nightly_at=time(22))
    clock.advance(hours=1)
    again = store.people.change(account.user_id, nightly_at=time(22), timezone="Europe/Kyiv")

    assert same.nightly_set_at is None
    assert other.nightly_set_at == again.nightly_set_at == BEGINNING + timedelta(hours=1)


def test_a_naive_moment_is_refused(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")

    with pytest.raises(Exception, match="time zone"):
        store.people.change(account.user_id, likes_synced_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_changing_nobody_is_an_error_not_a_silence(tmp_path: Path) -> None:
    store = made(tmp_path)

    with pytest.raises(UnknownPerson):
        store.people.change(NOBODY, language="nl")
    with pytest.raises(UnknownPerson):
        store.people.connect(NOBODY, "s", None, tokens())
    assert store.people.get(NOBODY) is None
    assert store.tokens.get(NOBODY) is None


def test_connecting_keeps_tokens_sealed(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)

    assert account.connected
    assert account.consented_at == BEGINNING
    assert account.consent_ends_at == datetime(2027, 5, 23, 6, 0, tzinfo=UTC)
    assert store.tokens.get(account.user_id) == tokens()
    assert "access-1" not in repr(store.tokens.get(account.user_id))
    assert "refresh-1" not in repr(store.tokens.get(account.user_id))
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"access-1" not in kept
    assert b"refresh-1" not in kept
    assert KEY.encode() not in kept
    assert KEY not in repr(store)


def test_an_ended_consent_leaves_the_person_and_takes_the_tokens(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)

    assert store.tokens.expire_consent(account.user_id, BEGINNING)

    after = store.people.get(account.user_id)
    assert after is not None
    assert not after.connected
    assert after.spotify_name == "Name"
    assert after.consented_at == BEGINNING
    assert store.tokens.get(account.user_id) is None


def test_renewed_tokens_keep_the_moment_of_consent(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    later = replace(tokens(BEGINNING + timedelta(days=9), number=2), consented_at=BEGINNING)

    assert store.tokens.save(account.user_id, later)

    assert store.tokens.get(account.user_id) == later


def test_what_was_renewed_of_a_former_consent_leaves_the_later_one_alone(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    anew = tokens(BEGINNING + timedelta(days=9), number=2)
    store.people.connect(account.user_id, "spotify-1", "Name", anew)

    renewed = store.tokens.save(account.user_id, tokens())
    doubted = store.tokens.doubt_grant(account.user_id, BEGINNING)
    ended = store.tokens.expire_consent(account.user_id, BEGINNING)

    assert (renewed, doubted, ended) == (False, None, False)
    assert store.tokens.get(account.user_id) == anew
    assert store.outbox.take_due(10) == []


def test_an_ended_consent_is_told_once_and_not_where_a_run_tells_it(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    anna, bert = connected(store, 1), connected(store, 2)
    for account in (anna, bert):
        assert store.tokens.expire_consent(account.user_id, BEGINNING)
        assert not store.tokens.expire_consent(account.user_id, BEGINNING)

    with store.database.writing() as connection:
        ended = ConsentEnded.of(bert.user_id, BEGINNING)
        withhold(connection, ended, now=clock())
    at_once = store.outbox.take_due(10)
    clock.advance(minutes=5)
    later = store.outbox.take_due(10)

    assert at_once == []
    assert [(one.user_id, one.content()) for one in later] == [
        (anna.user_id, ConsentEnded.of(anna.user_id, BEGINNING))
    ]


def test_tokens_are_not_saved_for_who_disconnected_meanwhile(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    store.erasures.disconnect(account.user_id)

    assert not store.tokens.save(account.user_id, tokens())
    assert store.tokens.get(account.user_id) is None


def test_a_spotify_account_belongs_to_one_connected_chat(tmp_path: Path) -> None:
    store = made(tmp_path)
    first = connected(store, 1)
    second = store.people.register(2, "B", "en")

    with pytest.raises(SpotifyAccountTaken):
        store.people.connect(second.user_id, "spotify-1", "Name", tokens())

    store.tokens.expire_consent(first.user_id, BEGINNING)
    assert store.people.connect(second.user_id, "spotify-1", "Name", tokens()).connected
    third = store.people.register(3, "C", "en")
    for other in (first, third):
        with pytest.raises(SpotifyAccountTaken):
            store.people.connect(other.user_id, "spotify-1", "Name", tokens())


def test_disconnecting_erases_all_of_spotify_and_keeps_the_settings(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    store.people.change(account.user_id, adventure=90, playlist_id="p", likes_cached=5, market="NL")
    state = store.oauth_states.make(account.user_id, StateKind.CONSENT, "v")

    store.erasures.disconnect(account.user_id)

    after = store.people.get(account.user_id)
    assert after is not None
    assert not after.connected
    assert after.adventure == 90
    for erased in (
        after.spotify_account_id,
        after.spotify_name,
        after.market,
        after.consented_at,
        after.playlist_id,
        after.likes_cached,
    ):
        assert erased is None
    assert store.oauth_states.take(state, StateKind.CONSENT) is None


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
@pytest.mark.parametrize("leaves", [True, False])
def test_a_list_left_half_way_is_chosen_anew_for_another_spotify_account(
    tmp_path: Path, *, leaves: bool, left_at: EditionState
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    edition_id = _left_at(store, anna, left_at)

    if leaves:
        store.erasures.disconnect(anna.user_id)
    else:
        store.people.connect(anna.user_id, "spotify-2", None, tokens())

    edition = store.editions.required(edition_id)
    assert edition.state is EditionState.STARTED
    assert (edition.tracks, edition.summary) == ((), None)
    assert (edition.playlist_id, edition.playlist_url, edition.marker) == (None, None, None)
    assert (edition.title, edition.description) == (None, None)
    assert goes_on(edition)


@pytest.mark.parametrize(
    ("cause", "again"),
    [(FailureCause.SERVICE_UNAVAILABLE, True), (FailureCause.CANCELED, False)],
)
def test_in_another_spotify_account_only_those_lists_go_on_that_would_have_gone_on(
    tmp_path: Path, cause: FailureCause, *, again: bool
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    edition_id = _left_at(store, anna, EditionState.PLAYLIST_MADE)
    store.editions.fail(edition_id, cause)

    store.people.connect(anna.user_id, "spotify-2", None, tokens())

    assert goes_on(store.editions.required(edition_id)) is again


def test_a_list_whose_playlist_was_let_go_keeps_its_tracks(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = connected(store)
    edition_id = _left_at(store, anna, EditionState.PLAYLIST_MADE)

    store.people.let_go_of(anna.user_id, "another", tell=PlaylistLetGo.of("another"))
    kept = store.editions.required(edition_id)
    store.people.let_go_of(anna.user_id, "p1", tell=PlaylistLetGo.of("p1"))
    edition = store.editions.required(edition_id)

    assert (kept.state, kept.playlist_id) == (EditionState.PLAYLIST_MADE, "p1")
    assert (edition.state, edition.playlist_id) == (EditionState.CHOSEN, None)
    assert edition.tracks == kept.tracks != ()


def test_a_playlist_is_let_go_only_together_with_the_word_of_it(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = connected(store)
    edition_id = _left_at(store, anna, EditionState.PLAYLIST_MADE)
    closed = "create trigger closed before insert on outbox begin select raise(abort, 'no'); end"
    with store.database.writing() as connection:
        connection.execute(text(closed))

    with pytest.raises(UnknownPerson):
        store.people.let_go_of(anna.user_id, "p1", tell=PlaylistLetGo.of("p1"))

    account = store.people.get(anna.user_id)
    assert account is not None
    assert account.playlist_id == store.editions.required(edition_id).playlist_id == "p1"


def _left_at(store: AccountStore, account: Account, state: EditionState) -> EditionId:
    """A list of theirs that has its tracks and stands there."""
    store.people.change(account.user_id, playlist_id="p1", playlist_url="https://p1")
    edition_id = opened(store, account).edition_id
    store.editions.advance(
        edition_id,
        EditionState.STARTED,
        EditionState.CHOSEN,
        tracks=(chosen(1),),
        summary=Summary(new=1, familiar=0, wished_new=1),
        marker="m",
    )
    if state is EditionState.PLAYLIST_MADE:
        url = "https://p1"
        store.editions.advance(
            edition_id, EditionState.CHOSEN, state, playlist_id="p1", playlist_url=url, title="t"
        )
    return edition_id


def test_connecting_the_same_spotify_account_again_leaves_a_list_where_it_stood(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    edition_id = opened(store, anna).edition_id
    store.editions.advance(edition_id, EditionState.STARTED, EditionState.CHOSEN, marker="m")

    connected(store)

    assert store.editions.required(edition_id).marker == "m"


def test_forgetting_leaves_nothing_of_the_person(tmp_path: Path) -> None:
    store = made(tmp_path)
    account, other = connected(store, 1), connected(store, 2)
    for person in (account, other):
        opened(store, person, f"run-of-{person.user_id}")
        store.outbox.put(person.user_id, greeting(f"k:{person.user_id}"))
        store.watches.add(f"r:{person.user_id}", person.user_id, 1, 2, "daily_vibe")
        wish = LaunchRequest.asked_list(person.user_id)
        store.pending_launches.add(f"q:{person.user_id}", person.user_id, wish)
        store.blocks.add(person.user_id, BlockKind.ARTIST, "k", "K")
        store.thumbs.set(person.user_id, "k", 1, artist_key="k", artist="K", title="T")
        store.exclusions.add(person.user_id, ExclusionKind.ARTIST, "k", "K")
        store.steering.set(person.user_id, WishKind.MORE, "soul", "soul")
        store.chosen_artists.add(person.user_id, "k", "K")
        store.notice_targets.set(person.user_id, "https://ntfy.example.org/mine")
        store.history_sources.set(person.user_id, HistoryService.LASTFM, "name")
        store.open_questions.asked(person.user_id, 7, "history_from lastfm")
        store.oauth_states.make(person.user_id, StateKind.LINK)
        considered = Considered(artist="A", title="T", fate="rested", rank=1, is_new=True)
        day, edition_id = date(2026, 11, 20), EditionId(f"run-of-{person.user_id}")
        store.considered.keep(edition_id, person.user_id, day, [considered])
        outcome = SourceOutcome(source="listenbrainz", chosen=1, liked=0, replayed=0)
        store.source_outcomes.replace(person.user_id, [outcome])

    store.erasures.forget(account.user_id)

    with store.database.reading() as connection:
        for name in set(_tables_about_people()) - {"erasures"}:
            query = f"SELECT DISTINCT user_id FROM {name}"  # noqa: S608 - our own names
            left = connection.exec_driver_sql(query).scalars().all()
            assert left == [other.user_id], name
    assert store.people.get(account.user_id) is None


def _tables_about_people() -> list[str]:
    return [table.name for table in metadata.sorted_tables if "user_id" in table.c]


@given(st.integers(min_value=0, max_value=40_000))
def test_a_consent_ends_six_months_on_and_never_later(hours: int) -> None:
    consented_at = BEGINNING + timedelta(hours=hours)

    end = consent_end(consented_at)
    months = (end.year - consented_at.year) * 12 + end.month - consented_at.month
    assert months == 6
    assert end.day <= consented_at.day
    assert end.day == consented_at.day or (end + timedelta(days=1)).day == 1
    assert timedelta(days=178) <= end - consented_at <= timedelta(days=184)


def test_one_renewal_is_under_way_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)

    first = store.tokens.lease_renewal(account.user_id, 30)
    assert first is not None
    assert not store.tokens.lease_renewal(account.user_id, 30)
    store.tokens.release(account.user_id, first)
    assert store.tokens.lease_renewal(account.user_id, 30)
    clock.advance(seconds=31)
    assert store.tokens.lease_renewal(account.user_id, 30)
    store.tokens.release(account.user_id, first)
    assert not store.tokens.lease_renewal(account.user_id, 30)
    assert not store.tokens.lease_renewal(NOBODY, 30)


def _lease(folder: str, user_id: str) -> bool:
    store = open_store(address(Path(folder)), KEY, now=Clock())
    return store.tokens.lease_renewal(UserId(user_id), 30) is not None


def test_of_several_processes_one_gets_the_renewal(tmp_path: Path) -> None:
    account = connected(made(tmp_path))

    got = in_processes(_lease, [(str(tmp_path), account.user_id)] * 4)

    assert sorted(got) == [False, False, False, True]


def test_a_state_is_good_once_and_gives_its_verifier_back(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")
    state = store.oauth_states.make(account.user_id, StateKind.CONSENT, "verifier-1")

    taken = store.oauth_states.take(state, StateKind.CONSENT)

    assert taken is not None
    assert taken.user_id == account.user_id
    assert taken.verifier == "verifier-1"
    assert "verifier-1" not in repr(taken)
    assert store.oauth_states.take(state, StateKind.CONSENT) is None


def test_neither_state_nor_verifier_can_be_read_in_the_file(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")

    state = store.oauth_states.make(account.user_id, StateKind.CONSENT, "verifier-1")

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert state.encode() not in kept
    assert b"verifier-1" not in kept


def test_a_state_ends(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = store.people.register(1, "A", "en")
    state = store.oauth_states.make(account.user_id, StateKind.LINK)
    clock.advance(seconds=600)

    assert store.oauth_states.take(state, StateKind.LINK) is None


def test_a_state_asked_for_as_another_kind_stays_good(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")
    state = store.oauth_states.make(account.user_id, StateKind.LINK)

    assert store.oauth_states.take(state, StateKind.CONSENT) is None
    assert store.oauth_states.claim(state) is None
    assert store.oauth_states.take(state, StateKind.LINK) is not None


@settings(deadline=None)
@given(st.text())
def test_nonsense_is_nobodys_state(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "nonsense"
    folder.mkdir(exist_ok=True)

    assert made(folder).oauth_states.take(text, StateKind.LINK) is None


def _take(folder: str, state: str) -> bool:
    store = open_store(address(Path(folder)), KEY, now=Clock())
    return store.oauth_states.take(state, StateKind.CONSENT) is not None


def test_of_several_processes_one_gets_the_state(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")
    state = store.oauth_states.make(account.user_id, StateKind.CONSENT, "v")

    got = in_processes(_take, [(str(tmp_path), state)] * 4)

    assert sorted(got) == [False, False, False, True]


def redeemed(store: AccountStore, account: Account) -> str:
    """A consent's state that somebody has just come back with."""
    state = store.oauth_states.make(account.user_id, StateKind.CONSENT, "v")
    assert store.oauth_states.redeem(state) is not None
    return state


def test_a_held_connection_comes_back_whole_and_once(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = store.people.register(1, "A", "en")
    pending = PendingConnection(
        user_id=account.user_id,
        spotify_account_id="s",
        spotify_name=None,
        market="NL",
        tokens=tokens(),
    )

    state = store.oauth_states.hold(pending, redeemed(store, account))

    assert store.oauth_states.claim(state) == pending
    assert store.oauth_states.claim(state) is None


def test_a_claimed_connection_tells_whose_it_was_for_as_long_as_it_was_good(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = store.people.register(1, "A", "en")
    pending = PendingConnection(
        user_id=account.user_id,
        spotify_account_id="s",
        spotify_name=None,
        market="NL",
        tokens=tokens(),
    )
    state = store.oauth_states.hold(pending, redeemed(store, account))

    before = store.oauth_states.claimed_before(state)
    store.oauth_states.claim(state)
    after = store.oauth_states.claimed_before(state)
    clock.advance(seconds=601)

    assert before is None
    assert after == (account.user_id, BEGINNING)
    assert store.oauth_states.claimed_before(state) is None


def test_an_account_is_linked_with_what_is_said_of_it_or_not_at_all(tmp_path: Path) -> None:
    store = made(tmp_path)
    user_id = store.people.register(1, "A", "en").user_id
    wish = store.pending_launches.wish("r", user_id, LaunchRequest.first_preparation(user_id))
    with store.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE pending_launches")

    with pytest.raises(AccountsNotSetUp):
        store.people.connect(
            user_id, "s", "S", tokens(), told=[ZoneQuestion.of(user_id)], wish=wish
        )

    assert store.tokens.get(user_id) is None
    assert store.outbox.take_due() == []


def test_a_state_for_nobody_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownPerson):
        made(tmp_path).oauth_states.make(NOBODY, StateKind.LINK)


@pytest.mark.parametrize(
    ("column", "value"), [("mode", "weekly"), ("nightly_at", "late"), ("sources_off", "{")]
)
def test_a_row_that_cannot_be_read_hides_nobody_else(
    tmp_path: Path, column: str, value: str
) -> None:
    store = made(tmp_path)
    anna, boris = (
        store.people.register(number, name, "en") for number, name in ((1, "A"), (2, "B"))
    )
    with store.database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE accounts SET {column} = '{value}' WHERE chat_id = 1"  # noqa: S608
        )

    assert store.people.all() == [boris]
    assert store.people.ids() == {anna.user_id, boris.user_id}
