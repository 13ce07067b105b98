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


class BufferedLookups:
    """Holds back what is to be remembered until ``flush``, for a cache that is dear to open."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._held: dict[tuple[str, int], dict[str, Any | None]] = {}

    def known(self, service: str, keys: Sequence[str]) -> dict[str, Any]:
        """What is remembered, also what is only held back as yet."""
        held: dict[str, Any] = {}
        for (held_service, _), answers in self._held.items():
            if held_service == service:
                held.update({key: answers[key] for key in keys if key in answers})
        missing = [key for key in keys if key not in held]
        return {**(self._lookups.known(service, missing) if missing else {}), **held}

    def remember(self, service: str, answers: Mapping[str, Any | None], *, days: int) -> None:
        """Hold answers back."""
        self._held.setdefault((service, days), {}).update(answers)

    def flush(self) -> None:
        """Hand everything on, once."""
        held, self._held = self._held, {}
        for (service, days), answers in held.items():
            self._lookups.remember(service, answers, days=days)


SPOTIFY_TRACKS = "spotify_tracks"
"""Under this name, by recording key: the track on Spotify, or ``None`` when it is not there."""


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
