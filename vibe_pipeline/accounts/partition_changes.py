"""Which Dagster partitions to add and remove, so that there is one for each account.

Pure: asking Dagster for its partitions and changing them belongs in ``defs``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vibe_pipeline.records import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionChanges:
    """What to change about the partitions, and what to leave for later."""

    add: Sequence[str]
    remove: Sequence[str]
    note: str | None = None
    """Why something was left for later; ``None`` when nothing was."""


def partition_changes(
    people: Collection[UserId], partitions: Collection[str], busy: Collection[str]
) -> PartitionChanges:
    """Bring the partitions in step with the accounts, never under a run.

    A list that names nobody, while there are partitions, is doubted: it may be a fresh file where
    the old one should be. Nothing is removed then.
    """
    add = sorted(set(people) - set(partitions))
    gone = set(partitions) - set(people)
    if gone and not people:
        return PartitionChanges(
            add=add, remove=[], note="The account store names nobody; is it the right one?"
        )
    remove = sorted(gone - set(busy))
    note = f"{len(gone) - len(remove)} still have a run." if len(remove) < len(gone) else None
    return PartitionChanges(add=add, remove=remove, note=note)
