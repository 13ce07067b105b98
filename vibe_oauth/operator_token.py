"""Whether a request shows the operator's token (``INTERNAL_JOB_TOKEN``), and the answer if not.

For the addresses under ``/internal`` and for ``/metrics``; how often somebody may ask decides
``rate_limit``.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def shows_token(request: Request, token: SecretStr) -> bool:
    """Whether the bearer token is the right one; how near a wrong one came cannot be measured."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
    return scheme.lower() == "bearer" and right


def no_token_set() -> Response:
    """The refusal where the operator has set none: nobody may."""
    sentence = "Set INTERNAL_JOB_TOKEN to use this address."
    return JSONResponse({"error": sentence}, HTTPStatus.SERVICE_UNAVAILABLE)


def wrong_token() -> Response:
    """The refusal of a wrong token or none."""
    sentence = "Send the header Authorization: Bearer <INTERNAL_JOB_TOKEN>."
    headers = {"WWW-Authenticate": "Bearer"}
    return JSONResponse({"error": sentence}, HTTPStatus.UNAUTHORIZED, headers)
