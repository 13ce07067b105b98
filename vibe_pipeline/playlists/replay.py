"""Making an edition again from its stored inputs: byte for byte, or by another policy.

What those inputs are is ``edition_inputs``; the making itself is ``build``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from vibe_pipeline.playlists.build import replayed
from vibe_pipeline.playlists.edition_inputs import (
    PolicyUnknown,
    policy_named,
    policy_of,
    pools_from,
    request_from,
)
from vibe_pipeline.playlists.edition_record import digest
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.policy import POLICIES, Policy
from vibe_pipeline.records import EditionId, Ranked, UserId
from vibe_pipeline.warehouse.rows import Slice
from vibe_pipeline.warehouse.selection import EditionInputs
from vibe_pipeline.warehouse.warehouse import Tables


class NothingStored(LookupError):
    """There is no such edition whose inputs are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """An edition made again, beside what was made then."""

    then: Sequence[Ranked]
    again: Selection
    digest_then: str
    digest_again: str

    @property
    def equal(self) -> bool:
        """Whether every candidate, term, rank and position is the same."""
        return self.digest_then == self.digest_again

    def side_by_side(self) -> list[tuple[int, str, str]]:
        """Position, what stood there then, what stands there now; empty where nothing does."""
        then, again = _lines(self.then), _lines(self.again.ranked)
        return [
            (position, then.get(position, ""), again.get(position, ""))
            for position in sorted(then.keys() | again.keys())
        ]

    def overlap(self) -> tuple[int, int, int]:
        """How many recordings are in both lists, only in the one of then, only in the new one."""
        then, again = _chosen(self.then), _chosen(self.again.ranked)
        return len(then & again), len(then - again), len(again - then)


def edition_on(
    tables: Tables, user_id: UserId, day: date, edition_id: EditionId | None = None
) -> tuple[Slice, EditionInputs]:
    """The latest edition of a day, or the one named; raises ``NothingStored``."""
    known = tables.selections.editions_on(user_id, day)
    wanted = edition_id or (known[0] if known else None)
    inputs = tables.selections.inputs(user_id, wanted) if wanted in known and wanted else None
    if wanted is None or inputs is None:
        raise NothingStored(f"no list of {day} is stored for {user_id}")
    return Slice(user_id=user_id, vibe_date=day, edition_id=wanted), inputs


def policy_called(name: str | None) -> Policy | None:
    """The policy of this name, or none for none; raises ``PolicyUnknown``."""
    if name is None:
        return None
    if name not in POLICIES:
        raise PolicyUnknown(f"there is no policy {name}; there are {', '.join(sorted(POLICIES))}")
    return POLICIES[name]


def same_policy(inputs: EditionInputs, policy: Policy | None) -> bool:
    """Whether a replay by this policy must give the same list."""
    return policy is None or policy_of(policy) == dict(inputs.policy)


def replay(
    tables: Tables, edition_slice: Slice, inputs: EditionInputs, *, policy: Policy | None = None
) -> Replay:
    """Make an edition again from its stored inputs, by its own policy or by another.

    Nobody is asked anything: what the edition never looked up stays not looked up.
    """
    pools = pools_from(tables, edition_slice, inputs)
    then = tables.selections.ranked(
        edition_slice.user_id, edition_slice.edition_id, on=edition_slice.vibe_date, pools=pools
    )
    again = replayed(
        request_from(tables, edition_slice, inputs),
        pools,
        then,
        policy or policy_named(inputs.policy),
    )
    return Replay(
        then=then, again=again, digest_then=inputs.digest, digest_again=digest(again.ranked)
    )


def _lines(ranked: Iterable[Ranked]) -> dict[int, str]:
    return {
        item.position: f"{item.candidate.artist} – {item.candidate.title}"
        for item in ranked
        if item.position is not None
    }


def _chosen(ranked: Iterable[Ranked]) -> set[str]:
    return {item.candidate.key for item in ranked if item.position is not None}
