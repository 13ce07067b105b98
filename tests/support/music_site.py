"""A simulated outside world on a port, with one person who may have agreed to anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from vibe_pipeline.simulator.people import Person
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import Account, SpotifyAccounts
from vibe_pipeline.simulator.worlds.catalogue import World

SCOPES = (
    "playlist-modify-private playlist-modify-public playlist-read-private ugc-image-upload "
    "user-follow-read user-follow-modify user-library-modify user-library-read user-read-private "
    "user-read-recently-played user-top-read"
)
CALLBACK = "http://127.0.0.1:8000/callback"
VERIFIER = "v" * 64
POLITE = {"User-Agent": "tests/1.0 ( tests@example.org )"}


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(slots=True)
class MusicSite:
    """A running simulator and its first listener."""

    address: str
    simulation: Simulation
    http: httpx.Client
    anna: Person

    @property
    def account(self) -> Account:
        return self.simulation.part(SpotifyAccounts).account(self.anna.listener)

    def asked_for(self, **changes: str) -> dict[str, str]:
        """The parameters of a proper authorize request."""
        return {
            "client_id": self.simulation.credentials.spotify_client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "state": "some state",
            "scope": SCOPES,
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changes,
        }

    def decide(self, decision: str = "agree", **changes: str) -> dict[str, str]:
        """What the app gets back from the consent page."""
        form = {"listener": self.anna.listener, "decision": decision, **self.asked_for(**changes)}
        answer = self.http.post("/accounts/authorize/decision", data=form)
        assert answer.status_code == 303, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    def token_call(self, **form: str) -> httpx.Response:
        keys = self.simulation.credentials
        client = (keys.spotify_client_id, keys.spotify_client_secret)
        return self.http.post("/accounts/api/token", data=form, auth=client)

    def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token_call(**form)

    def tokens(self, scope: str = SCOPES, listener: str | None = None) -> dict[str, Any]:
        """Tokens, by way of the consent page."""
        changes = {"scope": scope} | ({} if listener is None else {"listener": listener})
        form = {"decision": "agree", "listener": self.anna.listener, **self.asked_for(), **changes}
        answer = self.http.post("/accounts/authorize/decision", data=form)
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        found: dict[str, Any] = self.exchange(code).json()
        return found

    def connect(self, scope: str = SCOPES, listener: str | None = None) -> Spotify:
        """The Web API as this person."""
        return Spotify(self, str(self.tokens(scope, listener)["access_token"]))

    def lastfm(self, **parameters: str | int) -> httpx.Response:
        key = self.simulation.credentials.lastfm_api_key
        return self.http.get(
            "/lastfm/2.0/", params={"api_key": key, "format": "json", **parameters}
        )


@dataclass(slots=True)
class Spotify:
    """Calls with one access token."""

    site: MusicSite
    token: str

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = path if path.startswith("http") else f"/spotify/v1{path}"
        return self.site.http.request(method, address, headers=headers, **arguments)

    def get(self, path: str, **query: str | int) -> httpx.Response:
        if not query:
            return self.call("GET", path)
        return self.call("GET", path, params=query)

    def json(self, path: str, **query: str | int) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def playlist(self, name: str = "Today", **wish: Any) -> str:
        answer = self.call("POST", "/me/playlists", json={"name": name, **wish})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@contextmanager
def music_site(world: World | None = None, *, rules: Rules | None = None) -> Iterator[MusicSite]:
    simulation = Simulation(world, rules=rules)
    anna = simulation.create_person(7, name="Anna")
    with (
        running(simulation) as simulator,
        httpx.Client(base_url=simulator.address, timeout=20, headers=POLITE) as http,
    ):
        yield MusicSite(simulator.address, simulation, http, anna)
