"""What each source proposed, and why it proposed nothing, one slice per edition and source.

Tables ``candidate_pools`` and ``proposals``. Merged and ranked candidates: ``warehouse.selection``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from vibe_pipeline.records import EditionId, Pool, PoolState, Proposal, Source, UserId
from vibe_pipeline.warehouse.rows import Row, Slice, insert, select

_FIELDS = (
    "artist",
    "title",
    "seed",
    "match",
    "rank",
    "spotify_id",
    "isrc",
    "mbid",
    "duration_ms",
    "listeners",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAtHand:
    """A pool as it lies here: which edition's, in what state, how large, and when it was asked."""

    source: Source
    edition_id: EditionId
    state: PoolState
    reason: str | None
    offered: int
    asked_at: datetime


class Candidates:
    """The proposals and candidate_pools tables, inside one transaction.

    ``candidates.SOURCE`` is a view of the proposals, so that every asset's key can be queried.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def replace(self, place: Slice, pools: Mapping[Source, Pool], *, asked_at: datetime) -> None:
        """Put these pools where the edition's own of the same sources were."""
        for table in ("proposals", "candidate_pools"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE user_id = ? AND edition_id = ?"  # noqa: S608 - our names
                " AND list_contains(?::VARCHAR[], source)",
                [place.user_id, place.edition_id, [str(source) for source in pools]],
            )
        insert(
            self._connection,
            "candidate_pools",
            [
                {
                    **place.columns,
                    "source": str(pool.source),
                    "state": str(pool.state),
                    "reason": pool.reason,
                    "offered": len(pool.proposals),
                    "asked_at": asked_at,
                }
                for pool in pools.values()
            ],
        )
        insert(
            self._connection,
            "proposals",
            [
                {
                    **place.columns,
                    "source": str(pool.source),
                    "position": position,
                    **{name: getattr(proposal, name) for name in _FIELDS},
                    "tags": list(proposal.tags),
                }
                for pool in pools.values()
                for position, proposal in enumerate(pool.proposals, start=1)
            ],
        )

    def editions_for(self, user_id: UserId, edition_id: EditionId) -> dict[Source, EditionId]:
        """For each source the edition whose pool to use: its own, else the person's newest."""
        rows = select(
            self._connection,
            "SELECT source, edition_id FROM candidate_pools WHERE user_id = ?"
            " QUALIFY row_number() OVER (PARTITION BY source"
            " ORDER BY edition_id = ? DESC, asked_at DESC, edition_id) = 1 ORDER BY source",
            [user_id, edition_id],
        )
        return {Source(row["source"]): EditionId(row["edition_id"]) for row in rows}

    def at_hand(self, user_id: UserId) -> list[PoolAtHand]:
        """The person's newest pool of each source, in the order of ``Source``."""
        rows = select(
            self._connection,
            "SELECT source, edition_id, state, reason, offered, asked_at FROM candidate_pools"
            " WHERE user_id = ? QUALIFY row_number() OVER (PARTITION BY source"
            " ORDER BY asked_at DESC, edition_id) = 1",
            [user_id],
        )
        pools = {
            Source(row["source"]): PoolAtHand(
                source=Source(row["source"]),
                edition_id=EditionId(row["edition_id"]),
                state=PoolState(row["state"]),
                reason=row["reason"],
                offered=row["offered"],
                asked_at=row["asked_at"],
            )
            for row in rows
        }
        return [pools[source] for source in Source if source in pools]

    def fresh_recordings(self, user_id: UserId, editions: Mapping[Source, EditionId]) -> int:
        """How many different recordings these pools propose that no list ever held."""
        rows = select(
            self._connection,
            "SELECT count(DISTINCT (artist, title)) AS recordings FROM proposals AS p"
            " WHERE user_id = ? AND list_contains(?::VARCHAR[], source || chr(10) || edition_id)"
            " AND NOT EXISTS (FROM recommendation_history AS h WHERE h.user_id = p.user_id"
            " AND lower(h.artist) = lower(p.artist) AND lower(h.title) = lower(p.title))",
            [user_id, [f"{source}\n{edition}" for source, edition in editions.items()]],
        )
        return int(rows[0]["recordings"])

    def pools(self, user_id: UserId, editions: Mapping[Source, EditionId]) -> list[Pool]:
        """The pools as they were proposed, in the order of ``Source``."""
        wanted = [f"{source}\n{edition}" for source, edition in editions.items()]
        rows = select(
            self._connection,
            "SELECT * FROM proposals WHERE user_id = ?"
            " AND list_contains(?::VARCHAR[], source || chr(10) || edition_id)"
            " ORDER BY source, position",
            [user_id, wanted],
        )
        states = select(
            self._connection,
            "SELECT source, state, reason FROM candidate_pools WHERE user_id = ?"
            " AND list_contains(?::VARCHAR[], source || chr(10) || edition_id)",
            [user_id, wanted],
        )
        proposals: dict[str, list[Proposal]] = {}
        for row in rows:
            proposals.setdefault(row["source"], []).append(_proposal(row))
        told = {row["source"]: row for row in states}
        return [
            Pool(
                source=source,
                proposals=tuple(proposals.get(source, ())),
                state=PoolState(told[source]["state"]),
                reason=told[source]["reason"],
            )
            for source in Source
            if source in told
        ]


def _proposal(row: Row) -> Proposal:
    return Proposal(
        source=Source(row["source"]),
        tags=tuple(row["tags"]),
        **{name: row[name] for name in _FIELDS},
    )
