"""Sealed OAuth tokens, and who may renew them: a lease that one process holds at a time.

Asking Spotify for a fresh one is ``vibe_pipeline.authorization``'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, or_, select, update

from vibe_pipeline.accounts.cipher import Cipher
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.records import Tokens
from vibe_pipeline.accounts.tables import tokens
from vibe_pipeline.records import UserId

LONGEST_LEASE = timedelta(minutes=10)
"""A lease that ends later than this was taken before this machine's clock was set back."""


@dataclass(frozen=True, slots=True)
class TokenVault:
    """Each connected person's tokens, sealed; renewed by one process at a time."""

    database: Database
    sealer: Cipher
    now: Callable[[], datetime]

    def get(self, user_id: UserId) -> Tokens | None:
        """The person's tokens; ``None`` when they are not connected."""
        with self.database.reading() as connection:
            query = select(tokens).where(tokens.c.user_id == user_id)
            row = connection.execute(query).mappings().first()
        return None if row is None else _opened(row, self.sealer)

    def check(self, sealer: Cipher | None = None) -> None:
        """Open one sealed row, whosever; raises ``SecretKeyWrong`` when our key is another."""
        with self.database.reading() as connection:
            sealed = connection.execute(select(tokens.c.sealed).limit(1)).scalar()
        if sealed is not None:
            (sealer or self.sealer).open(sealed)

    def save(self, user_id: UserId, renewed: Tokens) -> bool:
        """Keep renewed tokens; false when the person has disconnected meanwhile.

        The moment of consent stays as it was: renewing does not prolong it.
        """
        with self.database.writing() as connection:
            values = token_values(user_id, renewed, self.sealer)
            del values["consented_at"], values["user_id"]
            change = update(tokens).where(tokens.c.user_id == user_id).values(values)
            return connection.execute(change).rowcount == 1

    def lease_renewal(self, user_id: UserId, seconds: float) -> bool:
        """Whether the caller may renew now; nobody else may until it releases, or time passes."""
        now, lease = self.now(), tokens.c.renewal_leased_until
        free = or_(lease.is_(None), lease <= now, lease > now + LONGEST_LEASE)
        change = (
            update(tokens)
            .where(tokens.c.user_id == user_id, free)
            .values(renewal_leased_until=now + timedelta(seconds=seconds))
        )
        with self.database.writing() as connection:
            return connection.execute(change).rowcount == 1

    def release(self, user_id: UserId) -> None:
        """The renewal is over, whatever came of it."""
        change = update(tokens).where(tokens.c.user_id == user_id)
        with self.database.writing() as connection:
            connection.execute(change.values(renewal_leased_until=None))

    def doubt_grant(self, user_id: UserId) -> datetime:
        """Note that Spotify refused the grant; gives since when it has, without a success between.

        The tokens stay sealed: one refusal has been wrong before. What is dated in the future was
        noted before this machine's clock was set back, and counts from now.
        """
        now = self.now()
        with self.database.writing() as connection:
            mine = tokens.c.user_id == user_id
            undated = or_(tokens.c.refused_at.is_(None), tokens.c.refused_at > now)
            first = update(tokens).where(mine, undated)
            connection.execute(first.values(refused_at=now))
            since = connection.execute(select(tokens.c.refused_at).where(mine)).scalar()
        return since or now

    def expire_consent(self, user_id: UserId) -> None:
        """Spotify takes the grant no longer: throw the tokens away; the person is unconnected."""
        with self.database.writing() as connection:
            connection.execute(delete(tokens).where(tokens.c.user_id == user_id))


def token_values(user_id: UserId, granted: Tokens, sealer: Cipher) -> dict[str, Any]:
    """The columns of a row of tokens."""
    return {
        "user_id": user_id,
        "sealed": sealer.seal(json.dumps([granted.access_token, granted.refresh_token])),
        "expires_at": granted.expires_at,
        "scopes": sorted(granted.scopes),
        "consented_at": granted.consented_at,
        "renewal_leased_until": None,
        "refused_at": None,
    }


def _opened(row: RowMapping, sealer: Cipher) -> Tokens:
    access_token, refresh_token = json.loads(sealer.open(row["sealed"]))
    return Tokens(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=row["expires_at"],
        scopes=frozenset(row["scopes"]),
        consented_at=row["consented_at"],
    )
