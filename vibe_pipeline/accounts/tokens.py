"""Sealed OAuth tokens, and who may renew them: a lease that one process holds at a time.

Asking Spotify for a fresh one is ``vibe_pipeline.authorization``'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, or_, select, update

from vibe_pipeline.accounts.cipher import Cipher
from vibe_pipeline.accounts.database import Database, past_indexes
from vibe_pipeline.accounts.messages import ConsentEnded
from vibe_pipeline.accounts.outbox import queue
from vibe_pipeline.accounts.readable_rows import required_rows
from vibe_pipeline.accounts.records import Tokens
from vibe_pipeline.accounts.tables import tokens
from vibe_pipeline.records import UserId

LONGEST_LEASE = timedelta(minutes=10)
"""A lease that ends later than this was taken before this machine's clock was set back."""

TOLD_ELSEWHERE = timedelta(minutes=5)
"""So long a run has to tell the person itself that their consent has ended."""


@dataclass(frozen=True, slots=True)
class TokenVault:
    """Each connected person's tokens, sealed; renewed by one process at a time."""

    database: Database
    sealer: Cipher
    now: Callable[[], datetime]

    def get(self, user_id: UserId) -> Tokens | None:
        """The person's tokens; ``None`` when they are not connected.

        Not by a damaged index either: ``AccountsNotADatabase`` where it hides them.
        """
        with self.database.reading() as connection:
            query = select(tokens).where(tokens.c.user_id == user_id)
            found = required_rows(connection, query, self._opened, table=tokens.name)
            if not found and connection.execute(past_indexes(query, tokens)).first() is not None:
                raise self.database.damaged()
        return found[0] if found else None

    def check(self, sealer: Cipher | None = None) -> None:
        """Open sealed rows, whosever, until one opens; raises ``SecretKeyWrong`` when none does.

        Where one does, the key is the right one, and another that does not is damaged.
        """
        sealer = sealer or self.sealer
        with self.database.reading() as connection:
            sealed = connection.execute(select(tokens.c.sealed)).scalars().all()
        if sealed and not any(map(sealer.opens, sealed)):
            sealer.open(sealed[0])

    def save(self, user_id: UserId, renewed: Tokens) -> bool:
        """Keep renewed tokens; false when the person has disconnected or agreed anew meanwhile.

        The moment of consent stays as it was: renewing does not prolong it.

        Raises:
            SecretKeyWrong: those that are there were sealed with another key, which may come back;
                they stay.
        """
        with self.database.writing() as connection:
            query = select(tokens.c.sealed).where(*_of_consent(user_id, renewed.consented_at))
            for former in connection.execute(query).scalars():
                self.sealer.open(former)
            values = token_values(user_id, renewed, self.sealer)
            del values["consented_at"], values["user_id"]
            change = update(tokens).where(*_of_consent(user_id, renewed.consented_at))
            return connection.execute(change.values(values)).rowcount == 1

    def lease_renewal(self, user_id: UserId, seconds: float) -> datetime | None:
        """Until when the caller alone may renew, unless it releases before; ``None``: not now."""
        now, lease = self.now(), tokens.c.renewal_leased_until
        until = now + timedelta(seconds=seconds)
        free = or_(lease.is_(None), lease <= now, lease > now + LONGEST_LEASE)
        change = (
            update(tokens)
            .where(tokens.c.user_id == user_id, free)
            .values(renewal_leased_until=until)
        )
        with self.database.writing() as connection:
            return until if connection.execute(change).rowcount == 1 else None

    def release(self, user_id: UserId, leased_until: datetime) -> None:
        """The renewal is over, whatever came of it; a lease that is another's by now stays."""
        ours = tokens.c.renewal_leased_until == leased_until
        change = update(tokens).where(tokens.c.user_id == user_id, ours)
        with self.database.writing() as connection:
            connection.execute(change.values(renewal_leased_until=None))

    def doubt_grant(self, user_id: UserId, consented_at: datetime) -> datetime | None:
        """Note that Spotify refused the grant; gives since when it has, without a success between.

        ``None`` when the person has disconnected or agreed anew meanwhile. The tokens stay sealed:
        one refusal has been wrong before. What is dated in the future was noted before this
        machine's clock was set back, and counts from now.
        """
        now = self.now()
        with self.database.writing() as connection:
            refused = _of_consent(user_id, consented_at)
            undated = or_(tokens.c.refused_at.is_(None), tokens.c.refused_at > now)
            first = update(tokens).where(*refused, undated)
            connection.execute(first.values(refused_at=now))
            query = select(tokens.c.refused_at).where(*refused)
            since: datetime | None = connection.execute(query).scalar()
        return since

    def expire_consent(self, user_id: UserId, consented_at: datetime) -> bool:
        """Spotify takes the grant no longer: throw the tokens away, and have the person told.

        Whoever found it out may tell it better, and has ``TOLD_ELSEWHERE`` for that. False when
        the person has disconnected or agreed anew meanwhile.
        """
        now = self.now()
        with self.database.writing() as connection:
            refused = delete(tokens).where(*_of_consent(user_id, consented_at))
            if connection.execute(refused).rowcount == 0:
                return False
            ended = ConsentEnded.of(user_id, consented_at)
            queue(connection, user_id, ended, now=now, not_before=now + TOLD_ELSEWHERE)
        return True

    def _opened(self, row: RowMapping) -> Tokens:
        access_token, refresh_token, *former = json.loads(self.sealer.open(row["sealed"]))
        return Tokens(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=row["expires_at"],
            scopes=frozenset(row["scopes"]),
            consented_at=row["consented_at"],
            former_refresh_token=former[0] if former else None,
        )


def token_values(user_id: UserId, granted: Tokens, sealer: Cipher) -> dict[str, Any]:
    """The columns of a row of tokens."""
    sealed = [granted.access_token, granted.refresh_token]
    if granted.former_refresh_token is not None:
        sealed.append(granted.former_refresh_token)
    return {
        "user_id": user_id,
        "sealed": sealer.seal(json.dumps(sealed)),
        "expires_at": granted.expires_at,
        "scopes": sorted(granted.scopes),
        "consented_at": granted.consented_at,
        "renewal_leased_until": None,
        "refused_at": None,
    }


def _of_consent(user_id: UserId, consented_at: datetime) -> list[ColumnElement[bool]]:
    """The row of this very consent: a later one is another, though of the same person."""
    return [tokens.c.user_id == user_id, tokens.c.consented_at == consented_at]
