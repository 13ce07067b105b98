"""Whether a request shows the operator's token (``INTERNAL_JOB_TOKEN``), and the answer if not.

For the addresses under ``/internal`` and for ``/metrics``, which share one door: how often a token
may be guessed does not grow with the addresses, nor with the senders that a guesser makes up.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vibe_oauth.rate_limit import RateLimit

log = structlog.get_logger()

GUESSES_A_MINUTE = 10


@dataclass(slots=True)
class OperatorDoor:
    """Lets pass whoever shows the token; who does not is refused, and slowed down."""

    token: SecretStr | None = field(repr=False)
    now: Callable[[], datetime]
    _guesses: RateLimit = field(
        default_factory=lambda: RateLimit(burst=GUESSES_A_MINUTE, period=timedelta(minutes=1))
    )

    def refusal(self, request: Request) -> Response | None:
        """The answer to who may not come in; ``None`` for who may."""
        if self.token is None:
            sentence = "Set INTERNAL_JOB_TOKEN to use this address."
            return JSONResponse({"error": sentence}, HTTPStatus.SERVICE_UNAVAILABLE)
        if _shows(request, self.token):
            return None
        log.warning("refused: not the operator's token", path=request.url.path)
        wait = self._guesses.retry_after(self.now())
        return _wrong_token() if wait is None else too_often(wait)


def too_often(wait: timedelta) -> Response:
    """The refusal of who has to wait so long."""
    headers = {"Retry-After": str(math.ceil(wait.total_seconds()))}
    sentence = "That is too often; ask again after the seconds in Retry-After."
    return JSONResponse({"error": sentence}, HTTPStatus.TOO_MANY_REQUESTS, headers)


def _shows(request: Request, token: SecretStr) -> bool:
    """Whether the bearer token is the right one; how near a wrong one came cannot be measured.

    Bytes are compared: letters beyond ASCII arrive in UTF-8, and headers are read as Latin-1.
    """
    written = request.headers.get("authorization", "").encode("latin-1")
    scheme, _, given = written.partition(b" ")
    right = hmac.compare_digest(given.strip(), token.get_secret_value().encode().strip())
    return scheme.lower() == b"bearer" and right


def _wrong_token() -> Response:
    sentence = "Send the header Authorization: Bearer <INTERNAL_JOB_TOKEN>."
    headers = {"WWW-Authenticate": "Bearer"}
    return JSONResponse({"error": sentence}, HTTPStatus.UNAUTHORIZED, headers)
