"""One-time states of the way to Spotify and back (CSRF protection); only their hashes are kept.

What happens between leaving and coming back belongs to ``vibe_oauth``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.cipher import Cipher
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import ConsentWithdrawn, UnknownPerson
from vibe_pipeline.accounts.records import OAuthState, PendingConnection, StateKind, Tokens
from vibe_pipeline.accounts.tables import oauth_states
from vibe_pipeline.records import UserId

TTL_SECONDS = 600
"""How long a state is good for."""
LONGEST_LIFE = timedelta(hours=1)
"""A state that is good for longer was made before this machine's clock was set back."""


@dataclass(frozen=True, slots=True)
class OAuthStates:
    """Unguessable, single-use, short-lived; unknown, used and expired ones answer alike."""

    database: Database
    sealer: Cipher
    now: Callable[[], datetime]
    new_state: Callable[[], str]

    def make(
        self, user_id: UserId, kind: StateKind, verifier: str = "", ttl: int = TTL_SECONDS
    ) -> str:
        """A fresh state for this person, good once, for one kind of use."""
        self.drop_expired()
        try:
            with self.database.writing() as connection:
                return self._insert(connection, user_id, kind, verifier, ttl)
        except IntegrityError:
            raise UnknownPerson(user_id) from None

    def whose(self, state: str, kind: StateKind) -> UserId | None:
        """Whose a state is that is still good; it stays so."""
        query = select(oauth_states.c.user_id, oauth_states.c.expires_at).where(
            *_named(state, kind)
        )
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        return UserId(row.user_id) if row is not None and self._is_good(row.expires_at) else None

    def take(self, state: str, kind: StateKind) -> OAuthState | None:
        """Use a state up; ``None`` when it is unknown, used, expired, or of another kind."""
        return self._used(state, kind, delete(oauth_states))

    def redeem(self, consent: str) -> OAuthState | None:
        """Use a consent's state up, as ``take`` does; what is left of it waits for ``hold``."""
        until = self.now() + timedelta(seconds=TTL_SECONDS)
        exchanged = {"kind": StateKind.EXCHANGED.value, "expires_at": until}
        return self._used(consent, StateKind.CONSENT, update(oauth_states).values(exchanged))

    def hold(self, pending: PendingConnection, consent: str, ttl: int = TTL_SECONDS) -> str:
        """Keep a connection, sealed, until its person confirms it with the state given here.

        It takes the place of the redeemed ``consent``. Raises: ``ConsentWithdrawn`` when that is
        gone: whoever parts is not asked any more.
        """
        granted = pending.tokens
        content = {
            "spotify_account_id": pending.spotify_account_id,
            "spotify_name": pending.spotify_name,
            "market": pending.market,
            "access_token": granted.access_token,
            "refresh_token": granted.refresh_token,
            "expires_at": granted.expires_at.isoformat(),
            "scopes": sorted(granted.scopes),
            "consented_at": granted.consented_at.isoformat(),
        }
        redeemed = _named(consent, StateKind.EXCHANGED)
        with self.database.writing() as connection:
            if connection.execute(delete(oauth_states).where(*redeemed)).rowcount == 0:
                raise ConsentWithdrawn(pending.user_id)
            return self._insert(
                connection, pending.user_id, StateKind.CONFIRM, json.dumps(content), ttl
            )

    def claim(self, state: str) -> PendingConnection | None:
        """The held connection, once; of it the store keeps the moment of consent for a while."""
        held = _named(state, StateKind.CONFIRM)
        with self.database.writing() as connection:
            row = connection.execute(select(oauth_states).where(*held)).mappings().first()
            if row is None:
                return None
            pending = _pending(UserId(row["user_id"]), json.loads(self.sealer.open(row["sealed"])))
            moment = self.sealer.seal(pending.tokens.consented_at.isoformat())
            used = {"kind": StateKind.CONFIRMED.value, "sealed": moment}
            claimed = connection.execute(update(oauth_states).where(*held).values(used))
        good = claimed.rowcount == 1 and self._is_good(row["expires_at"])
        return pending if good else None

    def claimed_before(self, state: str) -> tuple[UserId, datetime] | None:
        """Whose connection was claimed with it, and when they had consented; while that is kept."""
        query = select(oauth_states).where(*_named(state, StateKind.CONFIRMED))
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not self._is_good(row["expires_at"]):
            return None
        consented_at = datetime.fromisoformat(self.sealer.open(row["sealed"]))
        return UserId(row["user_id"]), consented_at

    def drop_expired(self) -> int:
        """Let go of states nobody came back with, and of the tokens they hold; says how many."""
        expired = oauth_states.c.expires_at <= self.now()
        with self.database.writing() as connection:
            return connection.execute(delete(oauth_states).where(expired)).rowcount

    def _insert(
        self, connection: Connection, user_id: UserId, kind: StateKind, content: str, ttl: int
    ) -> str:
        state = self.new_state()
        row: dict[str, Any] = {
            "state_hash": _hashed(state),
            "user_id": user_id,
            "kind": StateKind(kind).value,
            "sealed": self.sealer.seal(content),
            "expires_at": self.now() + timedelta(seconds=ttl),
        }
        connection.execute(insert(oauth_states).values(row))
        return state

    def _used(self, state: str, kind: StateKind, change: Delete | Update) -> OAuthState | None:
        wanted = _named(state, kind)
        with self.database.writing() as connection:
            row = connection.execute(select(oauth_states).where(*wanted)).mappings().first()
            used = connection.execute(change.where(*wanted)).rowcount == 1
        if row is None or not used or not self._is_good(row["expires_at"]):
            return None
        verifier = self.sealer.open(row["sealed"])
        return OAuthState(user_id=UserId(row["user_id"]), kind=kind, verifier=verifier)

    def _is_good(self, expires_at: datetime) -> bool:
        now = self.now()
        return now < expires_at <= now + LONGEST_LIFE


def _named(state: str, kind: StateKind) -> list[ColumnElement[bool]]:
    return [
        oauth_states.c.state_hash == _hashed(state),
        oauth_states.c.kind == StateKind(kind).value,
    ]


def _hashed(state: str) -> str:
    return hashlib.sha256(state.encode(errors="surrogatepass")).hexdigest()


def _pending(user_id: UserId, content: dict[str, Any]) -> PendingConnection:
    return PendingConnection(
        user_id=user_id,
        spotify_account_id=content["spotify_account_id"],
        spotify_name=content["spotify_name"],
        market=content["market"],
        tokens=Tokens(
            access_token=content["access_token"],
            refresh_token=content["refresh_token"],
            expires_at=datetime.fromisoformat(content["expires_at"]),
            scopes=frozenset(content["scopes"]),
            consented_at=datetime.fromisoformat(content["consented_at"]),
        ),
    )
