"""/sources: what each source of music brought this person."""

from __future__ import annotations

from collections import Counter

from vibe_bot.formatting import together
from vibe_bot.interactions import Interaction
from vibe_bot.results import source_name
from vibe_pipeline.accounts.records import SourceOutcome

LISTS_COUNTED = 30


async def sources(interaction: Interaction) -> None:
    """/sources: offered, chosen, later liked or replayed, best first."""
    store, user_id = interaction.services.store, interaction.account.user_id
    known = {one.source: one for one in store.source_outcomes.list(user_id)}
    offered: Counter[str] = Counter()
    for edition in store.editions.history(user_id, LISTS_COUNTED):
        for pool in edition.summary.pools if edition.summary else ():
            offered[pool.source] += pool.offered
    names = {name for name, count in offered.items() if count} | known.keys()
    if not names:
        words = interaction.html("bot.sources.none", generate=interaction.text("keyboard.generate"))
        await interaction.answer(words, [interaction.button("generate", "go:generate")])
        return
    lines = [
        interaction.html(
            "bot.sources.line",
            source=source_name(interaction.language, one.source),
            offered=offered[one.source],
            chosen=one.chosen,
            liked=one.liked,
            replayed=one.replayed,
        )
        for one in sorted((_outcome(known, name) for name in names), key=_best_first)
    ]
    title, explain = interaction.html("bot.sources.title"), interaction.html("bot.sources.explain")
    await interaction.answer(together(title, "", *lines, "", explain))


def _outcome(known: dict[str, SourceOutcome], name: str) -> SourceOutcome:
    return known.get(name) or SourceOutcome(source=name, chosen=0, liked=0, replayed=0)


def _best_first(one: SourceOutcome) -> tuple[int, int, str]:
    return -(one.liked + one.replayed), -one.chosen, one.source
