"""The built-in world and worlds made of real listening."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.simulator.worlds.catalogue import World
from vibe_pipeline.simulator.worlds.identifiers import (
    Identifiers,
    owner_of_isrc,
    owner_of_mbid,
    owner_of_spotify_id,
)
from vibe_pipeline.simulator.worlds.real import WorldUnreadable, real_world

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def fingerprint(world: World) -> list[object]:
    library = world.library(world.listeners[0], NOW)
    return [
        [artist.name for artist in world.artists],
        [(track.spotify_id, at) for track, at in library.likes],
        [(track.spotify_id, at) for track, at in library.plays],
        [other.name for other, _ in world.similar_artists(world.artists[0])],
    ]


def test_the_same_seed_makes_the_same_world() -> None:
    assert fingerprint(BuiltInWorld(5)) == fingerprint(BuiltInWorld(5))
    assert fingerprint(BuiltInWorld(5)) != fingerprint(BuiltInWorld(6))


def test_ids_carry_their_owner() -> None:
    ids = Identifiers(3)

    for owner in (0, 7, 13_951, 46_656, 100_000):
        assert owner_of_spotify_id(ids.spotify("track", owner, 4)) == owner
        assert owner_of_mbid(ids.mbid("recording", owner, 4)) == owner
        assert owner_of_isrc(ids.isrc(owner, 1999, 12)) == owner


def test_the_built_in_world_is_as_messy_as_music_is() -> None:
    world = BuiltInWorld(1)
    tracks = [track for artist in world.artists for track in world.discography(artist).tracks]
    names = [artist.name for artist in world.artists]

    assert len(names) == len({folded(name) for name in names}) > 500
    assert any("ї" in name or "и" in name for name in names)
    assert any("α" in name for name in names)
    assert any("ø" in name for name in names)
    assert {"live", "remix", "karaoke", "sped up"} <= {track.recording.version for track in tracks}
    assert any("(feat. " in track.recording.title for track in tracks)
    assert any(track.isrc is None for track in tracks)
    assert any(track.vanished for track in tracks)
    assert any(track.album.kind == "compilation" for track in tracks)
    ids = [track.spotify_id for track in tracks]
    assert len(ids) == len(set(ids))
    isrcs = {track.isrc: track.recording.artist.number for track in tracks if track.isrc}
    assert all(isrcs[track.isrc] == track.recording.artist.number for track in tracks if track.isrc)


def test_a_compilation_can_be_opened() -> None:
    world = BuiltInWorld(1)
    album = next(
        track.album
        for track in world.discography(world.artists[0]).tracks
        + world.discography(world.artists[1]).tracks
        if track.album.kind == "compilation"
    )

    tracks = world.album_tracks(album)

    assert world.album(album.spotify_id) == album
    assert len({track.recording.artist.number for track in tracks}) > 3


def test_listeners_like_what_is_near_their_taste() -> None:
    world = BuiltInWorld(1)
    listener = world.listeners[0]
    library = world.library(listener, NOW)
    liked = [world.would_like(listener, track.recording) for track, _ in library.likes]
    anything = [
        world.would_like(listener, world.discography(artist).recordings[0])
        for artist in world.artists
    ]

    assert len(library.likes) >= 300
    assert len({at.hour for _, at in library.plays}) < 24
    assert sum(liked) / len(liked) > sum(anything) / len(anything) + 0.2
    assert all(0 <= chance <= 1 for chance in [*liked, *anything])


def table(path: Path, *rows: str, encoding: str = "utf-8") -> None:
    path.write_text("\n".join(rows) + "\n", encoding=encoding)


def test_a_world_from_listens_survives_junk_and_a_missing_tag_file(tmp_path: Path) -> None:
    table(
        tmp_path / "listens.csv",
        "user_id,artist_id,plays",
        *(f"u{user},a{artist},{10 + artist}" for user in range(6) for artist in range(user, 14)),
        "u1,a3,many",
        "u1,unknown,5",
        "broken",
        ",,",
        encoding="utf-8-sig",
    )
    names = ["Motörhead", "motorhead", '"Crosby, Stills & Nash"', "坂本龍一", "Тиха Ріка", "!!!"]
    table(
        tmp_path / "artists.csv",
        "artist_id,name",
        *(f"a{number},{name}" for number, name in enumerate(names)),
        *(f"a{number},Artist {number}" for number in range(6, 14)),
        "a99,",
    )

    world = real_world(tmp_path)

    assert len(world.artists) == 14
    library = world.library(world.listeners[0], NOW)
    assert library.likes
    assert library.plays
    artist = world.artist_named("MOTORHEAD")
    assert artist is not None
    assert world.similar_artists(artist)
    assert folded("!!!") == "!!!"


def test_one_listener_with_one_artist_is_still_a_world(tmp_path: Path) -> None:
    table(tmp_path / "listens.csv", "user_id,artist_id,plays", "1,1,3")
    table(tmp_path / "artists.csv", "artist_id,name", "1,Alone")

    world = real_world(tmp_path)

    assert world.library(world.listeners[0], NOW).likes
    assert world.similar_artists(world.artists[0]) == []


def nothing(folder: Path) -> None:
    folder.mkdir(exist_ok=True)


def no_names(folder: Path) -> None:
    table(folder / "listens.csv", "user_id,artist_id,plays", "1,1,3")


def wrong_columns(folder: Path) -> None:
    no_names(folder)
    table(folder / "artists.csv", "id,title", "1,Alone")


def empty_listens(folder: Path) -> None:
    table(folder / "listens.csv", "user_id,artist_id,plays")
    table(folder / "artists.csv", "artist_id,name", "1,Alone")


def binary_plays(folder: Path) -> None:
    (folder / "plays.csv").write_bytes(bytes(range(256)) * 10)


def nobody_known(folder: Path) -> None:
    table(folder / "listens.csv", "user_id,artist_id,plays", "1,2,3")
    table(folder / "artists.csv", "artist_id,name", "1,Alone")


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (nothing, "holds neither"),
        (no_names, "no artists.csv"),
        (wrong_columns, "has no column artist_id"),
        (empty_listens, "no usable row"),
        (binary_plays, "has no column"),
        (nobody_known, "names a known artist"),
    ],
)
def test_what_no_world_can_be_made_of_is_said_in_a_sentence(
    tmp_path: Path, prepare: Callable[[Path], None], sentence: str
) -> None:
    prepare(tmp_path)

    with pytest.raises(WorldUnreadable, match=sentence) as raised:
        real_world(tmp_path)

    assert "\n" not in str(raised.value)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(WorldUnreadable, match="is not a directory"):
        real_world(tmp_path / "absent")


def test_real_plays_keep_their_hours_and_go_on_with_the_clock(tmp_path: Path) -> None:
    start = datetime(2009, 1, 1, 21, 0, tzinfo=UTC)
    table(
        tmp_path / "plays.csv",
        "user_id,played_at,artist_mbid,artist_name,track_mbid,track_name",
        *(
            f"me,{(start + timedelta(days=day)).isoformat()},,Artist {day % 7},,Song {day % 11}"
            for day in range(50)
        ),
        "me,never,,Artist,,Song",
        "me,2009-01-01T00:00:00Z,,,,",
    )

    world = real_world(tmp_path)
    plays = world.library(world.listeners[0], NOW).plays

    past = [at for _, at in plays if at <= NOW]
    assert len(plays) == 50
    assert len(past) == 30
    assert {at.hour for _, at in plays} == {21}
    assert NOW - past[0] < timedelta(days=1)


def test_real_artists_are_near_each_other_by_their_listeners(shared: Path) -> None:
    began = time.process_time()
    world = real_world(shared / "data" / "lastfm-hetrec")
    spent = time.process_time() - began

    radiohead = world.artist_named("radiohead")
    assert radiohead is not None
    near = [artist.name for artist, _ in world.similar_artists(radiohead)[:15]]
    assert {"Muse", "Coldplay", "Placebo", "Arcade Fire", "Interpol"} & set(near)
    assert spent < 5
    library = world.library(world.listeners[0], NOW)
    assert len(library.likes) > 100
    assert all(len(world.discography(artist).recordings) >= 10 for artist in world.artists[:50])


def test_a_newcomer_finds_ample_strangers_near_their_taste(shared: Path) -> None:
    for name in ("lastfm-hetrec", "lastfm-1k-slice"):
        world = real_world(shared / "data" / name)
        library = world.library(world.listeners[0], NOW)
        known = {
            track.recording.artist.number
            for track, at in [*library.likes, *library.plays]
            if at <= NOW
        }
        near = {
            other.number
            for number in known
            for other, _ in world.similar_artists(world.artists[number])
        }
        assert len(near - known) > 50


def test_the_slice_has_real_songs(shared: Path) -> None:
    folder = shared / "data" / "lastfm-1k-slice"
    with (folder / "plays.csv").open(encoding="utf-8", newline="") as file:
        real = {folded(row["track_name"]) for row in csv.DictReader(file)}

    world = real_world(folder)
    library = world.library(world.listeners[0], NOW)

    assert all(folded(track.recording.title) in real for track, _ in library.likes)
    assert len(library.plays) > 4900
