"""What is kept of a finished selection: the warehouse's slices, and the ledger's row.

The fingerprint that proves a replay equal is made here too; how a list is chosen is ``build``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from vibe_pipeline.accounts.editions import NO_PLAYLIST
from vibe_pipeline.accounts.records import Considered, Edition, EditionFacts, EditionState
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.edition_inputs import with_explicit
from vibe_pipeline.playlists.failures import PlaylistMissing
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.explanations import explanations
from vibe_pipeline.records import DropReason, Mode, Pool, Ranked
from vibe_pipeline.warehouse.rows import EncodedRows, Slice
from vibe_pipeline.warehouse.selection import EditionInputs, encoded
from vibe_pipeline.warehouse.warehouse import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRecord:
    """What was considered for an edition, and what it was made from, ready to be kept."""

    edition_slice: Slice
    considered: EncodedRows
    inputs: EditionInputs

    @classmethod
    def of(
        cls,
        edition_slice: Slice,
        inputs: EditionInputs,
        selection: Selection,
        pools: Sequence[Pool],
    ) -> Self:
        """All that takes time, done before the warehouse is opened."""
        considered = encoded(
            edition_slice,
            worth_keeping(selection.ranked, pools),
            reasons={track.position: track.reason for track in selection.tracks},
            pools=pools,
        )
        explicit = (
            item.track.spotify_id
            for item in selection.ranked
            if item.track is not None and item.dropped is DropReason.EXPLICIT
        )
        digested = replace(with_explicit(inputs, explicit), digest=digest(selection.ranked))
        return cls(edition_slice=edition_slice, considered=considered, inputs=digested)

    def keep(self, tables: Tables) -> None:
        """Write it as the edition's slice."""
        tables.selections.replace_encoded(self.edition_slice, self.considered)
        tables.selections.replace_inputs(self.edition_slice, self.inputs)


def record_choice(
    store: AccountStore, edition: Edition, selection: Selection, *, mode: Mode
) -> None:
    """Put the choice into the ledger; a list written before is to be written again.

    That its playlist is waited for stays noted: other tracks say nothing about that. A list that
    went with its playlist when it was taken back gets another one.
    Raises ``PublicationLost`` when another run moved the edition on meanwhile.
    """
    removed = _went_with_its_playlist(store, edition)
    early = removed or edition.state in {EditionState.STARTED, EditionState.CHOSEN}
    nothing_made = early and not edition.attempt_noted
    state = EditionState.CHOSEN if early else EditionState.PLAYLIST_MADE
    facts: EditionFacts = {
        **(NO_PLAYLIST if removed else {}),
        "tracks": selection.tracks,
        "summary": selection.summary,
        "mode": mode if removed or nothing_made else edition.mode,
    }
    ledger_step.advance(store, edition, state, **facts)
    if edition.cause is not None and (noted := PlaylistMissing.noted(edition)) is not None:
        store.editions.fail(edition.edition_id, edition.cause, noted, edition.detail)
    store.considered.keep(
        edition.edition_id, edition.user_id, edition.vibe_date, _considered(selection.ranked)
    )


def _went_with_its_playlist(store: AccountStore, edition: Edition) -> bool:
    """Whether taking it back removed its playlist from the library: no other list stands there."""
    if edition.undone_at is None:
        return False
    account = store.people.get(edition.user_id)
    living = account.playlist_id if account and edition.mode is Mode.LIVING else None
    return edition.playlist_id != living


def _considered(ranked: Sequence[Ranked]) -> list[Considered]:
    """All candidates, best first, as the bot speaks of them."""
    explained = explanations(ranked)
    return [
        Considered(
            artist=item.candidate.artist,
            title=item.candidate.title,
            fate=str(item.dropped or "chosen"),
            rank=item.rank,
            is_new=item.is_new,
            position=item.position,
            speaks_for=explained[item.candidate.key].speaks_for,
            speaks_against=explained[item.candidate.key].speaks_against,
        )
        for item in sorted(ranked, key=lambda item: item.rank)
    ]


def worth_keeping(ranked: Sequence[Ranked], pools: Iterable[Pool]) -> list[Ranked]:
    """What was proposed or chosen: the likes behind it, a last resort, are in the library."""
    proposed = {proposal for pool in pools for proposal in pool.proposals}
    return [
        item
        for item in ranked
        if item.position is not None or not proposed.isdisjoint(item.candidate.proposals)
    ]


def digest(ranked: Sequence[Ranked]) -> str:
    """A fingerprint of everything considered: candidates, terms, ranks, positions, reasons."""
    entries = [
        {
            "rank": item.rank,
            "key": item.candidate.key,
            "proposals": len(item.candidate.proposals),
            "score": item.score,
            "terms": dict(item.terms),
            "is_new": item.is_new,
            "source": str(item.source),
            "seed": item.seed,
            "position": item.position,
            "dropped": str(item.dropped) if item.dropped else None,
            "track": item.track.uri if item.track else None,
        }
        for item in ranked
    ]
    text = json.dumps(entries, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
