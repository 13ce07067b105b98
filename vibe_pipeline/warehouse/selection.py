"""Every candidate ever considered with its terms, and the inputs an edition was made from.

Tables ``ranked_selection`` and ``edition_inputs``: what a replay reads. Choosing is
``ranking.selection``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from vibe_pipeline.records import (
    Candidate,
    DropReason,
    EditionId,
    Pool,
    Proposal,
    Ranked,
    Source,
    Track,
    UserId,
)
from vibe_pipeline.warehouse.candidates import Candidates
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.rows import (
    EncodedRows,
    Row,
    Slice,
    replace_slice,
    select,
    track_columns,
    track_from,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionInputs:
    """What a replay needs besides the slices: the moment, the rules, the answers used.

    Likes and plays are read as of ``as_of``; what was found on Spotify is kept with the ranked
    candidates. ``digest`` proves that a replay is equal.
    """

    as_of: datetime
    profile_edition: EditionId
    pool_editions: Mapping[Source, EditionId]
    policy: Mapping[str, Any]
    settings: Mapping[str, Any]
    blocks: Sequence[Mapping[str, Any]] = ()
    thumbs: Sequence[Mapping[str, Any]] = ()
    exclusions: Sequence[Mapping[str, Any]] = ()
    digest: str = ""


class Selections:
    """The ranked_selection and edition_inputs tables, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(
        self,
        place: Slice,
        ranked: Sequence[Ranked],
        *,
        reasons: Mapping[int, str] | None = None,
        pools: Iterable[Pool] = (),
    ) -> int:
        """Put these candidates where the edition's earlier ones were; as ``encoded``."""
        return self.replace_encoded(place, encoded(place, ranked, reasons=reasons, pools=pools))

    def replace_encoded(self, place: Slice, rows: EncodedRows) -> int:
        """The same with candidates that were ``encoded`` before the file was opened."""
        return replace_slice(self._connection, "ranked_selection", place, rows)

    def ranked(
        self,
        user_id: UserId,
        edition_id: EditionId,
        *,
        on: date | None = None,
        pools: Sequence[Pool] | None = None,
    ) -> list[Ranked]:
        """Everything considered for an edition, best first.

        ``on``: where to look first; a day is read much faster than all days. ``pools``: those of
        the edition's inputs, from whoever has read them already.
        """
        rows = self._rows("ranked_selection", user_id, edition_id, on)
        if pools is None:
            inputs = self.inputs(user_id, edition_id, on=on)
            editions = inputs.pool_editions if inputs else {}
            pools = Candidates(self._connection).pools(user_id, editions) if editions else ()
        proposals = {reference: one for one, reference in _references(pools).items()}
        ranked = [_ranked(row, proposals) for row in rows]
        return sorted(ranked, key=lambda item: item.rank)

    def resolved(
        self, user_id: UserId, edition_id: EditionId, *, on: date | None = None
    ) -> list[Ranked]:
        """Those of an edition for which a track was found, best first, without who proposed them.

        ``on``: where to look first.
        """
        ranked = self.ranked(user_id, edition_id, on=on, pools=())
        return [item for item in ranked if item.track is not None]

    def _rows(
        self, table: str, user_id: UserId, edition_id: EditionId, on: date | None
    ) -> list[Row]:
        whole = f"SELECT * FROM {table} WHERE user_id = ? AND edition_id = ?"  # noqa: S608 - ours
        day = f"{whole} AND vibe_date = ?"
        rows = select(self._connection, day, [user_id, edition_id, on]) if on else []
        return rows or select(self._connection, whole, [user_id, edition_id])

    def replace_inputs(self, place: Slice, inputs: EditionInputs) -> None:
        """Keep what the edition was made from."""
        replace_slice(
            self._connection,
            "edition_inputs",
            place,
            [
                {
                    "as_of": inputs.as_of,
                    "profile_edition": inputs.profile_edition,
                    "pool_editions": {str(k): v for k, v in inputs.pool_editions.items()},
                    "policy": dict(inputs.policy),
                    "settings": dict(inputs.settings),
                    "blocks": [dict(item) for item in inputs.blocks],
                    "thumbs": [dict(item) for item in inputs.thumbs],
                    "exclusions": [dict(item) for item in inputs.exclusions],
                    "digest": inputs.digest,
                }
            ],
        )

    def inputs(
        self, user_id: UserId, edition_id: EditionId, *, on: date | None = None
    ) -> EditionInputs | None:
        """What an edition was made from, or ``None`` if it never came to a selection.

        ``on``: where to look first.
        """
        rows = self._rows("edition_inputs", user_id, edition_id, on)
        return _inputs(rows[0]) if rows else None

    def editions_on(self, user_id: UserId, vibe_date: object) -> list[EditionId]:
        """The editions of a day that came to a selection, latest first."""
        rows = select(
            self._connection,
            "SELECT edition_id FROM edition_inputs WHERE user_id = ? AND vibe_date = ?"
            " ORDER BY as_of DESC, edition_id",
            [user_id, vibe_date],
        )
        return [EditionId(row["edition_id"]) for row in rows]


