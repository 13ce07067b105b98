"""The control endpoint: what happened, and trouble to order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support.music_site import MusicSite, music_site
from vibe_pipeline.simulator.server import SimulatorNotStarted, running
from vibe_pipeline.simulator.simulation import Simulation


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


def fault(site: MusicSite, **order: object) -> None:
    answer = site.http.post("/control/faults", json={"service": "spotify", **order})
    assert answer.status_code == 200, answer.text


def test_requests_are_recorded_by_their_documented_names(site: MusicSite) -> None:
    spotify = site.connect()
    spotify.get(f"/playlists/{spotify.playlist()}/items", limit=3)

    entries = site.http.get("/control/requests", params={"service": "spotify"}).json()["requests"]

    assert [entry["endpoint"] for entry in entries] == [
        "POST /me/playlists",
        "GET /playlists/{id}/items",
    ]
    assert entries[1]["query"] == {"limit": "3"}
    assert entries[1]["status"] == 200
    assert entries[1]["user"] == site.anna.listener


def test_no_secret_is_recorded(site: MusicSite) -> None:
    tokens = site.tokens()
    site.token_call(grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    text = site.http.get("/control/requests").text

    assert tokens["refresh_token"] not in text
    assert tokens["access_token"] not in text
    assert site.simulation.credentials.spotify_client_secret not in text


def test_a_watcher_asks_for_what_is_new_and_can_forget_the_rest(site: MusicSite) -> None:
    spotify = site.connect()
    spotify.get("/me")
    before = site.http.get("/control/requests").json()["requests"][-1]["n"]
    spotify.get("/me/tracks")

    new = site.http.get("/control/requests", params={"since": before}).json()["requests"]
    site.http.delete("/control/requests")

    assert [entry["endpoint"] for entry in new] == ["GET /me/tracks"]
    assert site.http.get("/control/requests").json()["requests"] == []


@pytest.mark.parametrize(
    ("order", "status", "text"),
    [
        ({"kind": "status", "status": 503}, 503, "error"),
        ({"kind": "html"}, 502, "<html>"),
        ({"kind": "empty"}, 200, ""),
        ({"kind": "garbage"}, 200, '{"items": ['),
        ({"kind": "error200"}, 200, "error"),
        ({"kind": "status", "status": 403, "body": "plain words"}, 403, "plain words"),
        ({"kind": "quota"}, 429, "QUOTA_EXCEEDED"),
        ({"kind": "rate", "retry_after": 2}, 429, "API rate limit exceeded"),
    ],
)
def test_trouble_comes_as_ordered(
    site: MusicSite, order: dict[str, object], status: int, text: str
) -> None:
    spotify = site.connect()
    fault(site, **order)

    answer = spotify.get("/me")

    assert answer.status_code == status
    assert text in answer.text


def test_trouble_hits_one_endpoint_so_many_times(site: MusicSite) -> None:
    spotify = site.connect()
    fault(site, kind="status", endpoint="GET /me/tracks", times=2)

    statuses = [spotify.get("/me/tracks").status_code for _ in range(3)]

    assert spotify.get("/me").status_code == 200
    assert statuses == [500, 500, 200]


def test_trouble_can_be_one_persons_own(site: MusicSite) -> None:
    other = site.connect(listener=site.simulation.world.listeners[1].id)
    spotify = site.connect()
    fault(site, kind="status", for_user=site.anna.listener)

    assert spotify.get("/me").status_code == 500
    assert other.get("/me").status_code == 200


def test_an_answer_can_be_lost_after_the_work_was_done(site: MusicSite) -> None:
    spotify = site.connect()
    fault(site, kind="status", endpoint="POST /me/playlists", applied=True, times=1)

    answer = spotify.call("POST", "/me/playlists", json={"name": "Once"})

    assert answer.status_code == 500
    assert spotify.json("/me/playlists")["total"] == 1


def test_a_dropped_connection_is_an_error_of_transport(site: MusicSite) -> None:
    spotify = site.connect()
    fault(site, kind="drop")

    with pytest.raises(httpx.RemoteProtocolError):
        spotify.get("/me")


def test_a_timeout_keeps_the_caller_waiting(site: MusicSite) -> None:
    spotify = site.connect()
    fault(site, kind="timeout")

    with pytest.raises(httpx.ReadTimeout):
        spotify.call("GET", "/me", timeout=0.2)


def test_latency_delays_every_answer_of_a_service(site: MusicSite) -> None:
    spotify = site.connect()
    site.http.post("/control/latency", json={"service": "spotify", "seconds": 0.2})

    began = time.monotonic()
    spotify.get("/me")

    assert time.monotonic() - began >= 0.2


def test_latency_varies_by_its_jitter_and_no_more(site: MusicSite) -> None:
    faults = site.simulation.faults
    site.http.post("/control/latency", json={"service": "labs", "seconds": 0.12, "jitter": 0.02})

    delays = [faults.delay("labs") for _ in range(200)]

    assert min(delays) >= 0.1
    assert max(delays) <= 0.14
    assert max(delays) - min(delays) > 0.02


def test_good_weather_returns_on_request(site: MusicSite) -> None:
    spotify = site.connect()
    fault(site, kind="html")
    site.http.delete("/control/faults")

    assert spotify.get("/me").status_code == 200


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/control/faults", {"service": "spotify", "kind": "earthquake"}),
        ("/control/faults", {"service": "spotify", "kind": "html", "colour": "red"}),
        ("/control/regime", {"regime": "D"}),
        ("/control/rules", {"spotify_quota": "much"}),
        ("/control/clock", {"now": "soon"}),
        ("/control/people/7/likes", {}),
        ("/control/people", {"telegram_id": 8, "listener": "nobody"}),
        ("/control/people", {"telegram_id": 7}),
        ("/control/people/99/plays", {"tracks": ["x"]}),
    ],
)
def test_orders_that_cannot_be_followed_are_refused_in_words(
    site: MusicSite, path: str, order: dict[str, object]
) -> None:
    answer = site.http.post(path, json=order)

    assert answer.status_code in {400, 404, 409}
    assert answer.json()["error"]


def test_people_come_with_the_next_free_listener(site: MusicSite) -> None:
    new = site.http.post("/control/people", json={"name": "Bo", "language_code": "nl"}).json()

    people = site.http.get("/control/people").json()["people"]

    assert [person["name"] for person in people] == ["Anna", "Bo"]
    assert new["listener"] != site.anna.listener
    assert site.http.get(f"/control/people/{new['telegram_id']}/likes").json()["total"] > 0


def test_playlists_are_shown_whole(site: MusicSite) -> None:
    spotify = site.connect()
    playlist = spotify.playlist(name="Today", description="for today")
    uri = next(entry.uri for entry in site.account.saved if entry.track)
    spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [uri]})

    (shown,) = site.http.get("/control/people/7/playlists").json()["playlists"]

    assert shown["name"] == "Today"
    assert shown["items"][0]["uri"] == uri
    assert shown["items"][0]["artist"]


def test_whoever_is_seen_first_has_as_many_likes_as_ordered(site: MusicSite) -> None:
    site.http.post("/control/rules", json={"likes_per_person": 2000})
    spotify = site.connect()

    page = spotify.get("/me/tracks", limit=50, offset=1950).json()

    local_file_and_ghost = 2
    assert (page["total"], len(page["items"])) == (2000 + local_file_and_ghost, 50)


def test_opinions_are_told_to_control_only(site: MusicSite) -> None:
    uri = next(entry.uri for entry in site.account.saved if entry.track)

    told = site.http.post("/control/people/7/opinions", json={"tracks": [uri]}).json()

    assert 0 <= told["would_like"][uri] <= 1


def test_a_simulator_of_its_own_says_where_it_is_and_ends_on_ctrl_c() -> None:
    program = "from vibe_pipeline.simulator.server import serve; serve()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.strip().rpartition(" ")[2]
        ready = httpx.get(f"{address}/control/people").json()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)

    assert line.startswith("simulator ready at http://127.0.0.1:")
    assert ready == {"people": []}
    assert (process.returncode, rest, errors) == (0, "", "")


def test_an_occupied_port_is_said_in_words(site: MusicSite) -> None:
    port = int(site.address.rpartition(":")[2])

    with (
        pytest.raises(SimulatorNotStarted, match=f"port {port} cannot be used"),
        running(Simulation(), port=port),
    ):
        pass
