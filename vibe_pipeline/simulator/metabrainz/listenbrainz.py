"""ListenBrainz: the labs' tables of similar things, and a little of the main API."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.lastfm.records import plain_title
from vibe_pipeline.simulator.matching import folded, share_found, words
from vibe_pipeline.simulator.metabrainz.house_rules import HouseRules, MalformedQuery
from vibe_pipeline.simulator.scrobbles import Scrobble, Scrobbles
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
_MOST_LISTENS = 1000
_MODEL_SIZE, _SEEDS_OF_A_MODEL, _MODEL_AGE = 1000, 60, 9 * 86_400
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


def _uuids(found: list[str]) -> list[str]:
    """One that is no UUID has the whole question refused."""
    for text in found:
        try:
            uuid.UUID(text)
        except ValueError:
            raise MalformedQuery(f"value is not a valid uuid: {text}") from None
    return found


def _check_algorithm(row: Row, known: tuple[str, ...]) -> None:
    if row.get("algorithm") not in known:
        permitted = ", ".join(f"'{name}'" for name in known)
        raise MalformedQuery(
            f"value is not a valid enumeration member; permitted: {permitted} (algorithm)"
        )


def _whole(request: Request, name: str, default: int, *, most: int = 1 << 40) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise MalformedQuery(f"Invalid {name} argument: {text}")
    return min(most, int(text))


def _no_such_user(user: str) -> Response:
    return JSONResponse({"code": 404, "error": f"Cannot find user: {user}"}, 404)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


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
            for mbid in _uuids(_texts(row, "artist_mbids")):
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
            for mbid in _uuids(_texts(row, "recording_mbids")):
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
            (mbid,) = _uuids([_needed(row, "recording_mbid")])
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


class Models:
    """For whom ListenBrainz has learnt what to recommend."""

    def __init__(self, simulation: Simulation) -> None:
        self.users: set[str] = set()


class Main:
    """api.listenbrainz.org, as far as anybody here asks it."""

    def __init__(self, simulation: Simulation, labs: Labs) -> None:
        self._simulation = simulation
        self._labs = labs
        self._scrobbles = simulation.part(Scrobbles)
        self.with_model = simulation.part(Models).users

    async def recommended(self, request: Request) -> Response:
        """204 while there is no model of a user; strangers are not found.

        ``with_model`` names those who have one. What it recommends they may well know already.
        """
        user = str(request.path_params["user"])
        if self._scrobbles.of(user) is None:
            return _no_such_user(user)
        if user not in self.with_model:
            return Response(status_code=204)
        rows = self._recommendations(user)
        count = _whole(request, "count", 25, most=100)
        offset = _whole(request, "offset", 0, most=_MODEL_SIZE)
        page = rows[offset : offset + count]
        payload = {
            "count": len(page),
            "entity": "recording",
            "last_updated": int(self._simulation.clock.now().timestamp()) - _MODEL_AGE,
            "mbids": page,
            "model_id": "listenbrainz-recommendation-model",
            "model_url": "https://spark-reader.listenbrainz.org/x",
            "offset": offset,
            "total_mbid_count": len(rows),
            "user_name": user,
        }
        return JSONResponse({"payload": payload})

    def _recommendations(self, user: str) -> list[Row]:
        """Songs near what the user plays, the known ones among them, best first."""
        world = self._simulation.world
        heard = {one.track.recording.mbid: one for one in reversed(self._scrobbles.of(user) or [])}
        scores: dict[str, float] = dict.fromkeys([*heard][-_SEEDS_OF_A_MODEL:], 0.7)
        for mbid in [*heard][-_SEEDS_OF_A_MODEL:]:
            for other, match in world.similar_recordings(heard[mbid].track.recording):
                scores[other.mbid] = max(scores.get(other.mbid, 0.0), match)
        best = sorted(scores, key=lambda mbid: (-scores[mbid], mbid))[:_MODEL_SIZE]
        return [
            {
                "latest_listened_at": _iso(heard[mbid].began_at) if mbid in heard else None,
                "recording_mbid": mbid,
                "score": round(scores[mbid], 6),
            }
            for mbid in best
        ]

    async def statistics(self, request: Request) -> Response:
        """Nothing is counted yet: 204; strangers are not found."""
        user = str(request.path_params["user"])
        known = self._scrobbles.of(user) is not None
        return Response(status_code=204) if known else _no_such_user(user)

    async def listens(self, request: Request) -> Response:
        """Listens, newest first: those before ``max_ts``, or the first after ``min_ts``."""
        user = str(request.path_params["user"])
        scrobbles = self._scrobbles.of(user)
        if scrobbles is None:
            return _no_such_user(user)
        first, last = _whole(request, "min_ts", 0), _whole(request, "max_ts", 0)
        if first and last and last < first:
            error = "max_ts should be greater than min_ts"
            return JSONResponse({"code": 400, "error": error}, 400)
        count = _whole(request, "count", 25, most=_MOST_LISTENS)
        told = [one for one in scrobbles if not last or int(one.began_at.timestamp()) < last]
        if first:
            told = [one for one in told if int(one.began_at.timestamp()) > first]
        rows = told[-count:] if first and not last else told[:count]
        stamps = [int(one.began_at.timestamp()) for one in scrobbles] or [0]
        payload = {
            "count": len(rows),
            "latest_listen_ts": stamps[0],
            "listens": [self._listen(one, user) for one in rows],
            "oldest_listen_ts": stamps[-1],
            "user_id": user,
        }
        return JSONResponse({"payload": payload})

    async def listen_count(self, request: Request) -> Response:
        """How many there are in all."""
        user = str(request.path_params["user"])
        scrobbles = self._scrobbles.of(user)
        if scrobbles is None:
            return _no_such_user(user)
        return JSONResponse({"payload": {"count": len(scrobbles)}})

    def _listen(self, scrobble: Scrobble, user: str) -> Row:
        recording, ids = scrobble.track.recording, self._simulation.world.ids
        info: Row = {"submission_client": "a player", "music_service": "spotify.com"}
        if ids.share("listen id", recording.mbid) < 0.5:
            address = f"https://open.spotify.com/track/{scrobble.track.spotify_id}"
            info |= {"spotify_id": address, "duration_ms": recording.duration_ms}
        metadata: Row = {
            "additional_info": info,
            "artist_name": recording.artist.name,
            "mbid_mapping": None,
            "release_name": scrobble.track.album.name,
            "track_name": plain_title(recording),
        }
        if ids.share("listen mapped", recording.mbid) < 0.8:
            metadata["mbid_mapping"] = {
                "artist_mbids": [recording.artist.mbid],
                "recording_mbid": recording.mbid,
                "recording_name": recording.title,
            }
        return {
            "inserted_at": int(scrobble.began_at.timestamp()) + 5,
            "listened_at": int(scrobble.began_at.timestamp()),
            "recording_msid": ids.mbid("msid", recording.artist.number, recording.mbid),
            "track_metadata": metadata,
            "user_name": user,
        }

    async def recording_metadata(self, request: Request) -> Response:
        """Names of recordings by their ids; an unknown id is not there."""
        inclusions = request.query_params.get("inc", "")
        asked = request.query_params.get("recording_mbids", "")
        rows: Row = {}
        for mbid in filter(None, asked.split(",")):
            recording = self._simulation.world.recording(mbid)
            if recording is None:
                continue
            row: Row = {"recording": {"name": recording.title, "length": recording.duration_ms}}
            if "artist" in inclusions.split():
                row["artist"] = {
                    "name": recording.artist.name,
                    "artists": [
                        {"name": recording.artist.name, "artist_mbid": recording.artist.mbid}
                    ],
                }
            rows[mbid] = row
        return JSONResponse(rows)

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
        ("/1/stats/user/{user}/{kind}", main.statistics),
        ("/1/user/{user}/listens", main.listens),
        ("/1/user/{user}/listen-count", main.listen_count),
        ("/1/metadata/recording/", main.recording_metadata),
        ("/1/metadata/lookup/", main.look_up),
        ("/1/explore/lb-radio", main.token_needed),
        ("/1/popularity/{rest:path}", main.token_needed),
        ("/{rest:path}", main.not_found),
    ):
        found.append(Route(f"/listenbrainz{path}", rules.labs(handler, host="listenbrainz")))
    return [*found, Route("/labs/{rest:path}", main.not_found, methods=["GET", "POST"])]
