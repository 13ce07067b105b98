"""/sources: what each source of music brought this person."""

from __future__ import annotations

from collections import Counter

from vibe_bot.formatting import together
from vibe_bot.interactions import Visit
from vibe_bot.results import source_name
from vibe_pipeline.accounts.records import SourceOutcome

LISTS_COUNTED = 30


async def sources(visit: Visit) -> None:
    """/sources: offered, chosen, later liked or replayed, best first."""
    store, user_id = visit.services.store, visit.account.user_id
    known = {one.source: one for one in store.source_outcomes.list(user_id)}
    offered: Counter[str] = Counter()
    for edition in store.editions.history(user_id, LISTS_COUNTED):
        for pool in edition.summary.pools if edition.summary else ():
            offered[pool.source] += pool.offered
    names = {name for name, count in offered.items() if count} | known.keys()
    if not names:
        words = visit.html("bot.sources.none", generate=visit.text("keyboard.generate"))
        await visit.answer(words, [visit.button("generate", "go:generate")])
        return
    lines = [
        visit.html(
            "bot.sources.line",
            source=source_name(visit.language, one.source),
            offered=offered[one.source],
            chosen=one.chosen,
            liked=one.liked,
            replayed=one.replayed,
        )
        for one in sorted((_outcome(known, name) for name in names), key=_best_first)
    ]
    title, explain = visit.html("bot.sources.title"), visit.html("bot.sources.explain")
    await visit.answer(together(title, "", *lines, "", explain))


def _outcome(known: dict[str, SourceOutcome], name: str) -> SourceOutcome:
    return known.get(name) or SourceOutcome(source=name, chosen=0, liked=0, replayed=0)


def _best_first(one: SourceOutcome) -> tuple[int, int, str]:
    return -(one.liked + one.replayed), -one.chosen, one.source
