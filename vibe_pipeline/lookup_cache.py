"""What services answered before, shared by everyone: a lookup is paid for once.

An absent key was never asked, or too long ago; ``None`` was asked and is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from vibe_pipeline.records import Track


class Lookups(Protocol):
    """A store of answers by service and key; an answer is JSON, or ``None`` for "not there"."""

    def known(self, service: str, keys: Sequence[str]) -> dict[str, Any]:
        """The answers to these keys that are still fresh; ``None`` means asked, not there."""
        ...

    def remember(self, service: str, answers: Mapping[str, Any | None], *, days: int) -> None:
        """Keep these answers for so many days."""
        ...


class InMemoryLookups:
    """Answers kept as long as the process lives."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._answers: dict[tuple[str, str], tuple[Any | None, datetime]] = {}

    def known(self, service: str, keys: Sequence[str]) -> dict[str, Any]:
        """The answers to these keys that are still fresh; ``None`` means asked, not there."""
        now, fresh = self._now(), {}
        for key in keys:
            answer, until = self._answers.get((service, key), (None, now))
            if until > now:
                fresh[key] = answer
        return fresh

    def remember(self, service: str, answers: Mapping[str, Any | None], *, days: int) -> None:
        """Keep these answers for so many days."""
        until = self._now() + timedelta(days=days)
        for key, answer in answers.items():
            self._answers[service, key] = (answer, until)


SPOTIFY_TRACKS = "spotify_track"
"""Under this name, by recording key: the track on Spotify, or ``None`` when it is not there."""

SPOTIFY_ARTIST_PAGES = "spotify_artist_page"
"""Under this name, by artist key: the artist's tracks that a search for the artist found, best
first, or ``None`` when it found none. Whoever asks keeps the whole page, for everybody's lists."""
PAGE_DAYS = 60
"""So long a page is good for; what an artist is best known for changes slowly."""


def track_as_json(track: Track) -> dict[str, Any]:
    """A track in the form the cache keeps."""
    return {name: value for name, value in asdict(track).items() if value not in (None, ())}


def track_from_json(kept: Mapping[str, Any]) -> Track:
    """The track that was kept."""
    return Track(
        **{
            **kept,
            "artists": tuple(kept.get("artists", ())),
            "artist_ids": tuple(kept.get("artist_ids", ())),
        }
    )
