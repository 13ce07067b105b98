"""What a simulation of many nights plays: who, how long, which policies."""

from __future__ import annotations

from dataclasses import dataclass, field

from vibe_pipeline.evaluation.nights.world import WorldRecipe
from vibe_pipeline.ranking.policy import DEFAULT, SIMILAR_SUM
from vibe_pipeline.sources.context import SourceLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be played."""

    recipe: WorldRecipe = field(default_factory=WorldRecipe)
    listeners: int = 30
    nights: int = 60
    policies: tuple[str, ...] = (DEFAULT.name, SIMILAR_SUM.name)
    seed: int = 1
    size: int = 30
    min_new_ratio: float = 0.8
    adventure: int = 40
    limits: SourceLimits = field(default_factory=SourceLimits)
