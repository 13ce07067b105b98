"""Who may call Spotify how often, and what an app of each age still has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.music_site import MusicSite, music_site
from vibe_pipeline.simulator.rules import Rules

FORBIDDEN = {"error": {"status": 403, "message": "Forbidden"}}


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


def test_without_a_token_nobody_comes_in(site: MusicSite) -> None:
    answer = site.http.get("/spotify/v1/me")

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == 401


def test_an_access_token_lives_for_an_hour(site: MusicSite) -> None:
    spotify = site.connect()
    assert spotify.get("/me").status_code == 200

    site.simulation.clock.advance(3601)

    assert spotify.get("/me").json()["error"]["message"] == "The access token expired"


@pytest.mark.parametrize(
    "path",
    ["/me/tracks", "/me/player/recently-played", "/me/top/artists", "/me/playlists"],
)
def test_a_missing_scope_is_forbidden(site: MusicSite, path: str) -> None:
    answer = site.connect(scope="").get(path)

    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Insufficient client scope"


def test_the_sixth_user_may_consent_but_not_call(site: MusicSite) -> None:
    listeners = [listener.id for listener in site.simulation.world.listeners[:6]]
    sessions = [site.connect(listener=listener) for listener in listeners]

    answers = [session.get("/me") for session in sessions]

    assert [answer.status_code for answer in answers] == [200] * 5 + [403]
    assert "user may not be registered" in answers[5].text
    assert answers[5].headers["content-type"].startswith("text/plain")


def test_everything_stops_when_the_owner_has_no_premium(site: MusicSite) -> None:
    spotify = site.connect()
    site.http.post("/control/rules", json={"owner_has_premium": False})

    answer = spotify.get("/me")

    assert answer.status_code == 403
    assert "premium" in answer.json()["error"]["message"]


def test_too_many_calls_in_half_a_minute_are_told_to_wait() -> None:
    with music_site(rules=Rules(spotify_per_window=3)) as site:
        spotify = site.connect()
        answers = [spotify.get("/me") for _ in range(4)]
        site.simulation.clock.advance(31)

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "3"
        assert spotify.get("/me").status_code == 200


def test_a_spent_day_is_told_apart_and_ends_after_a_day() -> None:
    with music_site(rules=Rules(spotify_quota=2)) as site:
        spotify = site.connect()
        answers = [spotify.get("/me") for _ in range(3)]
        site.simulation.clock.advance(86_401)
        later = site.connect().get("/me")

        assert answers[2].json()["error"]["reason"] == "QUOTA_EXCEEDED"
        assert int(answers[2].headers["retry-after"]) > 3600
        assert later.status_code == 200


@pytest.mark.parametrize(
    ("path", "by_regime"),
    [
        ("/recommendations?seed_genres=indie", {"A": 200, "B": 404, "C": 404}),
        ("/artists/{artist}/related-artists", {"A": 200, "B": 404, "C": 404}),
        ("/artists/{artist}/top-tracks", {"A": 200, "B": 200, "C": 403}),
        ("/tracks?ids={track}", {"A": 200, "B": 200, "C": 403}),
        ("/artists?ids={artist}", {"A": 200, "B": 200, "C": 403}),
        ("/albums?ids={album}", {"A": 200, "B": 200, "C": 403}),
        ("/audio-features/{track}", {"A": 200, "B": 403, "C": 403}),
        ("/browse/new-releases", {"A": 200, "B": 200, "C": 403}),
        ("/browse/featured-playlists", {"A": 200, "B": 404, "C": 404}),
        ("/recommendations/available-genre-seeds", {"A": 200, "B": 404, "C": 404}),
        ("/markets", {"A": 200, "B": 200, "C": 403}),
        ("/me/tracks/contains?ids={track}", {"A": 200, "B": 200, "C": 403}),
        ("/playlists/{playlist}/tracks", {"A": 200, "B": 200, "C": 403}),
        ("/playlists/{playlist}/items", {"A": 200, "B": 200, "C": 200}),
        ("/search?q=light&type=track&limit=20", {"A": 200, "B": 200, "C": 400}),
        ("/artists/{artist}/albums?limit=20", {"A": 200, "B": 200, "C": 400}),
        ("/anything-else", {"A": 404, "B": 404, "C": 404}),
    ],
)
def test_each_regime_has_its_own_endpoints(
    site: MusicSite, path: str, by_regime: dict[str, int]
) -> None:
    spotify = site.connect()
    played = site.account.heard(site.simulation.clock.now())[0].track
    address = path.format(
        artist=played.recording.artist.spotify_id,
        track=played.spotify_id,
        album=played.album.spotify_id,
        playlist=spotify.playlist(),
    )
    found = {}
    for regime in by_regime:
        site.http.post("/control/regime", json={"regime": regime})
        found[regime] = spotify.get(address).status_code

    assert found == by_regime


def test_a_removed_endpoint_is_forbidden_and_a_wrong_albums_limit_has_no_words(
    site: MusicSite,
) -> None:
    spotify = site.connect()
    artist = site.simulation.world.artists[3].spotify_id

    assert spotify.get(f"/artists/{artist}/top-tracks").json() == FORBIDDEN
    assert spotify.get(f"/artists/{artist}/albums", limit=11).content == b""
    search = spotify.get("/search", q="light", type="track", limit=11)
    assert search.json()["error"]["message"] == "Invalid limit"


def test_fields_that_were_cut_are_missing_for_new_apps_only(site: MusicSite) -> None:
    spotify = site.connect()
    played = site.account.heard(site.simulation.clock.now())[0].track
    paths = (
        "/me",
        f"/tracks/{played.spotify_id}",
        f"/artists/{played.recording.artist.spotify_id}",
    )
    new = [set(spotify.json(path)) for path in paths]
    site.simulation.rules.regime = "A"
    old = [set(spotify.json(path)) for path in paths]

    gone = [before - after for before, after in zip(old, new, strict=True)]

    assert gone[0] >= {"country", "product", "followers"}
    assert gone[1] >= {"popularity", "available_markets"}
    assert gone[2] == {"followers", "genres", "popularity"}


def test_recommendations_take_at_most_five_seeds(site: MusicSite) -> None:
    site.simulation.rules.regime = "A"
    spotify = site.connect()
    artists = [artist.spotify_id for artist in site.simulation.world.artists[:6]]

    five = spotify.get("/recommendations", seed_artists=",".join(artists[:5]), limit=30)
    six = spotify.get("/recommendations", seed_artists=",".join(artists))

    assert len(five.json()["tracks"]) == 30
    assert six.status_code == 400
