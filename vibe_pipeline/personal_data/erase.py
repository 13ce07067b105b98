"""Erasing a person from the warehouse and from the files they sent, counted before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vibe_pipeline.accounts.records import ErasureKind
from vibe_pipeline.personal_data.sent_files import forget_files, waiting_files
from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What was erased, by store and table, and how many rows a fresh look still found."""

    erased: Mapping[str, int]
    left: int

    @property
    def total(self) -> int:
        """All rows erased."""
        return sum(self.erased.values())

    def and_of(self, other: Sweep) -> Sweep:
        """Both stores' sweeps as one."""
        return Sweep(erased={**self.erased, **other.erased}, left=self.left + other.left)


def sweep(warehouse: Warehouse, user_id: UserId, kind: ErasureKind) -> Sweep:
    """Erase, then open the file anew and count; safe to repeat."""
    whole = kind is ErasureKind.PERSON
    with warehouse.open() as tables:
        erased = tables.forget(user_id) if whole else tables.forget_listening(user_id)
    with warehouse.open() as tables:
        left = tables.rows_of(user_id) if whole else tables.rows_of_listening(user_id)
    return Sweep(erased={f"warehouse.{name}": count for name, count in erased.items()}, left=left)


def sweep_files(home: Path, user_id: UserId, *, before: datetime | None = None) -> Sweep:
    """Delete the files that the person sent and no run took in; safe to repeat.

    With ``before``, those that came earlier.
    """
    return Sweep(
        erased={"files.sent": forget_files(home, user_id, before=before)},
        left=waiting_files(home, user_id, before=before),
    )
