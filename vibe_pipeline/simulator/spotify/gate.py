"""What stands before every Spotify endpoint: limits, token, allowlist, regime, scopes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vibe_pipeline.simulator.rules import Regime
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import Account, SpotifyAccounts
from vibe_pipeline.simulator.windows import RollingWindow

_DAY_SECONDS = 86_400
_NOT_REGISTERED = (
    "Check settings on developer.spotify.com/dashboard, the user may not be registered."
)
_NO_PREMIUM = "Active premium subscription required for the owner of the app."


class SpotifyError(Exception):
    """An answer of Spotify's that is no success."""

    def __init__(self, status: int, message: str | None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers

    def response(self) -> Response:
        """As Spotify writes it; without a message the body is empty."""
        if self.message is None:
            return Response(status_code=self.status, headers=self.headers)
        error = {"status": self.status, "message": self.message}
        return JSONResponse({"error": error}, self.status, headers=self.headers)


class ApiCall:
    """One admitted request: who asks, and for what."""

    def __init__(self, request: Request, simulation: Simulation, account: Account) -> None:
        self.request = request
        self.simulation = simulation
        self.account = account

    @property
    def regime(self) -> Regime:
        """What the app may call."""
        return self.simulation.rules.regime

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(self.request.query_params)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number from the query, within its bounds."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            raise SpotifyError(400, f"Invalid {name}") from None
        if not least <= value <= most:
            raise SpotifyError(400, f"Invalid {name}")
        return value

    async def json(self) -> dict[str, Any]:
        """The JSON object in the body."""
        body = await self.request.body()
        try:
            found = json.loads(body) if body else {}
        except ValueError:
            raise SpotifyError(400, "Error parsing JSON.") from None
        if not isinstance(found, dict):
            raise SpotifyError(400, "Error parsing JSON.")
        return found

    def url(self, path: str) -> str:
        """The address of something in this API, as the caller reached it."""
        base = str(self.request.base_url).rstrip("/")
        return f"{base}/spotify/v1{path}"

    def page(
        self, path: str, items: list[Any], total: int, limit: int, offset: int
    ) -> dict[str, Any]:
        """A paging object; ``next`` is a ready address or null."""
        kept = {
            key: value for key, value in self.query.items() if key not in {"limit", "offset", "ids"}
        }
        tail = "".join(f"&{key}={_quoted(value)}" for key, value in kept.items())

        def link(start: int) -> str:
            return self.url(f"{path}?offset={start}&limit={limit}{tail}")

        return {
            "href": link(offset),
            "items": items,
            "limit": limit,
            "next": link(offset + limit) if limit and offset + limit < total else None,
            "offset": offset,
            "previous": link(max(0, offset - limit)) if offset else None,
            "total": total,
        }


def _quoted(value: str) -> str:
    return quote(value, safe="")


Handler = Callable[[ApiCall], Awaitable[Response] | Response]


class Limits:
    """Calls of the whole app within the rolling windows."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.lately = RollingWindow()
        self.today = RollingWindow()

    def check(self) -> Response | None:
        """A 429 when this call is one too many; otherwise it is counted."""
        rules, now = self._simulation.rules, self._simulation.clock.now()
        if not rules.limits_enforced:
            return None
        if self.today.count(now, _DAY_SECONDS) >= rules.spotify_quota:
            error = {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}
            wait = str(rules.spotify_quota_retry_after)
            return JSONResponse({"error": error}, 429, headers={"Retry-After": wait})
        if self.lately.count(now, rules.spotify_window_seconds) >= rules.spotify_per_window:
            too_many = SpotifyError(429, "API rate limit exceeded", **{"Retry-After": "3"})
            return too_many.response()
        self.lately.add(now)
        self.today.add(now)
        return None


class Gate:
    """Turns a handler of calls into an endpoint."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def endpoint(
        self,
        handler: Handler,
        *,
        scopes: tuple[str, ...] = (),
        any_scope: tuple[str, ...] = (),
        gone: str | None = None,
    ) -> Callable[[Request], Awaitable[Response]]:
        """``gone`` tells how a removed endpoint answers where the app has lost it.

        ``C:403`` is gone in regime C only, ``BC:404`` in B too; ``:empty`` leaves out the body.
        """

        async def serve(request: Request) -> Response:
            try:
                call = self._admit(request)
                self._check_regime(gone)
                self._check_scopes(call, scopes, any_scope)
                answer = handler(call)
                return answer if isinstance(answer, Response) else await answer
            except _Answered as answered:
                return answered.response
            except SpotifyError as error:
                return error.response()

        return serve

    def _admit(self, request: Request) -> ApiCall:
        limited = self._simulation.part(Limits).check()
        if limited is not None:
            raise _Answered(limited)
        header = request.headers.get("authorization", "")
        if not header:
            raise SpotifyError(401, "No token provided")
        if not header.startswith("Bearer "):
            raise SpotifyError(400, "Only valid bearer authentication supported")
        state = self._simulation.part(SpotifyAccounts)
        token = header.removeprefix("Bearer ").strip()
        grant = state.grant_of_token(token)
        if grant is None:
            known = state.listener_of_token(token) is not None
            raise SpotifyError(401, "The access token expired" if known else "Invalid access token")
        if not self._simulation.rules.owner_has_premium:
            raise SpotifyError(403, _NO_PREMIUM)
        if grant.listener_id not in state.allowlist:
            raise _Answered(PlainTextResponse(_NOT_REGISTERED, 403))
        call = ApiCall(request, self._simulation, state.account(grant.listener_id))
        request.state.scopes = grant.scopes
        return call

    def _check_regime(self, gone: str | None) -> None:
        if gone is None:
            return
        regimes, status, *rest = gone.split(":")
        if self._simulation.rules.regime in regimes:
            message = {"403": "Forbidden", "404": "Not Found"}[status]
            raise SpotifyError(int(status), None if rest == ["empty"] else message)

    def _check_scopes(
        self, call: ApiCall, all_of: tuple[str, ...], any_of: tuple[str, ...]
    ) -> None:
        held = call.request.state.scopes
        if not set(all_of) <= held or (any_of and not set(any_of) & held):
            raise SpotifyError(403, "Insufficient client scope")


def require(call: ApiCall, scope: str) -> None:
    """For endpoints whose scope depends on what is asked."""
    if scope not in call.request.state.scopes:
        raise SpotifyError(403, "Insufficient client scope")


class _Answered(Exception):
    """A complete answer that no SpotifyError can say."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response
