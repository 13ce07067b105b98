"""A store that an older program left behind, with people in it, opens in this one as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, create_engine, insert, select, text

from tests.support.accounts_site import (
    KEY,
    Clock,
    address,
    chosen,
    connected,
    greeting,
    made,
    opened,
    tokens,
)
from vibe_pipeline.accounts.database import connect
from vibe_pipeline.accounts.migration_runner import upgrade
from vibe_pipeline.accounts.records import Account, Edition, EditionState, PlaylistAttempt
from vibe_pipeline.accounts.schema import REVISIONS, migrate
from vibe_pipeline.accounts.store import AccountStore, open_store


def somebody(store: AccountStore) -> tuple[Account, Edition]:
    """A person with a list, a token, settings of their own and a message on its way."""
    account = connected(store)
    person = store.people.change(account.user_id, timezone="Europe/Kyiv", playlist_size=25)
    edition = opened(store, account)
    store.editions.advance(
        edition.edition_id,
        EditionState.STARTED,
        EditionState.CHOSEN,
        tracks=(chosen(1), chosen(2)),
    )
    store.outbox.put(account.user_id, greeting("hello"))
    return person, store.editions.required(edition.edition_id)


def older(folder: Path, revision: str, like: str) -> str:
    """A store of this revision that holds what the store at ``like`` does, as far as it can."""
    folder.mkdir()
    (folder / "accounts.sqlite").touch()
    upgrade(connect(address(folder)), to=revision)
    with create_engine(like).connect() as rows, create_engine(address(folder)).begin() as old:
        _copied(rows, old)
    return address(folder)


def _copied(rows: Connection, old: Connection) -> None:
    newest, oldest = MetaData(), MetaData()
    newest.reflect(rows)
    oldest.reflect(old)
    for table in oldest.sorted_tables:
        if table.name == "alembic_version" or table.name not in newest.tables:
            continue
        known = newest.tables[table.name]
        shared = [known.c[column.name] for column in table.c if column.name in known.c]
        held = [dict(row) for row in rows.execute(select(*shared)).mappings()]
        if held:
            old.execute(insert(table), held)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_store_of_every_earlier_revision_keeps_its_people_and_lists(
    tmp_path: Path, revision: str
) -> None:
    (tmp_path / "today").mkdir()
    person, edition = somebody(made(tmp_path / "today"))
    url = older(tmp_path / "then", revision, like=address(tmp_path / "today"))

    migrate(url)

    store = open_store(url, KEY, now=Clock())
    assert store.people.get(person.user_id) == person
    assert store.tokens.get(person.user_id) == tokens()
    assert store.editions.get(edition.edition_id) == edition
    assert [message.key for message in store.outbox.take_due()] == ["bot.connected"]


@pytest.mark.parametrize(
    ("marker", "title", "read"),
    [
        (None, None, (None, PlaylistAttempt.FIRST)),
        ("vibe-1", "Today", ("vibe-1", PlaylistAttempt.FIRST)),
        ("vibe-1=", "Today", ("vibe-1", PlaylistAttempt.FIRST)),
        ("vibe-1*=", "Today", ("vibe-1", PlaylistAttempt.ANOTHER)),
        ("vibe-1+*", "Today", ("vibe-1", PlaylistAttempt.REPLACEMENT)),
        ("vibe-1+", None, (None, PlaylistAttempt.REPLACEMENT)),
    ],
)
def test_what_signs_behind_a_marker_said_of_attempts_is_read_from_an_older_store(
    tmp_path: Path,
    marker: str | None,
    title: str | None,
    read: tuple[str | None, PlaylistAttempt],
) -> None:
    (tmp_path / "today").mkdir()
    _, edition = somebody(made(tmp_path / "today"))
    url = older(tmp_path / "then", "0017", like=address(tmp_path / "today"))
    with create_engine(url).begin() as old:
        old.execute(
            text("UPDATE editions SET marker = :marker, title = :title"),
            {"marker": marker, "title": title},
        )

    migrate(url)

    found = open_store(url, KEY, now=Clock()).editions.required(edition.edition_id)
    assert (found.marker, found.attempt) == read
    assert found.attempted_at == (None if marker is None else edition.updated_at)
