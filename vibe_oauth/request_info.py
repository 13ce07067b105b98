"""What a request tells about who sent it: language, whether it only looks, where it came from.

Reads headers and answers; refusing is the route's.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.requests import Request

from vibe_pipeline.locales import FALLBACK, LANGUAGES

LOOPBACK = frozenset({"127.0.0.1", "::1"})
_PREVIEWERS = re.compile(
    r"telegrambot|twitterbot|facebookexternalhit|whatsapp|slackbot|discordbot|skypeuripreview"
    r"|viber|linkedinbot|googlebot|bingbot|embedly|preview",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")


def language_of(request: Request) -> str:
    """Our best language for somebody we do not know: what their browser asks for."""
    wanted: list[tuple[float, str]] = []
    for choice in request.headers.get("accept-language", "")[:200].split(","):
        found = _CHOICE.fullmatch(choice)
        if found and found[1].lower() in LANGUAGES:
            wanted.append((float(found[2] or 1), found[1].lower()))
    return max(wanted, key=lambda choice: choice[0])[1] if wanted else FALLBACK


def only_looks(request: Request) -> bool:
    """Whether this is a preview or a prefetch: nobody has tapped the link yet."""
    headers = request.headers
    purpose = headers.get("sec-purpose", "") + headers.get("purpose", "")
    return (
        request.method == "HEAD"
        or "prefetch" in purpose
        or "preview" in purpose
        or _PREVIEWERS.search(headers.get("user-agent", "")) is not None
    )


def reached_on_the_loopback(request: Request) -> bool:
    """Whether the connection came in at the loopback, and was meant for it.

    A page in somebody's browser may have a name of its own that leads to us (DNS rebinding).
    """
    at, _ = request.scope.get("server") or (None, None)
    try:
        named = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return False
    return at in LOOPBACK and named in LOOPBACK | {"localhost"}


def sent_from_elsewhere(request: Request) -> bool:
    """Whether another site's page sent this form."""
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
