"""What each source proposed, and why it proposed nothing, one slice per edition and source.

Tables ``candidate_pools``, ``proposals`` and ``artist_votes``. Merged and ranked candidates are
``warehouse.selection``'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from vibe_pipeline.records import EditionId, Pool, PoolState, Proposal, SeedVote, Source, UserId
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.rows import Deferred, Row, Slice, insert, select, select_later

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

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, place: Slice, pools: Mapping[Source, Pool], *, asked_at: datetime) -> None:
        """Put these pools where the edition's own of the same sources were."""
        self._remove(place, pools)
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
        insert(
            self._connection,
            "artist_votes",
            [
                {**place.columns, "source": str(source), "artist": artist, "seed": seed}
                | _vote_columns(votes)
                for (source, artist, seed), votes in _votes_in(pools.values()).items()
            ],
        )

    def _remove(self, place: Slice, sources: Collection[Source]) -> None:
        stored = _PoolDays.of(
            self._connection,
            place.user_id,
            [_pool_key(source, place.edition_id) for source in sources],
        )
        if stored is None:
            return
        for table in ("proposals", "artist_votes", "candidate_pools"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {_OF_POOLS}",  # noqa: S608 - our names
                stored.parameters,
            )

    def editions_for(
        self, user_id: UserId, edition_id: EditionId, *, since: date | None = None
    ) -> dict[Source, EditionId]:
        """For each source the edition whose pool to use: its own, else the person's newest.

        ``since``: where to look first, not after the edition's own day.
        """
        rows = self._newest(user_id, edition_id, since)
        return {Source(row["source"]): EditionId(row["edition_id"]) for row in rows}

    def _newest(
        self, user_id: UserId, edition_id: EditionId | None, since: date | None
    ) -> list[Row]:
        """A row for each source; days before ``since`` are read only if one is missing."""
        rows = select(
            self._connection,
            "SELECT source, edition_id, state, reason, offered, asked_at FROM candidate_pools"
            " WHERE vibe_date >= ? AND user_id = ? QUALIFY row_number() OVER (PARTITION BY source"
            " ORDER BY edition_id = ? DESC, asked_at DESC, edition_id) = 1 ORDER BY source",
            [since or date.min, user_id, edition_id or ""],
        )
        if since is None or {row["source"] for row in rows} >= set(Source):
            return rows
        return self._newest(user_id, edition_id, None)

    def at_hand(self, user_id: UserId, *, since: date | None = None) -> list[PoolAtHand]:
        """The person's newest pool of each source, in the order of ``Source``.

        ``since``: where to look first.
        """
        rows = self._newest(user_id, None, since)
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

    def recordings(
        self,
        user_id: UserId,
        editions: Mapping[Source, EditionId],
        *,
        since: date | None = None,
    ) -> Sequence[tuple[str, str]]:
        """The different recordings that these pools propose: artist and title, in lower case."""
        stored = _PoolDays.of(self._connection, user_id, _pool_keys(editions), since=since)
        if stored is None:
            return ()
        return select_later(
            self._connection,
            f"SELECT DISTINCT artist, title FROM proposals WHERE {_OF_POOLS}",  # noqa: S608
            stored.parameters,
            lambda row: (row["artist"].lower(), row["title"].lower()),
        )

    def pools(
        self,
        user_id: UserId,
        editions: Mapping[Source, EditionId],
        *,
        since: date | None = None,
    ) -> Sequence[Pool]:
        """The pools as they were proposed, in the order of ``Source``.

        ``since``: where to look first.
        """
        stored = _PoolDays.of(self._connection, user_id, _pool_keys(editions), since=since)
        if stored is None:
            return ()
        proposals = self._of_pools("proposals", stored, " ORDER BY source, position")
        states = self._of_pools("candidate_pools", stored)
        votes = self._of_pools("artist_votes", stored)
        return Deferred(lambda: _pools(proposals, states, votes))

    def _of_pools(self, table: str, stored: _PoolDays, order: str = "") -> Sequence[Row]:
        return select_later(
            self._connection,
            f"SELECT * FROM {table} WHERE {_OF_POOLS}{order}",  # noqa: S608 - our names
            stored.parameters,
            lambda row: row,
        )


