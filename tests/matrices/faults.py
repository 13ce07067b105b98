"""The fault matrix: each call to each service, answered badly in each way.

Real runs of the jobs in this process, against the simulator over HTTP. Patience is cut to a
fifteenth, so that a timeout costs a second; sources are asked for longer than production would,
lest a slow machine leave a call out.
Wanted is a list, or a truthful sentence and the list once the weather is good again; one full
playlist for each list, an exact history, no likes lost, and a consent that is kept.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import dagster as dg
import duckdb
import httpx
import pytest

from tests.matrices.fault_kinds import KINDS, FaultKind
from tests.matrices.outcomes import DOCS, Outcome, Page
from tests.support.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_bot.results import because
from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import goes_on
from vibe_pipeline.accounts.records import Account, Edition, EditionState, FailureCause
from vibe_pipeline.authorization import SpotifyConnection
from vibe_pipeline.clients import factory
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.factory import ClientFactory, open_http
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.transport import RetryPolicy, utc_now
from vibe_pipeline.defs import resources
from vibe_pipeline.playlists import playlist_creation
from vibe_pipeline.playlists.failures import failure_of
from vibe_pipeline.records import Mode, UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.sources import answers

PATIENCE = RetryPolicy(attempt_seconds=1.0, backoff_seconds=0.02, in_place_seconds=3.0)
LONGEST_RUN_SECONDS = 40.0
_SIZE = 12
_MANY = Rules(allowlist_limit=10_000, limits_enforced=False)
_LISTENERS = 1_000
"""More than there are cells, for many of them begin with somebody new."""
_ENVIRONMENT = {
    "SERVICE_PACE": "100",
    "SPOTIFY_DAILY_CALLS": "1000000",
    "DEFAULT_PLAYLIST_SIZE": str(_SIZE),
    "ASKING_SECONDS": "15",
}


_REMEMBERED = {
    "GET artist.getSimilar": answers.LASTFM_SIMILAR_ARTISTS.name,
    "GET track.getSimilar": answers.LASTFM_SIMILAR_TRACKS.name,
    "GET artist.getTopTracks": answers.LASTFM_TOP_TRACKS.name,
    "GET artist.getInfo": answers.LASTFM_ARTISTS.name,
    "POST /similar-recordings/json": answers.LISTENBRAINZ_SIMILAR_RECORDINGS.name,
    "POST /similar-artists/json": answers.LISTENBRAINZ_SIMILAR_ARTISTS.name,
    "POST /spotify-id-from-mbid/json": answers.LABS_SPOTIFY_IDS.name,
    "GET /isrc/{isrc}": answers.MUSICBRAINZ_ISRCS.name,
    "GET /search": answers.SPOTIFY_ARTIST_PAGES.name,
    "GET /artists/{id}/top-tracks": answers.SPOTIFY_TOP_TRACKS.name,
}
"""Where what a call answers is remembered, for weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of a service's, as the simulator names it."""

    service: str
    call: str

    @property
    def method(self) -> str:
        """GET, POST ..."""
        return self.call.partition(" ")[0]

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.service}: {self.call}"


