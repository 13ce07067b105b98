"""What somebody's players told a service they had played (scrobbles), as all clients give it.

Records only; how a service writes them is its client's, what becomes of them ``taste``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrobbledPlay:
    """One listening, dated by its beginning; ids are there where the player sent them."""

    artist: str
    title: str
    listened_at: datetime
    album: str | None = None
    mbid: str | None = None
    spotify_id: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrobblePage:
    """Part of a stretch, newest first; ``more``: the stretch goes on before the oldest of these.

    ``total`` is how many the service counts in the stretch, where it tells. ``doubted``: nothing is
    told, and nothing either that shows this to be the end.
    """

    plays: tuple[ScrobbledPlay, ...]
    more: bool
    total: int | None = None
    doubted: bool = False
