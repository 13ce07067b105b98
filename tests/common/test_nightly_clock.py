"""One list per person and local day: every zone, clock changes, late daemons, stepping clocks.

Ticks are played through ``nightly``'s own decisions against a ledger in memory; moments of a
single day that have their own rule stand in ``test_nightly``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.account_examples import account
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState, FailureCause
from vibe_pipeline.nightly import (
    ATTEMPTS,
    LATENESS,
    STALLED_AFTER,
    Attempts,
    Due,
    due,
    local_date,
    next_night,
    next_try,
    settled,
    tonight,
    vibe_date_due,
)
from vibe_pipeline.records import EditionId, Mode, UserId

ALL_ZONES = sorted(available_timezones() - {"localtime", "Factory"})
EASTERNMOST, WESTERNMOST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
TICK = timedelta(hours=1)
"""Production looks every quarter of an hour; nothing here depends on it."""
TICKS_A_DAY = 24
DAY = timedelta(days=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@dataclass(slots=True)
class Installation:
    """One person, the ledger of their nights, and the runs that were begun."""

    person: Account
    editions: dict[str, Edition] = field(default_factory=dict)
    begun: Counter[date] = field(default_factory=Counter)
    lists: Counter[date] = field(default_factory=Counter)
    runs: int = 0

    def tick(
        self,
        now: datetime,
        *,
        outcome: FailureCause | str = "made",
        rest: timedelta | None = None,
    ) -> list[date]:
        """What the schedule begins now, and how those runs end; ``rest`` is what Spotify asks."""
        plan = tonight(due([self.person], self._of_day, now), self._attempts, blocked_until=None)
        for item, _ in plan.begun:
            self._run(item, now, outcome)
            if rest is not None and (failed := self.editions[item.occasion]).cause is not None:
                self.editions[item.occasion] = replace(failed, cause_until=now + rest)
        return [item.vibe_date for item, _ in plan.begun]

    def _of_day(self, user_id: UserId, day: date) -> Iterable[Edition]:
        return [one for one in self.editions.values() if one.vibe_date == day]

    def _attempts(self, item: Due) -> Attempts:
        made = self.begun[item.vibe_date]
        return Attempts(made=made, under_way=False, next=made + 1)

    def _run(self, item: Due, now: datetime, outcome: FailureCause | str) -> None:
        """Opened in the ledger under its occasion; then made, failed, or dead without a word."""
        self.runs += 1
        self.begun[item.vibe_date] += 1
        opened = self.editions.get(item.occasion) or Edition(
            edition_id=EditionId(f"r{self.runs}"),
            user_id=item.account.user_id,
            vibe_date=item.vibe_date,
            occasion=item.occasion,
            kind=EditionKind.DAILY,
            mode=Mode.LIVING,
            state=EditionState.STARTED,
            created_at=now,
            updated_at=now,
        )
        if outcome == "made":
            self.lists[item.vibe_date] += 1
            self.editions[item.occasion] = replace(
                opened, state=EditionState.RECORDED, cause=None, updated_at=now
            )
        else:
            cause = outcome if isinstance(outcome, FailureCause) else None
            self.editions[item.occasion] = replace(opened, cause=cause, updated_at=now)


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Of these years, the last one left out."""
    begin, end = int(utc(first, 1, 5).timestamp()), int(utc(last, 1, 1).timestamp())
    return st.integers(begin, end).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


zones = st.sampled_from(ALL_ZONES)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))


def somebody(zone: str = "UTC", at: time = time(6)) -> Account:
    """Who has been here since before every moment that is drawn."""
    return account(zone, at, consented_at=utc(1970, 1, 1))


def changes_of(zone: str, year: int) -> list[datetime]:
    """The moments of that year in which this zone's clocks are moved."""
    place, begin = ZoneInfo(zone), utc(year, 1, 1)
    days = [begin + timedelta(days=n) for n in range(366)]
    return [
        later
        for sooner, later in pairwise(days)
        if sooner.astimezone(place).utcoffset() != later.astimezone(place).utcoffset()
    ]


