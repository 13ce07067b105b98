"""Spotify's accounts service: consent, and tokens for it (the OAuth endpoints, PKCE).

Keeping tokens is the account store's, renewing them in time ``vibe_pipeline.authorization``'s.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import parse_qs, urlencode

from pydantic import SecretStr

from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    KeyRefused,
    ServiceUnavailable,
    UnexpectedResponse,
    endpoint_named,
)
from vibe_pipeline.clients.json_fields import Fields, fields, number, text, token_text
from vibe_pipeline.clients.transport import Again, Call, ServiceAnswer, Transport

SERVICE = "spotify_accounts"

SCOPES = (
    "playlist-modify-private",
    "playlist-modify-public",
    "playlist-read-private",
    "user-library-modify",
    "user-library-read",
    "user-read-private",
    "user-read-recently-played",
    "user-top-read",
)
"""What people are asked to agree to."""
COVER_SCOPE = "ugc-image-upload"
"""What those are asked besides who want a cover."""

_ASSUMED_SECONDS = 3600.0
_SHORTEST_SECONDS, _LONGEST_SECONDS = 60.0, 86_400.0
"""No token is given for less or more; what says so says nothing of how long it is good."""
_LONGEST_FORM = 2000
_PASSING = {"server_error", "temporarily_unavailable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Tokens as Spotify has just given them; a renewal may come without a new refresh token.

    One that cannot be a token counts as none, so that the former one stays.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]

    @classmethod
    def from_api(cls, data: Fields, *, now: datetime) -> Grant | None:
        """The grant; ``None`` when there is no access token in the answer."""
        access_token = token_text(data.get("access_token"))
        if access_token is None:
            return None
        said = number(data.get("expires_in"))
        within = said is not None and _SHORTEST_SECONDS <= said <= _LONGEST_SECONDS
        seconds = said if said is not None and within else _ASSUMED_SECONDS
        return cls(
            access_token=access_token,
            refresh_token=token_text(data.get("refresh_token")),
            expires_at=now + timedelta(seconds=seconds),
            scopes=frozenset((text(data.get("scope")) or "").split()),
        )


class SpotifyAccounts:
    """The app's own dealings with Spotify's consent: secret and PKCE both."""

    def __init__(
        self,
        transport: Transport,
        *,
        address: str,
        client_id: str,
        client_secret: SecretStr | None,
        redirect_uri: str,
    ) -> None:
        self._transport = transport
        self._address = address.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    def authorize_url(
        self, *, state: str, challenge: str, covers: bool = False, show_dialog: bool = True
    ) -> str:
        """Where the person is sent to agree; to ``covers`` only those who want them."""
        query = {
            "client_id": self._client_id,
            "response_type": "code",
            "redirect_uri": self._redirect_uri,
            "state": state,
            "scope": " ".join((*SCOPES, COVER_SCOPE) if covers else SCOPES),
            "code_challenge_method": "S256",
            "code_challenge": challenge,
            "show_dialog": "true" if show_dialog else "false",
        }
        return f"{self._address}/authorize?{urlencode(query)}"

    async def exchange(self, *, code: str, verifier: str) -> Grant:
        """Tokens for the code Spotify sent the person back with; a code works once.

        ``AuthorizationExpired`` when Spotify refuses the code.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        grant = await self._token(form, again=Again.NEVER)
        if grant.refresh_token is None:
            raise UnexpectedResponse(SERVICE, "a consent came without a refresh token")
        return grant

    async def renew(self, refresh_token: str) -> Grant:
        """A fresh access token; ``AuthorizationExpired`` when the consent is no longer good."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._token(form, again=Again.FREELY)

    async def _token(self, form: Mapping[str, str], *, again: Again) -> Grant:
        call = Call(
            method="POST",
            path="/api/token",
            endpoint="POST /api/token",
            form={**form, "client_id": self._client_id},
            headers=self._client_proof(),
            again=again,
            shape=_a_grant,
        )
        answer = await self._transport.send(call)
        grant = Grant.from_api(fields(answer.json()), now=self._transport.now())
        if grant is None or not answer.good:
            with endpoint_named(call.endpoint):
                _refused(answer)
        return grant

    def _client_proof(self) -> dict[str, str]:
        if self._client_secret is None:
            return {}
        pair = f"{self._client_id}:{self._client_secret.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _a_grant(found: object) -> bool:
    return token_text(fields(found).get("access_token")) is not None


def _refused(answer: ServiceAnswer) -> NoReturn:
    reason = _reason(answer)
    if reason == "invalid_grant":
        raise AuthorizationExpired(SERVICE, "the consent is used up, over or taken back")
    if reason in {"invalid_client", "unauthorized_client"}:
        raise KeyRefused(SERVICE, "Spotify does not take the app's client id or secret")
    if answer.status >= 500 or reason is None or reason in _PASSING:
        raise ServiceUnavailable(SERVICE, f"POST /api/token answered {answer.status}")
    raise UnexpectedResponse(SERVICE, f"POST /api/token was refused ({answer.status})")


def _reason(answer: ServiceAnswer) -> str | None:
    """OAuth's error code: of its own in JSON, inside an object there, or in a form's fields."""
    error = fields(answer.json()).get("error")
    inside = fields(error)
    named = (text(inside.get(name)) for name in ("code", "error", "reason", "type"))
    reason = text(error) or next((name for name in named if name is not None), None)
    if reason is None and answer.json() is None:
        reason = text("".join(parse_qs(answer.text.strip()[:_LONGEST_FORM]).get("error", [])))
    return None if reason is None else reason.lower()
