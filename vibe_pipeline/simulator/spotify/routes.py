"""Spotify's Web API under ``/spotify/v1``: the table of contents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import catalogue, legacy, library, me, playlists, search

_PARTS = (me, library, playlists, search, catalogue, legacy)
_ALL_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Every endpoint of the three regimes; anything else is not there."""
    found: list[BaseRoute] = [route for part in _PARTS for route in part.routes(simulation)]
    return [*found, Route("/spotify/{rest:path}", _nothing, methods=_ALL_METHODS)]


async def _nothing(request: Request) -> Response:
    """Spotify's answer to a path it does not have."""
    return JSONResponse({"error": {"status": 404, "message": "Service not found"}}, 404)