def _pools(proposals: Iterable[Row], states: Iterable[Row], votes: Iterable[Row]) -> list[Pool]:
    by_artist = {(row["source"], row["artist"], row["seed"]): _votes_from(row) for row in votes}
    by_source: dict[str, list[Proposal]] = {}
    for row in proposals:
        own = by_artist.get((row["source"], row["artist"], row["seed"]), ())
        by_source.setdefault(row["source"], []).append(_proposal(row, own))
    told = {row["source"]: row for row in states}
    return [
        Pool(
            source=source,
            proposals=tuple(by_source.get(source, ())),
            state=PoolState(told[source]["state"]),
            reason=told[source]["reason"],
        )
        for source in Source
        if source in told
    ]


_OF_POOLS = (
    "vibe_date BETWEEN ? AND ? AND user_id = ?"
    " AND list_contains(?::VARCHAR[], source || chr(10) || edition_id)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PoolDays:
    """Between which days some pools of a person were written, and which pools they are.

    Rows lie in the order they were written, so a query that names the days passes by all others
    without reading them.
    """

    user_id: UserId
    keys: Sequence[str]
    first: date
    last: date

    @classmethod
    def of(
        cls,
        connection: Connection,
        user_id: UserId,
        keys: Sequence[str],
        *,
        since: date | None = None,
    ) -> Self | None:
        """The days of these pools; ``None`` where none of them is kept.

        Days before ``since`` are read only if one is missing.
        """
        rows = select(
            connection,
            "SELECT min(vibe_date) AS first, max(vibe_date) AS last, count(*) AS pools"
            " FROM candidate_pools WHERE vibe_date >= ? AND user_id = ?"
            " AND list_contains(?::VARCHAR[], source || chr(10) || edition_id)",
            [since or date.min, user_id, keys],
        )
        if since is not None and rows[0]["pools"] < len(keys):
            return cls.of(connection, user_id, keys)
        first, last = rows[0]["first"], rows[0]["last"]
        return None if first is None else cls(user_id=user_id, keys=keys, first=first, last=last)

    @property
    def parameters(self) -> list[object]:
        """What ``_OF_POOLS`` is asked with."""
        return [self.first, self.last, self.user_id, self.keys]


def _pool_keys(editions: Mapping[Source, EditionId]) -> list[str]:
    return [_pool_key(source, edition_id) for source, edition_id in editions.items()]


def _pool_key(source: Source, edition_id: EditionId) -> str:
    return f"{source}\n{edition_id}"


def _votes_in(pools: Iterable[Pool]) -> dict[tuple[Source, str, str], tuple[SeedVote, ...]]:
    """By source, artist and the seed that a proposal names: all votes for the artist."""
    return {
        (pool.source, proposal.artist, proposal.seed): proposal.votes
        for pool in pools
        for proposal in pool.proposals
        if proposal.votes
    }


def _vote_columns(votes: Sequence[SeedVote]) -> Row:
    return {
        "seeds": [vote.seed for vote in votes],
        "matches": [vote.match for vote in votes],
        "places": [vote.place for vote in votes],
        "spreads": [vote.spread for vote in votes],
        "asked_back": [vote.asked_back for vote in votes],
    }


def _votes_from(row: Row) -> tuple[SeedVote, ...]:
    columns = (row[name] for name in ("seeds", "matches", "places", "spreads", "asked_back"))
    return tuple(SeedVote(*vote) for vote in zip(*columns, strict=True))


def _proposal(row: Row, votes: tuple[SeedVote, ...]) -> Proposal:
    return Proposal(
        source=Source(row["source"]),
        votes=votes,
        tags=tuple(row["tags"]),
        **{name: row[name] for name in _FIELDS},
    )
