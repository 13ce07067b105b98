"""Which of somebody's scrobbles are asked for: what comes in late, or years of it at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from vibe_pipeline.accounts.records import HistoryService, HistorySource, UnreadStretch
from vibe_pipeline.clients.errors import ServiceUnavailable
from vibe_pipeline.clients.scrobbles import ScrobbledPlay, ScrobblePage
from vibe_pipeline.taste.scrobble_reading import Reading, read_on, reading_due

BEGINNING = datetime(2026, 11, 1, 8, tzinfo=UTC)
PAGE = 200


def plays(count: int, *, until: datetime, every: timedelta) -> list[ScrobbledPlay]:
    """So many, the latest at ``until``."""
    return [
        ScrobbledPlay(artist="A", title=f"Song {n}", listened_at=until - n * every)
        for n in range(count)
    ]


@dataclass(kw_only=True)
class Listener:
    """Somebody's account at a service, and how far it was read."""

    told: list[ScrobbledPlay] = field(default_factory=list)
    now: datetime = BEGINNING
    read: set[ScrobbledPlay] = field(default_factory=set)
    calls: int = 0
    counts: bool = True
    begun_anew: list[datetime] = field(default_factory=list)
    source: HistorySource = field(
        default_factory=lambda: HistorySource(
            service=HistoryService.LASTFM,
            name="anna",
            added_at=BEGINNING,
            unread=(UnreadStretch(None, BEGINNING),),
        )
    )

    async def page(self, user: str, *, since: datetime | None, until: datetime) -> ScrobblePage:
        self.calls += 1
        stretch = [one for one in self.told if one.listened_at <= until]
        if since is not None:
            stretch = [one for one in stretch if one.listened_at >= since]
        stretch.sort(key=lambda one: one.listened_at, reverse=True)
        return ScrobblePage(plays=tuple(stretch[:PAGE]), more=len(stretch) > PAGE)

    async def count(self, user: str) -> int | None:
        self.calls += 1
        if not self.counts:
            raise ServiceUnavailable("lastfm", "it does not count")
        return len(self.told)

    def read_now(self) -> Reading:
        """One run, and what it notes."""
        reading = asyncio.run(read_on(self.page, self.source, now=self.now, count=self.count))
        self.read |= set(reading.plays)
        if not self.source.unread and any(since is None for since, _ in reading.unread):
            self.begun_anew.append(self.now)
        self.source = replace(
            self.source, unread=reading.unread, read_at=self.now, tried_at=self.now
        )
        if reading.counted is not None:
            total, before = reading.counted
            self.source = replace(self.source, total=total, counted_before=before)
        return reading

    def days_pass(self, days: int, *, plays_a_day: int = 40) -> None:
        """Listening goes on, and is read whenever it is due."""
        for _ in range(days * 8):
            self.now += timedelta(hours=3)
            self.told += plays(plays_a_day // 8, until=self.now, every=timedelta(minutes=4))
            if reading_due([self.source], self.now):
                self.read_now()


def a_reader(*, plays_before: int = 0) -> Listener:
    """Somebody whose account was read to its end."""
    told = plays(plays_before, until=BEGINNING, every=timedelta(hours=1))
    listener = Listener(told=told)
    listener.read_now()
    assert listener.source.unread == ()
    return listener


def test_what_was_heard_offline_days_ago_is_read_when_it_comes_in() -> None:
    anna = a_reader(plays_before=100)
    anna.days_pass(3)
    late = plays(12, until=anna.now - timedelta(days=2), every=timedelta(hours=8))
    anna.told += late

    anna.days_pass(1)

    assert set(late) <= anna.read
    assert anna.source.unread == ()


def test_after_a_clock_was_set_back_reading_goes_on_from_now() -> None:
    anna = a_reader()
    anna.now += timedelta(days=60)
    anna.read_now()
    anna.now -= timedelta(days=60)
    heard_since = plays(20, until=anna.now, every=timedelta(minutes=4))
    anna.told += heard_since

    assert reading_due([anna.source], anna.now)
    anna.read_now()

    assert set(heard_since) <= anna.read


def test_a_night_of_forty_plays_a_day_asks_for_four_pages_and_one_number() -> None:
    anna = a_reader()
    anna.days_pass(20)
    anna.calls = 0

    anna.read_now()

    assert anna.calls == 4 + 1


def test_years_imported_into_an_account_that_was_empty_are_read() -> None:
    anna = a_reader()
    anna.days_pass(2)
    years = plays(3_000, until=BEGINNING - timedelta(days=400), every=timedelta(hours=5))
    anna.told += years

    anna.days_pass(2)

    assert set(years) <= anna.read
    assert anna.source.unread == ()


def test_years_imported_right_after_naming_an_account_are_read() -> None:
    anna = a_reader()
    years = plays(3_000, until=BEGINNING - timedelta(days=400), every=timedelta(hours=5))
    anna.told += years

    anna.days_pass(2)

    assert set(years) <= anna.read


def test_everything_is_read_once_more_at_most_weekly() -> None:
    anna = a_reader(plays_before=100)
    for day in range(28):
        imported = BEGINNING - timedelta(days=100 * day + 400)
        anna.told += plays(100, until=imported, every=timedelta(hours=5))
        anna.days_pass(1)

    anna.days_pass(9)

    pauses = [later - one for one, later in pairwise(anna.begun_anew)]
    assert 3 <= len(pauses) <= 4
    assert min(pauses) >= timedelta(days=7)
    assert {one for one in anna.told if one.listened_at < BEGINNING} <= anna.read


def test_an_account_that_only_grows_by_listening_is_never_read_anew() -> None:
    anna = a_reader(plays_before=100)

    anna.days_pass(25, plays_a_day=200)

    assert anna.begun_anew == []


def test_a_service_that_does_not_count_is_read_all_the_same() -> None:
    anna = a_reader(plays_before=100)
    anna.counts = False

    anna.days_pass(2)

    assert len(anna.read) > 100 + 40
    assert anna.source.unread == ()


class BackToFront(Listener):
    """A service that tells each page oldest first."""

    async def page(self, user: str, *, since: datetime | None, until: datetime) -> ScrobblePage:
        page = await super().page(user, since=since, until=until)
        return replace(page, plays=page.plays[::-1])


def test_a_page_told_oldest_first_leads_as_far_back_as_any() -> None:
    told = plays(1_000, until=BEGINNING, every=timedelta(hours=1))
    usual, other = Listener(told=told), BackToFront(told=told)

    usual.read_now()
    other.read_now()

    assert (other.read, other.source.unread) == (set(told), ())
    assert other.calls == usual.calls
