"""Last.fm's answers with all their oddities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.music_site import MusicSite, music_site
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.worlds.catalogue import Artist, Recording


@pytest.fixture(scope="module")
def site() -> Iterator[MusicSite]:
    with music_site(rules=Rules(lastfm_burst=1000)) as site:
        yield site


def well_known(site: MusicSite) -> Artist:
    tagged = [artist for artist in site.simulation.world.artists if artist.tags]
    return max(tagged, key=lambda artist: artist.listeners)


def best_song(site: MusicSite, artist: Artist) -> Recording:
    recordings = site.simulation.world.discography(artist).recordings
    return max(recordings, key=lambda one: one.listeners)


def ask(site: MusicSite, method: str, **parameters: str | int) -> Any:
    answer = site.lastfm(method=method, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_similar_artists_have_a_match_in_a_string(site: MusicSite) -> None:
    artist = well_known(site)

    found = ask(site, "artist.getSimilar", artist=artist.name)["similarartists"]

    matches = [row["match"] for row in found["artist"]]
    assert len(matches) == 30
    assert matches[0] == "1"
    assert [float(match) for match in matches] == sorted(map(float, matches), reverse=True)
    assert found["@attr"]["artist"] == artist.name


def test_similar_tracks_have_a_match_in_a_number_and_mbids_are_often_missing(
    site: MusicSite,
) -> None:
    artist = well_known(site)
    song = best_song(site, artist)

    rows = ask(site, "track.getSimilar", artist=artist.name, track=song.title)["similartracks"][
        "track"
    ]

    assert len(rows) == 100
    assert isinstance(rows[0]["match"], float)
    assert isinstance(rows[0]["playcount"], int)
    mbids = [row.get("mbid") for row in rows]
    assert None in mbids
    assert "" in mbids


def test_an_unknown_track_is_an_empty_list_not_an_error(site: MusicSite) -> None:
    artist = well_known(site)

    found = ask(site, "track.getSimilar", artist=artist.name, track="No Such Song")

    assert found["similartracks"]["track"] == []


def test_a_list_of_one_is_a_bare_object(site: MusicSite) -> None:
    found = ask(site, "artist.getTopTracks", artist=well_known(site).name, limit=1)["toptracks"]

    assert isinstance(found["track"], dict)
    assert found["track"]["listeners"].isdecimal()
    assert found["track"]["@attr"] == {"rank": "1"}
    assert found["@attr"]["perPage"] == "1"


def test_top_tags_have_weights_in_numbers_and_some_artists_have_none(site: MusicSite) -> None:
    bare = next(artist for artist in site.simulation.world.artists if not artist.tags)

    tags = ask(site, "artist.getTopTags", artist=well_known(site).name)["toptags"]["tag"]

    assert tags[0]["count"] == 100
    assert len(tags) > 5
    assert [tag["count"] for tag in tags] == sorted((tag["count"] for tag in tags), reverse=True)
    assert len({tag["name"] for tag in tags}) == len(tags)
    assert ask(site, "artist.getTopTags", artist=bare.name)["toptags"]["tag"] == []


def test_tracks_of_a_tag_are_under_tracks(site: MusicSite) -> None:
    found = ask(site, "tag.getTopTracks", tag="Techno", limit=3)["tracks"]

    assert len(found["track"]) == 3
    assert isinstance(found["track"][0]["duration"], str)


def test_recent_tracks_put_what_plays_now_on_top(site: MusicSite) -> None:
    saved = next(entry for entry in site.account.saved if entry.track)
    site.http.post("/control/people/7/plays", json={"tracks": [saved.uri]})

    found = ask(site, "user.getRecentTracks", user=site.anna.listener, limit=2)["recenttracks"]

    assert len(found["track"]) == 3
    assert found["track"][0]["@attr"] == {"nowplaying": "true"}
    assert "date" not in found["track"][0]
    assert found["track"][1]["date"]["uts"].isdecimal()


def test_names_are_put_right_only_on_request(site: MusicSite) -> None:
    accented = next(
        artist
        for artist in site.simulation.world.artists
        if artist.name.startswith("Élodie") or artist.name.startswith("Zoë")
    )
    plain = accented.name.replace("É", "E").replace("ë", "e")

    strict = ask(site, "artist.getTopTags", artist=plain)
    kind = ask(site, "artist.getTopTags", artist=plain, autocorrect=1)

    assert strict["error"] == 6
    assert kind["toptags"]["@attr"]["artist"] == accented.name


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"method": "artist.getSimilar", "artist": "Nobody Atall"}, 200, 6),
        ({"method": "artist.getInfo", "artist": "Nobody Atall"}, 404, 6),
        ({"method": "artist.getSimilar"}, 400, 6),
        ({"method": "artist.getNothing"}, 400, 3),
        ({"method": "artist.getSimilar", "api_key": "wrong"}, 403, 10),
    ],
)
def test_errors_are_in_the_body_and_the_status_says_little(
    site: MusicSite, parameters: dict[str, str], status: int, code: int
) -> None:
    answer = site.lastfm(**parameters)

    assert answer.status_code == status
    assert answer.json()["error"] == code


def test_without_the_format_the_answer_is_xml(site: MusicSite) -> None:
    key = site.simulation.credentials.lastfm_api_key
    parameters = {"method": "artist.getTopTags", "artist": well_known(site).name, "api_key": key}

    good = site.http.get("/lastfm/2.0", params=parameters)
    bad = site.http.get("/lastfm/2.0", params={**parameters, "api_key": "wrong"})

    assert good.text.startswith("<?xml")
    assert '<lfm status="ok">' in good.text
    assert '<error code="10">' in bad.text


def test_many_calls_at_once_get_error_29() -> None:
    with music_site(rules=Rules(lastfm_burst=2, lastfm_per_second=0.001)) as site:
        answers = [site.lastfm(method="tag.getTopTracks", tag="techno") for _ in range(3)]

    assert answers[2].status_code == 429
    assert answers[2].json()["error"] == 29


def test_the_log_names_methods_and_hides_the_key(site: MusicSite) -> None:
    site.lastfm(method="artist.getSimilar", artist="Nobody")

    last = site.http.get("/control/requests", params={"service": "lastfm"}).json()["requests"][-1]

    assert last["endpoint"] == "GET artist.getSimilar"
    assert last["query"]["api_key"] == "***"