def encoded(
    place: Slice,
    ranked: Sequence[Ranked],
    *,
    reasons: Mapping[int, str] | None = None,
    pools: Iterable[Pool] = (),
) -> EncodedRows:
    """Candidates of an edition as they are kept.

    ``reasons`` maps a position in the list to its sentence. A proposal that one of ``pools`` holds
    is kept as its source and position there; they are to be the pools that the edition's inputs
    name. Any other is kept whole.
    """
    told, references = reasons or {}, _references(pools)
    return EncodedRows.of(
        [place.columns | _row(item, told.get(item.position or 0), references) for item in ranked]
    )


_PROPOSAL = (
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


def _references(pools: Iterable[Pool]) -> dict[Proposal, str]:
    """What each proposal of the pools is kept as: its source, and its position there from 1."""
    return {
        proposal: f"{pool.source} {position}"
        for pool in pools
        for position, proposal in enumerate(pool.proposals, start=1)
    }


def _row(item: Ranked, reason: str | None, references: Mapping[Proposal, str]) -> Row:
    candidate = item.candidate
    return {
        "rank": item.rank,
        "key": candidate.key,
        "artist": candidate.artist,
        "artist_key": candidate.artist_key,
        "title": candidate.title,
        "aliases": list(candidate.aliases),
        "spotify_id": candidate.spotify_id,
        "isrc": candidate.isrc,
        "mbid": candidate.mbid,
        "duration_ms": candidate.duration_ms,
        "score": item.score,
        "terms": dict(item.terms),
        "is_new": item.is_new,
        "source": str(item.source),
        "seed": item.seed,
        "position": item.position,
        "dropped": str(item.dropped) if item.dropped else None,
        "reason": reason,
        "proposals": [
            references.get(proposal) or _proposal_json(proposal) for proposal in candidate.proposals
        ],
        "track": track_columns(item.track) if item.track else None,
    }


def _proposal_json(proposal: Proposal) -> Row:
    told = {name: getattr(proposal, name) for name in _PROPOSAL}
    kept = {name: value for name, value in told.items() if value is not None}
    return kept | {"source": str(proposal.source), "tags": list(proposal.tags)}


def _proposal(told: Mapping[str, Any]) -> Proposal:
    return Proposal(
        source=Source(told["source"]),
        tags=tuple(told["tags"]),
        **_told(told),
    )


def _told(told: Mapping[str, Any]) -> Row:
    return {name: told.get(name) for name in _PROPOSAL}


def _ranked(row: Row, proposals: Mapping[str, Proposal]) -> Ranked:
    return Ranked(
        candidate=Candidate(
            key=row["key"],
            artist=row["artist"],
            artist_key=row["artist_key"],
            title=row["title"],
            proposals=tuple(
                proposals[told] if isinstance(told, str) else _proposal(told)
                for told in json.loads(row["proposals"])
                if not isinstance(told, str) or told in proposals
            ),
            spotify_id=row["spotify_id"],
            isrc=row["isrc"],
            mbid=row["mbid"],
            duration_ms=row["duration_ms"],
            aliases=tuple(row["aliases"]),
        ),
        terms=json.loads(row["terms"]),
        score=row["score"],
        rank=row["rank"],
        is_new=row["is_new"],
        source=Source(row["source"]),
        seed=row["seed"],
        position=row["position"],
        dropped=DropReason(row["dropped"]) if row["dropped"] else None,
        track=_track(row["track"]),
    )


def _track(told: str | None) -> Track | None:
    found = json.loads(told) if told else None
    return track_from(found) if found else None


def _inputs(row: Row) -> EditionInputs:
    return EditionInputs(
        as_of=row["as_of"],
        profile_edition=EditionId(row["profile_edition"]),
        pool_editions={
            Source(source): EditionId(edition)
            for source, edition in json.loads(row["pool_editions"]).items()
        },
        policy=json.loads(row["policy"]),
        settings=json.loads(row["settings"]),
        blocks=json.loads(row["blocks"]),
        thumbs=json.loads(row["thumbs"]),
        exclusions=json.loads(row["exclusions"]),
        digest=row["digest"],
    )