def nights(person: Account, since: datetime, until: datetime) -> list[datetime]:
    """Each night after ``since``, as it is told to people."""
    found: list[datetime] = []
    now = since
    while (night := next_night(person, now)) is not None and night <= until:
        found.append(night)
        now = night
    return found


@pytest.mark.parametrize("at", [time(0, 0), time(2, 30), time(23, 45)])
def test_a_leap_year_brings_each_local_date_once_in_every_zone(at: time) -> None:
    """Looked at closely round both clock changes, 29 February and the turn of the year."""
    wrong = set()
    for zone in ALL_ZONES:
        person, place = somebody(zone, at), ZoneInfo(zone)
        for centre in (*changes_of(zone, 2028), utc(2028, 2, 29), utc(2028, 1, 1)):
            seen = nights(person, centre - 2 * DAY, centre + 2 * DAY)
            begun = [night.astimezone(place).date() for night in seen]
            if any(later - sooner != DAY for sooner, later in pairwise(begun)):
                wrong.add(zone)

    assert wrong == set()


@settings(deadline=None, max_examples=60)
@given(zone=zones, at=times, start=moments(1975, 2040))
@example(zone="Pacific/Apia", at=time(6), start=utc(2011, 12, 27))
@example(zone="Pacific/Apia", at=time(23, 59), start=utc(2011, 12, 27))
@example(zone="Pacific/Kwajalein", at=time(0), start=utc(1993, 8, 18))
@example(zone="Africa/Monrovia", at=time(0, 30), start=utc(1972, 1, 5))
def test_no_date_is_begun_twice_or_out_of_order_when_the_calendar_itself_jumps(
    zone: str, at: time, start: datetime
) -> None:
    here = Installation(somebody(zone, at))

    begun = [day for n in range(6 * TICKS_A_DAY) for day in here.tick(start + n * TICK)]

    assert begun == sorted(set(begun))
    assert len(begun) >= 5


@settings(deadline=None, max_examples=60)
@given(data=st.data(), zone=zones, at=times, year=st.integers(2024, 2032))
def test_round_a_clock_change_each_date_gets_one_list(
    data: st.DataObject, zone: str, at: time, year: int
) -> None:
    changes = changes_of(zone, year)
    centre = data.draw(st.sampled_from(changes)) if changes else utc(year, 3, 1)
    here = Installation(somebody(zone, at))

    for n in range(-2 * TICKS_A_DAY, 2 * TICKS_A_DAY):
        here.tick(centre + n * TICK)

    days = sorted(here.lists)
    assert set(here.lists.values()) == {1}
    assert all(later - sooner == DAY for sooner, later in pairwise(days))


@settings(deadline=None, max_examples=60)
@given(
    zone=zones,
    at=times,
    start=moments(2024, 2032),
    pauses=st.lists(st.tuples(st.integers(0, 6 * TICKS_A_DAY), st.integers(1, 22)), max_size=4),
    doubled=st.booleans(),
)
def test_a_late_daemon_and_doubled_triggers_make_each_night_once(
    zone: str,
    at: time,
    start: datetime,
    pauses: list[tuple[int, int]],
    doubled: bool,  # noqa: FBT001
) -> None:
    """Down for up to twenty-two hours at a time, whenever it is."""
    person = somebody(zone, at)
    here = Installation(person)
    down, last_up = set[int](), -1
    for begin, length in sorted(pauses):
        if begin > last_up:
            down |= set(range(begin, begin + length))
            last_up = begin + length + 2
    for n in range(8 * TICKS_A_DAY):
        for _ in range(1 + doubled):
            if n not in down:
                here.tick(start + n * TICK)

    end = start + 7 * DAY
    expected = {night.astimezone(ZoneInfo(zone)).date() for night in nights(person, start, end)}
    assert set(here.lists.values()) == {1}
    assert expected <= set(here.lists)


