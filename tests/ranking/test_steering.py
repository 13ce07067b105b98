"""More of this, less of that: what wishes do to scores, and that nothing changes without them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from vibe_pipeline.accounts.records import SteeringWish, WishKind
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.steering import LESS, MORE, MOST, Steer, squashed, steering_terms
from vibe_pipeline.records import Candidate, Proposal, SeedProfile, Source
from vibe_pipeline.taste.steering import steers_of, wishes_kept

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REQUEST = ListRequest(
    vibe_date=date(2026, 11, 20), now=NOW, profile=SeedProfile(artists=(), tracks=())
)


def candidate(artist: str, *tags: str, match: float = 0.5) -> Candidate:
    """A recording of an artist with these tags."""
    proposal = Proposal(
        source=Source.LISTENBRAINZ,
        artist=artist,
        title="x",
        seed="seed",
        match=match,
        rank=1,
        tags=tags,
    )
    return Candidate(
        key=f"{artist}|x", artist=artist, artist_key=artist, title="x", proposals=(proposal,)
    )


def wish(kind: WishKind, key: str) -> SteeringWish:
    return SteeringWish(kind=kind, key=key, name=key, only_on=None, created_at=NOW)


POOL = [
    candidate("gaze", "Shoe-Gaze", "pop"),
    candidate("late", "pop", "rock", "shoegaze"),
    candidate("metal", "doom metal"),
    candidate("unknown"),
]


def steered(*wishes: SteeringWish) -> dict[str, float]:
    return steering_terms(POOL, steers_of(wishes_kept(wishes)))


def test_more_lifts_whoever_has_the_tag_however_spelt_and_less_the_later_it_comes() -> None:
    terms = steered(wish(WishKind.MORE, "style:shoegaze"))

    assert terms["gaze"] == MORE > terms["late"] > 0
    assert terms["metal"] == 0
    assert terms.get("unknown", 0.0) == 0


def test_less_holds_down_and_a_style_speaks_of_its_kinds_while_a_tag_is_just_itself() -> None:
    assert steered(wish(WishKind.LESS, "style:metal"))["metal"] == LESS
    assert steered(wish(WishKind.LESS, "tag:metal"))["metal"] == 0
    assert steered(wish(WishKind.MORE, "tag:Doom-Metal"))["metal"] == MORE


def test_all_wishes_together_stay_within_bounds_in_whatever_order() -> None:
    many = [Steer(key=str(n), tags=frozenset({"pop"}), weight=MORE) for n in range(9)]

    assert steering_terms(POOL, many) == steering_terms(POOL, reversed(many))
    assert steering_terms(POOL, many)["late"] == MOST


def test_a_wish_moves_the_ranking_and_is_told_as_a_term() -> None:
    before = rank(POOL, REQUEST)
    wishes = steers_of(wishes_kept([wish(WishKind.LESS, "style:metal")]))
    after = rank(POOL, replace(REQUEST, steering=wishes))

    assert after[-1].candidate.artist == "metal"
    assert after[-1].terms["steering"] == LESS
    assert all("steering" not in entry.terms for entry in before)


def test_nobody_who_asks_for_nothing_has_anything_kept() -> None:
    assert wishes_kept([]) == {}
    assert steers_of({"size": 30}) == ()


def test_spelling_does_not_matter() -> None:
    assert squashed("R&B") == squashed("r b")
    assert squashed("Hip-Hop") == squashed("hip hop") == "hiphop"