@dataclass(slots=True, kw_only=True)
class FaultSite:
    """A world in which one thing after the other goes wrong."""

    world: VibeWorld
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def person(self, mode: Mode = Mode.LIVING) -> Account:
        """Somebody new with small wishes."""
        account = self.world.connected(f"P{next(self.numbers)}")
        return self.world.store.people.change(account.user_id, mode=mode, playlist_size=_SIZE)

    def break_(self, endpoint: Endpoint, kind: FaultKind) -> None:
        """From now on this call is answered so."""
        order = {"service": endpoint.service, "endpoint": endpoint.call, **kind.order}
        self.world.trouble(**order)

    def mend(self) -> None:
        """Good weather, as after some days: no pause is kept, no door is remembered as shut."""
        self.world.no_trouble()
        self.world.end_pauses()
        with self.world.store.database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM capabilities")

    def calls(self, endpoint: Endpoint) -> int:
        """How often it was called since the calls were forgotten; some are noted late."""
        for _ in range(40):
            if found := self.world.calls(endpoint.service)[endpoint.call]:
                return found
            time.sleep(0.1)
        return 0

    def run(self, person: Account, launch: LaunchRequest) -> dg.ExecuteInProcessResult:
        """The run of this launch."""
        return self.world.run(launch.job, person.user_id, tags=launch.tags, raise_on_error=False)

    def likes(self, user_id: UserId) -> int:
        """How many likes the warehouse knows."""
        with self.world.warehouse.open() as tables:
            return len(tables.library.likes(user_id))

    def believed(self, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        """Those of whose answers "there is none" is remembered."""
        query = (
            "SELECT count(*) FROM lookups WHERE service = ?"
            " AND (answer IS NULL OR CAST(answer AS VARCHAR) IN ('null', '[]'))"
        )
        path = str(self.world.settings.warehouse_path)
        with duckdb.connect(path, read_only=True) as connection:
            counted = {
                one: connection.execute(query, [_REMEMBERED.get(one.call, "")]).fetchone()
                for one in endpoints
            }
        return [one for one, count in counted.items() if count and count[0]]

    def lists_told(self, person: Account) -> list[Edition]:
        """The editions whose playlists the person must have, newest first."""
        return self.world.store.editions.standing(person.user_id)


def newest(site: FaultSite, person: Account) -> Edition | None:
    """The person's newest edition."""
    begun = site.world.store.editions.history(person.user_id, limit=1)
    return begun[0] if begun else None


def sentence(person: Account, cause: FailureCause, edition: Edition) -> str:
    """What the person reads."""
    return str(because(person, cause, edition.cause_until))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCell:
    """A list, asked for while these calls are answered badly.

    ``endpoints`` are of different services, so that each is judged by itself. ``spoiled``: a call
    that went wrong before and makes the endpoint's call needed. ``shut``: those that answer nobody
    meanwhile, for what they tell would make it needless.
    """

    endpoints: Sequence[Endpoint]
    mode: Mode
    cold: bool
    expire: bool = False
    spoiled: Endpoint | None = None
    shut: Sequence[Endpoint] = ()

    def row(self, endpoint: Endpoint, kind: FaultKind) -> str:
        """The line of the table."""
        return f"{endpoint.name}, {kind.name}"

    def play(self, site: FaultSite, kind: FaultKind, person: Account) -> list[Outcome]:
        """One run in bad weather, one in good."""
        broken = [one for one in self.endpoints if kind.fits(one.service, one.method)]
        if self.cold:
            site.world.settings.warehouse_path.unlink(missing_ok=True)
            person = site.person(self.mode)
        likes = site.likes(person.user_id)
        if self.expire:
            self._expire(site, person)
        if self.spoiled is not None:
            site.world.trouble(
                service=self.spoiled.service,
                endpoint=self.spoiled.call,
                kind="garbage",
                applied=True,
                times=1,
            )
        for one in self.shut:
            site.world.trouble(service=one.service, endpoint=one.call, kind="status", status=403)
        for one in broken:
            site.break_(one, kind)
        site.world.forget_calls()
        began = time.monotonic()
        site.run(person, LaunchRequest.asked_list(person.user_id))
        seconds, edition = time.monotonic() - began, newest(site, person)
        asked = {one.name: site.calls(one) for one in broken}
        first, foreseen = _came_of(person, edition), _foreseen(edition)
        site.mend()
        believed = [] if kind.passing else site.believed(broken)
        after = self._good_weather(site, person, edition)
        troubles = self._troubles(site, person, likes, seconds, foreseen=foreseen)
        return [
            Outcome(
                name=self.row(one, kind),
                seen={"At first": first, "Then": after},
                troubles=[
                    *troubles,
                    *([] if asked[one.name] or _ended_before(edition, broken) else _NOT_ASKED),
                    *(["a bad answer was believed"] if one in believed else []),
                ],
            )
            for one in broken
        ]

    def _expire(self, site: FaultSite, person: Account) -> None:
        person_tokens = site.world.store.tokens.get(person.user_id)
        assert person_tokens is not None
        listener = site.world.listener_of(person).listener.id
        address = f"{site.world.simulator.address}/control/spotify/expire-access"
        httpx.post(address, json={"listener": listener}).raise_for_status()

    def _good_weather(self, site: FaultSite, person: Account, edition: Edition | None) -> str:
        """What nobody has to ask for, or the next list where somebody must."""
        person = site.world.store.people.get(person.user_id) or person
        if edition is not None and edition.state is EditionState.RECORDED:
            return ""
        if edition is not None and goes_on(edition):
            launch = LaunchRequest.continuation(
                person.user_id,
                edition.edition_id,
                occasion=edition.occasion,
                vibe_date=edition.vibe_date,
                chosen=bool(edition.tracks),
                attempt=2,
            )
            site.run(person, launch)
            return "goes on: " + _came_of(person, newest(site, person))
        site.run(person, LaunchRequest.asked_list(person.user_id))
        return "asked again: " + _came_of(person, newest(site, person))

    def _troubles(
        self,
        site: FaultSite,
        person: Account,
        likes: int,
        seconds: float,
        *,
        foreseen: bool,
    ) -> list[str]:
        account = site.world.store.people.get(person.user_id)
        latest = newest(site, person)
        playlists = playlists_of(site.world, person)
        known = site.likes(person.user_id)
        recorded = latest is not None and latest.state is EditionState.RECORDED
        wanted = {
            "a reason nobody foresaw": foreseen,
            f"took {seconds:.0f} s": seconds < LONGEST_RUN_SECONDS,
            "no list in good weather": recorded,
            "an empty playlist": all(playlist["items"] for playlist in playlists),
            "a playlist too many": len(playlists) == self._playlists(site, person),
            "another playlist than the ledger's": recorded and _shown(playlists, latest),
            "history not exact": recorded and _remembered(site, latest),
            "likes lost": known >= likes and known > 0,
            "consent lost": account is not None and account.connected,
        }
        return [what for what, holds in wanted.items() if not holds]

    def _playlists(self, site: FaultSite, person: Account) -> int:
        lists = [
            edition
            for edition in site.world.store.editions.history(person.user_id, limit=1000)
            if edition.state is EditionState.RECORDED
        ]
        return len({edition.playlist_id for edition in lists})


_NOT_ASKED = ("was not asked",)


def _ended_before(edition: Edition | None, broken: Sequence[Endpoint]) -> bool:
    """Whether another of the broken calls ended the list before this one's turn."""
    return len(broken) > 1 and (edition is None or edition.state is not EditionState.RECORDED)


def _foreseen(edition: Edition | None) -> bool:
    """Whether there is a list, or a reason of which the person can be told more than that."""
    if edition is None:
        return False
    recorded = edition.state is EditionState.RECORDED
    return recorded or edition.cause not in {None, FailureCause.UNEXPECTED}


def _came_of(person: Account, edition: Edition | None) -> str:
    if edition is None:
        return "nothing"
    if edition.state is EditionState.RECORDED:
        notes = edition.summary.notes if edition.summary is not None else ()
        return ", ".join(["a list", *notes])
    told = sentence(person, edition.cause or FailureCause.UNEXPECTED, edition)
    unforeseen = edition.cause is FailureCause.UNEXPECTED
    return f"{told} ({edition.detail})" if unforeseen else told


def _shown(playlists: Sequence[Mapping[str, object]], edition: Edition | None) -> bool:
    assert edition is not None
    uris = [track.uri for track in edition.tracks]
    return any(uris_of(playlist) == uris for playlist in playlists)


def _remembered(site: FaultSite, edition: Edition | None) -> bool:
    assert edition is not None
    with site.world.warehouse.open() as tables:
        lines = tables.playlists.recommended(edition.user_id)
    keys = [line.key for line in lines if line.edition_id == edition.edition_id]
    return sorted(keys) == sorted(track.key for track in edition.tracks)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCell:
    """The last list is taken back; ``lists`` were made before."""

    endpoints: Sequence[Endpoint]
    lists: int

    def row(self, endpoint: Endpoint, kind: FaultKind) -> str:
        """The line of the table."""
        return f"{endpoint.name}, {kind.name} (/undo)"

    def play(self, site: FaultSite, kind: FaultKind, person: Account) -> list[Outcome]:
        """One run in bad weather, one in good."""
        (endpoint,) = self.endpoints
        while len(site.lists_told(person)) < self.lists:
            site.run(person, LaunchRequest.asked_list(person.user_id))
        edition = site.lists_told(person)[0]
        launch = LaunchRequest.undoing(
            person.user_id, edition.edition_id, stood_since=edition.stands_since
        )
        site.world.forget_calls()
        site.break_(endpoint, kind)
        began = time.monotonic()
        first = site.run(person, launch)
        seconds, asked = time.monotonic() - began, site.calls(endpoint)
        told, cause = _undone(person, first, site.world.instance)
        site.mend()
        again = first if first.success else site.run(person, launch)
        again_told = "asked again: " + ("done" if again.success else "failed")
        wanted = {
            "was not asked": asked > 0,
            f"took {seconds:.0f} s": seconds < LONGEST_RUN_SECONDS,
            "a reason nobody foresaw": cause is not FailureCause.UNEXPECTED,
            "not done in good weather": again.success,
            "not as it was before": _as_before(site, person, edition),
        }
        return [
            Outcome(
                name=self.row(endpoint, kind),
                seen={
                    "At first": told,
                    "Then": "" if first.success else again_told,
                },
                troubles=[what for what, holds in wanted.items() if not holds],
            )
        ]


def _undone(
    person: Account, result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> tuple[str, FailureCause | None]:
    """What the person reads of it."""
    if result.success:
        return "done", None
    run = instance.get_run_by_id(result.run_id)
    told = None if run is None else runs.failure_told(run.tags)
    cause, until = (FailureCause.UNEXPECTED, None) if told is None else told
    return str(because(person, FailureCause(cause), until)), FailureCause(cause)


def _as_before(site: FaultSite, person: Account, undone: Edition) -> bool:
    standing = site.lists_told(person)
    playlists = playlists_of(site.world, person)
    with site.world.warehouse.open() as tables:
        lines = tables.playlists.recommended(person.user_id)
    if any(line.edition_id == undone.edition_id for line in lines):
        return False
    if standing:
        return _shown(playlists, standing[0])
    return all(playlist["id"] != undone.playlist_id for playlist in playlists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a question is put to directly, and about what."""

    clients: ClientFactory
    spotify: Spotify
    playlist_id: str
    uris: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectCell:
    """A call that lists make now and then only, asked for by itself."""

    endpoints: Sequence[Endpoint]
    ask: Callable[[Asked], Awaitable[object]]
    first: Endpoint | None = None
    honest: tuple[str, ...] = ()
    """Kinds of bad answers that are the endpoint's own way to say no, or yes."""

    def row(self, endpoint: Endpoint, kind: FaultKind) -> str:
        """The line of the table."""
        return f"{endpoint.name}, {kind.name}"

    def play(self, site: FaultSite, kind: FaultKind, person: Account) -> list[Outcome]:
        """One question."""
        (endpoint,) = self.endpoints
        if not site.lists_told(person):
            site.run(person, LaunchRequest.asked_list(person.user_id))
        if self.first is not None:
            site.world.trouble(
                service=self.first.service, endpoint=self.first.call, kind="status", status=404
            )
        site.world.forget_calls()
        site.break_(endpoint, kind)
        began, cause, believed = time.monotonic(), None, False
        try:
            answer = asyncio.run(self._asked(site, person))
            first, believed = f"answered: {answer}"[:60], kind.name not in self.honest
            believed = believed and not kind.passing
        except ServiceError as error:
            failure = failure_of(error)
            first, cause = failure.sentence, failure.cause
        seconds, asked = time.monotonic() - began, site.calls(endpoint)
        site.mend()
        then = "" if kind.passing else f"answered: {asyncio.run(self._asked(site, person))}"[:60]
        wanted = {
            "was not asked": asked > 0,
            f"took {seconds:.0f} s": seconds < LONGEST_RUN_SECONDS,
            "a bad answer was believed": not believed,
            "a reason nobody foresaw": endpoint.service != "spotify"
            or cause is not FailureCause.UNEXPECTED,
        }
        return [
            Outcome(
                name=self.row(endpoint, kind),
                seen={"At first": first, "Then": then},
                troubles=[what for what, holds in wanted.items() if not holds],
            )
        ]

    async def _asked(self, site: FaultSite, person: Account) -> object:
        edition, store = site.lists_told(person)[0], site.world.store
        async with open_http() as http:
            clients = ClientFactory(
                http=http,
                settings=site.world.settings,
                budget=store.budget,
                capabilities=store.capabilities,
                patience=PATIENCE,
            )
            connection = SpotifyConnection(store, clients.spotify_accounts(), now=utc_now)
            asked = Asked(
                clients=clients,
                spotify=clients.spotify(access=connection.access_for(person.user_id)),
                playlist_id=edition.playlist_id or "",
                uris=[track.uri for track in edition.tracks],
            )
            return await self.ask(asked)


async def _me(asked: Asked) -> object:
    return (await asked.spotify.me()).name


async def _exists(asked: Asked) -> object:
    return await asked.spotify.playlist_exists(asked.playlist_id)


async def _contains(asked: Asked) -> object:
    return len(await asked.spotify.library_contains(asked.uris))


async def _save(asked: Asked) -> object:
    """Follow it again; it was let go before."""
    address = f"spotify:playlist:{asked.playlist_id}"
    await asked.spotify.remove_from_library([address])
    await asked.spotify.save_to_library([address])
    return "saved"


async def _alias(asked: Asked) -> object:
    client = asked.clients.musicbrainz()
    assert client is not None
    return await client.artist_names("00000000-0000-4000-8000-000000000000")


async def _tags(asked: Asked) -> object:
    client = asked.clients.lastfm()
    assert client is not None
    return await client.artist_tags("Nobody")


async def _name(asked: Asked) -> object:
    client = asked.clients.labs()
    assert client is not None
    return await client.find_recording("Nobody", "Nothing")


def _spotify(*calls: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(service="spotify", call=call) for call in calls)


def _others(**calls: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(service=service, call=call) for service, call in calls.items())


Cell = ListCell | UndoCell | DirectCell


def names(cell: Cell, kinds: Sequence[FaultKind]) -> list[str]:
    """The rows that this cell fills."""
    return [
        cell.row(endpoint, kind)
        for endpoint in cell.endpoints
        for kind in kinds
        if kind.fits(endpoint.service, endpoint.method)
    ]


_TOKEN = Endpoint(service="spotify_accounts", call="POST /api/token")
_MAKE, _WRITE = _spotify("POST /me/playlists", "PUT /playlists/{id}/items")
(_SIGHT,) = _spotify("GET /playlists/{id}/items")
_NAMING = _spotify("GET /search", "GET /recommendations", "GET /artists/{id}/top-tracks")
"""Where Spotify itself tells which track an id is: what is new has its id from labs without."""
_ACR = Endpoint(service="labs", call="GET /acr-lookup/json")
CELLS: tuple[Cell, ...] = (
    *(
        ListCell(endpoints=[one], mode=Mode.LIVING, cold=False)
        for one in _spotify(
            "GET /me/tracks",
            "GET /me/player/recently-played",
            "PUT /playlists/{id}/items",
        )
    ),
    ListCell(endpoints=[_TOKEN], mode=Mode.LIVING, cold=False, expire=True),
    ListCell(endpoints=[_MAKE], mode=Mode.DAILY, cold=False),
    ListCell(endpoints=_spotify("GET /me/playlists"), mode=Mode.DAILY, cold=False, spoiled=_MAKE),
    *(
        ListCell(endpoints=[*_spotify(spotify), *_others(**others)], mode=Mode.LIVING, cold=True)
        for spotify, others in (
            (
                "GET /me/top/artists",
                {
                    "lastfm": "GET track.getSimilar",
                    "labs": "POST /similar-recordings/json",
                },
            ),
            (
                "GET /me/top/tracks",
                {"lastfm": "GET artist.getSimilar", "labs": "POST /similar-artists/json"},
            ),
            (
                "GET /search",
                {"lastfm": "GET artist.getTopTracks", "labs": "GET /acr-lookup/json"},
            ),
            (
                "GET /recommendations",
                {"lastfm": "GET artist.getInfo", "labs": "POST /spotify-id-from-mbid/json"},
            ),
            ("GET /artists/{id}/top-tracks", {"musicbrainz": "GET /isrc/{isrc}"}),
        )
    ),
    ListCell(endpoints=[_SIGHT], mode=Mode.LIVING, cold=True, shut=_NAMING),
    UndoCell(endpoints=[_WRITE], lists=2),
    UndoCell(endpoints=_spotify("PUT /playlists/{id}"), lists=2),
    UndoCell(endpoints=_spotify("DELETE /me/library"), lists=1),
    DirectCell(endpoints=_spotify("GET /me"), ask=_me),
    DirectCell(endpoints=_spotify("GET /playlists/{id}"), ask=_exists, honest=("404 for good",)),
    DirectCell(endpoints=_spotify("GET /me/library/contains"), ask=_contains),
    DirectCell(endpoints=_spotify("PUT /me/library"), ask=_save, honest=("done, empty body",)),
    DirectCell(endpoints=_others(lastfm="GET artist.getTopTags"), ask=_tags),
    DirectCell(endpoints=_others(musicbrainz="GET /artist/{mbid}"), ask=_alias),
    DirectCell(
        endpoints=_others(listenbrainz="GET /metadata/lookup/"),
        ask=_name,
        first=_ACR,
        honest=("empty object",),
    ),
)
"""Each with all kinds that fit."""

PAGE = Page(
    path=DOCS / "faults.md",
    title="Bad answers, one by one",
    introduction=(
        'Each line is one call answered badly in one way. "At first" is what came of it, or what'
        ' the person reads; "then" is what came once the service was well again, by itself ("goes'
        ' on") or when asked again. Wanted is a list or a sentence that is true, no run beyond its'
        " deadline, one full playlist per list, an exact history, no likes lost, no consent lost,"
        " and no bad answer believed. Written by `make matrices`."
    ),
    counted="bad answers",
    columns=("At first", "Then"),
    names=[name for cell in CELLS for name in names(cell, KINDS)],
)


def play_cell(
    site: FaultSite, cell: Cell, kinds: Sequence[FaultKind], tell: Callable[[Outcome], None]
) -> None:
    """All kinds that fit, one after the other, to one person for as long as all is well."""
    person = None
    for kind in kinds:
        if not any(kind.fits(one.service, one.method) for one in cell.endpoints):
            continue
        if person is None:
            person = site.person(cell.mode if isinstance(cell, ListCell) else Mode.LIVING)
            site.run(person, LaunchRequest.asked_list(person.user_id))
            site.mend()
        outcomes = cell.play(site, kind, person)
        for outcome in outcomes:
            tell(outcome)
        if any(outcome.troubles for outcome in outcomes):
            person = None


@contextmanager
def fault_site() -> Iterator[FaultSite]:
    """A world of its own, with little patience."""
    with (
        tempfile.TemporaryDirectory(prefix="vibe-faults-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        with vibe_world(
            Path(folder), simulation=Simulation(BuiltInWorld(listeners=_LISTENERS), rules=_MANY)
        ) as world:
            patch.setattr(resources, "ClientFactory", partial(ClientFactory, patience=PATIENCE))
            patch.setattr(factory, "QUICK", replace(PATIENCE, attempts=2))
            patch.setattr(playlist_creation, "DOUBT_FOR", timedelta(0))
            logging.disable(logging.CRITICAL)
            try:
                yield FaultSite(world=world)
            finally:
                logging.disable(logging.NOTSET)
