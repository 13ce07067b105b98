"""Ranking policies: frozen, named, versioned sets of parameters.

A change of any figure is a new version: an edition stores name and version, and a replay with them
must give the same list. The figures of ``default`` are chosen by ``evaluation.tuning``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vibe_pipeline.ranking.versions import Version

UNWANTED_VERSIONS: Final = (
    Version.LIVE
    | Version.KARAOKE
    | Version.COVER
    | Version.SPED_UP
    | Version.SLOWED
    | Version.REMIX
    | Version.EDIT
    | Version.INSTRUMENTAL
    | Version.SPOKEN
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How candidates are scored and a list is put together."""

    name: str
    version: int
    sum_only: bool = False
    """Score by the plain sum of similarities and nothing else."""
    seed_damping: float = 0.5
    """Exponent on seed weights: 0 treats all seeds alike, 1 takes the weights as they are."""
    match_power: float = 1.0
    """Exponent on a source's match before it is summed over seeds."""
    rank_share: float = 0.3
    """How much of a proposal's strength is its rank (1 / (k + rank)) rather than its match."""
    rank_constant: float = 20.0
    """``k`` of the rank fusion: the larger, the less the very first places count."""
    adventure_floor: float = 0.0
    """The popularity discount at dial 0, as an exponent on the number of listeners."""
    adventure_slope: float = 0.5
    """How much the discount grows from dial 0 to dial 100."""
    tag_weight: float = 0.5
    thumb_weight: float = 0.4
    artist_weight: float = 0.3
    """How strongly artists the person leans to are lifted, for their own unheard tracks."""
    fatigue_weight: float = 0.5
    fatigue_days: float = 30.0
    """After so many days an artist's recommendation weighs half as tiring as on the day."""
    artist_cap: int = 2
    artist_spacing: int = 4
    source_cap: float = 0.5
    rest_days: int = 60
    recently_played_days: int = 14
    unwanted_versions: Version = UNWANTED_VERSIONS


DEFAULT: Final = Policy(name="default", version=1)
SIMILAR_SUM: Final = Policy(
    name="similar-sum",
    version=1,
    sum_only=True,
    seed_damping=1.0,
    rank_share=0.0,
    adventure_slope=0.0,
    tag_weight=0.0,
    thumb_weight=0.0,
    artist_weight=0.0,
    fatigue_weight=0.0,
)

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (DEFAULT, SIMILAR_SUM)}
)
