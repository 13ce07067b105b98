"""What is kept for people to ask about, and promises to erase, in the account store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from vibe_pipeline.accounts.call_allowance import preparing_of
from vibe_pipeline.accounts.considered import ITEMS_KEPT, LISTS_KEPT
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.records import BlockKind, Considered, ErasureKind
from vibe_pipeline.accounts.store import AccountStore, migrate, open_store
from vibe_pipeline.records import EditionId, UserId

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> AccountStore:
    url = f"sqlite:///{tmp_path / 'accounts.sqlite'}"
    migrate(url)
    return open_store(url, KEY, now=clock)


def person(store: AccountStore, chat_id: int = 1) -> UserId:
    return store.people.register(chat_id, "Anna", "uk").user_id


def items(count: int) -> list[Considered]:
    return [
        Considered(artist="Онука", title=f"T{n}", fate="rested", rank=n, is_new=False)
        for n in range(1, count + 1)
    ]


def test_the_last_fourteen_lists_are_remembered_newest_first(
    store: AccountStore, clock: Clock
) -> None:
    anna = person(store)
    for number in range(LISTS_KEPT + 3):
        clock.at = NOW + timedelta(days=number)
        day = date(2026, 11, 1) + timedelta(days=number)
        store.considered.keep(EditionId(f"e{number}"), anna, day, items(2))

    kept = list(store.considered.newest_first(anna))

    assert len(kept) == LISTS_KEPT
    assert kept[0].edition_id == f"e{LISTS_KEPT + 2}"
    assert kept[0].items == tuple(items(2))


def test_a_list_chosen_again_replaces_itself_and_is_cut_to_a_size(store: AccountStore) -> None:
    anna = person(store)
    store.considered.keep(EditionId("e"), anna, date(2026, 11, 1), items(3))

    store.considered.keep(EditionId("e"), anna, date(2026, 11, 1), items(ITEMS_KEPT + 5))

    (kept,) = store.considered.newest_first(anna)
    assert len(kept.items) == ITEMS_KEPT


def test_a_promise_outlives_the_account_and_ends_with_its_receipt(store: AccountStore) -> None:
    anna, boris = person(store), person(store, 2)
    store.blocks.add(anna, BlockKind.ARTIST, "x", "X")

    note = store.erasures.forget(anna)

    assert store.people.get(anna) is None
    assert store.people.get(boris) is not None
    assert note.counts == {"accounts.accounts": 1, "accounts.blocks": 1}
    assert (note.chat_id, note.language, note.kind) == (1, "uk", ErasureKind.PERSON)
    assert store.erasures.waiting() == [note]
    assert store.erasures.to_tell() == []

    first = store.erasures.swept(note.receipt, {"warehouse.likes": 4, "dagster.runs": 0})
    second = store.erasures.swept(note.receipt, {"warehouse.likes": 4})
    (told,) = store.erasures.to_tell()
    store.erasures.close(note.receipt)

    assert (first, second) == (True, False)
    assert told.counts == {"accounts.accounts": 1, "accounts.blocks": 1, "warehouse.likes": 4}
    assert store.erasures.get(note.receipt) is None


def test_calls_of_a_run_that_was_under_way_are_counted_with_those_of_the_same_minute(
    store: AccountStore,
) -> None:
    anna, boris = person(store), person(store, 2)
    for somebody in (anna, boris):
        asked_by(store, somebody)

    promise = store.erasures.forget(anna)
    asked_by(store, anna)
    asked_by(store, anna)
    kept = store.erasures.swept(promise.receipt, {})

    spent = {name: calls(store, name) for name in (anna, boris, promise.receipt)}
    assert kept
    assert spent == {anna: 0, boris: 1, promise.receipt: 3}


def asked_by(store: AccountStore, name: str) -> None:
    """One call to Spotify ahead of time, for somebody."""
    store.budget.of(preparing_of(UserId(name))).ask("spotify", asked_for=False)


def calls(store: AccountStore, name: str) -> int:
    return store.budget.spent("spotify", preparing_of(UserId(name)))


def test_nobody_is_forgotten_twice(store: AccountStore) -> None:
    anna = person(store)
    store.erasures.forget(anna)

    with pytest.raises(UnknownPerson):
        store.erasures.forget(anna)

    assert len(store.erasures.waiting()) == 1


def test_what_is_handed_out_names_every_table_and_no_key(store: AccountStore) -> None:
    anna = person(store)
    store.considered.keep(EditionId("e"), anna, date(2026, 11, 1), items(1))

    found = store.erasures.everything_of(anna)

    assert "tokens" not in found
    assert "erasures" not in found
    assert [row["user_id"] for row in found["accounts"]] == [anna]
    assert not any(
        isinstance(value, bytes) for row in found["considered"] for value in row.values()
    )
