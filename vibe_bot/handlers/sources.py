"""/sources: what each source of music brought this person, and the switch of each."""

from __future__ import annotations

from collections import Counter

from telegram import InlineKeyboardButton

from vibe_bot.formatting import Html, button, together
from vibe_bot.interactions import Interaction
from vibe_bot.results import source_name
from vibe_pipeline.accounts.records import Account, AccountChanges, SourceOutcome
from vibe_pipeline.records import Source

LISTS_COUNTED = 30


async def sources(interaction: Interaction) -> None:
    """/sources: offered, chosen, later liked or replayed, best first; each with its switch."""
    await _show(interaction)


async def switch(interaction: Interaction) -> str | None:
    """A tap: a source is left alone, or asked again, from the next list on: ``SOURCE:off``.

    Buttons of former versions name the source alone and turn it round.
    """
    name, _, wanted = interaction.args.partition(":")
    source = next((one for one in Source if one.value == name), None)
    if source is None:
        return interaction.text("bot.stale_button")

    def switched(account: Account) -> AccountChanges:
        before = account.sources_off
        off = wanted == "off" if wanted else source not in before
        return {"sources_off": before | {source} if off else before - {source}}

    changed = await interaction.change_by(switched)
    await _show(changed)
    name, off = source_name(interaction.language, source), source in changed.account.sources_off
    return interaction.text(f"bot.sources.switched_{'off' if off else 'on'}", source=name)


async def _show(interaction: Interaction) -> None:
    brought = _brought(interaction)
    generate = None if brought else interaction.button("generate", "go:generate")
    none = interaction.html("bot.sources.none", generate=interaction.text("keyboard.generate"))
    switches = interaction.html("bot.sources.switches")
    text = none if brought is None else together(brought, "", switches)
    await interaction.show(text, [generate], *_switches(interaction))


def _switches(interaction: Interaction) -> list[list[InlineKeyboardButton]]:
    off = interaction.account.sources_off
    return [
        [
            button(
                f"{'⬜' if source in off else '✅'} {source_name(interaction.language, source)}",
                f"so:{source.value}:{'on' if source in off else 'off'}",
            )
        ]
        for source in Source
    ]


def _brought(interaction: Interaction) -> Html | None:
    """What each source brought; ``None`` while there is nothing to count."""
    store, user_id = interaction.services.store, interaction.account.user_id
    known = {one.source: one for one in store.source_outcomes.list(user_id)}
    offered: Counter[str] = Counter()
    for edition in store.editions.history(user_id, LISTS_COUNTED):
        for pool in edition.summary.pools if edition.summary else ():
            offered[pool.source] += pool.offered
    names = {name for name, count in offered.items() if count} | known.keys()
    if not names:
        return None
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
    return together(title, "", *lines, "", explain)


def _outcome(known: dict[str, SourceOutcome], name: str) -> SourceOutcome:
    return known.get(name) or SourceOutcome(source=name, chosen=0, liked=0, replayed=0)


def _best_first(one: SourceOutcome) -> tuple[int, int, str]:
    return -(one.liked + one.replayed), -one.chosen, one.source
