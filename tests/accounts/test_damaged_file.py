"""An account store whose file is damaged: what is read of it, and who is not mistaken for whom."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.accounts_site import BEGINNING, KEY, connected, opened, tokens
from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.damaged_index import mend_indexes
from vibe_pipeline.accounts.errors import AccountsNotADatabase, IndexContradicts
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.installation.sqlite_file import is_damaged
from vibe_pipeline.settings import sqlite_address


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite"


@pytest.fixture
def store(path: Path) -> AccountStore:
    set_up_store(sqlite_address(path))
    return open_store(sqlite_address(path), KEY)


def checkpointed(path: Path) -> bytes:
    """What the file holds once its log is written back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def replace_page(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Another first page of this table or index."""
    content = checkpointed(path)
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = ?"
        root, size = connection.execute(query, (name,)).fetchone()
    before, page = content[: (root - 1) * size], content[(root - 1) * size : root * size]
    path.write_bytes(before + change(page) + content[root * size :])


def replace_in(path: Path, name: str, former: bytes, other: bytes) -> None:
    """Other bytes in the first page of a table or index: what an index leads to is not found."""

    def replaced(page: bytes) -> bytes:
        assert page.count(former) == 1
        return page.replace(former, other)

    replace_page(path, name, replaced)


def damage_index(path: Path, name: str, key: str) -> None:
    """One bit less in the last letter of a key."""
    damaged = key.encode()
    replace_in(path, name, damaged, damaged[:-1] + bytes([damaged[-1] ^ 1]))


def test_somebody_whom_a_damaged_index_does_not_find_is_not_taken_for_new(
    store: AccountStore, path: Path
) -> None:
    anna = store.people.register(int.from_bytes(b"QRST"), "Anna", "en")
    replace_in(path, "sqlite_autoindex_accounts_2", b"QRST", b"QRSU")
    with pytest.raises(AccountsNotADatabase, match="damaged"):
        store.people.by_chat(anna.chat_id)

    with pytest.raises(AccountsNotADatabase, match="damaged"):
        store.people.register(anna.chat_id, "Anna", "en")

    assert store.people.ids() == {anna.user_id}


def test_nobody_whose_tokens_a_damaged_index_does_not_find_is_called_unconnected(
    store: AccountStore, path: Path
) -> None:
    anna = connected(store)
    damage_index(path, "sqlite_autoindex_tokens_1", anna.user_id)

    for look in (
        lambda: store.people.get(anna.user_id),
        lambda: store.people.by_chat(anna.chat_id),
        store.people.all,
        lambda: store.people.some([anna.user_id]),
        lambda: store.tokens.get(anna.user_id),
    ):
        with pytest.raises(AccountsNotADatabase, match="damaged"):
            look()


def test_nobody_is_gone_or_erased_by_a_damaged_index(store: AccountStore, path: Path) -> None:
    anna = connected(store)
    damage_index(path, "sqlite_autoindex_accounts_1", anna.user_id)

    assert store.people.ids() == {anna.user_id}
    for look in (store.people.get, store.erasures.forget, store.erasures.disconnect):
        with pytest.raises(AccountsNotADatabase, match="damaged"):
            look(anna.user_id)


def test_an_index_that_finds_other_rows_than_there_are_is_mended_by_a_start(
    store: AccountStore, path: Path
) -> None:
    anna = connected(store)
    damage_index(path, "sqlite_autoindex_tokens_1", anna.user_id)
    with pytest.raises(IndexContradicts):
        store.check_whole()

    aside = mend_indexes(sqlite_address(path), now=BEGINNING)

    assert aside is not None
    assert aside.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.check_whole()
    assert store.people.get(anna.user_id) == anna
    assert store.tokens.get(anna.user_id) == tokens()


def test_an_index_whose_pages_are_gone_is_mended_with_every_row_as_it_was(
    store: AccountStore, path: Path
) -> None:
    people = [connected(store, number) for number in (1, 2)]
    lists = [opened(store, person, f"run-{person.chat_id}") for person in people]
    for index in ("sqlite_autoindex_accounts_2", "ix_editions_user_id_created_at"):
        replace_page(path, index, lambda page: bytes(len(page)))
    with pytest.raises(AccountsNotADatabase):
        store.check_whole()

    assert mend_indexes(sqlite_address(path), now=BEGINNING) is not None

    store.check_whole()
    assert [store.people.by_chat(person.chat_id) for person in people] == people
    assert [store.editions.history(person.user_id) for person in people] == [[one] for one in lists]
    assert [one.name for one in path.parent.glob("*.anew*")] == []


def test_a_store_whose_rows_are_damaged_or_contradicted_as_to_whose_chat_it_is_stays_as_it_is(
    store: AccountStore, path: Path
) -> None:
    anna = connected(store, int.from_bytes(b"QRST"))
    written = checkpointed(path)
    harms: tuple[Callable[[], None], ...] = (
        lambda: replace_page(path, "tokens", lambda page: bytes(len(page))),
        lambda: replace_in(path, "tokens", anna.user_id.encode(), b"u" * len(anna.user_id)),
        lambda: replace_in(path, "sqlite_autoindex_accounts_2", b"QRST", b"QRSU"),
    )
    for harm in harms:
        harm()
        damaged = path.read_bytes()

        with suppress(AccountsNotADatabase):
            assert mend_indexes(sqlite_address(path), now=BEGINNING) is None

        assert path.read_bytes() == damaged
        assert [one.name for one in path.parent.glob("*.damaged-*")] == []
        path.write_bytes(written)
    assert mend_indexes(sqlite_address(path), now=BEGINNING) is None


def test_a_damaged_name_of_a_table_is_told_as_damage(store: AccountStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content, name = path.read_bytes(), b"indexix_outbox_closed_at"
    assert content.count(name) == 1
    path.write_bytes(content.replace(name, name.replace(b"ix_", b"\xf5x_")))

    with pytest.raises(AccountsNotADatabase, match="damaged"):
        store.check_whole()

    assert is_damaged(path)
