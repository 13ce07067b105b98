"""What services answered before, shared by everyone: a lookup is paid for once.

The cache (``Lookups``) keeps JSON by service and key; an ``AnswerCodec`` is the codec between that
and a record, so that nobody handles JSON. An absent key was never asked, or too long ago;
``None`` was asked and is not there. Which kinds there are does not belong here: see
``sources.answers``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

DOUBTED_DAYS = 2
"""So long an absence is remembered that was said once, while nothing else was found either."""
_DOUBTS_KEPT_DAYS = 60
_DOUBTED = " doubted"


class Lookups(Protocol):
    """A store of answers by service and key; an answer is JSON, or ``None`` for "not there"."""

    def known(self, service: str, keys: Sequence[str]) -> Mapping[str, object]:
        """The answers to these keys that are still fresh; ``None`` means asked, not there."""
        ...

    def read_ahead(
        self, wanted: Mapping[str, Sequence[str]], *, following: Mapping[str, str] | None = None
    ) -> None:
        """Have the answers to these keys of each service at hand: one look instead of several.

        ``following``: where what a service answers is a key of another one, that one's as well.
        """
        ...

    def remember(self, service: str, answers: Mapping[str, object], *, days: int) -> None:
        """Keep these answers for so many days."""
        ...


class InMemoryLookups:
    """Answers kept as long as the process lives."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._answers: dict[tuple[str, str], tuple[object, datetime]] = {}

    def known(self, service: str, keys: Sequence[str]) -> dict[str, object]:
        """The answers to these keys that are still fresh; ``None`` means asked, not there."""
        now = self._now()
        fresh: dict[str, object] = {}
        for key in keys:
            answer, until = self._answers.get((service, key), (None, now))
            if until > now:
                fresh[key] = answer
        return fresh

    def read_ahead(
        self, wanted: Mapping[str, Sequence[str]], *, following: Mapping[str, str] | None = None
    ) -> None:
        """Nothing: all that is kept is at hand."""

    def remember(self, service: str, answers: Mapping[str, object], *, days: int) -> None:
        """Keep these answers for so many days."""
        until = self._now() + timedelta(days=days)
        for key, answer in answers.items():
            self._answers[service, key] = (answer, until)


class UnreadableAnswer(ValueError):
    """A stored answer that is not of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCodec(Generic[T]):
    """One kind of remembered answer: its name in the cache, how long it is good for, its form.

    ``days`` are for what is there, ``days_missing`` for what is not. ``decode`` takes JSON and
    raises ``UnreadableAnswer`` for anything that ``encode`` did not write. Names and forms are
    stored data: a change of either needs a new name.
    """

    name: str
    days: int
    days_missing: int = 7
    encode: Callable[[T], object]
    decode: Callable[[object], T]

    def known(self, lookups: Lookups, keys: Sequence[str]) -> dict[str, T | None]:
        """The fresh answers to these keys; one that cannot be read counts as never asked."""
        answers: dict[str, T | None] = {}
        for key, stored in lookups.known(self.name, keys).items():
            try:
                answers[key] = None if stored is None else self.decode(stored)
            except UnreadableAnswer as error:
                log.warning("the %s of %s is asked again: %s", self.name, key, error)
        return answers

    def remember(
        self,
        lookups: Lookups,
        answers: Mapping[str, T | None],
        *,
        days: int | None = None,
        days_missing: int | None = None,
    ) -> None:
        """Keep what is there for long, and that something is not for a while."""
        there = {key: self.encode(answer) for key, answer in answers.items() if answer is not None}
        missing = {key: None for key, answer in answers.items() if answer is None}
        if there:
            lookups.remember(self.name, there, days=days or self.days)
        if missing:
            lookups.remember(self.name, missing, days=days_missing or self.days_missing)

    def doubt(self, lookups: Lookups, keys: Sequence[str]) -> None:
        """Keep that these are not there for a short while, and that it was said."""
        if keys:
            absent = dict.fromkeys(keys)
            lookups.remember(self.name, absent, days=DOUBTED_DAYS)
            lookups.remember(self.name + _DOUBTED, absent, days=_DOUBTS_KEPT_DAYS)

    def doubted(self, lookups: Lookups, keys: Sequence[str]) -> frozenset[str]:
        """Which of these were not there before, some days ago: what says so again is believed."""
        return frozenset(lookups.known(self.name + _DOUBTED, keys))


class CautiousMemory(Generic[T]):
    """Remembers the answers of one kind; an absence for long only where it is credible.

    That is beside something that was found, or when it is said again another day. Of an evening on
    which a service finds nothing for anybody, hardly anything is to be remembered.
    """

    def __init__(self, kind: AnswerCodec[T], lookups: Lookups) -> None:
        self._kind = kind
        self._lookups = lookups
        self._found = False

    def keep(self, answers: Mapping[str, T | None], *, unsaid: Collection[str] = ()) -> None:
        """Keep these answers; of the ``unsaid`` ones nothing was told, not even that they are not
        there.
        """
        self._found = self._found or any(answer is not None for answer in answers.values())
        absent = [key for key, answer in answers.items() if answer is None]
        unsure = [key for key in absent if not self._found or key in unsaid]
        before = self._kind.doubted(self._lookups, unsure) if unsure else frozenset()
        doubted = [key for key in unsure if key not in before]
        sure = {key: answer for key, answer in answers.items() if key not in set(doubted)}
        self._kind.remember(self._lookups, sure)
        self._kind.doubt(self._lookups, doubted)
