"""Known tracks come back when they are due; what is no discovery and what rests stays away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, FORMER, Policy
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import Choice, select
from vibe_pipeline.records import (
    DropReason,
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    Pool,
    PoolState,
    Proposal,
    SeedProfile,
    Source,
    Track,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
NAMES = ("Once", "Often", "Daily", "Silent", "Stranger")


def track(artist: str) -> Track:
    return Track(spotify_id=artist, uri=f"spotify:track:{artist}", title="Song", artists=(artist,))


def heard(artist: str, *days_ago: float) -> list[Play]:
    return [Play(track=track(artist), played_at=NOW - timedelta(days=days)) for days in days_ago]


PLAYS = [
    *heard("Once", 6),
    *heard("Often", *[6 + n / 10 for n in range(10)]),
    *heard("Daily", *range(1, 15)),
    *heard("Stranger", 6),
]


def chosen(
    policy: Policy = DEFAULT,
    *,
    size: int = 2,
    plays: Sequence[Play] = PLAYS,
    past: Sequence[PastRecommendation] = (),
) -> Choice:
    """Everybody but the stranger is liked; all are proposed alike."""
    pool = Pool(
        source=Source.REDISCOVERED_LIKES,
        state=PoolState.OFFERED,
        proposals=tuple(
            Proposal(
                source=Source.REDISCOVERED_LIKES,
                artist=name,
                title="Song",
                seed=name,
                match=0.9,
                rank=rank,
            )
            for rank, name in enumerate(NAMES, start=1)
        ),
    )
    request = ListRequest(
        vibe_date=NOW.date(),
        now=NOW,
        profile=SeedProfile(artists=(), tracks=()),
        size=size,
        min_new_ratio=0.0,
        likes=tuple(
            LikedTrack(track=track(name), added_at=NOW - timedelta(days=400))
            for name in NAMES
            if name != "Stranger"
        ),
        plays=tuple(plays),
        past=tuple(past),
    )
    ranked = rank(merge([pool]), request, policy)
    found = {entry.candidate.key: track(entry.candidate.artist) for entry in ranked}
    return select(ranked, request, policy, found=found)


def names(choice: Choice) -> set[str]:
    return {entry.candidate.artist for entry in choice.chosen}


def reasons(choice: Choice) -> dict[str, DropReason | None]:
    return {entry.candidate.artist: entry.dropped for entry in choice.ranked}


def test_a_liked_track_is_due_within_a_week_of_one_play_and_not_of_many() -> None:
    choice = chosen()

    assert names(choice) == {"Once", "Silent"}
    assert reasons(choice)["Often"] is DropReason.NOT_DUE
    assert reasons(choice)["Daily"] is DropReason.NOT_DUE


def test_what_was_played_and_is_not_liked_is_no_discovery_for_two_weeks() -> None:
    assert reasons(chosen())["Stranger"] is DropReason.RECENTLY_PLAYED


def test_what_was_played_often_is_due_once_it_has_been_quiet_for_weeks() -> None:
    quiet = [
        *heard("Often", *[26 + n / 10 for n in range(10)]),
        *heard("Once", 2),
        *heard("Daily", 1),
    ]

    assert names(chosen(plays=quiet)) == {"Often", "Silent"}


def test_what_we_gave_rests_its_sixty_days_however_due_it_is() -> None:
    given = PastRecommendation(
        key="silent|song",
        artist_key="silent",
        vibe_date=NOW.date() - timedelta(days=59),
        edition_id=EditionId("e"),
    )

    choice = chosen(past=[given], size=1)

    assert names(choice) == {"Once"}
    assert reasons(choice)["Silent"] is DropReason.RESTED


def test_a_short_list_is_filled_with_what_is_not_due_yet() -> None:
    assert names(chosen(size=4)) == {"Once", "Silent", "Often", "Daily"}


@pytest.mark.parametrize(
    "policy",
    [policy for policy in FORMER if policy.version < 3],
    ids=lambda policy: f"{policy.name} {policy.version}",
)
def test_policies_of_former_releases_let_everything_rest_alike(policy: Policy) -> None:
    choice = chosen(policy, size=1)

    assert names(choice) == {"Silent"}
    lately = {name: DropReason.RECENTLY_PLAYED for name in NAMES if name != "Silent"}
    assert reasons(choice) == {**lately, "Silent": None}
