"""What became of each source's tracks, as last counted, for the person to look at.

A read model for ``/sources``; the counting is ``taste.outcomes``'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.records import SourceOutcome
from vibe_pipeline.accounts.tables import source_outcomes
from vibe_pipeline.records import UserId


@dataclass(frozen=True, slots=True)
class SourceOutcomes:
    """A few figures per person and source."""

    database: Database
    now: Callable[[], datetime]

    def replace(self, user_id: UserId, outcomes: Sequence[SourceOutcome]) -> None:
        """Keep what was counted now, in place of what was counted before."""
        now = self.now()
        rows = [asdict(one) | {"user_id": user_id, "looked_at": now} for one in outcomes]
        with self.database.writing(synced=False) as connection:
            mine = source_outcomes.c.user_id == user_id
            connection.execute(delete(source_outcomes).where(mine))
            if rows:
                connection.execute(insert(source_outcomes), rows)

    def totals(self) -> list[SourceOutcome]:
        """Everybody's together, by source."""
        sums = [
            func.sum(source_outcomes.c[name]).label(name)
            for name in ("chosen", "liked", "replayed")
        ]
        query = select(source_outcomes.c.source, *sums).group_by(source_outcomes.c.source)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(source_outcomes.c.source)).mappings()
            return [SourceOutcome(**row) for row in rows]

    def list(self, user_id: UserId) -> list[SourceOutcome]:
        """The person's sources, by name."""
        query = (
            select(
                source_outcomes.c.source,
                source_outcomes.c.chosen,
                source_outcomes.c.liked,
                source_outcomes.c.replayed,
            )
            .where(source_outcomes.c.user_id == user_id)
            .order_by(source_outcomes.c.source)
        )
        with self.database.reading() as connection:
            return [SourceOutcome(**row) for row in connection.execute(query).mappings()]
