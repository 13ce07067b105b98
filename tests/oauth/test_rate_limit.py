"""How often somebody may ask in a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vibe_oauth.rate_limit import RateLimit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def asked(limit: RateLimit, *seconds: float, caller: str = "a") -> list[bool]:
    moments = (NOON + timedelta(seconds=second) for second in seconds)
    return [limit.retry_after(caller, moment) is None for moment in moments]


def test_a_burst_passes_and_what_comes_after_it_waits() -> None:
    limit = RateLimit(burst=3, period=MINUTE)

    assert asked(limit, 0, 0, 0, 0, 19, 20, 21) == [True, True, True, False, False, True, False]


def test_each_caller_has_their_own_turns() -> None:
    limit = RateLimit(burst=1, period=MINUTE)

    assert asked(limit, 0, 1, caller="a") == [True, False]
    assert asked(limit, 1, caller="b") == [True]


def test_the_wait_that_is_named_is_long_enough() -> None:
    limit = RateLimit(burst=1, period=MINUTE)
    limit.retry_after("a", NOON)

    wait = limit.retry_after("a", NOON + timedelta(seconds=10))

    assert wait == timedelta(seconds=50)
    assert limit.retry_after("a", NOON + timedelta(seconds=60)) is None


def test_callers_without_number_do_not_fill_the_memory() -> None:
    limit = RateLimit(burst=1, period=MINUTE)

    for number in range(5000):
        limit.retry_after(f"caller {number}", NOON)

    assert len(limit._theoretical_arrivals) <= 1000
