"""Who is here: accounts, their settings, their link to Spotify.

The repository of the table ``accounts``. Tokens are ``accounts.tokens``', what people told us about
music is ``accounts.feedback``'s.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.cipher import Cipher
from vibe_pipeline.accounts.database import Database, past_indexes
from vibe_pipeline.accounts.editions import forget_choices, forget_playlist
from vibe_pipeline.accounts.erasure_notes import erase_spotify, new_receipt
from vibe_pipeline.accounts.errors import SpotifyAccountTaken, UnknownPerson
from vibe_pipeline.accounts.messages import Message
from vibe_pipeline.accounts.outbox import queue
from vibe_pipeline.accounts.pending_launches import forget_postponed, write_down
from vibe_pipeline.accounts.readable_rows import readable_rows, required_rows
from vibe_pipeline.accounts.records import (
    Account,
    AccountChanges,
    Defaults,
    PendingLaunch,
    Tokens,
)
from vibe_pipeline.accounts.tables import accounts, oauth_states, tokens
from vibe_pipeline.accounts.tokens import token_values
from vibe_pipeline.records import Mode, Source, UserId

CONSENT_MONTHS = 6
"""Spotify's refresh tokens live six months from the person's own consent, however often used."""


@dataclass(frozen=True, slots=True)
class People:
    """The accounts. A change for somebody who is gone raises ``UnknownPerson``."""

    database: Database
    sealer: Cipher
    defaults: Defaults
    now: Callable[[], datetime]
    new_id: Callable[[], UserId]

    def by_chat(self, chat_id: int) -> Account | None:
        """Whoever writes from this chat."""
        with self.database.reading() as connection:
            return self._one(connection, accounts.c.chat_id == chat_id)

    def get(self, user_id: UserId) -> Account | None:
        """The person with this id."""
        with self.database.reading() as connection:
            return self._one(connection, accounts.c.user_id == user_id)

    def required(self, user_id: UserId) -> Account:
        """The person with this id; raises ``UnknownPerson``."""
        if (person := self.get(user_id)) is None:
            raise UnknownPerson(user_id)
        return person

    def some(self, user_ids: Collection[UserId]) -> dict[UserId, Account]:
        """These people, asked in one question; whoever is gone or unreadable is left out."""
        query = _QUERY.where(accounts.c.user_id.in_(list(user_ids)))
        with self.database.reading() as connection:
            people = readable_rows(connection, query, _account, key=[accounts.c.user_id])
            self._look_for_tokens(connection, people)
        return {account.user_id: account for account in people}

    def all(self, *, active_only: bool = False) -> list[Account]:
        """Everybody who can be read, in the order they came."""
        query = _QUERY.order_by(accounts.c.created_at, accounts.c.user_id)
        if active_only:
            query = query.where(accounts.c.active)
        with self.database.reading() as connection:
            people = readable_rows(connection, query, _account, key=[accounts.c.user_id])
            self._look_for_tokens(connection, people)
        return people

    def ids(self) -> set[UserId]:
        """Everybody there is, readable or not, and whatever an index says of them."""
        with self.database.reading() as connection:
            query = past_indexes(select(accounts.c.user_id), accounts)
            return {UserId(row.user_id) for row in connection.execute(query)}

    def register(self, chat_id: int, name: str, language: str) -> Account:
        """The account of this chat, made on first sight; whoever comes back is active again."""
        if (known := self.registered(chat_id, name)) is not None:
            return known
        name = _storable(name)
        try:
            with self.database.writing() as connection:
                again = update(accounts).where(accounts.c.chat_id == chat_id)
                seen = connection.execute(again.values(telegram_name=name, active=True)).rowcount
                if not seen:
                    self._look_for_lost(connection, accounts.c.chat_id == chat_id)
                    connection.execute(
                        insert(accounts).values(self._fresh(chat_id, name, language))
                    )
                return _found(_first(connection, accounts.c.chat_id == chat_id), str(chat_id))
        except IntegrityError:
            return _found(self.by_chat(chat_id), str(chat_id))

    def registered(self, chat_id: int, name: str) -> Account | None:
        """The account of this chat where ``register`` has nothing to change; a look alone."""
        known = self.by_chat(chat_id)
        if known is None or not known.active or known.telegram_name != _storable(name):
            return None
        return known

    def change(self, user_id: UserId, **changes: Unpack[AccountChanges]) -> Account:
        """Set what is named; gives the account as it is then.

        Another hour for the nightly list is noted with the moment it was set.
        """
        values = _columns(dict(changes))
        with self.database.writing() as connection:
            if "nightly_at" in values:
                before = _found(_first(connection, accounts.c.user_id == user_id), user_id)
                if before.nightly_at != values["nightly_at"]:
                    values["nightly_set_at"] = self.now()
            return _change(connection, user_id, values)

    def connect(
        self,
        user_id: UserId,
        spotify_account_id: str,
        spotify_name: str | None,
        granted: Tokens,
        *,
        market: str | None = None,
        told: Sequence[Message] = (),
        wish: PendingLaunch | None = None,
    ) -> Account:
        """Link a Spotify account; another one than before starts with a playlist of its own.

        What was read from the former one is erased then, as if it had been unlinked. With the
        link, or not at all, goes what is ``told`` of it and the run that is to follow.

        Raises ``SpotifyAccountTaken`` while somebody else is connected to that account.
        """
        with self.database.writing() as connection:
            before = _found(_first(connection, accounts.c.user_id == user_id), user_id)
            if _taken(connection, user_id, spotify_account_id):
                raise SpotifyAccountTaken(spotify_account_id)
            values: dict[str, Any] = {
                "spotify_account_id": spotify_account_id,
                "spotify_name": spotify_name,
                "consented_at": granted.consented_at,
            }
            another = before.spotify_account_id not in {None, spotify_account_id}
            if market is not None or another:
                values["market"] = market
            if another:
                values |= _NO_LIBRARY
                erase_spotify(connection, user_id, receipt=new_receipt(), now=self.now())
                forget_choices(connection, user_id)
                forget_postponed(connection, user_id)
            connection.execute(delete(tokens).where(tokens.c.user_id == user_id))
            connection.execute(insert(tokens).values(token_values(user_id, granted, self.sealer)))
            for message in told:
                queue(connection, user_id, message, now=self.now())
            if wish is not None:
                write_down(connection, wish)
            return _change(connection, user_id, values)

    def let_go_of(self, user_id: UserId, playlist_id: str, *, tell: Message) -> None:
        """Their playlist is theirs no more: what waits to be written to it gets another.

        What they are told of it goes with that, or not at all.
        """
        with self.database.writing() as connection:
            theirs = (accounts.c.user_id == user_id, accounts.c.playlist_id == playlist_id)
            let_go = update(accounts).where(*theirs).values(playlist_id=None, playlist_url=None)
            connection.execute(let_go)
            forget_playlist(connection, user_id, playlist_id)
            queue(connection, user_id, tell, now=self.now())

    def _one(self, connection: Connection, condition: ColumnElement[bool]) -> Account | None:
        """Whom this finds; nobody is called missing or not connected by a damaged index."""
        found = _first(connection, condition)
        if found is None:
            self._look_for_lost(connection, condition)
        else:
            self._look_for_tokens(connection, [found])
        return found

    def _look_for_lost(self, connection: Connection, condition: ColumnElement[bool]) -> None:
        """Read all accounts before somebody is taken to be new, or gone.

        An index that is damaged finds nothing, and they would have to begin anew beside themself.

        Raises:
            AccountsNotADatabase: the account is there all the same.
        """
        query = past_indexes(select(accounts.c.user_id).where(condition), accounts)
        if connection.execute(query).first() is not None:
            raise self.database.damaged()

    def _look_for_tokens(self, connection: Connection, people: Iterable[Account]) -> None:
        """Read all tokens before somebody who was connected is taken to be so no more.

        Raises:
            AccountsNotADatabase: their tokens are there all the same.
        """
        unlinked = {one.user_id for one in people if one.spotify_account_id and not one.connected}
        if not unlinked:
            return
        query = past_indexes(select(tokens.c.user_id), tokens)
        if unlinked.intersection(connection.execute(query).scalars()):
            raise self.database.damaged()

    def _fresh(self, chat_id: int, name: str, language: str) -> dict[str, Any]:
        return {
            "user_id": self.new_id(),
            "chat_id": chat_id,
            "telegram_name": name,
            "language": language,
            "timezone": self.defaults.timezone,
            "nightly_at": self.defaults.nightly_at,
            "playlist_size": self.defaults.playlist_size,
            "min_new_ratio": self.defaults.min_new_ratio,
            "adventure": self.defaults.adventure,
            "mode": self.defaults.mode.value,
            "active": True,
            "created_at": self.now(),
            "sources_off": [],
            "covers": False,
            "leaves_out_explicit": False,
        }


_NO_LIBRARY: dict[str, Any] = {
    "playlist_id": None,
    "playlist_url": None,
    "likes_cached": None,
    "likes_total": None,
    "likes_synced_at": None,
    "covered_on": None,
}

_NO_LINK: dict[str, Any] = {
    "spotify_account_id": None,
    "spotify_name": None,
    "market": None,
    "consented_at": None,
}

_QUERY = select(accounts, tokens.c.user_id.is_not(None).label("connected")).select_from(
    accounts.outerjoin(tokens, accounts.c.user_id == tokens.c.user_id)
)


def consent_end(consented_at: datetime) -> datetime:
    """When a consent ends: the same day six months on, or that month's last."""
    month = consented_at.month - 1 + CONSENT_MONTHS
    year, month = consented_at.year + month // 12, month % 12 + 1
    day = min(consented_at.day, calendar.monthrange(year, month)[1])
    return consented_at.replace(year=year, month=month, day=day)


