"""Where it is midday: who lives there had today's hour already, if it is one of the morning."""

from __future__ import annotations

from datetime import UTC, datetime


def midday_zone(now: datetime) -> str:
    """A time zone whose clocks show twelve and some minutes; its sign is the sea's, not ours."""
    return f"Etc/GMT{now.astimezone(UTC).hour - 12:+d}"
