"""All services behind one port (an ASGI app). A service is a module that gives its routes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator import control, control_people
from vibe_pipeline.simulator.lastfm import api as lastfm
from vibe_pipeline.simulator.metabrainz import listenbrainz, musicbrainz
from vibe_pipeline.simulator.middleware import Recorder
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import accounts as spotify_accounts
from vibe_pipeline.simulator.spotify import routes as spotify
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts
from vibe_pipeline.simulator.telegram import bot_api as telegram
from vibe_pipeline.simulator.telegram import chat
from vibe_pipeline.simulator.telegram import control as telegram_control

_SERVICES = (
    control,
    control_people,
    telegram_control,
    spotify_accounts,
    spotify,
    lastfm,
    listenbrainz,
    musicbrainz,
    telegram,
    chat,
)


def create_app(simulation: Simulation) -> Starlette:
    """The outside world as one ASGI app."""

    def who(service: str, headers: dict[str, str], body: bytes) -> str | None:
        if service == "spotify":
            token = headers.get("authorization", "").removeprefix("Bearer ").strip()
            return simulation.part(SpotifyAccounts).listener_of_token(token)
        return _chat_of(body) if service == "telegram" else None

    routes: list[BaseRoute] = [
        route for service in _SERVICES for route in service.routes(simulation)
    ]
    routes.append(Route("/", _front))
    recorder = Middleware(Recorder, simulation=simulation, routes=routes, who=who)
    return Starlette(routes=routes, middleware=[recorder])


async def _front(request: Request) -> JSONResponse:
    """What is to be found here."""
    return JSONResponse({"simulator": "ready", "control": "/control", "chat": "/chat"})


def _chat_of(body: bytes) -> str | None:
    """The chat that a Telegram call is about, for faults that hit one person only."""
    _, found, rest = body.partition(b"chat_id")
    digits = rest.lstrip(b"\"':= \r\n")[:20]
    number = b"".join(digits[i : i + 1] for i in range(len(digits)) if digits[: i + 1].isdigit())
    return number.decode() or None if found else None
