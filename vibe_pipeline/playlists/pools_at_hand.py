"""Whether the pools asked ahead of time make the next list, so that nobody is asked for it.

Pure: the warehouse says what lies there. Asking ahead of time itself is in ``stock_up`` and in the
sources; what a list does with its pools is in ``build``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from vibe_pipeline.records import PERSONAL_SOURCES, Source, believed
from vibe_pipeline.sources.pools import Reason
from vibe_pipeline.warehouse.candidates import PoolAtHand
from vibe_pipeline.warehouse.history_cache import Recommended

FRESH_FOR = timedelta(hours=36)
"""So long pools are used: a day, and a night that came late."""
JUST_ASKED = timedelta(minutes=10)
"""What was cut off so lately is not waited for again: the others make the list, as they would
after the same deadline once more, and it is asked on ahead of the next one.
"""
_DAYS_BEFORE = 2
"""Pools made ahead of a list lie under its day or one of so many before it, unless it had none."""
RECORDINGS_A_PLACE = 8
"""So many recordings never recommended must be proposed for each place on the list."""


def make_a_list(
    pools: Sequence[PoolAtHand],
    fresh: int,
    *,
    size: int,
    off: Collection[Source],
    now: datetime,
    imported_at: datetime | None = None,
) -> bool:
    """Whether each source was asked lately and they propose enough that is new to the person.

    A source that was switched on or off meanwhile makes the difference, and so does one that was
    cut off before it had anything, unless just now: then all are asked anew, from where they came
    to. ``fresh``: the recordings they propose that no past list held. ``imported_at``: when the
    person last gave us years of plays, of which what was asked before knows nothing.
    """
    just_now = now - JUST_ASKED
    answered = {p.source for p in pools if just_now < p.asked_at <= now or not cut_short(p)}
    asked = answered >= set(Source) - PERSONAL_SOURCES
    since = max(now - FRESH_FOR, believed(imported_at, now=now) or now - FRESH_FOR)
    lately = all(since < pool.asked_at <= now for pool in pools)
    switched = any((pool.reason == Reason.SWITCHED_OFF) != (pool.source in off) for pool in pools)
    return asked and lately and not switched and fresh >= RECORDINGS_A_PLACE * size


def fresh_recordings(proposed: Iterable[tuple[str, str]], past: Iterable[Recommended]) -> int:
    """How many of the recordings (artist and title in lower case) no past list held."""
    recommended = {(line.artist.lower(), line.title.lower()) for line in past}
    return sum(names not in recommended for names in proposed)


def looked_at_first(vibe_date: date) -> date:
    """From which day on a list finds its pools, as a rule, so that older ones need no reading."""
    return vibe_date - timedelta(days=_DAYS_BEFORE)


def cut_short(pool: PoolAtHand) -> bool:
    """Whether the deadline came before the source had anything to offer."""
    return pool.reason == Reason.CUT_OFF and not pool.offered
