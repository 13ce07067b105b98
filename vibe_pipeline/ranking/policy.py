"""Ranking policies: frozen, named, versioned sets of parameters.

A change of any figure, or of how a list is put together, is a new version: an edition stores name
and version, and a replay with them must give the same list. What ``default`` makes of similarity,
popularity and tags is chosen by ``evaluation.tuning``; fatigue and reception, which listening data
without days cannot tell, on simulated nights (``vibe nights``) of worlds 1 to 5 and 7. World 6 was
used by no choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from vibe_pipeline.ranking.activation import DUE_DAYS
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

    seeds: int = 60
    """So many of the strongest seeds of a kind speak."""
    seed_damping: float = 1.0
    """Exponent on seed weights: 0 treats all seeds alike, 1 takes the weights as they are."""
    seed_rarity: float = 0.5
    """Exponent by which a seed that everybody knows says less about this person."""
    spread_damping: float = 0.2
    """Exponent by which a seed with many near equals around it says less about each."""
    match_power: float = 0.75
    """Exponent on a source's match before it is summed over seeds."""
    rank_share: float = 0.5
    """How much of a vote is its place, ``k / (k + place)``, rather than its match."""
    rank_constant: float = 20.0
    """``k`` of the rank fusion: the larger, the less the very first places count."""
    back_weight: float = 0.6
    """What it counts that a candidate's own list of near artists names a seed."""
    few_seeds: int = 5
    """Of a person with at most so many known artists, each also speaks for whom its neighbours
    name: two steps away, where one step says little."""
    similarity_weight: float = 1.0
    agreement_weight: float = 0.5
    """What being named by several sources adds at most."""
    popularity_at_0: float = -0.15
    """Exponent of the discount for well-known music with the adventure dial at 0."""
    popularity_at_100: float = 0.25
    level_doubt: float = 0.4
    """An artist known to this share of those who know the person's own artists, on average, counts
    half; the doubt fades as the adventure dial turns up."""
    tag_weight: float = 3.0
    artist_weight: float = 1.0
    """How strongly artists the person leans to are lifted, for their own unheard tracks."""
    thumb_weight: float = 0.6
    reception_weight: float = 0.7
    """How strongly it counts what the person kept of an artist's tracks we offered before."""
    reception_doubt: float = 3.0
    """So many offered tracks of an artist weigh as much as what the person keeps usually."""
    fatigue_weight: float = 2.0
    """What an artist recommended again and again lately loses at most."""
    fatigue_days: float = 10.0
    """After so many days a recommendation tires half as much as on its day."""

    seed_balance: float = 0.6
    """What it costs a candidate that its seeds carry their part of the list already."""
    tag_balance: float = 0.0
    """What it is worth that a candidate brings tags of the taste which the list lacks so far."""
    tag_calibration: float = 0.16
    """The same, times the square of how many tracks are on the list already."""
    tag_short_lists: float = 2.0
    """Exponent by which that counts less in lists of fewer than thirty tracks."""
    tag_place: float = 0.5
    """Exponent by which a tag counts less for it, the later it is named for an artist."""
    tag_rarity: float = 0.0
    """Exponent by which a tag counts more for it, the fewer artists have it."""
    seed_flow: float = 0.0
    """How much alike tracks of the same seed are when the list is put in order."""
    seed_evenness: float = 1.0
    """What it costs a track there that more of its seed's were heard than evenly would be."""

    artist_cap: int = 2
    artist_spacing: int = 4
    source_cap: float = 0.5
    rest_days: int = 60
    recently_played_days: int = 14
    """What was played within so many days is no discovery."""
    due_days: float = DUE_DAYS
    """A known track heard once may come again after so many days, and later the more often it was
    heard (``ranking.activation``); with 0 it rests like one that is not known."""
    unwanted_versions: Version = UNWANTED_VERSIONS


DEFAULT: Final = Policy(name="default", version=8)
SIMILAR_SUM: Final = Policy(
    name="similar-sum",
    version=3,
    seeds=10,
    back_weight=0.0,
    few_seeds=0,
    seed_balance=0.0,
    seed_evenness=0.0,
    tag_calibration=0.0,
    tag_short_lists=1.0,
    tag_place=1.0,
    tag_rarity=1.0,
    seed_rarity=0.0,
    spread_damping=0.0,
    match_power=1.0,
    rank_share=0.0,
    similarity_weight=1.0,
    agreement_weight=0.0,
    popularity_at_0=0.0,
    popularity_at_100=0.0,
    level_doubt=0.0,
    tag_weight=0.0,
    artist_weight=0.0,
    thumb_weight=0.0,
    reception_weight=0.0,
    fatigue_weight=0.0,
)

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (DEFAULT, SIMILAR_SUM)}
)

ADDED_FIGURES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "back_weight": 0.0,
        "seed_balance": 0.0,
        "tag_balance": 0.0,
        "tag_calibration": 0.0,
        "tag_short_lists": 1.0,
        "tag_place": 1.0,
        "tag_rarity": 1.0,
        "seed_flow": 1.0,
        "seed_evenness": 0.0,
        "due_days": 0.0,
        "level_doubt": 0.0,
        "few_seeds": 0,
    }
)
"""What figures that came with version 3 or later are for a policy that was stored without them."""
_DEFAULT_7: Final = replace(
    DEFAULT,
    version=7,
    seed_rarity=0.3,
    spread_damping=0.4,
    popularity_at_100=0.225,
    tag_weight=2.0,
    seed_balance=2.0,
    seed_evenness=0.0,
)
_DEFAULT_6: Final = replace(
    _DEFAULT_7, version=6, tag_calibration=0.04, tag_short_lists=1.0, tag_place=1.0, tag_rarity=1.0
)
_DEFAULT_5: Final = replace(
    _DEFAULT_6, version=5, seed_balance=0.8, tag_balance=0.5, tag_calibration=0.0
)
_DEFAULT_4: Final = replace(_DEFAULT_5, version=4, few_seeds=0)
_DEFAULT_3: Final = replace(
    _DEFAULT_4,
    version=3,
    seed_rarity=0.2,
    spread_damping=0.3,
    back_weight=0.4,
    level_doubt=0.0,
)
FORMER: Final = (
    _DEFAULT_7,
    _DEFAULT_6,
    _DEFAULT_5,
    _DEFAULT_4,
    _DEFAULT_3,
    replace(
        _DEFAULT_3,
        version=2,
        seeds=20,
        similarity_weight=0.7,
        popularity_at_0=-0.1,
        tag_weight=3.5,
        back_weight=0.0,
        seed_balance=0.0,
        tag_balance=0.0,
        seed_flow=1.0,
        due_days=0.0,
    ),
    replace(SIMILAR_SUM, version=2, seed_flow=1.0, due_days=0.0),
)
"""Policies of former releases, by which their editions are made again."""
