"""What artists are called: a bag of tags for each, and the person's taste in the same terms.

Tags come from ``sources.artist_descriptions``, those that tell most first. What the likeness counts
in a score is ``ranking.score``'s, what it means for a list as a whole ``ranking.calibration``'s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

from vibe_pipeline.ranking.evidence import Key, blended, cosine, norm
from vibe_pipeline.records import Candidate, SeedProfile

TagBag = Mapping[str, float]


def tags_by_artist(pool: Iterable[Candidate]) -> dict[str, tuple[str, ...]]:
    """By artist key, of those with known tags, what is said of them.

    Where proposals say different things the last in the alphabet counts, so that the order of the
    pool decides nothing; one that begins as another and knows more tags comes after it.
    """
    named: dict[str, tuple[str, ...]] = {}
    for candidate in pool:
        artist = candidate.artist_key
        for tags in (proposal.tags for proposal in candidate.proposals):
            if tags > named.get(artist, ()):
                named[artist] = tags
    return named


def tag_bags(
    pool: Iterable[Candidate], *, place_power: float = 1.0, rarity_power: float = 1.0
) -> dict[str, dict[str, float]]:
    """By key of each artist with known tags, what they weigh, all above 0.

    A tag counts more the earlier it is named and the fewer artists have it; how much more, the
    exponents say.
    """
    named = tags_by_artist(pool)
    folded = {artist: list(map(str.casefold, own)) for artist, own in sorted(named.items())}
    frequency = Counter(chain.from_iterable(map(set, folded.values())))
    rarity = {
        tag: math.log(1 + len(named) / count) ** rarity_power for tag, count in frequency.items()
    }
    most = max(map(len, folded.values()), default=0)
    later = [place**place_power for place in range(most + 1)]
    return {
        artist: {
            tag: rarity[tag] / later[place]
            for place, tag in zip(range(len(own), 0, -1), reversed(own), strict=True)
        }
        for artist, own in folded.items()
    }


def tag_likeness(bags: Mapping[str, TagBag], profile: SeedProfile) -> dict[str, float]:
    """By artist with known tags, how alike they are to those of the seed artists, from 0 to 1.

    Where no seed's tags are known, all proposed artists together stand for the person's taste.
    """
    mine = [(seed.weight, bags[seed.key]) for seed in profile.artists if seed.key in bags]
    taste = blended(mine or [(1.0, bag) for bag in bags.values()])
    length = norm(taste)
    if not length:
        return {}
    return {artist: cosine(taste, bag, length, norm(bag)) for artist, bag in bags.items()}


def tag_shares(bag: Mapping[Key, float]) -> dict[Key, float]:
    """The same bag as shares that add up to 1."""
    whole = math.fsum(bag.values())
    return {tag: weight / whole for tag, weight in bag.items()} if whole > 0 else {}


def taste_in_tags(bags: Mapping[str, TagBag], profile: SeedProfile) -> dict[str, float]:
    """What share of the person's taste each tag has; empty where no seed's tags are known."""
    mine = (
        (seed.weight, tag_shares(bags[seed.key])) for seed in profile.artists if seed.key in bags
    )
    return tag_shares(blended(mine))
