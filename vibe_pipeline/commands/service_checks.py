"""Whether the outside world takes us as we are: one cheap call to each service with our own key.

Each call is bounded, all are made side by side, none counts in a budget or changes anything. What
can be told without asking anybody is ``commands.diagnosis``'; sending for the product is
``clients``'.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from vibe_pipeline.clients.dagster import UNKNOWN_TO_IT
from vibe_pipeline.clients.factory import open_http, user_agent
from vibe_pipeline.commands.checks import SERVICES, Finding, contact_names_nobody
from vibe_pipeline.installation.access_token import bearer, read_token
from vibe_pipeline.settings import Settings, shown_address

CALL_SECONDS = 5.0
CLOCK_MAY_DIFFER = timedelta(seconds=60)
"""Beyond this tokens are taken for old ones, and nights come at the wrong hour."""
SOME_ARTIST = "f59c5520-5f46-4d2c-b2c4-822eabf53419"
_INVALID_KEY, _SUSPENDED_KEY = 10, 26

Ask = Callable[[httpx.AsyncClient, Settings], Awaitable[httpx.Response]]
Judge = Callable[[httpx.Response, Settings], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One call: how it is made, and what its answer tells.

    ``optional``: Vibe does without while the service is away; a key that it refuses is a trouble
    all the same. ``essential``: there is no use in a first start while it is away.
    """

    setting: str
    ask: Ask
    judge: Judge
    optional: bool = False
    essential: bool = False


def services(settings: Settings, *, now: Callable[[], datetime]) -> list[Finding]:
    """What each service says to our key, and whether our clock goes as theirs do."""
    return asyncio.run(_all(settings, now))


