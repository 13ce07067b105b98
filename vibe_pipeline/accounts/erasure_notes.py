"""Promises to erase, written down in the transaction that makes them; kept by ``erasures``.

What came from a Spotify account goes from here at once, and from the pipeline's stores later.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select

from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.records import Erasure, ErasureKind
from vibe_pipeline.accounts.tables import accounts, considered, erasures, history_sources, tokens
from vibe_pipeline.records import UserId


def new_receipt() -> str:
    """A receipt's number, easy to read out: ``7F3A-09C2-11BE``."""
    digits = secrets.token_hex(6).upper()
    return "-".join(digits[start : start + 4] for start in range(0, 12, 4))


def promise_erasure(
    connection: Connection,
    user_id: UserId,
    kind: ErasureKind,
    counts: Mapping[str, int],
    *,
    receipt: str,
    now: datetime,
) -> Erasure:
    """Note what is to be erased elsewhere, and how many rows were here; ``UnknownPerson``."""
    query = select(accounts.c.chat_id, accounts.c.language)
    who = connection.execute(query.where(accounts.c.user_id == user_id)).first()
    if who is None:
        raise UnknownPerson(user_id)
    note = Erasure(
        receipt=receipt,
        user_id=user_id,
        kind=kind,
        chat_id=who.chat_id,
        language=who.language,
        counts={name: count for name, count in counts.items() if count},
        asked_at=now,
    )
    connection.execute(insert(erasures).values(asdict(note) | {"kind": kind.value}))
    return note


def erase_spotify(
    connection: Connection, user_id: UserId, *, receipt: str, now: datetime
) -> Erasure:
    """Erase tokens and what came from Spotify; note that the warehouse is to follow."""
    counts = {
        f"accounts.{table.name}": _erased(connection, table, user_id)
        for table in (tokens, considered, history_sources)
    }
    return promise_erasure(
        connection, user_id, ErasureKind.SPOTIFY, counts, receipt=receipt, now=now
    )


def _erased(connection: Connection, table: Table, user_id: UserId) -> int:
    return connection.execute(delete(table).where(table.c.user_id == user_id)).rowcount
