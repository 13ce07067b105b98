"""Asking a service about many things: remembered answers first, then a few fresh ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vibe_pipeline.clients.errors import NotThere, ServiceError, ServiceUnavailable
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.sources.context import SourceContext, SourceLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAnswer:
    """One thing to find out: its name in the cache, and how to ask. An answer is JSON-like."""

    key: str
    ask: Callable[[], Awaitable[Any | None]]


@dataclass(slots=True, kw_only=True)
class CachedAnswers:
    """What was found out; ``trouble`` is why something that might have been asked was not.

    ``asked`` counts the calls this took.
    """

    answers: dict[str, Any | None] = field(default_factory=dict)
    asked: int = 0
    trouble: ServiceError | None = None

    def get(self, key: str) -> Any:
        """The answer, or ``None``."""
        return self.answers.get(key)


async def look_up(
    lookups: Lookups,
    cache: str,
    wanted: Sequence[WantedAnswer],
    *,
    limits: SourceLimits,
    calls: int,
    days: int,
) -> CachedAnswers:
    """Answers to all that is remembered and, in order, to at most ``calls`` others.

    After the first trouble nothing more is asked; what came before it stays.
    """
    named = {item.key: item for item in wanted}
    found = CachedAnswers(answers=lookups.known(cache, list(named)))
    unknown = [item for key, item in named.items() if key not in found.answers][:calls]
    if not unknown:
        return found
    fresh = CachedAnswers()
    queue = iter(unknown)
    try:
        async with asyncio.timeout(limits.seconds_per_source), asyncio.TaskGroup() as group:
            for _ in range(min(limits.at_once, len(unknown))):
                group.create_task(_work(queue, fresh))
    except TimeoutError:
        fresh.trouble = fresh.trouble or ServiceUnavailable(cache, "took too long")
    _keep(lookups, cache, fresh.answers, days=days, miss_days=limits.miss_days)
    found.answers.update(fresh.answers)
    found.trouble, found.asked = fresh.trouble, fresh.asked
    return found


async def _work(queue: Iterator[WantedAnswer], fresh: CachedAnswers) -> None:
    for item in queue:
        if fresh.trouble is not None:
            return
        fresh.asked += 1
        try:
            fresh.answers[item.key] = await item.ask()
        except NotThere:
            fresh.answers[item.key] = None
        except ServiceError as error:
            fresh.trouble = fresh.trouble or error
            return


async def look_up_together(
    lookups: Lookups,
    cache: str,
    keys: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Mapping[str, Any]]],
    *,
    together: int,
    limits: SourceLimits,
    calls: int,
    days: int,
) -> CachedAnswers:
    """The same where a service takes many questions in one call; unanswered ones are misses."""
    found = CachedAnswers(answers=lookups.known(cache, keys))
    unknown = [key for key in dict.fromkeys(keys) if key not in found.answers]
    slices = [unknown[start : start + together] for start in range(0, len(unknown), together)]
    for some in slices[:calls]:
        try:
            async with asyncio.timeout(limits.seconds_per_source):
                said = await ask(some)
        except TimeoutError:
            found.trouble = ServiceUnavailable(cache, "took too long")
            break
        except ServiceError as error:
            found.trouble = error
            break
        answers = {key: said.get(key) for key in some}
        _keep(lookups, cache, answers, days=days, miss_days=limits.miss_days)
        found.answers.update(answers)
    return found


async def look_up_within_allowance(
    context: SourceContext,
    cache: str,
    wanted: Sequence[WantedAnswer],
    *,
    calls: int,
) -> CachedAnswers:
    """The same for Spotify's sources, whose calls come out of one allowance."""
    limits, allowance = context.limits, context.allowance
    taken = allowance.take(calls)
    found = await look_up(
        context.services.lookups,
        cache,
        wanted,
        limits=limits,
        calls=taken,
        days=limits.catalogue_days,
    )
    allowance.give_back(taken - found.asked)
    return found


def _keep(
    lookups: Lookups, cache: str, answers: Mapping[str, Any], *, days: int, miss_days: int
) -> None:
    """Remember what is there for long, and what is not for a while."""
    there = {key: said for key, said in answers.items() if said is not None}
    missing = {key: None for key, said in answers.items() if said is None}
    if there:
        lookups.remember(cache, there, days=days)
    if missing:
        lookups.remember(cache, missing, days=miss_days)