def webserver(settings: Settings) -> Iterator[Finding]:
    """Whether Dagster's webserver knows us; one that does not answer is told of as a part."""
    try:
        answer = httpx.post(
            settings.dagster_graphql_url,
            json={"query": "{ version }"},
            headers=bearer(read_token(settings.home)),
            timeout=CALL_SECONDS,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return
    refused = answer.status_code == httpx.codes.UNAUTHORIZED
    yield Finding(what="webserver.token", trouble=f"Dagster: {UNKNOWN_TO_IT}." if refused else None)


def before_a_start(
    settings: Settings, *, has_people: bool, now: Callable[[], datetime]
) -> list[Finding]:
    """The same; where people have their nights already, nobody who is away stops the start."""
    return [
        replace(finding, stops=finding.stops and not (has_people and finding.passing))
        for finding in services(settings, now=now)
    ]


async def _all(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    skews: list[timedelta] = []
    async with open_http() as http, asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(_finding(probe, http, settings, now, skews))
            for probe in PROBES
            if _can_be_asked(probe, settings)
        ]
    return [*(task.result() for task in asked), *_clock(skews)]


async def _finding(
    probe: Probe,
    http: httpx.AsyncClient,
    settings: Settings,
    now: Callable[[], datetime],
    skews: list[timedelta],
) -> Finding:
    address = shown_address(str(getattr(settings, probe.setting.lower())))
    what = f"{SERVICES[probe.setting]} at {address}"
    try:
        async with asyncio.timeout(CALL_SECONDS):
            answer = await probe.ask(http, settings)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        failure: str | None = (
            f"{SERVICES[probe.setting]} does not answer at {address} ({type(error).__name__});"
            f" check the network, or {probe.setting}."
        )
    else:
        skews.extend(_skew(answer, now()))
        failure = _in_trouble(probe, answer)
        if failure is None:
            return Finding(what=what, trouble=probe.judge(answer, settings))
    if probe.optional:
        return Finding(what=what, advice=failure)
    return Finding(what=what, trouble=failure, stops=probe.essential, passing=True)


def _in_trouble(probe: Probe, answer: httpx.Response) -> str | None:
    name = SERVICES[probe.setting]
    if answer.status_code >= 500:
        return f"{name} has trouble of its own ({answer.status_code}); try again later."
    if 300 <= answer.status_code < 400:
        return f"{name} sends us elsewhere; write the address it moved to into {probe.setting}."
    return None


def _can_be_asked(probe: Probe, settings: Settings) -> bool:
    needed = _KEYS.get(probe.setting, ())
    there = all(getattr(settings, key) is not None for key in needed)
    return there and not ("metabrainz_contact" in needed and contact_names_nobody(settings))


_KEYS = {
    "TELEGRAM_API_URL": ("telegram_bot_token",),
    "SPOTIFY_ACCOUNTS_URL": ("spotify_client_id", "spotify_client_secret"),
    "LASTFM_API_URL": ("lastfm_api_key",),
    "LISTENBRAINZ_LABS_URL": ("metabrainz_contact",),
    "LISTENBRAINZ_API_URL": ("metabrainz_contact",),
    "MUSICBRAINZ_API_URL": ("metabrainz_contact",),
}
"""The settings without which there is nothing to ask with."""


async def _ask_telegram(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    token = _said(settings.telegram_bot_token)
    return await http.get(f"{settings.telegram_api_url}/bot{token}/getMe")


def _telegram(answer: httpx.Response, settings: Settings) -> str | None:
    told = _fields(answer)
    if told.get("ok") is True:
        return None
    if answer.status_code in {401, 404} and "error_code" in told:
        return (
            "Telegram knows no bot with TELEGRAM_BOT_TOKEN; copy the whole token again from"
            " @BotFather (/mybots, API Token)."
        )
    return _someone_else("TELEGRAM_API_URL", "https://api.telegram.org")


async def _ask_spotify_accounts(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    return await http.post(
        f"{settings.spotify_accounts_url}/api/token",
        data={"grant_type": "client_credentials"},
        auth=(settings.spotify_client_id or "", _said(settings.spotify_client_secret)),
    )


def _spotify_accounts(answer: httpx.Response, settings: Settings) -> str | None:
    told = _fields(answer)
    if "access_token" in told:
        return None
    if told.get("error") == "invalid_client":
        secret = "secret" in str(told.get("error_description", "")).lower()
        wrong = "SPOTIFY_CLIENT_SECRET" if secret else "SPOTIFY_CLIENT_ID"
        return (
            f"Spotify does not take {wrong}; copy id and secret again, both from the same app in"
            " the developer dashboard."
        )
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return None
    return _someone_else("SPOTIFY_ACCOUNTS_URL", "https://accounts.spotify.com")


async def _ask_spotify(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    """Without a token, so it costs none of the day's calls; Spotify says that one is missing."""
    return await http.get(f"{_ending(settings.spotify_api_url, '/v1')}/me")


def _spotify(answer: httpx.Response, settings: Settings) -> str | None:
    error = _fields(answer).get("error")
    if isinstance(error, dict) or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return None
    return _someone_else("SPOTIFY_API_URL", "https://api.spotify.com/v1")


async def _ask_lastfm(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    query = {"method": "artist.gettoptags", "artist": "Cher", "format": "json"}
    key = {"api_key": _said(settings.lastfm_api_key)}
    return await http.get(f"{_ending(settings.lastfm_api_url, '/2.0')}/", params=query | key)


def _lastfm(answer: httpx.Response, settings: Settings) -> str | None:
    told = _fields(answer)
    if told.get("error") == _INVALID_KEY:
        return "Last.fm does not know LASTFM_API_KEY; copy it again from last.fm/api/accounts."
    if told.get("error") == _SUSPENDED_KEY:
        return "Last.fm has suspended LASTFM_API_KEY; make a new one at last.fm/api/account/create."
    if told:
        return None
    return _someone_else("LASTFM_API_URL", "https://ws.audioscrobbler.com/2.0")


async def _ask_labs(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    query = {"recording_mbid": SOME_ARTIST}
    address = f"{settings.listenbrainz_labs_url}/spotify-id-from-mbid/json"
    return await http.get(address, params=query, headers=_agent(settings))


async def _ask_listenbrainz(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    address = f"{settings.listenbrainz_api_url}/1/metadata/lookup/"
    query = {"artist_name": "Cher", "recording_name": "Believe"}
    return await http.get(address, params=query, headers=_agent(settings))


async def _ask_musicbrainz(http: httpx.AsyncClient, settings: Settings) -> httpx.Response:
    address = f"{_ending(settings.musicbrainz_api_url, '/ws/2')}/artist/{SOME_ARTIST}"
    return await http.get(address, params={"fmt": "json"}, headers=_agent(settings))


def _metabrainz(setting: str, usual: str) -> Judge:
    def judge(answer: httpx.Response, settings: Settings) -> str | None:
        if answer.status_code == httpx.codes.FORBIDDEN:
            return (
                f"{SERVICES[setting]} refuses us; write a mail or web address of yours into"
                " METABRAINZ_CONTACT."
            )
        if not isinstance(_json(answer), dict | list):
            return _someone_else(setting, usual)
        return None

    return judge


PROBES = (
    Probe(setting="TELEGRAM_API_URL", ask=_ask_telegram, judge=_telegram, essential=True),
    Probe(setting="SPOTIFY_ACCOUNTS_URL", ask=_ask_spotify_accounts, judge=_spotify_accounts),
    Probe(setting="SPOTIFY_API_URL", ask=_ask_spotify, judge=_spotify),
    Probe(setting="LASTFM_API_URL", ask=_ask_lastfm, judge=_lastfm, optional=True),
    Probe(
        setting="LISTENBRAINZ_LABS_URL",
        ask=_ask_labs,
        judge=_metabrainz("LISTENBRAINZ_LABS_URL", "https://labs.api.listenbrainz.org"),
        optional=True,
    ),
    Probe(
        setting="LISTENBRAINZ_API_URL",
        ask=_ask_listenbrainz,
        judge=_metabrainz("LISTENBRAINZ_API_URL", "https://api.listenbrainz.org"),
        optional=True,
    ),
    Probe(
        setting="MUSICBRAINZ_API_URL",
        ask=_ask_musicbrainz,
        judge=_metabrainz("MUSICBRAINZ_API_URL", "https://musicbrainz.org/ws/2"),
        optional=True,
    ),
)


def _clock(skews: Iterable[timedelta]) -> Iterator[Finding]:
    """Our clock against the one that differs least: a cache may answer with an old date."""
    nearest = min(skews, key=abs, default=None)
    if nearest is None:
        return
    trouble = None
    if abs(nearest) > CLOCK_MAY_DIFFER:
        way = "ahead of" if nearest > timedelta() else "behind"
        minutes = abs(nearest).total_seconds() / 60
        trouble = (
            f"This machine's clock is {minutes:.0f} minutes {way} everybody else's; switch on"
            " time synchronisation (timedatectl set-ntp true)."
        )
    yield Finding(what="clock", trouble=trouble)


def _skew(answer: httpx.Response, now: datetime) -> Iterator[timedelta]:
    """How far we are ahead of whoever answered."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, OverflowError):
        return
    yield now - (theirs.replace(tzinfo=UTC) if theirs.tzinfo is None else theirs)


def _someone_else(setting: str, usual: str) -> str:
    return (
        f"What answers at {setting} is not {SERVICES[setting]}; leave {setting} empty for {usual}."
    )


def _ending(address: str, path: str) -> str:
    return address if urlsplit(address).path.endswith(path) else address + path


def _agent(settings: Settings) -> dict[str, str]:
    return {"User-Agent": f"{user_agent()} ( {settings.metabrainz_contact} )"}


def _said(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


def _json(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _fields(answer: httpx.Response) -> dict[str, Any]:
    told = _json(answer)
    return told if isinstance(told, dict) else {}
