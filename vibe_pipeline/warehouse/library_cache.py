"""A person's likes and plays as this process read them last, so that a run reads them once.

What is good for how long is decided here; the tables themselves are ``library``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline.records import LikedTrack, Play

Stamp = tuple[object, ...]
"""Whose rows, and at which state of theirs: who changes rows changes the stored state as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedLike:
    """A like with the moments between which it was one; ``gone_at`` is ``None`` while it is."""

    like: LikedTrack
    seen_at: datetime
    gone_at: datetime | None

    def holds(self, as_of: datetime | None) -> bool:
        """Whether it was a like at that moment, or is one now."""
        if as_of is None:
            return self.gone_at is None
        return self.seen_at <= as_of and (self.gone_at is None or self.gone_at > as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedPlay:
    """A play with the moment we learned of it, and the one from which on it counts no more."""

    play: Play
    collected_at: datetime
    gone_at: datetime | None = None

    def holds(self, until: datetime | None) -> bool:
        """Whether it counted at that moment, or counts now."""
        if until is None:
            return self.gone_at is None
        return self.collected_at <= until and (self.gone_at is None or self.gone_at > until)


@dataclass(slots=True)
class LibraryCache:
    """Rows of one person, each kind good while the stored state is the one it was read at.

    To be cleared after an error, when what was read may have been undone.
    """

    _likes: tuple[Stamp, Sequence[DatedLike]] | None = None
    _plays: tuple[Stamp, Sequence[DatedPlay]] | None = None

    def clear(self) -> None:
        """Know nothing."""
        self._likes = self._plays = None

    def likes(self, stamp: Stamp) -> Sequence[DatedLike] | None:
        """The likes at this state, if it is they that are known."""
        return self._likes[1] if self._likes and self._likes[0] == stamp else None

    def plays(self, stamp: Stamp) -> Sequence[DatedPlay] | None:
        """The plays at this state, if it is they that are known."""
        return self._plays[1] if self._plays and self._plays[0] == stamp else None

    def keep_likes(self, stamp: Stamp, likes: Sequence[DatedLike] | None) -> None:
        """These are the likes at this state; ``None``: they are to be read."""
        self._likes = None if likes is None else (stamp, likes)

    def keep_plays(self, stamp: Stamp, plays: Sequence[DatedPlay] | None) -> None:
        """These are the plays at this state; ``None``: they are to be read."""
        self._plays = None if plays is None else (stamp, plays)
