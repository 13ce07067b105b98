"""ListenBrainz and MusicBrainz: keyless, helpful, and strict about manners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.music_site import MusicSite, music_site
from vibe_pipeline.simulator.metabrainz.listenbrainz import ARTIST_ALGORITHMS, RECORDING_ALGORITHMS
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.worlds.catalogue import Recording, Track


@pytest.fixture(scope="module")
def site() -> Iterator[MusicSite]:
    with music_site(rules=Rules(labs_per_window=10_000, musicbrainz_burst=10_000)) as site:
        yield site


def recordings(site: MusicSite, count: int) -> list[Recording]:
    world = site.simulation.world
    found = (
        recording
        for artist in world.artists
        for recording in world.discography(artist).recordings[:2]
    )
    return [next(found) for _ in range(count)]


def labs(site: MusicSite, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = site.http.post(f"/labs/{name}/json", json=rows)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_similar_artists_agree_with_last_fm_by_and_large(site: MusicSite) -> None:
    artist = site.simulation.world.artists[8]
    query = {"artist_mbids": artist.mbid, "algorithm": ARTIST_ALGORITHMS[4]}

    rows = site.http.get("/labs/similar-artists/json", params=query).json()
    other = site.lastfm(method="artist.getSimilar", artist=artist.name, limit=40).json()

    near = {row["name"] for row in other["similarartists"]["artist"]}
    shared = near & {row["name"] for row in rows[:40]}
    assert len(shared) > 20
    assert isinstance(rows[0]["score"], int)
    assert rows[0]["reference_mbid"] == artist.mbid


def test_similar_recordings_are_unordered_repeated_and_have_gaps(site: MusicSite) -> None:
    query = [
        {"recording_mbids": [one.mbid], "algorithm": RECORDING_ALGORITHMS[1]}
        for one in recordings(site, 3)
    ]

    rows = labs(site, "similar-recordings", query)

    scores = [row["score"] for row in rows]
    mbids = [row["recording_mbid"] for row in rows]
    assert scores != sorted(scores, reverse=True)
    assert len(set(mbids)) < len(mbids)
    assert any(row["[artist_credit_mbids]"] is None for row in rows)


@pytest.mark.parametrize("name", ["similar-artists", "similar-recordings"])
def test_an_unknown_algorithm_is_answered_with_the_known_ones(site: MusicSite, name: str) -> None:
    query = {"artist_mbids": "x", "recording_mbids": "x", "algorithm": "the best"}

    answer = site.http.get(f"/labs/{name}/json", params=query)

    assert answer.status_code == 400
    assert "session_based_days_7500" in answer.text


def test_about_two_thirds_of_recordings_are_mapped_to_spotify(site: MusicSite) -> None:
    asked = recordings(site, 300)

    rows = labs(site, "spotify-id-from-mbid", [{"recording_mbid": one.mbid} for one in asked])

    mapped = [row for row in rows if row["spotify_track_ids"]]
    assert 0.55 < len(mapped) / len(asked) < 0.78
    assert any(len(row["spotify_track_ids"]) > 1 for row in mapped)
    assert len(rows) < len(asked)
    assert any(not row["spotify_track_ids"] for row in rows)
    track = site.simulation.world.track(mapped[0]["spotify_track_ids"][0])
    assert track is not None
    assert track.recording.mbid == mapped[0]["recording_mbid"]


def test_metadata_lookups_need_all_three_names(site: MusicSite) -> None:
    song = recordings(site, 1)[0]
    row = {"artist_name": song.artist.name, "track_name": song.title}

    short = site.http.post("/labs/spotify-id-from-metadata/json", json=[row])
    whole = labs(site, "spotify-id-from-metadata", [{**row, "release_name": "Any"}])

    assert short.status_code == 400
    assert whole[0]["track_name"] == song.title


def test_names_lead_to_recordings(site: MusicSite) -> None:
    song = recordings(site, 9)[8]
    names = {"artist_credit_name": song.artist.name.upper(), "recording_name": song.title}

    lookup = site.http.get("/labs/acr-lookup/json", params=names).json()
    query = f"{song.artist.name} {song.title}"
    search = site.http.get("/labs/recording-search/json", params={"query": query}).json()

    assert {row["recording_mbid"] for row in lookup} <= {song.mbid}
    assert search[0]["recording_mbid"] == song.mbid


def test_an_isrc_leads_to_its_recording(site: MusicSite) -> None:
    world = site.simulation.world
    tracks = [track for artist in world.artists[:20] for track in world.discography(artist).tracks]
    with_isrc: list[Track] = [track for track in tracks if track.isrc is not None]

    found = 0
    for track in with_isrc[:40]:
        answer = site.http.get(
            f"/musicbrainz/ws/2/isrc/{track.isrc}",
            params={"fmt": "json", "inc": "artists releases"},
        )
        if answer.status_code == 200:
            found += 1
            mbids = {row["id"] for row in answer.json()["recordings"]}
            assert track.recording.mbid in mbids
        else:
            assert answer.status_code == 404

    assert 20 <= found < 40


@pytest.mark.parametrize(
    "path",
    ["/labs/acr-lookup/json", "/musicbrainz/ws/2/isrc/GBAAA0000001", "/listenbrainz/1/x"],
)
def test_callers_without_a_contact_stay_outside(site: MusicSite, path: str) -> None:
    answer = site.http.get(path, headers={"User-Agent": "python-httpx/0.28"})

    assert answer.status_code == 403


def test_musicbrainz_wants_a_second_between_calls() -> None:
    with music_site(rules=Rules(musicbrainz_burst=2)) as site:
        path = "/musicbrainz/ws/2/isrc/GBAAA0000001"
        answers = [site.http.get(path, params={"fmt": "json"}) for _ in range(3)]
        site.simulation.clock.advance(1.5)
        later = site.http.get(path, params={"fmt": "json"})

    assert [answer.status_code for answer in answers] == [404, 404, 503]
    assert later.status_code == 404


def test_labs_tell_the_rate_in_headers() -> None:
    with music_site(rules=Rules(labs_per_window=1)) as site:
        first, second = (site.http.get("/labs/recording-search/json?query=x") for _ in range(2))

    assert first.headers["x-ratelimit-remaining"] == "0"
    assert second.status_code == 429


def test_the_main_api_has_no_model_yet_and_hides_popularity(site: MusicSite) -> None:
    root = "/listenbrainz/1"
    path = f"{root}/cf/recommendation/user/{site.anna.listener}/recording"

    assert site.http.get(path).status_code == 204
    assert site.http.get(f"{root}/cf/recommendation/user/nobody/recording").status_code == 404
    assert site.http.get(f"{root}/popularity/top-recordings-for-artist/x").status_code == 401


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("spotify-id-from-mbid", {"recording_mbid": "no-id"}),
        ("similar-recordings", {"recording_mbids": "no-id", "algorithm": RECORDING_ALGORITHMS[1]}),
        ("similar-artists", {"artist_mbids": ["no-id"], "algorithm": ARTIST_ALGORITHMS[4]}),
    ],
)
def test_labs_refuse_a_batch_for_one_id_that_is_no_uuid(
    site: MusicSite, name: str, row: dict[str, Any]
) -> None:
    answer = site.http.post(f"/labs/{name}/json", json=[row])

    assert answer.status_code == 400


def test_labs_may_name_another_s_id_or_nobody_s(site: MusicSite) -> None:
    asked = [{"recording_mbid": one.mbid} for one in recordings(site, 300)]
    right = labs(site, "spotify-id-from-mbid", asked)
    site.simulation.rules.labs_wrong_share = 0.3

    rows = labs(site, "spotify-id-from-mbid", asked)

    site.simulation.rules.labs_wrong_share = 0.0
    world = site.simulation.world
    named = [(row["recording_mbid"], row["spotify_track_ids"][0]) for row in rows if _ids(row)]
    tracks = [(mbid, world.track(name)) for mbid, name in named]
    wrong = [track for mbid, track in tracks if track is None or track.recording.mbid != mbid]
    assert [row["recording_mbid"] for row in rows] == [row["recording_mbid"] for row in right]
    assert 0.2 < len(wrong) / len(named) < 0.4
    assert None in wrong
    assert any(track is not None for track in wrong)


def _ids(row: dict[str, Any]) -> list[str]:
    found: list[str] = row["spotify_track_ids"]
    return found
