"""A list made as a plain script makes it: one process, one call after another, nothing remembered.

What ours is held against. It is no straw man: connections stay open, nothing is asked twice, it
stops looking as soon as the list is full, and it asks fewer questions than a script might. It
shares no code with the product. Services that want it slow are asked with the gap they name
(Last.fm two calls a second, MetaBrainz one), as such scripts do.
"""

from __future__ import annotations

import base64
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice, zip_longest
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

LENGTH = 30
NEW_TRACKS = 24
SEEDS = 3
SCOPES = (
    "user-library-read user-read-recently-played user-top-read playlist-modify-private"
    " playlist-modify-public"
)
AGENT = "PlainScript/1.0 ( script@example.org )"
GAP_SECONDS = {"lastfm": 0.5, "metabrainz": 1.0}
ARTISTS_LIKE = (
    "session_based_days_7500_session_300_contribution_5_threshold_10_limit_100_filter_True_skip_30"
)
RECORDINGS_LIKE = "session_based_days_7500_session_300_contribution_5_threshold_15_limit_50_skip_30"

Named = tuple[str, str]
"""An artist and a title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainList:
    """What the script made: seconds from nothing to the written playlist, and its calls."""

    seconds: float
    calls: int
    playlist_id: str
    tracks: int


@dataclass(slots=True, kw_only=True)
class PlainScript:
    """One person's script. ``environment``: the addresses and keys the product is told, too."""

    http: httpx.Client
    environment: Mapping[str, str]
    refresh_token: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    calls: int = 0
    _next_call: dict[str, float] = field(default_factory=dict)
    _bearer: dict[str, str] = field(default_factory=dict)

    def run(self) -> PlainList:
        """Everything from a fresh token to the written playlist."""
        began, before = self.clock(), self.calls
        self._log_in()
        likes = list(self._all_likes())
        plays = self._items("/me/player/recently-played", limit=50)
        recent = [_named(play["track"]) for play in plays]
        favourites = [artist["name"] for artist in self._items("/me/top/artists", limit=20)]
        top = [_named(track) for track in self._items("/me/top/tracks", limit=20)]
        seeds = _loudest([*recent, *top], favourites, likes)
        heard = {_named(like) for like in likes} | set(recent)
        candidates = self._merged(seeds, likes, heard)
        uris = list(islice(self._on_spotify(candidates), NEW_TRACKS))
        uris += self.rng.sample([like["uri"] for like in likes], k=LENGTH - len(uris))
        playlist_id = self._published(uris)
        return PlainList(
            seconds=self.clock() - began,
            calls=self.calls - before,
            playlist_id=playlist_id,
            tracks=len(uris),
        )

    def _log_in(self) -> None:
        answer = self._asked(
            "POST",
            f"{self.environment['SPOTIFY_ACCOUNTS_URL']}/api/token",
            data={"grant_type": "refresh_token", "refresh_token": self.refresh_token},
            headers=_secret(self.environment),
        )
        self._bearer["Authorization"] = f"Bearer {answer['access_token']}"

    def _all_likes(self) -> Iterator[Mapping[str, Any]]:
        """Every liked track that Spotify still has, page after page."""
        offset, total = 0, 1
        while offset < total:
            page = self._spotify("GET", "/me/tracks", limit=50, offset=offset)
            total = page["total"]
            offset += len(page["items"])
            for item in page["items"]:
                if item["track"] is not None and item["track"].get("id"):
                    yield item["track"]

    def _merged(
        self, seeds: Seeds, likes: list[Mapping[str, Any]], heard: set[Named]
    ) -> Iterator[Named]:
        """What the five sources name, in turns, without what is known and more than two of one."""
        sources = [
            self._similar_tracks(seeds.tracks),
            self._similar_artists(seeds.artists),
            self._similar_recordings(likes),
            self._labs_artists(seeds.artists),
            self._searched(seeds.artists),
        ]
        taken: set[Named] = set(heard)
        of_artist: Counter[str] = Counter()
        for named in (one for row in zip_longest(*sources) for one in row if one is not None):
            if named not in taken and of_artist[named[0]] < 2:
                taken.add(named)
                of_artist[named[0]] += 1
                yield named

    def _similar_tracks(self, tracks: Iterable[Named]) -> list[Named]:
        found: list[Named] = []
        for artist, title in tracks:
            answer = self._lastfm("track.getSimilar", artist=artist, track=title, limit="50")
            near = answer.get("similartracks", {}).get("track", [])
            found += [(one["artist"]["name"], one["name"]) for one in near]
        self.rng.shuffle(found)
        return found

    def _similar_artists(self, artists: Iterable[str]) -> list[Named]:
        """The best known song of each neighbour is found when it is looked up on Spotify."""
        found: list[Named] = []
        for artist in artists:
            answer = self._lastfm("artist.getSimilar", artist=artist, limit="20")
            near = answer.get("similarartists", {}).get("artist", [])
            found += [(one["name"], "") for one in near]
        self.rng.shuffle(found)
        return found

    def _similar_recordings(self, likes: list[Mapping[str, Any]]) -> list[Named]:
        """A liked track's recording by its ISRC at MusicBrainz, and its neighbours at labs."""
        root = self.environment["MUSICBRAINZ_API_URL"]
        codes = (like["external_ids"]["isrc"] for like in likes if _isrc(like))
        for code in islice(codes, SEEDS):
            known = self._metabrainz("GET", f"{root}/isrc/{code}", params={"fmt": "json"})
            if mbids := [one["id"] for one in known.get("recordings", [])]:
                order = {"recording_mbids": mbids, "algorithm": RECORDINGS_LIKE}
                rows = self._labs("similar-recordings", [order])
                return [(row["artist_credit_name"], row["recording_name"]) for row in rows]
        return []

    def _labs_artists(self, artists: Iterable[str]) -> list[Named]:
        """Neighbours by another crowd, for the first seed that Last.fm gave an id for."""
        for artist in islice(artists, 1):
            answer = self._lastfm("artist.getInfo", artist=artist)
            if mbid := answer.get("artist", {}).get("mbid"):
                rows = self._labs(
                    "similar-artists", [{"artist_mbids": [mbid], "algorithm": ARTISTS_LIKE}]
                )
                return [(row["name"], "") for row in rows]
        return []

    def _searched(self, artists: Iterable[str]) -> list[Named]:
        """More by the artists they love, as Spotify's search lists them."""
        found: list[Named] = []
        for artist in artists:
            query = f'artist:"{artist}"'
            tracks = self._spotify("GET", "/search", q=query, type="track", limit=10)
            found += [_named(track) for track in tracks["tracks"]["items"]]
        return found

    def _on_spotify(self, candidates: Iterable[Named]) -> Iterator[str]:
        """Each candidate looked up by name; what Spotify does not have is passed over."""
        for artist, title in candidates:
            query = f'track:"{title}" artist:"{artist}"' if title else f'artist:"{artist}"'
            answer = self._spotify("GET", "/search", q=query, type="track", limit=1)
            for track in answer["tracks"]["items"]:
                yield track["uri"]

    def _published(self, uris: list[str]) -> str:
        body = {"name": "A plain list", "public": False}
        playlist = self._spotify("POST", "/me/playlists", json=body)
        path = f"/playlists/{playlist['id']}/items"
        self._spotify("POST", path, json={"uris": uris})
        return str(playlist["id"])

    def _items(self, path: str, **query: object) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._spotify("GET", path, **query)["items"]
        return items

    def _spotify(self, method: str, path: str, *, json: object = None, **query: object) -> Any:
        address = self.environment["SPOTIFY_API_URL"] + path
        return self._asked(method, address, json=json, params=query, headers=self._bearer)

    def _lastfm(self, method: str, **query: str) -> Any:
        key = self.environment["LASTFM_API_KEY"]
        named = {"method": method, "api_key": key, "format": "json", **query}
        self._wait("lastfm")
        return self._asked("GET", self.environment["LASTFM_API_URL"], params=named)

    def _labs(self, name: str, order: list[dict[str, Any]]) -> list[dict[str, Any]]:
        address = f"{self.environment['LISTENBRAINZ_LABS_URL']}/{name}/json"
        rows: list[dict[str, Any]] = self._metabrainz("POST", address, json=order)
        return rows

    def _metabrainz(self, method: str, address: str, **more: Any) -> Any:
        self._wait("metabrainz")
        return self._asked(method, address, headers={"User-Agent": AGENT}, **more)

    def _wait(self, service: str) -> None:
        """Sleep until the gap since this service's last call has passed."""
        now = self.clock()
        start = max(now, self._next_call.get(service, 0.0))
        self._next_call[service] = start + GAP_SECONDS[service]
        if start > now:
            self.sleep(start - now)

    def _asked(self, method: str, address: str, **more: Any) -> Any:
        """The answer; told to slow down, it waits as long as it is told and asks again."""
        answer = self._sent(method, address, **more)
        while answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self.sleep(float(answer.headers.get("Retry-After", "1")))
            answer = self._sent(method, address, **more)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return {}
        answer.raise_for_status()
        return answer.json()

    def _sent(self, method: str, address: str, **more: Any) -> httpx.Response:
        self.calls += 1
        return self.http.request(method, address, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What the sources are asked about."""

    tracks: list[Named]
    artists: list[str]


def _loudest(
    played: list[Named], favourites: list[str], likes: Iterable[Mapping[str, Any]]
) -> Seeds:
    """The most played tracks, and favourite artists; likes when there is nothing else."""
    tracks = [named for named, _ in Counter(played).most_common(SEEDS)]
    liked = Counter(_named(like)[0] for like in likes)
    artists = favourites or [artist for artist, _ in liked.most_common(SEEDS)]
    return Seeds(tracks=tracks, artists=artists[:SEEDS])


def _named(track: Mapping[str, Any]) -> Named:
    return track["artists"][0]["name"], track["name"]


def _isrc(track: Mapping[str, Any]) -> bool:
    return bool((track.get("external_ids") or {}).get("isrc"))


def _secret(environment: Mapping[str, str]) -> dict[str, str]:
    pair = f"{environment['SPOTIFY_CLIENT_ID']}:{environment['SPOTIFY_CLIENT_SECRET']}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def consented(http: httpx.Client, environment: Mapping[str, str], listener: str) -> str:
    """A lasting token of this listener's, got on Spotify's own page as a script's owner gets it."""
    redirect = environment["SPOTIFY_REDIRECT_URI"]
    form = {
        "client_id": environment["SPOTIFY_CLIENT_ID"],
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": SCOPES,
        "listener": listener,
        "decision": "agree",
    }
    accounts = environment["SPOTIFY_ACCOUNTS_URL"]
    decided = http.post(f"{accounts}/authorize/decision", data=form)
    code = parse_qs(urlsplit(decided.headers["location"]).query)["code"][0]
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
    answer = http.post(f"{accounts}/api/token", data=exchange, headers=_secret(environment))
    answer.raise_for_status()
    return str(answer.json()["refresh_token"])


def plain_list(environment: Mapping[str, str], listener: str) -> PlainList:
    """One list for this listener, timed; the consent before it is not."""
    with httpx.Client(timeout=30, trust_env=False) as http:
        token = consented(http, environment, listener)
        return PlainScript(http=http, environment=environment, refresh_token=token).run()
