"""Erasing a person from the warehouse, counted before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vibe_pipeline.accounts.records import ErasureKind
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


def sweep(house: Warehouse, user_id: UserId, kind: ErasureKind) -> Sweep:
    """Erase, then open the file anew and count; safe to repeat."""
    whole = kind is ErasureKind.PERSON
    with house.open() as tables:
        lost = tables.forget(user_id) if whole else tables.forget_listening(user_id)
    with house.open() as tables:
        left = tables.rows_of(user_id) if whole else tables.rows_of_listening(user_id)
    return Sweep(erased={f"warehouse.{name}": count for name, count in lost.items()}, left=left)
