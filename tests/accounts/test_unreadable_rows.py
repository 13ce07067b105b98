"""A row that cannot be read: everybody else is served, and its person as far as that goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts_site import (
    BEGINNING,
    DAY,
    KEY,
    Clock,
    address,
    connected,
    made,
    opened,
)
from vibe_pipeline.accounts.errors import RowUnreadable
from vibe_pipeline.accounts.messages import MessageUnreadable, NightFailed
from vibe_pipeline.accounts.records import (
    BlockKind,
    Edition,
    EditionKind,
    ExclusionKind,
    FailureCause,
    HistoryService,
    WishKind,
)
from vibe_pipeline.accounts.row_check import damaged_rows
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.records import EditionId, Mode, UserId
from vibe_pipeline.runs import LaunchRequest

BROKEN_MOMENT = ("yesterday", "0001-01-01 00:00:00.000000+14:00")
BROKEN_JSON = ("{x", '"text"', "5", "null")
_OF_ONE_PERSON = (
    ("accounts", "mode", "the account"),
    ("tokens", "expires_at", "the tokens"),
    ("tokens", "scopes", "the tokens"),
    ("blocks", "kind", "what is blocked"),
    ("exclusions", "created_at", "what is left out"),
    ("thumbs", "created_at", "the thumbs"),
    ("steering", "kind", "the wishes"),
    ("chosen_artists", "created_at", "the chosen artists"),
    ("considered", "packed", "what lists were chosen among"),
)
Read = Callable[[AccountStore], Collection[UserId]]


def _owners(rows: Iterable[Any]) -> set[UserId]:
    return {row.user_id for row in rows}


EVERYBODYS: tuple[tuple[str, Read, dict[str, tuple[str, ...]]], ...] = (
    (
        "accounts",
        lambda store: _owners(store.people.all()),
        {"mode": ("weekly",), "nightly_at": ("late",), "sources_off": ("{", "5")},
    ),
    (
        "accounts",
        lambda store: store.people.some(store.people.ids()),
        {"mode": ("weekly",), "consented_at": BROKEN_MOMENT, "covered_on": ("never",)},
    ),
    (
        "editions",
        lambda store: _owners(store.editions.unfinished(since=BEGINNING)),
        {
            "state": ("weird",),
            "tracks": (*BROKEN_JSON, '[{"source": "gone"}]'),
            "summary": ("{", "[]", '{"pools": 5}'),
            "cause": ("mood",),
            "updated_at": BROKEN_MOMENT,
        },
    ),
    (
        "editions",
        lambda store: _owners(store.editions.begun_since(BEGINNING)),
        {"state": ("weird",), "vibe_date": ("never",), "cause_until": BROKEN_MOMENT},
    ),
    (
        "editions",
        lambda store: {
            UserId(edition_id.removeprefix("list-"))
            for edition_id in store.editions.states(
                [EditionId(f"list-{user_id}") for user_id in store.people.ids()]
            )
        },
        {"state": ("weird",)},
    ),
    (
        "editions",
        lambda store: _owners(_recorded(store).recorded()),
        {"tracks": ('[{"source": "gone"}]', "{x"), "mode": ("weekly",)},
    ),
    (
        "editions",
        lambda store: _recorded(store).last_made(),
        {"created_at": ("yesterday",)},
    ),
    (
        "history_sources",
        lambda store: store.history_sources.everybody(),
        {
            "service": ("myspace",),
            "trouble": ("sadness",),
            "read_at": BROKEN_MOMENT,
            "unread": (*BROKEN_JSON, "[[null, 9999999999999999]]", "[[null, 99999999999999999]]"),
        },
    ),
    (
        "pending_launches",
        lambda store: _owners(store.pending_launches.due()),
        {"tags": (*BROKEN_JSON, "[]"), "asked_at": BROKEN_MOMENT},
    ),
    (
        "pending_launches",
        lambda store: _owners(store.pending_launches.open()),
        {"tags": BROKEN_JSON, "not_before": BROKEN_MOMENT},
    ),
    ("watches", lambda store: _owners(store.watches.open()), {"created_at": BROKEN_MOMENT}),
    (
        "outbox",
        lambda store: _owners(store.outbox.take_due()),
        {"params": ("{x",), "created_at": BROKEN_MOMENT},
    ),
    (
        "erasures",
        lambda store: _owners(store.erasures.waiting()),
        {"kind": ("half",), "counts": ("{x",), "asked_at": BROKEN_MOMENT},
    ),
)
BREAKAGES = [
    pytest.param(table, read, column, value, id=f"{table}-{number}-{column}-{value[:12]}")
    for number, (table, read, columns) in enumerate(EVERYBODYS)
    for column, values in columns.items()
    for value in values
]


def _recorded(store: AccountStore) -> Any:
    _write(store, "UPDATE editions SET state = 'recorded'")
    return store.editions


def _write(store: AccountStore, statement: str, *values: object) -> None:
    with store.database.writing() as connection:
        connection.exec_driver_sql(statement, values)


def _with_two_people(folder: Path) -> tuple[AccountStore, UserId, UserId]:
    """Anna and Boris, each with a row of every kind that is read for everybody at once."""
    store = made(folder)
    anna, boris = (store.people.register(number, "Name", "en").user_id for number in (1, 2))
    for user_id in (anna, boris):
        store.editions.open(
            EditionId(f"list-{user_id}"),
            user_id,
            vibe_date=DAY,
            occasion="nightly",
            kind=EditionKind.DAILY,
            mode=Mode.LIVING,
        )
        store.history_sources.set(user_id, HistoryService.LASTFM, "name")
        store.pending_launches.add(f"wish-{user_id}", user_id, LaunchRequest.asked_list(user_id))
        store.watches.add(f"run-{user_id}", user_id, 1, 1, "daily_vibe")
        store.outbox.put(user_id, _failed(user_id, until=BEGINNING))
    return store, anna, boris


def _failed(user_id: UserId, *, until: datetime) -> NightFailed:
    return NightFailed.before_it_began(
        user_id, "nightly", FailureCause.QUOTA, day=date(2026, 11, 23), until=until
    )


@pytest.mark.parametrize(("table", "read", "column", "value"), BREAKAGES)
def test_a_row_that_cannot_be_read_hides_nobody_elses(
    tmp_path: Path, table: str, read: Read, column: str, value: str
) -> None:
    store, anna, boris = _with_two_people(tmp_path)
    if table == "erasures":
        store.erasures.disconnect(anna)
        store.erasures.disconnect(boris)
    assert set(read(store)) == {anna, boris}
    later = open_store(address(tmp_path), KEY, now=Clock(BEGINNING + timedelta(minutes=2)))

    _write(store, f"UPDATE {table} SET {column} = ? WHERE user_id = ?", value, anna)  # noqa: S608

    assert set(read(later)) == {boris}


def test_a_letter_that_is_none_any_more_hides_neither_its_person_nor_others(
    tmp_path: Path,
) -> None:
    store, anna, boris = _with_two_people(tmp_path)

    _write(
        store,
        "UPDATE accounts SET telegram_name = CAST(x'c3416e6e61' AS TEXT) WHERE user_id = ?",
        anna,
    )

    names = {one.user_id: one.telegram_name for one in store.people.all()}
    assert names == {anna: "\N{REPLACEMENT CHARACTER}Anna", boris: "Name"}


def test_the_sources_of_one_person_that_can_be_read_are_read(tmp_path: Path) -> None:
    store, anna, _boris = _with_two_people(tmp_path)
    store.history_sources.set(anna, HistoryService.LISTENBRAINZ, "name")

    _write(
        store,
        "UPDATE history_sources SET unread = '{' WHERE user_id = ? AND service = 'lastfm'",
        anna,
    )

    assert [one.service for one in store.history_sources.everybody()[anna]] == ["listenbrainz"]
    assert store.history_sources.of(anna) == store.history_sources.list(anna)


def test_what_is_read_for_one_person_includes_what_is_leaving(tmp_path: Path) -> None:
    store, anna, boris = _with_two_people(tmp_path)
    store.history_sources.set(anna, HistoryService.LASTFM, "another")

    sources = store.history_sources.of(anna)

    assert {(one.name, one.leaving) for one in sources} == {("name", True), ("another", False)}
    assert [one.name for one in store.history_sources.of(boris)] == ["name"]


def test_a_message_that_cannot_be_read_is_taken_up_once(tmp_path: Path) -> None:
    store, anna, _boris = _with_two_people(tmp_path)
    _write(store, "UPDATE outbox SET params = '{x' WHERE user_id = ?", anna)

    store.outbox.take_due()

    with store.database.reading() as connection:
        waiting = "SELECT count(*) FROM outbox WHERE closed_at IS NULL"
        assert connection.exec_driver_sql(waiting).scalar() == 1


def test_an_inbox_takes_up_what_bears_no_moment(tmp_path: Path) -> None:
    store = made(tmp_path)
    store.inbox.add("update-1", "hello")
    _write(store, "UPDATE inbox SET received_at = 'yesterday'")

    assert [entry.payload for entry in store.inbox.take_up()] == ["hello"]


def test_a_night_that_ends_where_some_clocks_have_no_date_is_not_told(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna = store.people.register(1, "Anna", "en").user_id
    store.outbox.put(anna, _failed(anna, until=datetime(9999, 12, 31, 23, tzinfo=UTC)))

    (message,) = store.outbox.take_due()

    with pytest.raises(MessageUnreadable):
        message.content()


def test_an_edition_asked_for_by_its_id_does_not_seem_to_be_missing(tmp_path: Path) -> None:
    store, anna, _boris = _with_two_people(tmp_path)
    _write(store, "UPDATE editions SET state = 'weird' WHERE user_id = ?", anna)

    with pytest.raises(RowUnreadable, match="table editions is damaged"):
        store.editions.get(EditionId(f"list-{anna}"))


@pytest.mark.parametrize("column", ["tracks", "summary", "state", "created_at"])
def test_a_list_that_cannot_be_read_hides_none_of_its_persons_others(
    tmp_path: Path, column: str
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    first, second = (opened(store, anna, f"list-{number}").edition_id for number in (1, 2))
    _write(store, "UPDATE editions SET state = 'recorded', playlist_id = 'one', snapshot_id = '1'")

    _write(store, f"UPDATE editions SET {column} = '{{x' WHERE edition_id = 'list-2'")  # noqa: S608

    ledger = store.editions
    assert _ids(ledger.history(anna.user_id)) == [first]
    assert _ids(filter(None, [ledger.latest(anna.user_id)])) == [first]
    assert _ids(filter(None, [ledger.last_recorded(anna.user_id)])) == [first]
    assert ledger.unreadable() == [(anna.user_id, second)]


def test_a_playlist_whose_list_cannot_be_read_does_not_seem_to_have_held_none(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store)
    opened(store, anna)
    _write(store, "UPDATE editions SET playlist_id = 'one', snapshot_id = '1', tracks = '{x'")

    assert store.editions.held_a_list(anna.user_id, "one")
    assert not store.editions.held_a_list(anna.user_id, "two")


def test_what_a_person_said_is_never_left_out_and_what_cannot_be_read_is_named(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    for number, (table, column, named) in enumerate(_OF_ONE_PERSON, start=1):
        person = connected(store, number).user_id
        store.blocks.add(person, BlockKind.ARTIST, "abba", "ABBA")
        store.exclusions.add(person, ExclusionKind.ARTIST, "abba", "ABBA")
        store.thumbs.set(person, "k", 1, artist_key="abba", artist="ABBA", title="SOS")
        store.steering.set(person, WishKind.MORE, "pop", "pop")
        store.chosen_artists.add(person, "abba", "ABBA")
        store.considered.keep(EditionId(f"list-{number}"), person, DAY, [])
        before = set(damaged_rows(store))

        _write(store, f"UPDATE {table} SET {column} = '{{x' WHERE user_id = ?", person)  # noqa: S608

        assert set(damaged_rows(store)) - before == {f"{named} of {person}"}


def test_tokens_that_nobody_can_open_are_their_persons_trouble_alone(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, boris = connected(store), connected(store, 2)

    _write(store, "UPDATE tokens SET sealed = ? WHERE user_id = ?", b"no token", anna.user_id)

    store.check()
    assert store.tokens.get(boris.user_id) is not None
    assert list(damaged_rows(store)) == [f"the tokens of {anna.user_id}"]


def _ids(editions: Iterable[Edition]) -> list[str]:
    return [edition.edition_id for edition in editions]
