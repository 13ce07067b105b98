"""How often plays are collected before Spotify forgets them.

The schedule that ticks belongs in ``defs``; how plays are told apart, in ``library_sync``.
"""

from __future__ import annotations

COLLECTING_CALLS = 200
"""The calls to Spotify that collecting plays may cost per day, for everybody together."""

COLLECTING_HOURS = (2, 4, 6, 8, 12, 24)


def hours_between(people: int) -> int:
    """How many hours to leave between two collections, so that they stay within their share."""
    fitting = (hours for hours in COLLECTING_HOURS if people * 24 / hours <= COLLECTING_CALLS)
    return next(fitting, COLLECTING_HOURS[-1])
