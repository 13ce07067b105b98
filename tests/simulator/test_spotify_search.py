"""Finding tracks on Spotify by name, filter and ISRC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.music_site import MusicSite, Spotify, music_site
from vibe_pipeline.simulator.spotify.search import read_query
from vibe_pipeline.simulator.worlds.catalogue import Track


@pytest.fixture(scope="module")
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


@pytest.fixture(scope="module")
def spotify(site: MusicSite) -> Spotify:
    return site.connect()


def found(spotify: Spotify, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = spotify.json("/search", q=query, type="track", limit=10)[
        "tracks"
    ]["items"]
    return items


def plain_track(site: MusicSite, number: int = 40) -> Track:
    tracks = site.simulation.world.discography(site.simulation.world.artists[number]).tracks
    return next(
        track
        for track in tracks
        if not track.vanished and not track.substitute and not track.recording.version
    )


def test_filters_find_the_track_first(site: MusicSite, spotify: Spotify) -> None:
    track = plain_track(site)
    artist, title = track.recording.artist.name, track.recording.title

    hits = found(spotify, f'track:"{title}" artist:"{artist}"')

    assert hits[0]["name"] == title
    assert hits[0]["artists"][0]["name"] == artist
    assert hits[0]["external_ids"].get("isrc") == track.isrc


@pytest.mark.parametrize("number", [12, 14, 15, 30, 31, 46, 47])
def test_case_and_accents_do_not_matter(site: MusicSite, spotify: Spotify, number: int) -> None:
    track = plain_track(site, number)
    query = f"{track.recording.artist.name} {track.recording.title}".upper()

    hits = found(spotify, query.replace("É", "E").replace("Ø", "o").replace("Å", "a"))

    assert hits[0]["artists"][0]["id"] == track.recording.artist.spotify_id


def test_an_isrc_finds_every_playable_id_of_it(site: MusicSite, spotify: Spotify) -> None:
    track = plain_track(site)
    assert track.isrc is not None

    hits = found(spotify, f"isrc:{track.isrc.lower()}")

    assert {hit["external_ids"]["isrc"] for hit in hits} == {track.isrc}
    assert track.spotify_id in {hit["id"] for hit in hits}


def test_an_unknown_isrc_and_an_unknown_name_find_nothing(spotify: Spotify) -> None:
    assert found(spotify, "isrc:QZXXX0000000") == []
    assert found(spotify, 'track:"Zzyzx Qwrt" artist:"Nobody Atall"') == []


def test_years_and_genres_narrow(site: MusicSite, spotify: Spotify) -> None:
    track = plain_track(site)
    name = track.recording.artist.name
    year = track.album.released[:4]

    inside = found(spotify, f'artist:"{name}" year:{year}')
    outside = found(spotify, f'artist:"{name}" year:1900-1901')

    assert all(hit["album"]["release_date"].startswith(year) for hit in inside)
    assert inside
    assert outside == []
    assert found(spotify, "genre:techno")


def test_playlist_results_hold_nulls(spotify: Spotify) -> None:
    items = spotify.json("/search", q="light", type="playlist", limit=10)["playlists"]["items"]

    assert items.count(None) == 3


def test_default_and_furthest_pages(spotify: Spotify) -> None:
    assert len(spotify.json("/search", q="light", type="track")["tracks"]["items"]) == 5
    assert spotify.get("/search", q="light", type="track", limit=10, offset=995).status_code == 400
    assert spotify.get("/search", type="track").status_code == 400
    assert spotify.get("/search", q="light", type="song").status_code == 400


def test_an_unquoted_filter_reaches_to_the_next_one() -> None:
    query = read_query("some words artist:Anna Lee track:Long Way Home")

    assert query.filters == {"artist": "Anna Lee", "track": "Long Way Home"}
    assert query.free == ("some", "words")
