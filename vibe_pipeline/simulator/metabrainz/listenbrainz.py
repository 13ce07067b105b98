"""ListenBrainz: the labs' tables of similar things, and a little of the main API."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.lastfm.records import plain_title
from vibe_pipeline.simulator.matching import folded, share_found, words
from vibe_pipeline.simulator.metabrainz.house_rules import HouseRules, MalformedQuery
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.catalogue import Recording

_ARTISTS = (
    "session_based_days_{}_session_300_contribution_{}_threshold_10_limit_100_filter_True_skip_30"
)
ARTIST_ALGORITHMS = tuple(
    _ARTISTS.format(days, contribution)
    for days, contribution in ((75, 5), (1800, 5), (1825, 3), (7500, 3), (7500, 5), (9000, 5))
)
RECORDING_ALGORITHMS = tuple(
    f"session_based_days_{days}_session_300_contribution_5_threshold_15_limit_50_skip_30"
    for days in (180, 7500, 9000)
)
_MOST_ROWS = 100
_NOT_MAPPED = 0.34
Row = dict[str, Any]


async def _rows(request: Request) -> list[Row]:
    """The queries: a JSON list in a POST, or one in the parameters of a GET."""
    if request.method == "GET":
        return [dict(request.query_params)]
    try:
        found = json.loads(await request.body())
    except ValueError:
        raise MalformedQuery("the body must be a JSON list of objects") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise MalformedQuery("the body must be a JSON list of objects")
    return found


def _texts(row: Row, name: str) -> list[str]:
    found = row.get(name)
    if isinstance(found, str):
        return [text.strip() for text in found.split(",") if text.strip()]
    if isinstance(found, list) and all(isinstance(text, str) for text in found):
        return found
    raise MalformedQuery(f"{name} is missing")


def _needed(row: Row, name: str) -> str:
    found = row.get(name, row.get(f"[{name}]"))
    if not isinstance(found, str) or not found.strip():
        raise MalformedQuery(f"{name} is missing")
    return found


def _check_algorithm(row: Row, known: tuple[str, ...]) -> None:
    if row.get("algorithm") not in known:
        permitted = ", ".join(f"'{name}'" for name in known)
        raise MalformedQuery(
            f"value is not a valid enumeration member; permitted: {permitted} (algorithm)"
        )


class Labs:
    """The labs' endpoints."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._world = simulation.world

    async def similar_artists(self, request: Request) -> Response:
        """Rows by score; crowds differ a little from Last.fm's."""
        found: list[Row] = []
        for row in await _rows(request):
            _check_algorithm(row, ARTIST_ALGORITHMS)
            for mbid in _texts(row, "artist_mbids"):
                found += self._near_artists(mbid)
        return JSONResponse(found)

    def _near_artists(self, mbid: str) -> list[Row]:
        artist = self._world.artist_by_mbid(mbid)
        if artist is None:
            return []
        rows = [
            {
                "artist_mbid": other.mbid,
                "name": other.name,
                "comment": "",
                "type": "Person" if other.number % 3 == 0 else "Group",
                "gender": None,
                "score": int(match * self._twist(mbid, other.mbid) * 9000),
                "reference_mbid": mbid,
            }
            for other, match in self._world.similar_artists(artist)
            if self._world.ids.share("labs knows", other.mbid) < 0.93
        ]
        rows.sort(key=lambda row: (-int(str(row["score"])), str(row["artist_mbid"])))
        return rows[:_MOST_ROWS]

    def _twist(self, one: str, other: str) -> float:
        return 0.75 + 0.25 * self._world.ids.share("labs", one, other)

    async def similar_recordings(self, request: Request) -> Response:
        """Rows in no order, some of them twice, some without their artists' ids."""
        found: list[Row] = []
        for row in await _rows(request):
            _check_algorithm(row, RECORDING_ALGORITHMS)
            for mbid in _texts(row, "recording_mbids"):
                found += self._near_recordings(mbid)
        return JSONResponse(found)

    def _near_recordings(self, mbid: str) -> list[Row]:
        recording = self._world.recording(mbid)
        if recording is None or self._world.ids.share("labs heard", mbid) < 0.1:
            return []
        near = [
            (other, match * self._twist(mbid, other.mbid))
            for other, match in self._world.similar_recordings(recording)
        ]
        near.sort(key=lambda pair: (-pair[1], pair[0].mbid))
        rows = [self._recording_row(other, match, mbid) for other, match in near[: _MOST_ROWS - 5]]
        rng = random.Random(self._world.ids.number("labs order", mbid))
        rows += rng.sample(rows, k=min(5, len(rows)))
        rng.shuffle(rows)
        return rows

    def _recording_row(self, recording: Recording, match: float, reference: str) -> Row:
        homes = self._world.discography(recording.artist).of(recording)
        known = self._world.ids.share("labs artist", recording.mbid) < 0.85
        artists = [recording.artist, *recording.guests]
        return {
            "recording_mbid": recording.mbid,
            "recording_name": plain_title(recording),
            "artist_credit_name": " feat. ".join(artist.name for artist in artists[:2]),
            "[artist_credit_mbids]": [artist.mbid for artist in artists] if known else None,
            "release_name": homes[0].album.name if homes else None,
            "release_mbid": self._release_mbid(recording) if homes else None,
            "caa_id": None,
            "caa_release_mbid": None,
            "score": int(match * 700),
            "reference_mbid": reference,
        }

    def _release_mbid(self, recording: Recording) -> str:
        return self._world.ids.mbid("release", recording.artist.number, recording.mbid)

    def _spotify_ids(self, recording: Recording) -> list[str]:
        """Known ids of a recording, old ones too; about a third of recordings have none."""
        if self._world.ids.share("labs maps", recording.mbid) < _NOT_MAPPED:
            return []
        if (
            self._world.ids.share("labs errs", recording.mbid)
            < self._simulation.rules.labs_wrong_share
        ):
            return [self._wrong_id(recording)]
        return [
            track.spotify_id for track in self._world.discography(recording.artist).of(recording)
        ]

    def _wrong_id(self, recording: Recording) -> str:
        """An id that does not exist, or of another song by somebody near."""
        if self._world.ids.share("labs errs by", recording.mbid) < 0.5:
            return self._world.ids.spotify("nothing", recording.artist.number, recording.mbid)
        near, _ = self._world.similar_artists(recording.artist)[0]
        return self._world.discography(near).tracks[0].spotify_id

    async def spotify_id_from_mbid(self, request: Request) -> Response:
        """The unmapped are absent, or have an empty list."""
        found: list[Row] = []
        for row in await _rows(request):
            mbid = _needed(row, "recording_mbid")
            recording = self._world.recording(mbid)
            if recording is None:
                continue
            ids = self._spotify_ids(recording)
            if ids or self._world.ids.share("labs absent", mbid) < 0.5:
                found.append({"recording_mbid": mbid, **self._mapped(recording, ids)})
        return JSONResponse(found)

    def _mapped(self, recording: Recording, ids: list[str]) -> Row:
        homes = self._world.discography(recording.artist).of(recording)
        return {
            "artist_name": recording.artist.name,
            "release_name": homes[0].album.name if homes else None,
            "track_name": recording.title,
            "spotify_track_ids": ids,
        }

    async def spotify_id_from_metadata(self, request: Request) -> Response:
        """All three names are needed."""
        found: list[Row] = []
        for row in await _rows(request):
            names = {
                name: _needed(row, name) for name in ("artist_name", "release_name", "track_name")
            }
            recording = self.named(names["artist_name"], names["track_name"])
            ids = [] if recording is None else self._spotify_ids(recording)
            found.append({**names, "spotify_track_ids": ids})
        return JSONResponse(found)

    def named(self, artist_name: str, title: str) -> Recording | None:
        """The recording of this artist and title."""
        artist = self._world.artist_named(artist_name)
        if artist is None:
            return None
        for recording in self._world.discography(artist).recordings:
            if folded(title) in {folded(recording.title), folded(plain_title(recording))}:
                return recording
        return None

    async def recording_search(self, request: Request) -> Response:
        """Names to recordings, the best fit first."""
        query = words(_needed(dict(request.query_params), "query"))
        found: list[tuple[float, str, Recording]] = []
        for artist in self._world.artists:
            name = words(artist.name)
            if share_found(name, query) < 1:
                continue
            for recording in self._world.discography(artist).recordings:
                fit = share_found(query, words(recording.title) + name)
                if fit >= 0.8:
                    found.append((-fit - recording.listeners / 1e9, recording.mbid, recording))
        found.sort(key=lambda entry: entry[:2])
        return JSONResponse([self.search_row(recording) for *_, recording in found[:25]])

    def search_row(self, recording: Recording) -> Row:
        """What a search shows of a recording."""
        homes = self._world.discography(recording.artist).of(recording)
        return {
            "recording_mbid": recording.mbid,
            "recording_name": recording.title,
            "release_mbid": self._release_mbid(recording),
            "release_name": homes[0].album.name if homes else None,
            "artist_credit_id": 1000 + recording.artist.number,
            "artist_credit_name": recording.artist.name,
            "artist_credit_mbids": [recording.artist.mbid],
        }

    async def acr_lookup(self, request: Request) -> Response:
        """An artist and a title to the one recording of that name."""
        found: list[Row] = []
        for index, row in enumerate(await _rows(request)):
            artist = _needed(row, "artist_credit_name")
            title = _needed(row, "recording_name")
            recording = self.named(artist, title)
            if recording is not None and self._world.ids.share("acr", recording.mbid) < 0.9:
                named = {"artist_credit_arg": artist, "recording_arg": title, "index": index}
                found.append({**named, **self.search_row(recording)})
        return JSONResponse(found)


