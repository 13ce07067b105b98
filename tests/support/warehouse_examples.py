"""Tracks, likes and plays with names one can tell apart, for the tests."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from vibe_pipeline.records import (
    ChosenTrack,
    EditionId,
    LikedTrack,
    Play,
    Source,
    Track,
    UserId,
)
from vibe_pipeline.warehouse import NotAWarehouse, Slice, Warehouse
from vibe_pipeline.warehouse.damage import is_damaged
from vibe_pipeline.warehouse.schema import _apply, migrations

ANNA = UserId("u-anna")
BORIS = UserId("u-boris")
_HEADERS, _BLOCK_BYTES = 3 * 4096, 262_144
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def track(number: int, *, artist: str = "The Examples") -> Track:
    """A track that is different for every number."""
    return Track(
        spotify_id=f"id{number:05}",
        uri=f"spotify:track:id{number:05}",
        title=f"Song {number}",
        artists=(artist, "Someone Else"),
        artist_ids=("artist1", "artist2"),
        album="Album",
        album_id="album1",
        isrc=f"XX{number:010}" if number % 2 else None,
        duration_ms=180_000 + number,
        release_date="2020-01",
    )


def like(number: int, *, days_ago: int = 0) -> LikedTrack:
    """A like of that track."""
    return LikedTrack(track=track(number), added_at=NOON - timedelta(days=days_ago, seconds=number))


def play(number: int, *, minutes_ago: int) -> Play:
    """A play of that track."""
    return Play(track=track(number), played_at=NOON - timedelta(minutes=minutes_ago))


def edition(name: str, *, user_id: UserId = ANNA, day: int = 20) -> Slice:
    """The slice of an edition of November 2026."""
    return Slice(user_id=user_id, vibe_date=date(2026, 11, day), edition_id=EditionId(name))


def chosen(position: int, *, number: int | None = None) -> ChosenTrack:
    """A line of a list."""
    told = track(number if number is not None else position)
    return ChosenTrack(
        position=position,
        artist=told.artist,
        title=told.title,
        spotify_id=told.spotify_id,
        uri=told.uri,
        isrc=told.isrc,
        is_new=True,
        source=Source.LISTENBRAINZ,
        seed="Seed",
        reason="Because.",
        key=f"the examples|song {told.title}",
        artist_key="the examples",
    )


def damage_block(path: Path, block: int) -> None:
    """Zeros where one of the blocks was, as a bad disk leaves them."""
    with path.open("r+b") as file:
        file.seek(_HEADERS + block * _BLOCK_BYTES)
        file.write(bytes(_BLOCK_BYTES))


def blocks_of(path: Path) -> range:
    """The blocks of a warehouse's file, used and free ones."""
    return range((path.stat().st_size - _HEADERS) // _BLOCK_BYTES)


def damaged_for_writers(path: Path) -> bool:
    """Damage a block that nobody needs but who adds a play; whether there is one."""
    whole = path.read_bytes()
    for block in blocks_of(path):
        damage_block(path, block)
        if not is_damaged(Warehouse(path)) and not _takes_a_play(path):
            return True
        path.write_bytes(whole)
    return False


def _takes_a_play(path: Path) -> bool:
    try:
        with Warehouse(path).open() as tables:
            tables.library.add_plays(
                UserId("u-tries"), [play(1, minutes_ago=1)], collected_at=NOON, gap=False
            )
    except NotAWarehouse:
        return False
    return True


def former_file(path: Path, *, steps: int) -> duckdb.DuckDBPyConnection:
    """A warehouse as a former release left it, after so many migrations; to be closed."""
    connection = duckdb.connect(str(path))
    for migration in migrations()[:steps]:
        _apply(connection, migration)
    return connection


def shell(path: Path, seconds: float, *, read_only: bool = False) -> subprocess.Popen[str]:
    """Another program, which knows nothing of our lock, looks into the file."""
    script = (
        "import duckdb, sys, time; shell = duckdb.connect(sys.argv[1], read_only=sys.argv[2] =="
        " 'True'); print('open', flush=True); time.sleep(float(sys.argv[3])); shell.close()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), str(read_only), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process