@given(zone=zones, at=times, start=moments(2024, 2032), days=st.integers(2, 40))
@example(zone="America/Havana", at=time(0, 0), start=utc(2026, 1, 7, 4), days=2)
def test_after_many_nights_down_only_the_latest_is_caught_up_once(
    zone: str, at: time, start: datetime, days: int
) -> None:
    here = Installation(somebody(zone, at))
    here.tick(start)
    before = set(here.lists)
    back = start + timedelta(days=days)

    caught_up = here.tick(back) + here.tick(back) + here.tick(back + TICK)

    latest, at_last = (local_date(here.person, moment) for moment in (back, back + TICK))
    night_is_near = len(caught_up) == 2  # its own hour came between the ticks
    assert set(caught_up) - before <= {latest - DAY, latest, at_last}
    assert len(caught_up) == len(set(caught_up)) <= 1 + night_is_near


@settings(deadline=None, max_examples=80)
@given(
    zone=zones,
    at=times,
    start=moments(2024, 2032),
    steps=st.lists(st.tuples(st.integers(1, 5 * TICKS_A_DAY), st.integers(-50, 50)), max_size=4),
)
def test_a_machine_clock_that_steps_never_doubles_a_date(
    zone: str, at: time, start: datetime, steps: list[tuple[int, int]]
) -> None:
    """Forwards and back by up to two days, as a flat battery or a wrong time server does."""
    here = Installation(somebody(zone, at))
    by_tick = dict(steps)
    now = start
    for n in range(6 * TICKS_A_DAY):
        here.tick(now)
        now += TICK + by_tick.get(n, 0) * TICK

    assert set(here.lists.values()) == {1}


@settings(deadline=None, max_examples=80)
@given(
    at=times,
    start=moments(2024, 2032),
    journey=st.lists(st.tuples(st.integers(1, 6 * TICKS_A_DAY), zones), min_size=1, max_size=4),
)
@example(at=time(6), start=utc(2026, 11, 20), journey=[(22, EASTERNMOST), (50, WESTERNMOST)])
@example(at=time(0), start=utc(2026, 11, 20), journey=[(22, WESTERNMOST), (50, EASTERNMOST)])
def test_who_travels_gets_one_list_for_each_date_and_none_is_left_out_at_home(
    at: time, start: datetime, journey: list[tuple[int, str]]
) -> None:
    here = Installation(somebody("Europe/Amsterdam", at))
    places = dict(journey)
    settled_since = max(places)
    for n in range(9 * TICKS_A_DAY):
        if n in places:
            here.person = replace(here.person, timezone=places[n])
        here.tick(start + n * TICK)

    assert set(here.lists.values()) == {1}
    since, until = start + settled_since * TICK, start + 9 * TICKS_A_DAY * TICK - TICK
    at_home = {one.astimezone(here.person.zone).date() for one in nights(here.person, since, until)}
    assert at_home <= set(here.lists)


@settings(deadline=None, max_examples=60)
@given(
    zone=zones,
    start=moments(2024, 2032),
    hours=st.lists(st.tuples(st.integers(1, 6 * TICKS_A_DAY), times), min_size=1, max_size=5),
    noted=st.booleans(),
)
def test_whoever_changes_their_hour_gets_no_second_list_of_a_date(
    zone: str,
    start: datetime,
    hours: list[tuple[int, time]],
    noted: bool,  # noqa: FBT001
) -> None:
    """Whether the moment of the change was noted, or was before that was done."""
    here = Installation(somebody(zone))
    wanted = dict(hours)
    for n in range(7 * TICKS_A_DAY):
        now = start + n * TICK
        if n in wanted:
            set_at = now if noted else None
            here.person = replace(here.person, nightly_at=wanted[n], nightly_set_at=set_at)
        here.tick(now)

    assert set(here.lists.values()) == {1}


