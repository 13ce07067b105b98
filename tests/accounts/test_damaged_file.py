"""An account store whose file is damaged: what is read of it, and who is not mistaken for whom."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.accounts_site import KEY
from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.errors import AccountsNotADatabase
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


def replace_in_index(path: Path, index: str, former: bytes, other: bytes) -> None:
    """Other bytes in the first page of an index: what it leads to is not found by it any more."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = ?"
        root, size = connection.execute(query, (index,)).fetchone()
    content = path.read_bytes()
    page = content[(root - 1) * size : root * size]
    assert page.count(former) == 1
    path.write_bytes(content.replace(page, page.replace(former, other)))


def test_somebody_whom_a_damaged_index_does_not_find_is_not_taken_for_new(
    store: AccountStore, path: Path
) -> None:
    anna = store.people.register(int.from_bytes(b"QRST"), "Anna", "en")
    replace_in_index(path, "sqlite_autoindex_accounts_2", b"QRST", b"QRSU")
    assert store.people.by_chat(anna.chat_id) is None

    with pytest.raises(AccountsNotADatabase, match="damaged"):
        store.people.register(anna.chat_id, "Anna", "en")

    assert store.people.ids() == {anna.user_id}


def test_a_damaged_name_of_a_table_is_told_as_damage(store: AccountStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content, name = path.read_bytes(), b"indexix_outbox_closed_at"
    assert content.count(name) == 1
    path.write_bytes(content.replace(name, name.replace(b"ix_", b"\xf5x_")))

    with pytest.raises(AccountsNotADatabase, match="damaged"):
        store.check_whole()

    assert is_damaged(path)
