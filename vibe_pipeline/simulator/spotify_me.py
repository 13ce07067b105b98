"""Spotify: the person's profile, library, plays and top items."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator import spotify_shapes as shapes
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify_gate import Call, Gate


def profile(call: Call) -> Response:
    """GET /me."""
    return JSONResponse(shapes.me(call, call.account))


def saved_tracks(call: Call) -> Response:
    """GET /me/tracks: newest first."""
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    saved = call.account.saved
    items = [shapes.saved_track(call, entry) for entry in saved[offset : offset + limit]]
    return JSONResponse(call.page("/me/tracks", items, len(saved), limit, offset))


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Everything under ``/me`` that is read."""
    gate = Gate(simulation)
    return [
        Route("/spotify/v1/me", gate.endpoint(profile)),
        Route("/spotify/v1/me/tracks", gate.endpoint(saved_tracks, scopes=("user-library-read",))),
    ]
