"""What an earlier build stored under another key of the same name goes on counting."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from vibe_pipeline.accounts.records import Block, BlockKind, Exclusion, ExclusionKind, Thumb
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.listener_knowledge import with_current_keys
from vibe_pipeline.records import EditionId, PastRecommendation
from vibe_pipeline.taste.exclusions import exclusions_kept
from vibe_pipeline.taste.feedback import Feedback, feedback_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ARTIST, TITLE = "लता मंगेशकर", "तेरा मेरा"
FORMER_ARTIST, FORMER = "लत म ग शकर", "लत म ग शकर|त र म र"
"""Keys as they were when vowel signs did not count."""


def thumb(key: str, value: int, *, artist: str = ARTIST, title: str = TITLE) -> Thumb:
    return Thumb(
        key=key,
        value=value,
        artist_key=FORMER_ARTIST,
        artist=artist,
        title=title,
        created_at=NOON,
    )


def test_a_thumb_goes_by_the_key_its_names_have_today() -> None:
    feedback = Feedback.of(*feedback_of([], [thumb(FORMER, -1)]))

    assert feedback.thumbs == {recording_key(ARTIST, TITLE): -1}
    assert feedback.artist_thumbs == {artist_key(ARTIST): -1}


def test_of_two_thumbs_for_one_recording_the_newer_counts() -> None:
    newest_first = [thumb(recording_key(ARTIST, TITLE), 1), thumb(FORMER, -1)]

    feedback = Feedback.of(*feedback_of([], newest_first))

    assert feedback.thumbs == {recording_key(ARTIST, TITLE): 1}
    assert feedback.artist_thumbs == {artist_key(ARTIST): 1}


@pytest.mark.parametrize(
    ("kind", "former", "name", "today"),
    [
        (BlockKind.ARTIST, FORMER_ARTIST, ARTIST, artist_key(ARTIST)),
        (BlockKind.TRACK, FORMER, f"{ARTIST} – {TITLE}", recording_key(ARTIST, TITLE)),
    ],
)
def test_a_block_goes_by_the_key_of_its_day_and_by_todays(
    kind: BlockKind, former: str, name: str, today: str
) -> None:
    block = Block(kind=kind, key=former, name=name, created_at=NOON)

    feedback = Feedback.of(*feedback_of([block], []))

    assert feedback.blocked_artists | feedback.blocked_tracks == {former, today}


def test_an_artist_left_out_stays_left_out() -> None:
    exclusion = Exclusion(
        kind=ExclusionKind.ARTIST, key=FORMER_ARTIST, name=ARTIST, created_at=NOON
    )

    kept = exclusions_kept([exclusion])

    assert {one["key"] for one in kept} == {FORMER_ARTIST, artist_key(ARTIST)}


def past(artist: str, title: str) -> PastRecommendation:
    return PastRecommendation(
        key=FORMER,
        artist_key=FORMER_ARTIST,
        vibe_date=date(2026, 11, 20),
        edition_id=EditionId("e1"),
        artist=artist,
        title=title,
    )


def test_what_was_recommended_rests_under_the_key_it_has_today() -> None:
    (today,) = with_current_keys([past(ARTIST, TITLE)])

    assert today.key == recording_key(ARTIST, TITLE)
    assert today.artist_key == artist_key(ARTIST)


def test_what_was_recommended_without_a_name_keeps_its_key() -> None:
    (today,) = with_current_keys([past("", "")])

    assert today == past("", "")
