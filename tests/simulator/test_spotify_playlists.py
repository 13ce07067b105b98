"""Playlists on Spotify: made once, replaced in place, honest about what cannot be had."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.support.music_site import MusicSite, Spotify, music_site


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


@pytest.fixture
def spotify(site: MusicSite) -> Spotify:
    return site.connect()


def uris(site: MusicSite, count: int) -> list[str]:
    world = site.simulation.world
    found = (
        track.uri
        for artist in world.artists
        for track in world.discography(artist).tracks
        if not track.vanished
    )
    return [next(found) for _ in range(count)]


def shown(spotify: Spotify, playlist: str) -> list[str]:
    found: list[str] = []
    page = spotify.json(f"/playlists/{playlist}/items", limit=50)
    while True:
        found += [entry["item"]["uri"] for entry in page["items"]]
        if page["next"] is None:
            return found
        page = spotify.json(page["next"])


def test_a_playlist_is_public_whatever_was_wished(spotify: Spotify) -> None:
    answer = spotify.call("POST", "/me/playlists", json={"name": "Mine", "public": False})

    assert answer.status_code == 201
    assert answer.json()["public"] is True
    assert answer.json()["snapshot_id"]


def test_more_than_a_hundred_go_in_two_calls(site: MusicSite, spotify: Spotify) -> None:
    playlist, wanted = spotify.playlist(), uris(site, 130)

    too_many = spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": wanted})
    first = spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": wanted[:100]})
    rest = spotify.call("POST", f"/playlists/{playlist}/items", json={"uris": wanted[100:]})

    assert too_many.status_code == 400
    assert (first.status_code, rest.status_code) == (200, 201)
    assert first.json()["snapshot_id"] != rest.json()["snapshot_id"]
    assert shown(spotify, playlist) == wanted


def test_replacing_leaves_nothing_of_before(site: MusicSite, spotify: Spotify) -> None:
    playlist, (one, two, three) = spotify.playlist(), uris(site, 3)
    spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [one, two]})

    spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [three]})

    assert shown(spotify, playlist) == [three]


def test_reordering_moves_a_stretch(site: MusicSite, spotify: Spotify) -> None:
    playlist, wanted = spotify.playlist(), uris(site, 4)
    path = f"/playlists/{playlist}/items"
    spotify.call("PUT", path, json={"uris": wanted})

    spotify.call("PUT", path, json={"range_start": 0, "range_length": 2, "insert_before": 4})
    mixed = spotify.call("PUT", path, json={"uris": wanted, "range_start": 0, "insert_before": 1})

    assert shown(spotify, playlist) == [*wanted[2:], *wanted[:2]]
    assert mixed.status_code == 400


def test_deleting_takes_every_occurrence(site: MusicSite, spotify: Spotify) -> None:
    playlist, (one, two) = spotify.playlist(), uris(site, 2)
    path = f"/playlists/{playlist}/items"
    spotify.call("PUT", path, json={"uris": [one, two, one]})

    legacy_key = spotify.call("DELETE", path, json={"tracks": [{"uri": one}]})
    answer = spotify.call("DELETE", path, json={"items": [{"uri": one}]})

    assert legacy_key.status_code == 400
    assert answer.status_code == 200
    assert shown(spotify, playlist) == [two]


@pytest.mark.parametrize(
    "uri",
    ["spotify:local:A::B:200", "spotify:album:0000000000000000000000", "spotify:track:short"],
)
def test_what_is_no_track_cannot_be_added(spotify: Spotify, uri: str) -> None:
    path = f"/playlists/{spotify.playlist()}/items"

    assert spotify.call("PUT", path, json={"uris": [uri]}).status_code == 400


def test_a_vanished_track_becomes_a_gap(site: MusicSite, spotify: Spotify) -> None:
    world = site.simulation.world
    gone = next(
        track
        for artist in world.artists
        for track in world.discography(artist).tracks
        if track.vanished
    )
    path = f"/playlists/{spotify.playlist()}/items"
    spotify.call("PUT", path, json={"uris": [gone.uri]})

    item = spotify.json(path)["items"][0]["item"]

    assert item is None or item["name"] == ""
    assert spotify.get(f"/tracks/{gone.spotify_id}").status_code == 404


def test_counts_lag_behind_writes_in_the_list_only(site: MusicSite, spotify: Spotify) -> None:
    playlist = spotify.playlist()
    spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": uris(site, 3)})

    at_once = spotify.json("/me/playlists")["items"][0]["items"]["total"]
    site.simulation.clock.advance(10)
    later = spotify.json("/me/playlists")["items"][0]["items"]["total"]

    assert (at_once, later) == (0, 3)


def test_a_foreign_playlist_shows_its_cover_only(site: MusicSite, spotify: Spotify) -> None:
    playlist = spotify.playlist()
    other = site.connect(listener=site.simulation.world.listeners[1].id)

    assert "items" not in other.json(f"/playlists/{playlist}")
    assert other.get(f"/playlists/{playlist}/items").status_code == 403
    change = other.call("PUT", f"/playlists/{playlist}", json={"name": "Stolen"})
    assert change.status_code == 403


def test_details_change_without_a_body_and_fields_narrow(spotify: Spotify) -> None:
    playlist = spotify.playlist()

    answer = spotify.call(
        "PUT", f"/playlists/{playlist}", json={"name": "New", "description": "a & b"}
    )
    narrow = spotify.json(f"/playlists/{playlist}", fields="name,description,items(total)")

    assert (answer.status_code, answer.content) == (200, b"")
    assert narrow == {"name": "New", "description": "a &amp; b", "items": {"total": 0}}


def test_unfollowing_leaves_the_playlist_readable(spotify: Spotify) -> None:
    playlist = spotify.playlist()

    spotify.call("DELETE", "/me/library", params={"uris": f"spotify:playlist:{playlist}"})

    assert spotify.json("/me/playlists")["total"] == 0
    assert spotify.get(f"/playlists/{playlist}").status_code == 200


def test_a_cover_is_a_small_jpeg_in_base64(site: MusicSite, spotify: Spotify) -> None:
    path = f"/playlists/{spotify.playlist()}/images"
    picture = base64.b64encode(b"\xff\xd8\xff" + b"0" * 100)

    assert spotify.call("PUT", path, content=picture).status_code == 202
    assert spotify.call("PUT", path, content=picture + b"\n").status_code == 400
    assert spotify.call("PUT", path, content=b"a" * 262_145).status_code == 413
    without_scope = site.connect(scope="playlist-modify-public")
    assert without_scope.call("PUT", path, content=picture).status_code == 401
    assert len(spotify.json(path)) == 1


def test_covers_have_a_stricter_limit_of_their_own(site: MusicSite, spotify: Spotify) -> None:
    site.simulation.rules.limits_enforced = True
    site.simulation.rules.spotify_covers_per_window = 1
    path = f"/playlists/{spotify.playlist()}/images"
    picture = base64.b64encode(b"\xff\xd8\xff" + b"0" * 100)

    assert spotify.call("PUT", path, content=picture).status_code == 202
    limited = spotify.call("PUT", path, content=picture)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
    assert spotify.get("/me/playlists").status_code == 200


def test_a_cover_that_says_it_is_something_else_is_refused(spotify: Spotify) -> None:
    path = f"/playlists/{spotify.playlist()}/images"
    picture = base64.b64encode(b"\xff\xd8\xff" + b"0" * 100)

    answer = spotify.site.http.put(
        f"/spotify/v1{path}",
        content=picture,
        headers={"Authorization": f"Bearer {spotify.token}", "Content-Type": "text/plain"},
    )

    assert answer.status_code == 400


def test_both_names_of_the_content_appear_for_older_apps(site: MusicSite, spotify: Spotify) -> None:
    site.simulation.rules.regime = "B"
    playlist = spotify.playlist()
    spotify.call("PUT", f"/playlists/{playlist}/tracks", json={"uris": uris(site, 1)})

    shape = spotify.json(f"/playlists/{playlist}")

    assert shape["items"]["items"][0]["item"] == shape["tracks"]["items"][0]["track"]


def test_what_is_greyed_out_is_shown_and_can_be_written(site: MusicSite, spotify: Spotify) -> None:
    uri = site.account.saved[0].uri
    order = {"uris": [uri], "state": "greyed_out"}
    assert site.http.post("/control/spotify/tracks", json=order).status_code == 200
    playlist = spotify.playlist()

    written = spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [uri]})

    newest = spotify.json("/me/tracks", limit=1)["items"][0]["track"]
    assert written.status_code == 200
    assert (newest["is_playable"], newest["restrictions"]) == (False, {"reason": "market"})
    assert newest["name"]


def test_an_id_that_was_deleted_has_the_whole_write_refused(
    site: MusicSite, spotify: Spotify
) -> None:
    dead, *others = uris(site, 3)
    order = {"uris": [dead], "state": "deleted"}
    assert site.http.post("/control/spotify/tracks", json=order).status_code == 200
    playlist = spotify.playlist()

    refused = spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [*others, dead]})

    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "Payload contains a non-existing ID"
    assert shown(spotify, playlist) == []
    assert spotify.get(f"/tracks/{dead.rpartition(':')[2]}").status_code == 404