@settings(deadline=None, max_examples=60)
@given(
    zone=zones,
    at=times,
    start=moments(2024, 2032),
    endings=st.lists(
        st.sampled_from(["made", "dead", *FailureCause]), min_size=1, max_size=ATTEMPTS - 1
    ),
)
def test_whatever_fails_a_night_is_made_once_or_waits_for_somebody(
    zone: str, at: time, start: datetime, endings: list[FailureCause | str]
) -> None:
    """The first attempts end as drawn, every later one well."""
    person = somebody(zone, at)
    here = Installation(person)
    night = next_night(person, start)
    assert night is not None
    left = list(endings)
    for n in range(23):
        now = night + n * TICK
        outcome = left[0] if left else "made"
        if here.tick(now, outcome=outcome) and left:
            left.pop(0)

    assert max(here.lists.values(), default=0) <= 1
    day = night.astimezone(ZoneInfo(zone)).date()
    (edition,) = here.editions.values()
    made = edition.state is EditionState.RECORDED
    assert made or (edition.cause is not None and settled(edition, night + 23 * TICK))
    assert here.begun[day] <= ATTEMPTS


@pytest.mark.parametrize(
    ("cause", "outage"),
    [
        (FailureCause.SERVICE_UNAVAILABLE, timedelta(hours=12)),
        (FailureCause.UNEXPECTED, timedelta(hours=12)),
        (FailureCause.QUOTA, timedelta(hours=12)),
        (FailureCause.STORE_BUSY, timedelta(hours=4)),
    ],
)
def test_an_outage_that_lasts_for_hours_costs_nobody_their_list(
    cause: FailureCause, outage: timedelta
) -> None:
    here, night = Installation(somebody()), utc(2026, 11, 23, 6)

    for n in range(23 * 4):
        passed = n * timedelta(minutes=15)
        here.tick(night + passed, outcome=cause if passed < outage else "made")

    assert here.lists == {date(2026, 11, 23): 1}
    assert here.begun[date(2026, 11, 23)] <= ATTEMPTS


@pytest.mark.parametrize("rest", [timedelta(seconds=1), timedelta(minutes=1)])
def test_rests_of_seconds_that_follow_each_other_for_hours_cost_nobody_their_list(
    rest: timedelta,
) -> None:
    here, night = Installation(somebody()), utc(2026, 11, 23, 6)

    for n in range(23 * 4):
        passed = n * timedelta(minutes=15)
        resting = FailureCause.RATE_LIMITED if passed < timedelta(hours=12) else "made"
        here.tick(night + passed, outcome=resting, rest=rest)

    assert here.lists == {date(2026, 11, 23): 1}


def test_the_pauses_of_a_night_grow_from_the_first_try_on() -> None:
    begun = utc(2026, 11, 23, 6)
    pauses = []
    here = Installation(somebody())
    here.tick(begun, outcome=FailureCause.SERVICE_UNAVAILABLE)
    (failed,) = here.editions.values()
    for _ in range(ATTEMPTS - 1):
        again = next_try(failed)
        assert again is not None
        pauses.append(again - failed.updated_at)
        failed = replace(failed, updated_at=again)

    assert pauses == [timedelta(minutes=minutes) for minutes in (30, 60, 180, 480)]


def test_a_clock_set_back_does_not_leave_a_dead_edition_alone_for_years() -> None:
    """It was begun while the machine believed to be in another year."""
    here = Installation(somebody())
    night = utc(2026, 11, 23, 6)
    here.tick(night, outcome="dead")
    (occasion,) = here.editions
    here.editions[occasion] = replace(here.editions[occasion], updated_at=utc(2031, 1, 1))

    assert here.tick(night + STALLED_AFTER) == [date(2026, 11, 23)]


@given(zone=zones, at=times, now=moments(1975, 2040))
def test_a_missed_night_is_due_for_no_longer_than_until_it_is_too_late(
    zone: str, at: time, now: datetime
) -> None:
    person = somebody(zone, at)
    night = next_night(person, now)
    assert night is not None

    day = vibe_date_due(person, night)

    assert vibe_date_due(person, night + LATENESS + TICK) != day
