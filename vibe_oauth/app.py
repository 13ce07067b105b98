"""The OAuth service: which address leads where (an ASGI app of Starlette's).

Routes and what surrounds them all; what a route does stands in the module of its subject.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from vibe_oauth.consent_flow import ConsentFlow
from vibe_oauth.health import Health
from vibe_oauth.jobs import NightlyTrigger
from vibe_oauth.metrics import Metrics
from vibe_oauth.operator_token import OperatorDoor
from vibe_oauth.pages import Page, Pages
from vibe_oauth.request_info import language_of
from vibe_oauth.security import AccessLog, StrictHeaders
from vibe_oauth.services import OAuthServices
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.installation.bounded_requests import BoundedRequests

log = structlog.get_logger()

MOST_BYTES = 64_000
"""Of a request: our forms have a field or two."""

Answering = Callable[[Request, Exception], Awaitable[Response]]


def create_app(services: OAuthServices) -> ASGIApp:
    """The service, ready to be served; it closes what ``services`` holds open at the end."""
    pages = Pages(services.prefix)
    app = Starlette(
        routes=_routes(services, pages),
        exception_handlers={
            404: _saying(pages, Page.NOT_FOUND),
            405: _saying(pages, Page.NOT_FOUND),
            AccountsUnreadable: _saying(pages, Page.TROUBLE),
            Exception: _saying(pages, Page.TROUBLE),
        },
        lifespan=_closing(services),
    )
    # A redirect to another writing of the address would name whatever Host was sent.
    app.router.redirect_slashes = False
    # Outside Starlette's own middleware, or the page for an unforeseen error went without headers.
    bounded = BoundedRequests(app, most_bytes=MOST_BYTES, within_seconds=services.body_seconds)
    return AccessLog(StrictHeaders(bounded, style_hash=pages.style_hash, https=services.https))


def _routes(services: OAuthServices, pages: Pages) -> list[BaseRoute]:
    connecting = ConsentFlow(services, pages)
    door = OperatorDoor(services.internal_job_token, services.now)
    jobs, health = NightlyTrigger(services, door), Health(services)
    metrics = Metrics(services, door, open_here=services.on_the_loopback)
    routes: list[BaseRoute] = [
        Route("/connect/{link}", connecting.start, methods=["GET"]),
        Route("/confirm", connecting.confirm, methods=["POST"]),
        Route("/decline", connecting.decline, methods=["POST"]),
        Route("/health", health.ready, methods=["GET"]),
        Route("/health/live", health.live, methods=["GET"]),
        Route("/metrics", metrics.show, methods=["GET"]),
        Route("/internal/jobs/nightly", jobs.run_nightly, methods=["POST"]),
        Route("/internal/jobs/dry-run", jobs.dry_run, methods=["POST"]),
    ]
    # A proxy in front may strip the prefix the service is published under, or leave it.
    paths = {services.redirect_path, services.redirect_path.removeprefix(services.prefix) or "/"}
    callbacks = [Route(path, connecting.callback, methods=["GET"]) for path in sorted(paths)]
    under_prefix = Router(routes, redirect_slashes=False)
    published = [Mount(services.prefix, app=under_prefix)] if services.prefix else []
    return [*callbacks, *routes, *published]


def _saying(pages: Pages, page: Page) -> Answering:
    async def answer(request: Request, error: Exception) -> Response:
        if page is Page.TROUBLE:
            log.error("a request failed", error=type(error).__name__, exc_info=error)
        if "/internal/" in request.url.path or "/health" in request.url.path:
            return JSONResponse({"error": page.value}, _status(error))
        return pages.message(page, language_of(request))

    return answer


def _status(error: Exception) -> int:
    return error.status_code if isinstance(error, HTTPException) else 500


def _closing(services: OAuthServices) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await services.http.aclose()
            await services.calls.close()

    return lifespan
