"""A listener's liked songs, plays, top items and library calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.music_site import MusicSite, music_site


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


def test_liked_songs_come_newest_first_page_by_page(site: MusicSite) -> None:
    spotify = site.connect()
    page = spotify.json("/me/tracks", limit=50)
    items = page["items"]
    while page["next"] is not None:
        page = spotify.json(page["next"])
        items += page["items"]

    assert len(items) == page["total"] > 300
    days = [item["added_at"] for item in items]
    assert days == sorted(days, reverse=True)
    assert spotify.get("/me/tracks", limit=51).status_code == 400


def test_a_long_library_holds_ghosts_local_files_and_gaps(site: MusicSite) -> None:
    spotify = site.connect()
    tracks = [
        item["track"]
        for offset in (0, 50)
        for item in spotify.json("/me/tracks", limit=50, offset=offset)["items"]
    ]

    assert any(track is None for track in tracks)
    assert any(track and track["is_local"] and track["id"] is None for track in tracks)
    assert any(track and not track["external_ids"] and track["id"] for track in tracks)


def test_one_recording_is_saved_and_played_under_different_ids(site: MusicSite) -> None:
    world = site.simulation.world
    moved = next(
        track
        for artist in world.artists
        for track in world.discography(artist).tracks
        if track.substitute is not None
    )
    spotify = site.connect()
    spotify.call("PUT", "/me/library", params={"uris": moved.uri})

    saved = spotify.json("/me/tracks", limit=1)["items"][0]["track"]
    in_market = spotify.json("/me/tracks", limit=1, market="NL")["items"][0]["track"]
    read = spotify.json(f"/tracks/{moved.spotify_id}")

    assert saved["id"] == moved.spotify_id
    assert in_market["id"] == read["id"] == moved.substitute
    assert "linked_from" not in read


def test_only_the_last_fifty_plays_can_be_reached(site: MusicSite) -> None:
    spotify = site.connect()
    page = spotify.json("/me/player/recently-played", limit=50)

    further = spotify.json(page["next"])

    assert len(page["items"]) == 50
    assert further["items"] == []
    assert further["cursors"] is None


def test_plays_after_a_cursor_are_only_the_newer_ones(site: MusicSite) -> None:
    spotify = site.connect()
    newest = spotify.json("/me/player/recently-played", limit=3)
    uri = site.account.saved[0].uri

    site.http.post("/control/people/7/plays", json={"tracks": [uri]})
    later = spotify.json("/me/player/recently-played", after=newest["cursors"]["after"])

    assert len(later["items"]) == 1
    both = spotify.get("/me/player/recently-played", after=1, before=2)
    assert both.status_code == 400


def test_a_play_tells_the_playlist_it_came_from(site: MusicSite) -> None:
    spotify = site.connect()
    playlist_id, uri = spotify.playlist(), site.account.saved[0].uri

    wish = {"tracks": [uri], "playlist": playlist_id}
    site.http.post("/control/people/7/plays", json=wish)
    newest = spotify.json("/me/player/recently-played", limit=1)["items"][0]

    assert newest["context"]["type"] == "playlist"
    assert newest["context"]["uri"] == f"spotify:playlist:{playlist_id}"


def test_top_items_follow_what_was_played(site: MusicSite) -> None:
    spotify = site.connect()

    top = spotify.json("/me/top/tracks", time_range="short_term", limit=50)

    start = site.simulation.clock.now() - timedelta(days=28)
    plays = [play.track.spotify_id for play in site.account.played if play.played_at >= start]
    counts = [plays.count(item["id"]) for item in top["items"]]
    assert counts == sorted(counts, reverse=True)
    assert spotify.json("/me/top/artists", offset=50)["items"] == []


def test_the_library_family_saves_asks_and_removes_by_query(site: MusicSite) -> None:
    spotify = site.connect()
    track = site.simulation.world.discography(site.simulation.world.artists[5]).tracks[0]
    uris = {"uris": f"{track.uri},spotify:artist:{track.recording.artist.spotify_id}"}

    saved = spotify.call("PUT", "/me/library", params=uris)
    there = spotify.json("/me/library/contains", **uris)
    spotify.call("DELETE", "/me/library", params=uris)

    assert (saved.status_code, saved.content) == (200, b"")
    assert there == [True, True]
    assert spotify.json("/me/library/contains", **uris) == [False, False]


def test_at_most_forty_uris_go_into_one_library_call(site: MusicSite) -> None:
    spotify = site.connect()
    uris = [entry.uri for entry in site.account.saved if entry.track is not None][:41]

    answer = spotify.get("/me/library/contains", uris=",".join(str(uri) for uri in uris))

    assert answer.status_code == 400


def test_people_like_and_stop_liking_from_outside(site: MusicSite) -> None:
    spotify = site.connect()
    track = site.simulation.world.discography(site.simulation.world.artists[9]).tracks[0]
    before = spotify.json("/me/tracks")["total"]

    site.http.post("/control/people/7/likes", json={"tracks": [track.uri]})
    liked = spotify.json("/me/tracks", limit=1)
    site.http.post("/control/people/7/unlikes", json={"tracks": [track.spotify_id]})

    assert liked["total"] == before + 1
    assert liked["items"][0]["track"]["name"] == track.recording.title
    assert spotify.json("/me/tracks")["total"] == before
