"""One listening that several services tell of, each under its own moment, counts once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from vibe_pipeline.clients.scrobbles import ScrobbledPlay
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import Play, Track, UserId
from vibe_pipeline.taste.scrobble_reading import add_rows, rows_of
from vibe_pipeline.warehouse import Tables, Warehouse
from vibe_pipeline.warehouse.listening_history import ToldPlay

ANNA = UserId("u1")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(days=200)
RUBYCON = timedelta(minutes=17, seconds=18)
TOLD = {
    "lastfm": (timedelta(), None),
    "listenbrainz": (timedelta(seconds=2), RUBYCON),
    "spotify_archive": (RUBYCON + timedelta(seconds=40), RUBYCON),
}
"""Who tells of it when, from its beginning on, and of which length."""


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    with Warehouse(tmp_path / "warehouse.duckdb").open() as opened:
        yield opened


def tell(tables: Tables, source: str, after: timedelta, length: timedelta | None) -> int:
    """A service's word of one play; how many were new to us."""
    play = ScrobbledPlay(
        artist="Tangerine Dream",
        title="Rubycon, Part One",
        listened_at=BEGUN + after,
        duration_ms=None if length is None else int(length.total_seconds() * 1000),
    )
    return add_rows(tables, ANNA, rows_of([play], now=NOW), source=source, account="x", now=NOW)


def told_by_spotify(tables: Tables) -> Play:
    """The same play, as Spotify itself tells it now."""
    track = Track(
        spotify_id="1" * 22,
        uri=f"spotify:track:{'1' * 22}",
        title="Rubycon, Part One",
        artists=("Tangerine Dream",),
        duration_ms=int(RUBYCON.total_seconds() * 1000),
    )
    play = Play(track=track, played_at=BEGUN + RUBYCON)
    tables.library.add_plays(ANNA, [play], collected_at=NOW, gap=False)
    return play


@pytest.mark.parametrize("order", list(permutations(TOLD)))
def test_a_long_track_counts_once_whoever_tells_of_it_first(
    tables: Tables, order: tuple[str, ...]
) -> None:
    assert [tell(tables, source, *TOLD[source]) for source in order] == [1, 0, 0]


@pytest.mark.parametrize("source", TOLD)
def test_a_long_track_that_spotify_told_of_is_not_added(tables: Tables, source: str) -> None:
    told_by_spotify(tables)

    assert tell(tables, source, *TOLD[source]) == 0


def test_a_long_track_that_spotify_tells_of_later_takes_the_scrobbles_place(tables: Tables) -> None:
    tell(tables, "lastfm", *TOLD["lastfm"])
    play = told_by_spotify(tables)

    told = ToldPlay(
        recording_key(play.track.artist, play.track.title),
        int(play.played_at.timestamp()),
        play.track.duration_ms,
    )

    assert tables.history.told_by_spotify(ANNA, [told], collected_at=NOW) == 1


def test_a_long_track_played_again_counts_again(tables: Tables) -> None:
    tell(tables, "lastfm", timedelta(), None)

    assert tell(tables, "spotify_archive", timedelta(hours=1), RUBYCON) == 1


def test_a_length_nobody_can_listen_to_joins_no_two_days(tables: Tables) -> None:
    tell(tables, "listenbrainz", timedelta(), timedelta(days=20))

    assert tell(tables, "lastfm", timedelta(days=1), None) == 1
