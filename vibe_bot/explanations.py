"""What spoke for and against a track, in words: terms of a score become reasons.

Which terms those are says ``ranking.explanations``; nothing is weighed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vibe_bot.formatting import Html
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import Considered
from vibe_pipeline.locales import knows


def spoke(interaction: Interaction, item: Considered) -> Iterator[Html]:
    """A line of what spoke for it and one of what spoke against it, where there is something."""
    for key, terms in (("for", item.speaks_for), ("against", item.speaks_against)):
        reasons = _in_words(interaction, key, terms)
        if reasons:
            yield interaction.html(f"bot.why.spoke_{key}", reasons="; ".join(reasons))


def _in_words(interaction: Interaction, key: str, terms: Sequence[str]) -> list[str]:
    return [
        interaction.text(f"bot.why.{key}.{term}")
        for term in terms
        if knows(f"bot.why.{key}.{term}")
    ]
