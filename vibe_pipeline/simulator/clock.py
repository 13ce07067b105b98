"""What time it is in the simulated world; the control endpoint may move it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def real_time() -> datetime:
    """The machine's own time, aware and in UTC."""
    return datetime.now(UTC)


class Clock:
    """Runs as fast as the real clock, and can be moved on or set."""

    def __init__(self, *, source: Callable[[], datetime] = real_time) -> None:
        self._source = source
        self._offset = timedelta()

    def now(self) -> datetime:
        """The simulated moment, aware and in UTC."""
        return self._source() + self._offset

    def advance(self, seconds: float) -> datetime:
        """Let this many seconds pass at once."""
        self._offset += timedelta(seconds=seconds)
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Make it this moment; time goes on from there."""
        self._offset = moment.astimezone(UTC) - self._source()
        return self.now()


def written(moment: datetime) -> str:
    """A moment as the services write it: whole milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def written_seconds(moment: datetime) -> str:
    """A moment in whole seconds with a Z, as Spotify writes the day a track was saved."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """The moment an ISO text means; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
