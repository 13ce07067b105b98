"""An account store in a real file, with a clock of its own; and a second process that shares it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, insert, make_url, text

from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.messages import Connected
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, Tokens
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.accounts.tables import outbox
from vibe_pipeline.records import ChosenTrack, EditionId, Mode, Source, UserId

KEY = "3Zr0Nf3cT0yQ6m4cXW8yqQ0t2yJQmI0g0bq0m6l7m3U="
BEGINNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
POSTGRES_SERVER = "VIBE_TEST_POSTGRES"
"""Names a server on which stores shall be, for the tests that run others again there."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    moment: datetime = field(default=BEGINNING)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **amount: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**amount)


def address(folder: Path) -> str:
    """The store's URL in this folder; on Postgres, where one is named, a database of its own."""
    if server := os.environ.get(POSTGRES_SERVER):
        return postgres_database(server, f"vibe_{sha256(str(folder).encode()).hexdigest()[:16]}")
    return f"sqlite:///{folder / 'accounts.sqlite'}"


@cache
def postgres_database(server: str, name: str) -> str:
    """The account store's URL for a database of this name there, made when it is missing."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if connection.execute(known, {"name": name}).first() is None:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    return url.set(database=name).render_as_string(hide_password=False)


def made(folder: Path, clock: Clock | None = None, *, key: str = KEY) -> AccountStore:
    """A store, set up."""
    set_up_store(address(folder))
    return open_store(address(folder), key, now=clock or Clock())


def tokens(consented_at: datetime = BEGINNING, *, number: int = 1) -> Tokens:
    return Tokens(
        access_token=f"access-{number}",
        refresh_token="refresh-1",
        expires_at=consented_at + timedelta(hours=1),
        scopes=frozenset({"user-library-read", "user-top-read"}),
        consented_at=consented_at,
    )


def connected(store: AccountStore, chat_id: int = 1) -> Account:
    """Somebody with a Spotify account."""
    account = store.people.register(chat_id, f"Person {chat_id}", "en")
    return store.people.connect(account.user_id, f"spotify-{chat_id}", "Name", tokens())


def opened(
    store: AccountStore, account: Account, edition_id: str = "run-1", occasion: str | None = None
) -> Edition:
    return store.editions.open(
        EditionId(edition_id),
        account.user_id,
        vibe_date=DAY,
        occasion=occasion or f"asked:{edition_id}",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )


def chosen(position: int) -> ChosenTrack:
    return ChosenTrack(
        position=position,
        artist="Пісня / Ártist",
        title=f"Title {position} “quoted” 🎧",
        spotify_id=f"id{position}",
        uri=f"spotify:track:id{position}",
        isrc=None,
        is_new=position % 2 == 0,
        source=Source.LISTENBRAINZ,
        seed="seed",
        reason="because",
        key=f"artist|title {position}",
        artist_key="artist",
    )


def in_processes(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Do this in as many processes at once, each with its own arguments.

    They are forked from one that has our programs loaded, which takes each of them a second.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with context.Pool(len(arguments)) as pool:
        return pool.starmap(work, arguments)


def messages_waiting(store: AccountStore) -> int:
    """How many messages are neither delivered nor given up."""
    with store.database.reading() as connection:
        query = "SELECT count(*) FROM outbox WHERE closed_at IS NULL"
        return int(connection.exec_driver_sql(query).scalar_one())


def greeting(dedupe_key: str, spotify_name: str = "Name") -> Connected:
    """Some message for the outbox."""
    return Connected(spotify_name=spotify_name, dedupe_key=dedupe_key)


def put_as_stored(
    store: AccountStore, user_id: UserId, key: str, params: Mapping[str, Any], dedupe_key: str
) -> None:
    """A row of the outbox in whatever form some build may have left it there."""
    now = store.outbox.now()
    row = {
        "user_id": user_id,
        "key": key,
        "params": dict(params),
        "dedupe_key": dedupe_key,
        "not_before": now,
        "created_at": now,
        "attempts": 0,
    }
    with store.database.writing() as connection:
        connection.execute(insert(outbox).values(row))
