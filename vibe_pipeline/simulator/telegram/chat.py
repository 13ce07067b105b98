"""The chat page: a phone's chat with the bot, in a browser."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram.bot_api import SimulatedTelegram
from vibe_pipeline.simulator.telegram.control import (
    Malformed,
    changed_chat,
    read_body,
    said,
    whole_number,
    words,
)
from vibe_pipeline.simulator.telegram.state import TelegramState
from vibe_pipeline.simulator.telegram.view import person_view

_SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """The chat page of a simulation."""
    return chat_routes(simulation.part(SimulatedTelegram))


def chat_routes(state: TelegramState) -> list[BaseRoute]:
    """The chat page on any Telegram."""
    chat = _ChatPage(state)
    return [
        Route("/chat", chat.page),
        Route("/chat/api/people", said(chat.people)),
        Route("/chat/api/people", said(chat.add_person), methods=["POST"]),
        Route("/chat/api/chats/{telegram_id:int}", said(chat.chat)),
        Route("/chat/api/messages", said(chat.type_text), methods=["POST"]),
        Route("/chat/api/taps", said(chat.tap), methods=["POST"]),
        Route("/chat/api/block", said(chat.block), methods=["POST"]),
        Route("/chat/api/files/{file_id}", chat.file),
    ]


class _ChatPage:
    def __init__(self, state: TelegramState) -> None:
        self._state = state

    async def page(self, request: Request) -> HTMLResponse:
        """The page itself; it asks for the rest."""
        html = files("vibe_pipeline.simulator").joinpath("pages/chat.html").read_text("utf-8")
        return HTMLResponse(
            html,
            headers={
                "Content-Security-Policy": _POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            },
        )

    async def people(self, request: Request) -> JSONResponse:
        """Who can be chosen."""
        return JSONResponse({"people": [person_view(person) for person in self._state.people()]})

    async def add_person(self, request: Request) -> JSONResponse:
        """A newcomer: ``{name, language_code}``."""
        body = await read_body(request)
        name, language = words(body, "name").strip(), words(body, "language_code")
        if not 1 <= len(name) <= 64:
            raise Malformed("a name has 1 to 64 characters")
        person = self._state.newcomer(name=name, language_code=language)
        return JSONResponse(person_view(person))

    async def chat(self, request: Request) -> JSONResponse:
        """A chat, when it has changed."""
        telegram_id: int = request.path_params["telegram_id"]
        return await changed_chat(self._state, request, telegram_id)

    async def type_text(self, request: Request) -> JSONResponse:
        """Send a message."""
        body = await read_body(request)
        message = self._state.type_text(whole_number(body, "telegram_id"), words(body, "text"))
        return JSONResponse({"message_id": message.message_id})

    async def tap(self, request: Request) -> JSONResponse:
        """Press an inline button."""
        body = await read_body(request)
        tap = self._state.tap(
            whole_number(body, "telegram_id"), whole_number(body, "message_id"), words(body, "data")
        )
        return JSONResponse({"query_id": tap.query_id})

    async def block(self, request: Request) -> JSONResponse:
        """Block the bot, or let it in again."""
        body = await read_body(request)
        telegram_id = whole_number(body, "telegram_id")
        if body.get("blocked", True):
            self._state.block(telegram_id)
        else:
            self._state.unblock(telegram_id)
        return JSONResponse({"blocked": self._state.chat(telegram_id).blocked})

    async def file(self, request: Request) -> Response:
        """A file of a message, shown when it is a picture, else saved."""
        stored = self._state.files.get(request.path_params["file_id"])
        if stored is None:
            return JSONResponse({"error": "there is no such file"}, status_code=404)
        shown = stored.mime_type in _SHOWN_INLINE
        kind = "inline" if shown and stored.width is not None else "attachment"
        return Response(
            stored.content,
            media_type=stored.mime_type if shown else "application/octet-stream",
            headers={
                "Content-Disposition": f"{kind}; filename*=UTF-8''{quote(stored.name)}",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )
