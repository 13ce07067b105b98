"""A person's past lists as this process read or wrote them last, so that a run reads them once.

Good only while no other process has written the file: that is ``connection``'s to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from vibe_pipeline.records import EditionId, Source, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A line of a past list, as the history keeps it."""

    edition_id: EditionId
    vibe_date: date
    position: int
    key: str
    artist_key: str
    artist: str
    title: str
    spotify_id: str
    isrc: str | None
    source: Source
    is_new: bool
    recorded_at: datetime


@dataclass(slots=True)
class HistoryCache:
    """The lines of one person's lists, latest first.

    To be cleared when another process wrote meanwhile, and after an error.
    """

    _lines: tuple[UserId, Sequence[Recommended]] | None = None

    def clear(self) -> None:
        """Know nothing."""
        self._lines = None

    def lines(self, user_id: UserId) -> Sequence[Recommended] | None:
        """The person's lines, if it is they that are known."""
        return self._lines[1] if self._lines and self._lines[0] == user_id else None

    def keep(self, user_id: UserId, lines: Sequence[Recommended]) -> None:
        """These are all lines of this person."""
        self._lines = user_id, lines

    def replace(self, user_id: UserId, edition_id: EditionId, lines: Sequence[Recommended]) -> None:
        """These are now the lines of one edition; says nothing of who is not known."""
        known = self.lines(user_id)
        if known is not None:
            others = [line for line in known if line.edition_id != edition_id]
            lines = sorted([*others, *lines], key=lambda line: (line.edition_id, line.position))
            self.keep(user_id, sorted(lines, key=lambda line: line.vibe_date, reverse=True))
