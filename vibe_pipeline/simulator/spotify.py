"""Spotify's Web API under ``/spotify/v1``: the table of contents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator import (
    spotify_catalogue,
    spotify_legacy,
    spotify_library,
    spotify_me,
    spotify_playlists,
    spotify_search,
)
from vibe_pipeline.simulator.simulation import Simulation

_PARTS = (
    spotify_me,
    spotify_library,
    spotify_playlists,
    spotify_search,
    spotify_catalogue,
    spotify_legacy,
)
_ALL_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Every endpoint of the three regimes; anything else is not there."""
    found: list[BaseRoute] = [route for part in _PARTS for route in part.routes(simulation)]
    return [*found, Route("/spotify/{rest:path}", _nothing, methods=_ALL_METHODS)]


async def _nothing(request: Request) -> Response:
    """Spotify's answer to a path it does not have."""
    return JSONResponse({"error": {"status": 404, "message": "Service not found"}}, 404)
