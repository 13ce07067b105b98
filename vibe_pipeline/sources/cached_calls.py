"""Asking a service about many things: remembered answers first, then a few fresh ones.

Read-through caching within limits of calls and seconds. Kinds of answers are ``sources.answers``'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vibe_pipeline.clients.errors import AllowanceSpent, DeadlineReached, NotThere, ServiceError
from vibe_pipeline.lookup_cache import AnswerCodec, CautiousMemory, Lookups
from vibe_pipeline.sources.context import SourceContext, SourceLimits

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAnswer(Generic[T]):
    """One thing to find out: its key in the cache, and how to ask.

    ``keeps_itself``: asking remembers the answer too, in its own way.
    """

    key: str
    ask: Callable[[], Awaitable[T | None]]
    keeps_itself: bool = False


@dataclass(slots=True, kw_only=True)
class CachedAnswers(Generic[T]):
    """What was found out; ``trouble`` is why something that might have been asked was not.

    ``asked`` counts the calls this took.
    """

    answers: dict[str, T | None] = field(default_factory=dict)
    asked: int = 0
    trouble: ServiceError | None = None

    def get(self, key: str) -> T | None:
        """The answer, or ``None``."""
        return self.answers.get(key)


async def look_up(
    lookups: Lookups,
    kind: AnswerCodec[T],
    wanted: Sequence[WantedAnswer[T]],
    *,
    limits: SourceLimits,
    calls: int,
) -> CachedAnswers[T]:
    """Answers to all that is remembered and, in order, to at most ``calls`` others.

    After the first trouble nothing more is asked; what came before it stays. So does what came
    before ``limits.deadline``, when all asking ends: the trouble is ``DeadlineReached`` then. What
    is under way at that moment is remembered when it comes.
    """
    named = {item.key: item for item in wanted}
    known = CachedAnswers(answers=kind.known(lookups, list(named)))
    unknown = [item for key, item in named.items() if key not in known.answers][:calls]
    if not unknown:
        return known
    fresh: CachedAnswers[T] = CachedAnswers()
    queue = iter(unknown)
    workers = min(limits.at_once, len(unknown))
    memory = CautiousMemory(kind, lookups)
    works = (_work(queue, fresh, memory) for _ in range(workers))
    if not await limits.deadline.within(*works):
        fresh.trouble = fresh.trouble or _too_late(kind)
    known.answers.update(fresh.answers)
    known.trouble, known.asked = fresh.trouble, fresh.asked
    return known


async def _work(
    queue: Iterator[WantedAnswer[T]],
    fresh: CachedAnswers[T],
    memory: CautiousMemory[T],
) -> None:
    """Ask one after another; each answer is remembered at once, also one that comes late."""
    for item in queue:
        if fresh.trouble is not None:
            return
        fresh.asked += 1
        try:
            answer = await item.ask()
        except NotThere:
            answer = None
        except ServiceError as error:
            fresh.trouble = fresh.trouble or error
            return
        fresh.answers[item.key] = answer
        if not item.keeps_itself:
            memory.keep({item.key: answer})


def _too_late(kind: AnswerCodec[T]) -> DeadlineReached:
    return DeadlineReached(kind.name, "did not answer in time")


async def look_up_together(
    lookups: Lookups,
    kind: AnswerCodec[T],
    keys: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]],
    *,
    together: int,
    limits: SourceLimits,
    calls: int,
) -> CachedAnswers[T]:
    """The same where a service takes many questions in one call; unanswered ones are misses."""
    known = CachedAnswers(answers=kind.known(lookups, keys))
    unknown = [key for key in dict.fromkeys(keys) if key not in known.answers]
    slices = [unknown[start : start + together] for start in range(0, len(unknown), together)]
    fresh: CachedAnswers[T] = CachedAnswers()
    memory = CautiousMemory(kind, lookups)

    async def asking() -> None:
        for some in slices[:calls]:
            if fresh.trouble is not None:
                return
            try:
                answered = await ask(some)
            except ServiceError as error:
                fresh.trouble = fresh.trouble or error
                return
            answers = {key: answered.get(key) for key in some}
            memory.keep(answers)
            fresh.answers.update(answers)

    if not await limits.deadline.within(asking()):
        fresh.trouble = fresh.trouble or _too_late(kind)
    known.answers.update(fresh.answers)
    known.trouble = fresh.trouble
    return known


async def look_up_within_allowance(
    context: SourceContext,
    kind: AnswerCodec[T],
    wanted: Sequence[WantedAnswer[T]],
    *,
    calls: int,
) -> CachedAnswers[T]:
    """The same for Spotify's sources, whose calls come out of one allowance."""
    taken = context.allowance.take(calls)
    known = await look_up(
        context.services.lookups, kind, wanted, limits=context.limits, calls=taken
    )
    context.allowance.give_back(taken - known.asked)
    unknown = any(item.key not in known.answers for item in wanted)
    if unknown and not taken and known.trouble is None:
        known.trouble = AllowanceSpent(kind.name, "no calls are left for it")
    return known
