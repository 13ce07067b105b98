"""Our Spotify's answers against the community's description of the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import referencing
import yaml
from referencing.jsonschema import DRAFT202012

from tests.support.music_site import MusicSite, Spotify, music_site

_CUT_FROM_NEW_APPS = {
    "album_group",
    "available_markets",
    "country",
    "email",
    "explicit_content",
    "followers",
    "genres",
    "label",
    "linked_from",
    "popularity",
    "preview_url",
    "product",
    "tracks",
}
_ADDRESS = "spotify:api"


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema, without what new apps no longer get."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: as_json_schema(value)
        for key, value in node.items()
        if key not in {"nullable", "example", "discriminator", "format"}
    }
    if isinstance(found.get("required"), list):
        found["required"] = [name for name in found["required"] if name not in _CUT_FROM_NEW_APPS]
    if node.get("nullable") is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


class Contract:
    """Checks an answer against what the description says of a path."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._paths = description["paths"]
        self._responses = description["components"]["responses"]
        resource = referencing.Resource.from_contents(
            as_json_schema(description), default_specification=DRAFT202012
        )
        self._registry = referencing.Registry().with_resource(_ADDRESS, resource)

    def check(self, method: str, path: str, status: int, body: object) -> None:
        response = self._paths[path][method.lower()]["responses"][str(status)]
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            pointer = f"#/components/responses/{name}"
        else:
            escaped = path.replace("~", "~0").replace("/", "~1")
            pointer = f"#/paths/{escaped}/{method.lower()}/responses/{status}"
        schema = {"$ref": f"{_ADDRESS}{pointer}/content/application~1json/schema"}
        jsonschema.Draft202012Validator(schema, registry=self._registry).validate(body)


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    """The description; a play's context may be null, whatever it says."""
    file = shared / "contracts" / "spotify-openapi.yml"
    if not file.is_file():
        pytest.skip("needs contracts/spotify-openapi.yml in the shared folder (or VIBE_SHARED)")
    with file.open(encoding="utf-8") as text:
        description = yaml.load(text, Loader=yaml.CSafeLoader)
    description["components"]["schemas"]["PlayHistoryObject"]["properties"]["context"] = {}
    return Contract(description)


@pytest.fixture(scope="module")
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


@pytest.fixture(scope="module")
def spotify(site: MusicSite) -> Spotify:
    return site.connect()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/me", {}),
        ("/me/tracks", {"limit": 10}),
        ("/me/player/recently-played", {"limit": 50}),
        ("/me/top/artists", {}),
        ("/me/top/tracks", {"limit": 50}),
        ("/me/playlists", {}),
        ("/search", {"q": "light", "type": "track,artist,album", "limit": 10}),
        ("/tracks/{id}", {}),
        ("/albums/{id}", {}),
        ("/albums/{id}/tracks", {}),
        ("/artists/{id}", {}),
        ("/artists/{id}/albums", {"limit": 10}),
        ("/playlists/{playlist_id}", {}),
        ("/playlists/{playlist_id}/items", {}),
        ("/playlists/{playlist_id}/images", {}),
    ],
)
def test_answers_are_as_described(
    contract: Contract, site: MusicSite, spotify: Spotify, path: str, query: dict[str, str | int]
) -> None:
    track = site.account.heard(site.simulation.clock.now())[0].track
    names = {
        "tracks": track.spotify_id,
        "albums": track.album.spotify_id,
        "artists": track.recording.artist.spotify_id,
    }
    playlist = spotify.playlist()
    spotify.call("PUT", f"/playlists/{playlist}/items", json={"uris": [track.uri]})
    address = path.format(id=names.get(path.split("/")[1]), playlist_id=playlist)

    body = spotify.json(address, **query)

    contract.check("GET", path, 200, body)


def test_writes_are_answered_as_described(contract: Contract, spotify: Spotify) -> None:
    made = spotify.call("POST", "/me/playlists", json={"name": "Described"})
    path = f"/playlists/{made.json()['id']}/items"
    replaced = spotify.call("PUT", path, json={"uris": []})

    contract.check("POST", "/me/playlists", 201, made.json())
    contract.check("PUT", "/playlists/{playlist_id}/items", 200, replaced.json())


def test_refusals_are_answered_as_described(contract: Contract, site: MusicSite) -> None:
    body = site.http.get("/spotify/v1/me").json()

    contract.check("GET", "/me", 401, body)
