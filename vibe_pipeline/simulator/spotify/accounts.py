"""accounts.spotify.com: consent in the browser, and the token endpoint."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.consent_page import SECURITY_HEADERS, consent_page
from vibe_pipeline.simulator.spotify.state import Code, Grant, SpotifyAccounts

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_KNOWN_SCOPES = frozenset(
    {
        "playlist-modify-private",
        "playlist-modify-public",
        "playlist-read-collaborative",
        "playlist-read-private",
        "ugc-image-upload",
        "user-follow-modify",
        "user-follow-read",
        "user-library-modify",
        "user-library-read",
        "user-modify-playback-state",
        "user-read-currently-playing",
        "user-read-email",
        "user-read-playback-position",
        "user-read-playback-state",
        "user-read-private",
        "user-read-recently-played",
        "user-top-read",
    }
)


class Refused(Exception):
    """A request that Spotify shows an error page for and never sends back to the app."""


class GrantRefused(Exception):
    """The token endpoint says no: an OAuth error and its description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def redirect_uri_allowed(uri: str) -> bool:
    """Only https, or http to a loopback address written as a number; never ``localhost``."""
    parts = urlsplit(uri)
    if parts.fragment or not parts.hostname or parts.hostname == "localhost":
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


class Accounts:
    """The routes, and what they need."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    @property
    def state(self) -> SpotifyAccounts:
        """Grants, codes and tokens."""
        return self.simulation.part(SpotifyAccounts)

    def _check(self, asked: QueryParams | FormData) -> None:
        if asked.get("client_id") != self.simulation.credentials.spotify_client_id:
            raise Refused("INVALID_CLIENT: Invalid client")
        uri = str(asked.get("redirect_uri", ""))
        if not uri:
            raise Refused("Missing required parameter: redirect_uri")
        if not redirect_uri_allowed(uri):
            raise Refused("INVALID_CLIENT: Insecure redirect URI")
        if asked.get("response_type") != "code":
            raise Refused("response_type must be code")
        challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method")
        if (challenge or method) and method != "S256":
            raise Refused("code_challenge_method must be S256")
        if method and not _CHALLENGE.fullmatch(str(challenge or "")):
            raise Refused("Invalid code_challenge")
        strange = set(str(asked.get("scope") or "").split()) - _KNOWN_SCOPES
        if strange:
            raise Refused(f"INVALID_SCOPE: Invalid scope {', '.join(sorted(strange))}")

    async def authorize(self, request: Request) -> Response:
        """GET: the consent page."""
        asked = request.query_params
        try:
            self._check(asked)
        except Refused as refusal:
            return PlainTextResponse(str(refusal), 400, headers=SECURITY_HEADERS)
        return HTMLResponse(consent_page(self.simulation, asked), headers=SECURITY_HEADERS)

    async def decide(self, request: Request) -> Response:
        """POST: the person agreed or cancelled; back to the app with them."""
        form = await request.form()
        try:
            self._check(form)
        except Refused as refusal:
            return PlainTextResponse(str(refusal), 400, headers=SECURITY_HEADERS)
        answer = {"state": str(form["state"])} if "state" in form else {}
        if form.get("decision") != "agree":
            return _back(str(form["redirect_uri"]), {"error": "access_denied", **answer})
        listener = str(form.get("listener", ""))
        if listener not in {known.id for known in self.simulation.world.listeners}:
            return PlainTextResponse("There is no such account.", 400, headers=SECURITY_HEADERS)
        challenge = form.get("code_challenge")
        code = self.state.consent(
            listener,
            frozenset(str(form.get("scope") or "").split()),
            str(form["redirect_uri"]),
            str(challenge) if challenge else None,
        )
        return _back(str(form["redirect_uri"]), {"code": code, **answer})

    async def token(self, request: Request) -> Response:
        """POST: a code or a refresh token for an access token."""
        form = await request.form()
        try:
            with_secret = self._client(request, form)
            if form.get("grant_type") == "client_credentials" and with_secret:
                return self._for_the_app()
            grant, renewed = self._granted(form, with_secret=with_secret)
        except GrantRefused as refusal:
            error = {"error": refusal.error, "error_description": refusal.description}
            return JSONResponse(error, 400, headers={"Cache-Control": "no-store"})
        answer: dict[str, object] = {
            "access_token": self.state.access_token(grant),
            "token_type": "Bearer",
            "expires_in": self.simulation.rules.access_token_seconds,
            "scope": " ".join(sorted(grant.scopes)),
        }
        if renewed:
            answer["refresh_token"] = grant.refresh_token
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _for_the_app(self) -> Response:
        """A token of the app's own, good for nobody's library."""
        seconds = self.simulation.rules.access_token_seconds
        answer = {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer"}
        return JSONResponse(
            {**answer, "expires_in": seconds}, headers={"Cache-Control": "no-store"}
        )

    def _granted(self, form: FormData, *, with_secret: bool) -> tuple[Grant, bool]:
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._exchange(form, with_secret=with_secret), True
        if kind == "refresh_token":
            return self._renew(form, with_secret=with_secret)
        raise GrantRefused("unsupported_grant_type", "grant_type must be known")

    def _client(self, request: Request, form: FormData) -> bool:
        """Who asks: with the secret in a Basic header, or by ``client_id`` alone as PKCE has it."""
        keys = self.simulation.credentials
        header = request.headers.get("authorization", "")
        if header.lower().startswith("basic "):
            name, secret = _basic(header[6:])
            if name != keys.spotify_client_id:
                raise GrantRefused("invalid_client", "Invalid client")
            if secret != keys.spotify_client_secret:
                raise GrantRefused("invalid_client", "Invalid client secret")
            return True
        if form.get("client_id") != keys.spotify_client_id:
            raise GrantRefused("invalid_client", "Invalid client")
        if "client_secret" in form and form["client_secret"] != keys.spotify_client_secret:
            raise GrantRefused("invalid_client", "Invalid client secret")
        return "client_secret" in form

    def _exchange(self, form: FormData, *, with_secret: bool) -> Grant:
        code = self.state.codes.pop(str(form.get("code", "")), None)
        if code is None or self._too_old(code):
            raise GrantRefused("invalid_grant", "Invalid authorization code")
        if form.get("redirect_uri") != code.redirect_uri:
            raise GrantRefused("invalid_grant", "Invalid redirect URI")
        if code.challenge is not None:
            _verify(str(form.get("code_verifier", "")), code.challenge)
        elif not with_secret:
            raise GrantRefused("invalid_request", "code_verifier required")
        return self.state.grant(code.listener_id, code.scopes, with_pkce=not with_secret)

    def _too_old(self, code: Code) -> bool:
        age = self.simulation.clock.now() - code.made_at
        return age > timedelta(seconds=self.simulation.rules.code_seconds)

    def _renew(self, form: FormData, *, with_secret: bool) -> tuple[Grant, bool]:
        """The grant, and whether the answer brings a new refresh token: by default it does not."""
        grant = self.state.grants.get(str(form.get("refresh_token", "")))
        if grant is None:
            raise GrantRefused("invalid_grant", "Invalid refresh token")
        if grant.ended is not None:
            raise GrantRefused("invalid_grant", f"Refresh token {grant.ended}")
        life = timedelta(days=self.simulation.rules.refresh_token_days)
        if self.simulation.clock.now() >= grant.consented_at + life:
            raise GrantRefused("invalid_grant", "Refresh token expired")
        if not grant.with_pkce and not with_secret:
            raise GrantRefused("invalid_client", "Invalid client")
        if grant.with_pkce and self.simulation.rules.pkce_rotates:
            return self.state.rotate(grant), True
        return grant, False


def _verify(verifier: str, challenge: str) -> None:
    if not _VERIFIER.fullmatch(verifier):
        raise GrantRefused("invalid_request", "code_verifier must be 43 to 128 characters")
    digest = hashlib.sha256(verifier.encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
        raise GrantRefused("invalid_grant", "code_verifier was incorrect")


def _basic(text: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _back(redirect_uri: str, answer: dict[str, str]) -> Response:
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(
        f"{redirect_uri}{joint}{urlencode(answer)}", 303, headers={"Referrer-Policy": "no-referrer"}
    )


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Spotify's accounts service under ``/accounts``."""
    accounts = Accounts(simulation)
    return [
        Route("/accounts/authorize", accounts.authorize),
        Route("/accounts/authorize/decision", accounts.decide, methods=["POST"]),
        Route("/accounts/api/token", accounts.token, methods=["POST"]),
    ]