def unlink(connection: Connection, user_id: UserId) -> Account:
    """Erase the link to Spotify inside this transaction."""
    for table in (tokens, oauth_states):
        connection.execute(delete(table).where(table.c.user_id == user_id))
    forget_choices(connection, user_id)
    forget_postponed(connection, user_id)
    return _change(connection, user_id, _NO_LINK | _NO_LIBRARY)


def _first(connection: Connection, condition: ColumnElement[bool]) -> Account | None:
    query = _QUERY.where(condition).limit(1)
    found = required_rows(connection, query, _account, table=accounts.name)
    return found[0] if found else None


def _found(account: Account | None, name: str) -> Account:
    if account is None:
        raise UnknownPerson(name)
    return account


def _change(connection: Connection, user_id: UserId, values: dict[str, Any]) -> Account:
    if values:
        connection.execute(update(accounts).where(accounts.c.user_id == user_id).values(values))
    return _found(_first(connection, accounts.c.user_id == user_id), user_id)


def _taken(connection: Connection, user_id: UserId, spotify_account_id: str) -> bool:
    others = and_(
        accounts.c.spotify_account_id == spotify_account_id,
        accounts.c.user_id != user_id,
        tokens.c.user_id.is_not(None),
    )
    return _first(connection, others) is not None


def _columns(changes: dict[str, Any]) -> dict[str, Any]:
    if "mode" in changes:
        changes["mode"] = Mode(changes["mode"]).value
    if "sources_off" in changes:
        changes["sources_off"] = sorted(source.value for source in changes["sources_off"])
    return changes


def _account(row: RowMapping) -> Account:
    values = dict(row)
    consented_at = values["consented_at"]
    values["mode"] = Mode(values["mode"])
    values["connected"] = bool(values["connected"])
    off = frozenset(values["sources_off"])
    values["sources_off"] = frozenset(source for source in Source if source.value in off)
    values["consent_ends_at"] = None if consented_at is None else consent_end(consented_at)
    return Account(**values)


def _storable(name: str) -> str:
    return name.replace("\0", "")
