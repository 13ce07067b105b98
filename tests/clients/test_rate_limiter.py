"""The pace of a service: bursts after a rest, the rate kept over any longer stretch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.clients.rate_limiter import ProcessSlotBook, SharedSlotBook


class Time:
    """A clock that is moved by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The moment it shows."""
        return self.now


def test_after_a_rest_a_burst_starts_at_once_and_then_the_rate_holds() -> None:
    book = ProcessSlotBook(clock=Time())

    waits = [book.book(0.5, 4) for _ in range(7)]

    assert waits == [0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.5]


def test_a_burst_fills_up_again_while_nobody_asks() -> None:
    time = Time()
    book = ProcessSlotBook(clock=time)
    for _ in range(4):
        book.book(0.5, 4)

    time.now += 1.0

    assert [book.book(0.5, 4) for _ in range(3)] == [0.0, 0.0, 0.5]


def test_whoever_may_use_a_smaller_burst_leaves_the_rest_for_others() -> None:
    time = Time()
    book = ProcessSlotBook(clock=time)
    for _ in range(2):
        book.book(1.0, 4)

    assert book.has_room(1.0, 3)
    assert not book.has_room(1.0, 2)
    assert book.has_room(1.0, 3), "looking takes nothing"
    time.now += 1.0
    assert book.has_room(1.0, 2)


def test_being_told_to_slow_down_empties_the_bucket_for_all_processes(tmp_path: Path) -> None:
    time = Time()
    one, other = (SharedSlotBook(tmp_path / "lastfm", clock=time) for _ in range(2))

    one.hold(30.0, 0.5, 10)
    waits = [other.book(0.5, 10) for _ in range(3)]

    assert waits == [30.0, 30.5, 31.0]


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"\x00" * 14, "тисяча".encode(), b"nan", b""])
def test_a_damaged_file_of_turns_holds_nobody_up(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "lastfm").write_bytes(damage)
    book = SharedSlotBook(tmp_path / "lastfm", clock=Time())

    waits = [book.book(0.5) for _ in range(2)]

    assert waits == [0.0, 0.5]


def test_a_service_without_a_burst_waits_for_what_one_with_a_burst_has_spent(
    tmp_path: Path,
) -> None:
    book = SharedSlotBook(tmp_path / "metabrainz", clock=Time())

    labs = [book.book(1.0, 5) for _ in range(3)]

    assert labs == [0.0, 0.0, 0.0]
    assert book.book(1.0, 1) == 3.0


@given(
    pauses=st.lists(st.floats(min_value=0.0, max_value=20.0), min_size=1, max_size=80),
    interval=st.floats(min_value=0.05, max_value=2.0),
    burst=st.integers(min_value=1, max_value=25),
)
def test_over_any_stretch_no_more_start_than_the_rate_and_one_burst(
    pauses: list[float], interval: float, burst: int
) -> None:
    time = Time()
    book = ProcessSlotBook(clock=time)
    starts = []
    for pause in pauses:
        time.now += pause
        starts.append(time.now + book.book(interval, burst))

    assert starts == sorted(starts)
    for first, start in enumerate(starts):
        for last in range(first, len(starts)):
            started, stretch = last - first + 1, starts[last] - start
            assert started <= burst + stretch / interval + 1e-6
