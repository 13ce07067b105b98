"""What spoke for and against a track, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vibe_bot.formatting import Html
from vibe_bot.interactions import Visit
from vibe_pipeline.accounts.records import Considered
from vibe_pipeline.locales import knows


def spoke(visit: Visit, item: Considered) -> Iterator[Html]:
    """A line of what spoke for it and one of what spoke against it, where there is something."""
    for key, terms in (("for", item.speaks_for), ("against", item.speaks_against)):
        reasons = _in_words(visit, key, terms)
        if reasons:
            yield visit.html(f"bot.why.spoke_{key}", reasons="; ".join(reasons))


def _in_words(visit: Visit, key: str, terms: Sequence[str]) -> list[str]:
    return [visit.text(f"bot.why.{key}.{term}") for term in terms if knows(f"bot.why.{key}.{term}")]
