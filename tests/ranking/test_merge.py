"""Merging proposals into candidates."""

from __future__ import annotations

from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedVote, Source


def test_proposals_that_differ_in_their_votes_alone_have_an_order() -> None:
    votes = [(SeedVote("A", 0.5, 3, 2.0),), (SeedVote("A", 0.4, 1, 2.0),), ()]
    proposals = [
        Proposal(
            source=Source.LASTFM_SIMILAR_ARTISTS,
            artist="X",
            title="Y",
            seed="A",
            match=0.5,
            rank=1,
            votes=said,
        )
        for said in votes
    ]

    def pool(*order: int) -> Pool:
        return Pool(
            source=Source.LASTFM_SIMILAR_ARTISTS,
            state=PoolState.OFFERED,
            proposals=tuple(proposals[index] for index in order),
        )

    (merged,) = merge([pool(0, 1, 2)])

    assert [proposal.votes for proposal in merged.proposals] == sorted(votes)
    assert merge([pool(2, 1, 0)]) == [merged]
