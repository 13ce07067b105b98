"""Every request we make of Spotify fits the community's description of its Web API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from vibe_pipeline.clients.budget import FixedToken, InMemoryCapabilities
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_web import SpotifyWeb, answer_kind
from vibe_pipeline.clients.transport import Transport

URIS = [f"spotify:track:{number:022d}" for number in range(130)]
ALLOWED_BUT_CLOSED = {"/recommendations", "/artists/{id}/top-tracks"}


CALLS: dict[str, Callable[[Spotify], Awaitable[object]]] = {
    "me": lambda s: s.me(),
    "saved_tracks_page": lambda s: s.saved_tracks_page(offset=100, limit=50),
    "recently_played": lambda s: s.recently_played(),
    "top_artists": lambda s: s.top_artists("short_term"),
    "top_tracks": lambda s: s.top_tracks("long_term"),
    "search_tracks": lambda s: s.search_tracks('artist:"Sigur Rós" track:"Hoppípolla"'),
    "search_artists": lambda s: s.search_artists("Sigur Rós"),
    "artist_top_tracks": lambda s: s.artist_top_tracks("4iOpT9zRyHm9Csf4td8kzL"),
    "recommendations": lambda s: s.recommendations(track_ids=["a", "b"], artist_ids=["c"]),
    "create_playlist": lambda s: s.create_playlist("Mon", description="A day", public=False),
    "replace_items": lambda s: s.replace_items("37i9dQZF1DXcBWIGoYBM5M", URIS),
    "replace_items with none": lambda s: s.replace_items("37i9dQZF1DXcBWIGoYBM5M", []),
    "change_details": lambda s: s.change_details("p", name="Tue", description="B", public=True),
    "upload_cover": lambda s: s.upload_cover("37i9dQZF1DXcBWIGoYBM5M", b"\xff\xd8\xff"),
    "my_playlists": lambda s: anext(s.my_playlists(most=100), None),
    "playlist_lines": lambda s: s.playlist_lines("37i9dQZF1DXcBWIGoYBM5M", written=100),
    "playlist_exists": lambda s: s.playlist_exists("37i9dQZF1DXcBWIGoYBM5M"),
    "library_contains": lambda s: s.library_contains(URIS[:90]),
    "save_to_library": lambda s: s.save_to_library(URIS[:41]),
    "remove_from_library": lambda s: s.remove_from_library(URIS[:90]),
}


class Contract:
    """The description, with its references followed."""

    def __init__(self, path: Path) -> None:
        self.described: dict[str, Any] = yaml.load(
            path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
        )

    def follow(self, thing: Any) -> Any:
        while isinstance(thing, dict) and "$ref" in thing:
            found: Any = self.described
            for step in thing["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            thing = found
        return thing

    def deeply(self, schema: Any) -> Any:
        schema = self.follow(schema)
        if isinstance(schema, dict):
            return {key: self.deeply(value) for key, value in schema.items()}
        return [self.deeply(item) for item in schema] if isinstance(schema, list) else schema

    def operation(self, request: httpx.Request) -> tuple[str, dict[str, Any]]:
        """The described operation a request belongs to; the one with the fewest blanks."""
        path = request.url.path.removeprefix("/v1")
        fitting = [
            template for template in self.described["paths"] if _fits(template, path.split("/"))
        ]
        assert fitting, f"no path like {path} is described"
        template = min(fitting, key=lambda found: found.count("{"))
        operations = self.described["paths"][template]
        assert request.method.lower() in operations, f"{request.method} {template}"
        return template, operations[request.method.lower()]

    def check(self, request: httpx.Request) -> None:
        """Raise what a request has that is not described, or lacks that is required."""
        template, operation = self.operation(request)
        assert not operation.get("deprecated") or template in ALLOWED_BUT_CLOSED, template
        parameters = [self.follow(item) for item in operation.get("parameters", [])]
        known = {item["name"]: item for item in parameters if item["in"] == "query"}
        given = dict(request.url.params)
        assert set(given) <= set(known), f"{template} takes no {set(given) - set(known)}"
        for name, parameter in known.items():
            if name in given:
                schema = self.deeply(parameter["schema"])
                jsonschema.validate(_typed(given[name], schema), schema)
            else:
                assert not parameter.get("required") or name in _IN_BODY, f"{template}: {name}"
        self._check_body(template, operation, request)

    def _check_body(self, template: str, operation: dict[str, Any], request: httpx.Request) -> None:
        body = self.follow(operation.get("requestBody"))
        if not request.content:
            assert not (body or {}).get("required"), template
            return
        assert body is not None, f"{template} takes no body"
        described, sent = body["content"], request.headers["Content-Type"]
        assert sent in described, f"{template} takes {list(described)}, not {sent}"
        if sent != "application/json":
            return
        schema = self.deeply(described[sent]["schema"])
        given = json.loads(request.content)
        jsonschema.validate(given, schema)
        assert set(given) <= set(schema["properties"]), template


_IN_BODY = {"uris"}


def _fits(template: str, path: list[str]) -> bool:
    parts = template.split("/")
    return len(parts) == len(path) and all(
        part.startswith("{") or part == given for part, given in zip(parts, path, strict=True)
    )


def _typed(text: str, schema: dict[str, Any]) -> object:
    """A query value as the type its schema wants, if it can be read so."""
    if schema.get("type") == "integer":
        return int(text)
    if schema.get("type") == "number":
        return float(text)
    if schema.get("type") == "array":
        return text.split(",")
    return text


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    path = shared / "contracts" / "spotify-openapi.yml"
    if not path.is_file():
        pytest.skip("needs the description of Spotify's Web API beside the project")
    return Contract(path)


def recording() -> tuple[Spotify, list[httpx.Request]]:
    """A Spotify whose every request is written down and answered with something fitting."""
    received: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request)
        if request.url.path.endswith("/contains"):
            return httpx.Response(200, json=[True] * len(request.url.params["uris"].split(",")))
        entries = {"/items": {"item": None}, "/me/playlists": {"id": "p"}}
        entry = next((one for end, one in entries.items() if request.url.path.endswith(end)), None)
        page = {"id": "p", "items": [entry], "total": 120, "next": None, "snapshot_id": "s"}
        found: object = {"items": [], "total": 0} if request.url.path.endswith("/search") else []
        return httpx.Response(200, json={**page, "tracks": found, "artists": found})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    transport = Transport(
        http, service="spotify", address="https://api.spotify.com/v1", judge=answer_kind
    )
    return Spotify(SpotifyWeb(transport, FixedToken("t"), InMemoryCapabilities())), received


def test_every_method_of_the_client_is_tried() -> None:
    methods = {name for name in vars(Spotify) if not name.startswith("_")}

    assert methods == {name.partition(" ")[0] for name in CALLS}


@pytest.mark.parametrize("name", CALLS)
async def test_requests_fit_the_description(name: str, contract: Contract) -> None:
    spotify, received = recording()

    await CALLS[name](spotify)

    assert received
    for request in received:
        contract.check(request)
        assert request.headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("name", CALLS)
async def test_requests_keep_to_the_limits_of_a_development_app(name: str) -> None:
    spotify, received = recording()

    await CALLS[name](spotify)

    for request in received:
        query, path = dict(request.url.params), request.url.path
        most = 10 if path.endswith(("/search", "/albums")) else 100
        most = 50 if path.startswith(("/v1/me", "/v1/playlists")) else most
        assert int(query.get("limit", 1)) <= most
        if path.startswith("/v1/me/library"):
            assert len(query["uris"].split(",")) <= 40
        if request.content and request.headers["Content-Type"] == "application/json":
            assert len(json.loads(request.content).get("uris", ())) <= 100


async def test_the_two_closed_endpoints_are_the_only_deprecated_ones(contract: Contract) -> None:
    deprecated = set()
    for call in CALLS.values():
        spotify, received = recording()
        await call(spotify)
        for request in received:
            template, operation = contract.operation(request)
            if operation.get("deprecated"):
                deprecated.add(template)

    assert deprecated == ALLOWED_BUT_CLOSED
