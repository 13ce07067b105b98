"""How often somebody may ask in a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vibe_oauth.rate_limit import RateLimit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def asked(limit: RateLimit, *seconds: float) -> list[bool]:
    moments = (NOON + timedelta(seconds=second) for second in seconds)
    return [limit.retry_after(moment) is None for moment in moments]


def test_a_burst_passes_and_what_comes_after_it_waits() -> None:
    limit = RateLimit(burst=3, period=MINUTE)

    assert asked(limit, 0, 0, 0, 0, 19, 20, 21) == [True, True, True, False, False, True, False]


def test_the_wait_that_is_named_is_long_enough() -> None:
    limit = RateLimit(burst=1, period=MINUTE)
    limit.retry_after(NOON)

    wait = limit.retry_after(NOON + timedelta(seconds=10))

    assert wait == timedelta(seconds=50)
    assert limit.retry_after(NOON + timedelta(seconds=60)) is None


def test_a_clock_that_is_set_back_makes_nobody_wait_longer() -> None:
    limit = RateLimit(burst=1, period=MINUTE)
    limit.retry_after(NOON + timedelta(days=1))

    assert limit.retry_after(NOON) is None
    assert limit.retry_after(NOON) == MINUTE
