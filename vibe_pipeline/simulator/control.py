"""The control endpoint: what happened, and what shall happen. No service has anything like it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.clock import read_moment, written
from vibe_pipeline.simulator.faults import fault_from_json
from vibe_pipeline.simulator.people import PersonTaken, PersonUnknown
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts

Handler = Callable[[Request], Awaitable[Response]]


class NotUnderstood(ValueError):
    """A control request that cannot be followed."""


def answering(handler: Handler) -> Handler:
    """A handler whose refusals become one sentence of JSON."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except PersonUnknown as unknown:
            return JSONResponse({"error": str(unknown)}, 404)
        except PersonTaken as taken:
            return JSONResponse({"error": str(taken)}, 409)
        except (ValueError, TypeError) as wrong:
            return JSONResponse({"error": str(wrong)}, 400)

    return answer


async def order(request: Request) -> dict[str, Any]:
    """The JSON object a control request carries; none at all is an empty one."""
    body = await request.body()
    if not body:
        return {}
    found = await request.json()
    if not isinstance(found, dict):
        raise NotUnderstood("a control request carries a JSON object")
    return found


class Control:
    """The routes that concern no service in particular."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    async def requests(self, request: Request) -> Response:
        """GET: what was asked of the services; DELETE: forget it."""
        if request.method == "DELETE":
            self.simulation.log.clear()
            return JSONResponse({"requests": []})
        found = self.simulation.log.requests(
            service=request.query_params.get("service"),
            since=int(request.query_params.get("since", "0")),
        )
        return JSONResponse({"requests": [entry.as_json() for entry in found]})

    async def faults(self, request: Request) -> Response:
        """GET: trouble on order; POST: order some; DELETE: no more of it."""
        faults = self.simulation.faults
        if request.method == "POST":
            faults.add(fault_from_json(await order(request)))
        elif request.method == "DELETE":
            faults.clear(request.query_params.get("service"))
        return JSONResponse({"faults": [fault.as_json() for fault in faults.orders]})

    async def latency(self, request: Request) -> Response:
        """POST: every answer of a service takes so many seconds from now on, give or take."""
        wish = await order(request)
        if not isinstance(wish.get("service"), str):
            raise NotUnderstood("service must be named, or * for all")
        faults = self.simulation.faults
        faults.latency[wish["service"]] = float(wish.get("seconds", 0))
        faults.jitter[wish["service"]] = float(wish.get("jitter", 0))
        return JSONResponse({"latency": faults.latency, "jitter": faults.jitter})

    async def clock(self, request: Request) -> Response:
        """GET: what time it is; POST: move on, or to a moment."""
        if request.method == "POST":
            wish = await order(request)
            if "now" in wish:
                self.simulation.clock.set(read_moment(str(wish["now"])))
            self.simulation.clock.advance(float(wish.get("advance_seconds", 0)))
        return JSONResponse({"now": written(self.simulation.clock.now())})

    async def regime(self, request: Request) -> Response:
        """POST: what Spotify allows the app from now on."""
        self.simulation.rules.change({"regime": (await order(request)).get("regime")})
        return JSONResponse({"regime": self.simulation.rules.regime})

    async def rules(self, request: Request) -> Response:
        """GET: every limit; POST: change some."""
        if request.method == "POST":
            self.simulation.rules.change(await order(request))
        return JSONResponse(self.simulation.rules.as_json())

    async def people(self, request: Request) -> Response:
        """GET: who is there; POST: somebody comes."""
        if request.method == "GET":
            people = [person.as_json() for person in self.simulation.people.all()]
            return JSONResponse({"people": people})
        wish = await order(request)
        listener, username = wish.get("listener"), wish.get("username")
        person = self.simulation.create_person(
            int(wish["telegram_id"]) if "telegram_id" in wish else _next_id(self.simulation),
            name=str(wish.get("name", "Newcomer")),
            username=None if username is None else str(username),
            language_code=wish.get("language_code", "en"),
            listener=None if listener is None else str(listener),
        )
        return JSONResponse(person.as_json(), 201)

    async def listeners(self, request: Request) -> Response:
        """GET: everybody in this world who has a Spotify account."""
        listeners = [
            {"id": listener.id, "name": listener.name}
            for listener in self.simulation.world.listeners
        ]
        return JSONResponse({"world": self.simulation.world.name, "listeners": listeners})

    async def allowlist(self, request: Request) -> Response:
        """GET: who may use the app; POST: let a listener in or put them out."""
        state = self.simulation.part(SpotifyAccounts)
        if request.method == "POST":
            wish = await order(request)
            listener = state.account(str(wish.get("listener", ""))).listener.id
            if not wish.get("allowed", True):
                state.dismiss(listener)
                return JSONResponse({"allowlist": state.allowlist})
            state.dismissed.discard(listener)
            if not state.admit(listener):
                raise NotUnderstood("the allowlist is full; raise the rule allowlist_limit")
        return JSONResponse({"allowlist": state.allowlist})

    async def tracks(self, request: Request) -> Response:
        """POST: what becomes of tracks: ``greyed_out``, ``deleted`` or ``offered`` again."""
        wish = await order(request)
        world, uris, state = self.simulation.world, wish.get("uris"), wish.get("state")
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise NotUnderstood("uris must be a list")
        ids = {uri.removeprefix("spotify:track:") for uri in uris}
        if any(world.track_once(name) is None for name in ids):
            raise NotUnderstood("not all of these are tracks of this world")
        if state not in {"greyed_out", "deleted", "offered"}:
            raise NotUnderstood("a track is greyed_out, deleted or offered")
        world.greyed_out -= ids
        world.deleted -= ids
        if state == "greyed_out":
            world.greyed_out |= ids
        elif state == "deleted":
            world.deleted |= ids
        return JSONResponse(
            {"greyed_out": sorted(world.greyed_out), "deleted": sorted(world.deleted)}
        )

    async def end_grants(self, request: Request) -> Response:
        """POST: a listener takes their consent back, or half a year has passed."""
        why = str(request.path_params["what"])
        wish = await order(request)
        state = self.simulation.part(SpotifyAccounts)
        listener = state.account(str(wish.get("listener", ""))).listener.id
        if why == "expire-access":
            return JSONResponse({"ended": state.expire_access(listener)})
        ended = {"revoke": "revoked", "expire": "expired"}.get(why)
        if ended is None:
            raise NotUnderstood("a grant can be revoked or expire; a token can expire-access")
        return JSONResponse({"ended": state.end_grants(listener, ended)})


def _next_id(simulation: Simulation) -> int:
    return 1 + max((person.telegram_id for person in simulation.people.all()), default=100_000_000)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """The control endpoint under ``/control``; a service may add its own routes there."""
    control = Control(simulation)
    table: dict[str, tuple[Handler, list[str]]] = {
        "/control/requests": (control.requests, ["GET", "DELETE"]),
        "/control/faults": (control.faults, ["GET", "POST", "DELETE"]),
        "/control/latency": (control.latency, ["POST"]),
        "/control/clock": (control.clock, ["GET", "POST"]),
        "/control/regime": (control.regime, ["POST"]),
        "/control/rules": (control.rules, ["GET", "POST"]),
        "/control/people": (control.people, ["GET", "POST"]),
        "/control/listeners": (control.listeners, ["GET"]),
        "/control/spotify/allowlist": (control.allowlist, ["GET", "POST"]),
        "/control/spotify/tracks": (control.tracks, ["POST"]),
        "/control/spotify/{what}": (control.end_grants, ["POST"]),
    }
    return [
        Route(path, answering(handler), methods=methods)
        for path, (handler, methods) in table.items()
    ]
