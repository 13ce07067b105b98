"""How fast a service may be asked by several machines together: its bucket on their server.

The same rule as ``clients.rate_limiter``'s (GCRA), in one statement and by the server's clock, so
that machines whose clocks differ keep one pace. On one machine the bucket is a file there. Not
here: how many calls a day may take (``accounts.budget``).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from vibe_pipeline.accounts.database import Database

_LONGEST_QUEUE = 120.0
"""Seconds: an arrival further away is not believed, the server's clock was moved."""
_NOW = "extract(epoch FROM clock_timestamp())"
_STANDING = f"""
CASE WHEN paces.arrival <= {_NOW} + {_LONGEST_QUEUE} THEN paces.arrival ELSE {_NOW} END
"""
_BOOK = text(f"""
INSERT INTO paces (service, arrival) VALUES (:service, {_NOW} + :interval)
ON CONFLICT (service) DO UPDATE SET arrival = greatest({_STANDING}, {_NOW}) + :interval
RETURNING paces.arrival - {_NOW}
""")  # noqa: S608 - nothing but our own constants
_HOLD = text(f"""
INSERT INTO paces (service, arrival) VALUES (:service, {_NOW} + :seconds)
ON CONFLICT (service) DO UPDATE SET arrival = greatest({_STANDING}, {_NOW} + :seconds)
""")  # noqa: S608 - likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSlotBook:
    """One service's turns among all machines whose account store is on this server (Postgres)."""

    database: Database
    service: str

    def book(self, interval: float, burst: int = 1) -> float:
        """Take the next free start; gives the seconds until then."""
        values = {"service": self.service, "interval": interval}
        with self.database.writing(synced=False) as connection:
            ahead = float(connection.execute(_BOOK, values).scalar_one())
        return max(0.0, ahead - burst * interval)

    def hold(self, seconds: float, interval: float = 0.0, burst: int = 1) -> None:
        """Let nobody start on any machine for this long, and then no burst."""
        values = {"service": self.service, "seconds": seconds + (burst - 1) * interval}
        with self.database.writing(synced=False) as connection:
            connection.execute(_HOLD, values)
