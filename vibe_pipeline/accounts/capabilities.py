"""What this app may not call: feature flags that Spotify sets, remembered for all processes.

An endpoint found closed is tried again after some time. How one is recognised as closed is
``clients.spotify_web``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, insert, select

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.records import Capability
from vibe_pipeline.accounts.tables import capabilities

LONGEST_CLOSED = timedelta(days=15)
"""What is closed for longer was noted before this machine's clock was set back."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The switched-off capabilities; what is not named here may be tried."""

    database: Database
    now: Callable[[], datetime]

    def absent(self, name: str) -> bool:
        """Whether this capability is switched off now."""
        query = select(capabilities.c.name).where(
            capabilities.c.name == name, _closed_at(self.now())
        )
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def switch_off(self, name: str, until: datetime, reason: str) -> None:
        """Do not try this before ``until``; closings count once, however many notice."""
        times = self.times_closed(name) + (0 if self.absent(name) else 1)
        row = {"name": name, "until": until, "reason": reason, "times": times}
        with self.database.writing() as connection:
            connection.execute(delete(capabilities).where(capabilities.c.name == name))
            connection.execute(insert(capabilities).values(row))

    def times_closed(self, name: str) -> int:
        """How often in a row it was found closed."""
        query = select(capabilities.c.times).where(capabilities.c.name == name)
        with self.database.reading() as connection:
            times = connection.execute(query).scalar()
        return 0 if times is None else int(times)

    def switch_on(self, name: str) -> None:
        """It is open; its closings are forgotten."""
        with self.database.writing() as connection:
            connection.execute(delete(capabilities).where(capabilities.c.name == name))

    def list(self) -> list[Capability]:
        """Everything switched off now, by name."""
        query = select(capabilities).where(_closed_at(self.now()))
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(capabilities.c.name)).mappings()
            return [Capability(**row) for row in rows]


def _closed_at(now: datetime) -> ColumnElement[bool]:
    """Whether it is switched off at this moment."""
    return and_(capabilities.c.until > now, capabilities.c.until <= now + LONGEST_CLOSED)
