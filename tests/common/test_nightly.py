"""Whose night has come, through every zone and clock change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account_examples import LONG_AGO, account
from vibe_pipeline.accounts.errors import RowUnreadable
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState, FailureCause
from vibe_pipeline.nightly import (
    ATTEMPTS,
    STALLED_AFTER,
    Attempts,
    Due,
    due,
    late_night,
    local_date,
    next_night,
    settled,
    tonight,
    vibe_date_due,
    waiting_night,
)
from vibe_pipeline.records import EditionId, Mode, UserId
from vibe_pipeline.runs import nightly_occasion

ZONES = (
    "UTC",
    "Europe/Amsterdam",
    "Europe/Kyiv",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
)


def edition(state: EditionState = EditionState.STARTED, **changes: object) -> Edition:
    made = Edition(
        edition_id=EditionId("r1"),
        user_id=UserId("u1"),
        vibe_date=date(2026, 11, 23),
        occasion="nightly:2026-11-23",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
        state=state,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


moments = st.integers(
    min_value=int(utc(2026, 2, 1).timestamp()), max_value=int(utc(2030, 1, 1).timestamp())
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
zones = st.sampled_from(ZONES)


def test_the_night_comes_on_the_persons_own_clock() -> None:
    kyiv = account("Europe/Kyiv")

    assert vibe_date_due(kyiv, utc(2026, 11, 23, 4, 0)) == date(2026, 11, 23)
    assert vibe_date_due(kyiv, utc(2026, 11, 23, 3, 59)) == date(2026, 11, 22)


def test_a_late_tick_still_makes_the_list() -> None:
    assert vibe_date_due(account(), utc(2026, 11, 24, 5, 59)) == date(2026, 11, 23)


def test_a_late_hour_belongs_to_the_day_it_began_on() -> None:
    late = account(at=time(23, 50))

    assert vibe_date_due(late, utc(2026, 11, 24, 0, 5)) == date(2026, 11, 23)


@pytest.mark.parametrize(
    "person",
    [
        account(at=None),
        replace(account(), active=False),
        replace(account(), connected=False),
    ],
)
def test_who_wants_none_or_can_have_none_is_never_due(person: Account) -> None:
    assert vibe_date_due(person, utc(2026, 11, 23, 7, 0)) is None


def test_a_night_before_the_consent_is_not_made_up_for() -> None:
    fresh = account(consented_at=utc(2026, 11, 23, 10, 0))

    assert vibe_date_due(fresh, utc(2026, 11, 23, 11, 0)) is None
    assert vibe_date_due(fresh, utc(2026, 11, 24, 6, 0)) == date(2026, 11, 24)


@given(zone=zones, at=times, now=moments, part=st.floats(0, 0.999))
def test_an_hour_that_was_just_set_brings_its_first_list_when_it_was_told(
    zone: str, at: time, now: datetime, part: float
) -> None:
    person = replace(account(zone, at), nightly_set_at=now)

    told = next_night(person, now)

    assert told is not None
    assert vibe_date_due(person, now + part * (told - now)) is None
    assert vibe_date_due(person, told) == local_date(person, told)


def test_a_list_that_was_begun_is_finished_after_its_hour_was_moved_back() -> None:
    person = replace(account(at=time(5)), nightly_set_at=utc(2026, 11, 23, 7))
    begun = utc(2026, 11, 23, 6)
    failed = edition(cause=FailureCause.SERVICE_UNAVAILABLE, created_at=begun, updated_at=begun)

    (again,) = due([person], lambda user_id, day: [failed], utc(2026, 11, 23, 8))

    assert again.vibe_date == date(2026, 11, 23)


def test_a_list_that_was_begun_is_finished_after_the_consent_was_renewed() -> None:
    person = account(consented_at=utc(2026, 11, 23, 8))
    waiting = edition(cause=FailureCause.QUOTA, cause_until=utc(2026, 11, 23, 10))

    (again,) = due([person], lambda user_id, day: [waiting], utc(2026, 11, 23, 10))

    assert again.vibe_date == date(2026, 11, 23)


def test_an_hour_set_by_a_clock_that_ran_ahead_holds_no_night_up() -> None:
    person = replace(account(), nightly_set_at=utc(2031, 1, 1))

    assert vibe_date_due(person, utc(2026, 11, 23, 6)) == date(2026, 11, 23)


def test_a_consent_given_by_a_clock_that_ran_ahead_holds_no_night_up() -> None:
    person = account(consented_at=utc(2027, 11, 23))

    (night,) = due([person], lambda user_id, day: [], utc(2026, 11, 23, 6))

    assert night.vibe_date == date(2026, 11, 23)


def test_a_time_that_the_clocks_skip_comes_that_much_later() -> None:
    """29 March 2026 in Amsterdam: 02:00 becomes 03:00."""
    person = account("Europe/Amsterdam", time(2, 30))

    assert next_night(person, utc(2026, 3, 28, 12)) == utc(2026, 3, 29, 1, 30)
    assert vibe_date_due(person, utc(2026, 3, 29, 1, 29)) == date(2026, 3, 28)
    assert vibe_date_due(person, utc(2026, 3, 29, 1, 30)) == date(2026, 3, 29)


def test_of_a_time_that_comes_twice_the_first_counts() -> None:
    """25 October 2026 in Amsterdam: 02:30 comes at 00:30 and again at 01:30 UTC."""
    person = account("Europe/Amsterdam", time(2, 30))

    assert vibe_date_due(person, utc(2026, 10, 25, 0, 30)) == date(2026, 10, 25)
    assert vibe_date_due(person, utc(2026, 10, 25, 1, 30)) == date(2026, 10, 25)
    assert next_night(person, utc(2026, 10, 25, 0, 30)) == utc(2026, 10, 26, 1, 30)


@settings(deadline=None)
@given(zone=zones, at=times, start=moments)
def test_every_local_date_comes_due_exactly_once_and_in_order(
    zone: str, at: time, start: datetime
) -> None:
    """Ticks every half hour for four days see each date once, without going back.

    Four dates or five, and a sixth where the clock goes forward meanwhile.
    """
    person = account(zone, at)
    seen: list[date] = []

    for tick in range(4 * 48):
        found = vibe_date_due(person, start + timedelta(minutes=30 * tick))
        if found is not None and (not seen or seen[-1] != found):
            seen.append(found)

    assert seen == sorted(set(seen))
    assert all(later - sooner == timedelta(days=1) for sooner, later in pairwise(seen))
    assert len(seen) in {4, 5, 6}


@settings(deadline=None)
@given(zone=zones, at=times, now=moments)
def test_the_next_night_is_the_moment_a_new_date_comes_due(
    zone: str, at: time, now: datetime
) -> None:
    person = account(zone, at)

    night = next_night(person, now)

    assert night is not None
    assert timedelta() < night - now <= timedelta(hours=25)
    just_before = vibe_date_due(person, night - timedelta(seconds=1))
    then = vibe_date_due(person, night)
    assert then is not None
    assert just_before in {None, then - timedelta(days=1)}
    assert then == night.astimezone(ZoneInfo(zone)).date()


@settings(deadline=None)
@given(zone=zones, at=times, now=moments)
def test_what_is_due_is_of_today_or_yesterday(zone: str, at: time, now: datetime) -> None:
    person = account(zone, at)

    found = vibe_date_due(person, now)

    today = local_date(person, now)
    assert found in {None, today, today - timedelta(days=1)}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (edition(EditionState.RECORDED), utc(2026, 11, 24, 22)),
        (edition(cause=FailureCause.CONSENT_EXPIRED), utc(2026, 11, 24, 22)),
        (edition(cause=FailureCause.SERVICE_UNAVAILABLE), utc(2026, 11, 23, 22)),
        (edition(occasion="asked:r1"), utc(2026, 11, 23, 22)),
    ],
)
def test_whoever_had_todays_list_and_moves_the_hour_to_later_is_told_of_tomorrow(
    made: Edition, told: datetime
) -> None:
    now = utc(2026, 11, 23, 10)
    person = replace(account("UTC", time(22)), nightly_set_at=now)

    def of_day(_: UserId, day: date) -> list[Edition]:
        return [made] if day == made.vibe_date else []

    assert next_night(person, now, of_day) == told
    assert due([person], of_day, told) != []
    assert due([person], of_day, told - timedelta(seconds=1)) == []


def test_a_clock_set_back_by_days_leaves_a_next_night() -> None:
    person, now = account("UTC", time(22)), utc(2026, 11, 23, 10)

    def of_day(_: UserId, day: date) -> list[Edition]:
        return [edition(EditionState.RECORDED, occasion=nightly_occasion(day))]

    assert next_night(person, now, of_day) == utc(2026, 11, 23, 22)


def test_no_next_night_for_who_wants_none() -> None:
    assert next_night(account(at=None), utc(2026, 11, 23)) is None


def test_due_names_each_person_once_with_the_occasion() -> None:
    now = utc(2026, 11, 23, 7)
    people = [account(), replace(account(), user_id=UserId("u2"), nightly_at=None)]

    (found,) = due(people, lambda *_: [], now)

    assert found.account.user_id == "u1"
    assert found.vibe_date == date(2026, 11, 23)
    assert found.occasion == nightly_occasion(found.vibe_date) == "nightly:2026-11-23"


@pytest.mark.parametrize(
    ("before", "begins"),
    [
        (edition(EditionState.RECORDED), False),
        (edition(updated_at=utc(2026, 11, 23, 6, 30)), False),
        (edition(updated_at=utc(2026, 11, 23, 7) - STALLED_AFTER), True),
        (edition(cause=FailureCause.NOTHING_TO_CHOOSE), False),
        (edition(cause=FailureCause.QUOTA, cause_until=utc(2026, 11, 23, 9)), False),
        (edition(cause=FailureCause.QUOTA, cause_until=utc(2026, 11, 23, 7)), True),
        (edition(EditionState.RECORDED, occasion="asked:r1"), True),
    ],
)
def test_what_went_before_decides_whether_a_night_is_begun(before: Edition, begins: bool) -> None:  # noqa: FBT001
    found = due([account()], lambda *_: [before], utc(2026, 11, 23, 7))

    assert bool(found) is begins


def test_a_recorded_edition_is_settled_for_ever() -> None:
    assert settled(edition(EditionState.RECORDED), utc(2030, 1, 1))


FIRST = Attempts(made=0, under_way=False, next=1)


def list_due() -> Due:
    return Due(
        account=account(),
        vibe_date=date(2026, 11, 23),
        occasion="nightly:2026-11-23",
        night=utc(2026, 11, 23, 6),
    )


@pytest.mark.parametrize("made", [0, ATTEMPTS - 1])
def test_a_list_is_begun_until_its_attempts_are_used_up(made: int) -> None:
    attempts = Attempts(made=made, under_way=False, next=made + 1)

    night = tonight([list_due()], lambda _: attempts, blocked_until=None)

    assert night.begun == [(list_due(), made + 1)]
    assert night.in_words() == "Nobody's night has come."


@pytest.mark.parametrize(
    ("attempts", "blocked_until", "why"),
    [
        (Attempts(made=1, under_way=True, next=2), None, "1 under way"),
        (
            Attempts(made=ATTEMPTS, under_way=False, next=9),
            None,
            f"1 given up after {ATTEMPTS} attempts",
        ),
        (Attempts(made=1, under_way=False, next=2, called_off=True), None, "1 called off"),
        (FIRST, utc(2026, 11, 23, 9), "1 waiting for Spotify until 2026-11-23T09:00+00:00"),
    ],
)
def test_who_is_not_begun_is_named_with_the_reason(
    attempts: Attempts, blocked_until: datetime | None, why: str
) -> None:
    night = tonight([list_due()], lambda _: attempts, blocked_until=blocked_until)

    assert (night.begun, night.in_words()) == ([], why)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "Factory", "", "../../etc/passwd"])
def test_who_lives_by_an_unknown_clock_goes_by_utc_and_stops_nobody(zone: str) -> None:
    people = [account(zone, time(6), user_id="u1"), account("UTC", time(6), user_id="u2")]

    lists = due(people, lambda user_id, day: (), datetime(2026, 11, 23, 6, 10, tzinfo=UTC))

    assert [item.account.user_id for item in lists] == ["u1", "u2"]


@pytest.mark.parametrize(
    "error", [ValueError("'gramophone' is not a valid Source"), RowUnreadable("a damaged row")]
)
def test_one_persons_unreadable_edition_stops_nobody(error: Exception) -> None:
    def editions_of(user_id: UserId, day: date) -> list[Edition]:
        if user_id == "u1":
            raise error
        return []

    people = [account(user_id="u1"), account(user_id="u2")]

    lists = due(people, editions_of, datetime(2026, 11, 23, 6, 10, tzinfo=UTC))

    assert [item.account.user_id for item in lists] == ["u2"]


@pytest.mark.parametrize(
    ("changes", "blocked_until", "expected"),
    [
        ({"cause": FailureCause.QUOTA, "cause_until": utc(2026, 11, 23, 8)}, None, 8),
        ({"cause": FailureCause.QUOTA, "cause_until": utc(2026, 11, 23, 8)}, 11, 11),
        ({"cause": FailureCause.QUOTA, "cause_until": utc(2026, 11, 23, 6, 30)}, None, 7),
        ({"cause": FailureCause.CONSENT_EXPIRED}, None, None),
        ({"state": EditionState.RECORDED}, 11, None),
        ({}, None, 7),
        (None, 11, 11),
        (None, None, 7),
    ],
)
def test_a_night_that_waits_is_known_with_the_moment_of_its_next_try(
    changes: dict[str, object] | None, blocked_until: int | None, expected: int | None
) -> None:
    now = utc(2026, 11, 23, 7)
    made = [] if changes is None else [edition(**changes)]  # type: ignore[arg-type]

    waiting = waiting_night(
        account(),
        lambda user_id, vibe_date: made if vibe_date == date(2026, 11, 23) else [],
        now,
        blocked_until=None if blocked_until is None else utc(2026, 11, 23, blocked_until),
    )

    until = None if waiting is None else waiting.until
    assert until == (None if expected is None else utc(2026, 11, 23, expected))


@pytest.mark.parametrize(
    ("made", "blocked_until", "under_way"),
    [
        ([], None, True),
        ([edition()], None, True),
        ([], utc(2026, 11, 23, 11), False),
        ([edition(cause=FailureCause.QUOTA)], None, False),
    ],
)
def test_a_night_that_is_being_made_or_is_late_is_told_from_one_that_waits(
    made: list[Edition],
    blocked_until: datetime | None,
    under_way: bool,  # noqa: FBT001
) -> None:
    waiting = waiting_night(
        account(), lambda _, __: made, utc(2026, 11, 23, 7), blocked_until=blocked_until
    )

    assert waiting is not None
    assert waiting.under_way is under_way


@pytest.mark.parametrize(
    ("made", "minutes", "late"),
    [([], 59, False), ([], 60, True), ([edition()], 90, False), ([], 24 * 60, False)],
)
def test_a_night_is_late_an_hour_after_it_should_have_begun(
    made: list[Edition],
    minutes: int,
    late: bool,  # noqa: FBT001
) -> None:
    found = late_night(
        account(), lambda _, __: made, utc(2026, 11, 23, 6) + timedelta(minutes=minutes)
    )

    assert (found is not None) is late


def test_a_night_that_was_over_before_its_person_agreed_does_not_wait() -> None:
    agreed = account(consented_at=utc(2026, 11, 23, 6, 30))

    waiting = waiting_night(
        agreed, lambda _, __: [], utc(2026, 11, 23, 7), blocked_until=utc(2026, 11, 23, 11)
    )

    assert waiting is None
