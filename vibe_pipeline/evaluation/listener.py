"""The adapter: one listener of the data as production would see them, and no more than that.

At most twenty seeds, a hundred neighbours of each with the match scaled to the best, the listeners
and the tags of artists. The scoring itself is the ranker's own (``ranking.evidence``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.ranking.evidence import (
    SeedVotes,
    Vote,
    blended,
    cosine,
    norm,
    popularity,
    similarity,
    support,
    tags,
)
from vibe_pipeline.ranking.policy import Policy

MOST_SEEDS = 20
TagBag = Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What the services would say about one person's seeds."""

    seeds: Sequence[tuple[float, TagBag]]
    """Each seed's weight in (0, 1] and its tags, strongest first."""
    ballots: Sequence[SeedVotes]
    """What each seed names, in the same order."""
    listeners: Mapping[int, int]
    tags: Mapping[int, TagBag]

    @classmethod
    def of(cls, crowd: NeighbourIndex, user: int) -> Listener:
        """The listener with this index: known artists are seeds, never candidates."""
        known = set(crowd.known[user].tolist())
        heaviest = float(crowd.weight[user][0]) or 1.0
        seeds, ballots = [], []
        for artist, weight in zip(
            crowd.known[user][:MOST_SEEDS].tolist(),
            crowd.weight[user][:MOST_SEEDS].tolist(),
            strict=True,
        ):
            share = min(max(weight / heaviest, 1e-6), 1.0)
            ids, matches = crowd.neighbours.of(artist)
            votes = [
                Vote(candidate, match, place)
                for place, (candidate, match) in enumerate(
                    zip(ids.tolist(), matches.tolist(), strict=True)
                )
                if candidate not in known
            ]
            seeds.append((share, crowd.data.tags[artist]))
            ballots.append(SeedVotes(share, int(crowd.listeners[artist]), votes))
        named = {vote.candidate for ballot in ballots for vote in ballot.votes}
        return cls(
            seeds=seeds,
            ballots=ballots,
            listeners={artist: int(crowd.listeners[artist]) for artist in named},
            tags={artist: crowd.data.tags[artist] for artist in named},
        )

    def list(self, policy: Policy, adventure: int, length: int) -> list[int]:
        """The artists this policy would offer first."""
        scores = self.scores(policy, adventure)
        return sorted(scores, key=lambda artist: (-scores[artist], artist))[:length]

    def scores(self, policy: Policy, adventure: int) -> dict[int, float]:
        """Every candidate's score, as ``ranking.score`` sums it; one source, so no agreement."""
        supported = support(self.ballots[: policy.seeds], policy)
        best = max(supported.values(), default=1.0)
        taste = blended(self.seeds[: policy.seeds]) if policy.tag_weight else {}
        length = norm(taste)
        discount_at = {
            heard_of: popularity(heard_of, adventure, policy)
            for heard_of in set(self.listeners.values())
        }
        liked_by_tag = {
            artist: tags(cosine(taste, bag, length, 1.0), policy)
            for artist in supported
            if length and (bag := self.tags[artist])
        }
        return {
            artist: similarity(value / best, policy)
            + discount_at[self.listeners[artist]]
            + liked_by_tag.get(artist, 0.0)
            for artist, value in supported.items()
        }