class Main:
    """api.listenbrainz.org, as far as anybody here asks it."""

    def __init__(self, simulation: Simulation, labs: Labs) -> None:
        self._simulation = simulation
        self._labs = labs

    async def recommended(self, request: Request) -> Response:
        """Nobody of this world has a model yet: 204; strangers are not found."""
        user = str(request.path_params["user"])
        if user in {listener.id for listener in self._simulation.world.listeners}:
            return Response(status_code=204)
        error = {"code": 404, "error": f"Cannot find user: {user}"}
        return JSONResponse(error, 404)

    async def look_up(self, request: Request) -> Response:
        """An artist and a title to the one recording of that name; ``{}`` when there is none."""
        asked = request.query_params
        for name in ("artist_name", "recording_name"):
            if not asked.get(name):
                error = f"{name} is invalid or not present in arguments"
                return JSONResponse({"code": 400, "error": error}, 400)
        recording = self._labs.named(asked["artist_name"], asked["recording_name"])
        if recording is None:
            return JSONResponse({})
        row = self._labs.search_row(recording)
        names = ("recording_mbid", "release_mbid", "recording_name", "release_name")
        return JSONResponse(
            {name: row[name] for name in names}
            | {
                "artist_credit_name": row["artist_credit_name"],
                "artist_mbids": row["artist_credit_mbids"],
            }
        )

    async def token_needed(self, request: Request) -> Response:
        """Radio and popularity want a token since 2026."""
        error = "You need to provide an Authorization header."
        return JSONResponse({"code": 401, "error": error}, 401)

    async def not_found(self, request: Request) -> Response:
        """Nothing else is here."""
        return JSONResponse({"code": 404, "error": "The requested URL was not found."}, 404)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """``/labs/…/json`` and ``/listenbrainz/1/…``."""
    labs = Labs(simulation)
    main = Main(simulation, labs)
    rules = simulation.part(HouseRules)
    table: dict[str, Callable[..., Any]] = {
        "similar-artists": labs.similar_artists,
        "similar-recordings": labs.similar_recordings,
        "spotify-id-from-mbid": labs.spotify_id_from_mbid,
        "spotify-id-from-metadata": labs.spotify_id_from_metadata,
        "recording-search": labs.recording_search,
        "acr-lookup": labs.acr_lookup,
    }
    found: list[BaseRoute] = [
        Route(f"/labs/{name}/json", rules.labs(handler), methods=["GET", "POST"])
        for name, handler in table.items()
    ]
    for path, handler in (
        ("/1/cf/recommendation/user/{user}/recording", main.recommended),
        ("/1/stats/user/{user}/{kind}", main.recommended),
        ("/1/metadata/lookup/", main.look_up),
        ("/1/explore/lb-radio", main.token_needed),
        ("/1/popularity/{rest:path}", main.token_needed),
        ("/{rest:path}", main.not_found),
    ):
        found.append(Route(f"/listenbrainz{path}", rules.labs(handler, host="listenbrainz")))
    return [*found, Route("/labs/{rest:path}", main.not_found, methods=["GET", "POST"])]
