"""Which of somebody's scrobbles are asked for: what comes in late, or years of it at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from vibe_pipeline.accounts.records import (
    HistoryService,
    HistorySource,
    HistoryTrouble,
    UnreadStretch,
)
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
    pages_of_this_run: int = 0
    counts: bool = True
    tells_totals: bool = False
    odd_page: int = 0
    """Which call is answered with an end that is none."""
    gives_up_after: int | None = None
    """So many pages, and no more, come within one run."""
    odd_date: datetime | None = None
    """What the last play of the first page is dated."""
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
        self.pages_of_this_run += 1
        if self.gives_up_after is not None and self.pages_of_this_run > self.gives_up_after:
            raise ServiceUnavailable("lastfm", "it was asked too often")
        stretch = [one for one in self.told if one.listened_at <= until]
        if since is not None:
            stretch = [one for one in stretch if one.listened_at >= since]
        stretch.sort(key=lambda one: one.listened_at, reverse=True)
        total = len(stretch) if self.tells_totals else None
        if self.calls == self.odd_page:
            none = None if total is None else 0
            return ScrobblePage(plays=(), more=False, total=none, doubted=total is None)
        page = stretch[:PAGE]
        if self.calls == 1 and self.odd_date is not None:
            page[-1] = replace(page[-1], title="Elsewhen", listened_at=self.odd_date)
        return ScrobblePage(plays=tuple(page), more=len(stretch) > PAGE, total=total)

    async def count(self, user: str) -> int | None:
        self.calls += 1
        if not self.counts:
            raise ServiceUnavailable("lastfm", "it does not count")
        return len(self.told)

    def read_now(self) -> Reading:
        """One run, and what it notes."""
        self.pages_of_this_run = 0
        reading = asyncio.run(read_on(self.page, self.source, now=self.now, count=self.count))
        self.read |= set(reading.plays)
        if not self.source.unread and any(since is None for since, _ in reading.unread):
            self.begun_anew.append(self.now)
        self.source = replace(
            self.source,
            unread=reading.unread,
            read_at=self.now if reading.pages else self.source.read_at,
            tried_at=self.now,
            trouble=reading.trouble,
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


@pytest.mark.parametrize(
    ("odd_page", "tells_totals"), [(2, True), (5, True), (2, False), (5, False)]
)
def test_a_page_that_says_too_early_that_nothing_is_left_ends_no_reading(
    odd_page: int, *, tells_totals: bool
) -> None:
    years = plays(1_500, until=BEGINNING, every=timedelta(hours=8))
    anna = Listener(told=years, odd_page=odd_page, tells_totals=tells_totals)

    first = anna.read_now()
    anna.days_pass(1)

    assert first.trouble is None
    assert first.unread != ()
    assert set(years) <= anna.read
    assert anna.source.unread == ()


def test_a_service_that_gives_up_in_every_run_is_read_to_its_beginning_all_the_same() -> None:
    years = plays(1_500, until=BEGINNING, every=timedelta(hours=8))
    anna = Listener(told=years, gives_up_after=3)

    first = anna.read_now()
    anna.days_pass(1, plays_a_day=0)

    assert first.trouble is HistoryTrouble.AWAY
    assert (anna.read, anna.source.unread) == (set(years), ())


def test_an_end_that_is_told_twice_is_believed_although_more_was_counted() -> None:
    anna = Listener(told=plays(300, until=BEGINNING, every=timedelta(hours=8)), odd_page=2)
    anna.tells_totals = True
    anna.read_now()
    del anna.told[190:]

    anna.days_pass(1)

    assert anna.source.unread == ()


@pytest.mark.parametrize(
    "odd_date", [datetime(1970, 1, 2, tzinfo=UTC), datetime(2009, 5, 1, tzinfo=UTC)]
)
def test_one_wrong_date_does_not_count_the_years_up_to_it_as_read(odd_date: datetime) -> None:
    years = plays(1_500, until=BEGINNING, every=timedelta(hours=8))
    anna = Listener(told=years, odd_date=odd_date)

    anna.read_now()

    assert set(years) <= anna.read


def test_whoever_paused_for_years_is_read_beyond_the_pause() -> None:
    before = plays(390, until=BEGINNING - timedelta(days=4_000), every=timedelta(hours=8))
    lately = plays(195, until=BEGINNING, every=timedelta(hours=8))
    anna = Listener(told=[*lately, *before])

    anna.read_now()

    assert {*lately, *before} <= anna.read
    assert anna.source.unread == ()
