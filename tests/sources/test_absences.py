"""An evening on which a service finds nothing for anybody shuts it out for days, not for months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from vibe_pipeline.lookup_cache import CautiousMemory, InMemoryLookups
from vibe_pipeline.sources.answers import LABS_RECORDINGS, LABS_SPOTIFY_IDS
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up, look_up_together
from vibe_pipeline.sources.context import SourceLimits

EVENING = datetime(2026, 11, 30, 20, tzinfo=UTC)
SONGS = [f"a|song {number}" for number in range(8)]


class Calendar:
    """What day it is."""

    def __init__(self) -> None:
        self.now = EVENING

    def days_after(self, days: int) -> None:
        self.now = EVENING + timedelta(days=days)


class Names:
    """A service that knows these songs."""

    def __init__(self, *known: str) -> None:
        self.known = known
        self.asked: list[str] = []

    async def recording(self, song: str) -> str | None:
        self.asked.append(song)
        return "mbid" if song in self.known else None

    async def together(self, songs: Sequence[str]) -> Mapping[str, str]:
        self.asked += songs
        return {song: "mbid" for song in songs if song in self.known}

    async def asked_about(self, lookups: InMemoryLookups, *songs: str) -> list[str]:
        """Which of these songs it is asked about, one by one."""
        self.asked = []
        wanted = [WantedAnswer(key=song, ask=partial(self.recording, song)) for song in songs]
        await look_up(lookups, LABS_RECORDINGS, wanted, limits=SourceLimits(), calls=len(songs))
        return sorted(self.asked)


async def test_what_nobody_was_found_by_is_asked_again_three_days_later() -> None:
    calendar, names = Calendar(), Names()
    lookups = InMemoryLookups(lambda: calendar.now)
    await names.asked_about(lookups, *SONGS)

    calendar.days_after(1)
    soon = await names.asked_about(lookups, *SONGS)
    calendar.days_after(3)
    later = await names.asked_about(lookups, *SONGS)

    assert (soon, later) == ([], SONGS)


async def test_an_absence_that_is_said_again_another_day_is_believed_for_long() -> None:
    calendar, names = Calendar(), Names()
    lookups = InMemoryLookups(lambda: calendar.now)
    await names.asked_about(lookups, *SONGS)
    calendar.days_after(3)
    await names.asked_about(lookups, *SONGS)

    calendar.days_after(3 + LABS_RECORDINGS.days_missing - 1)

    assert await names.asked_about(lookups, *SONGS) == []


async def test_an_absence_beside_something_that_was_found_is_believed_at_once() -> None:
    calendar, names = Calendar(), Names(SONGS[0])
    lookups = InMemoryLookups(lambda: calendar.now)
    await names.asked_about(lookups, SONGS[0])
    await names.asked_about(lookups, *SONGS)
    await look_up_together(
        lookups,
        LABS_SPOTIFY_IDS,
        SONGS,
        names.together,
        together=50,
        limits=SourceLimits(),
        calls=1,
    )

    calendar.days_after(10)

    assert set(LABS_SPOTIFY_IDS.known(lookups, SONGS)) == set(SONGS)


def test_what_nothing_was_told_of_is_doubted_also_beside_what_was_found() -> None:
    calendar = Calendar()
    lookups = InMemoryLookups(lambda: calendar.now)
    memory = CautiousMemory(LABS_SPOTIFY_IDS, lookups)

    memory.keep({"a": "id", "b": None, "c": None}, unsaid=["c"])
    calendar.days_after(3)

    assert LABS_SPOTIFY_IDS.known(lookups, ["a", "b", "c"]) == {"a": "id", "b": None}
