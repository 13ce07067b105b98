"""The Telegram part of the control endpoint: people type, tap and block; tests look."""

import json
from base64 import b64decode
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram.bot_api import SimulatedTelegram
from vibe_pipeline.simulator.telegram.state import NotPossible, TelegramState
from vibe_pipeline.simulator.telegram.view import chat_view
from vibe_pipeline.simulator.telegram.wire import Json

LONGEST_WAIT = 25.0

Endpoint = Callable[[Request], Awaitable[JSONResponse]]


class Malformed(Exception):
    """A body that cannot be used, in a sentence."""


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Where a simulation's people are made to act."""
    return control_routes(simulation.part(SimulatedTelegram))


def control_routes(state: TelegramState) -> list[BaseRoute]:
    """The control endpoint of any Telegram."""
    control = _Control(state)
    return [
        Route("/control/telegram/messages", said(control.type_text), methods=["POST"]),
        Route("/control/telegram/files", said(control.send_file), methods=["POST"]),
        Route("/control/telegram/taps", said(control.tap), methods=["POST"]),
        Route("/control/telegram/block", said(control.block), methods=["POST"]),
        Route("/control/telegram/flood", said(control.flood), methods=["POST"]),
        Route("/control/telegram/calls", said(control.calls)),
        Route("/control/telegram/chats/{telegram_id:int}", said(control.chat)),
    ]


def said(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with a sentence instead of a stack trace for what cannot be done."""

    async def answer(request: Request) -> JSONResponse:
        try:
            return await endpoint(request)
        except Malformed as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except NotPossible as error:
            return JSONResponse({"error": str(error)}, status_code=409)

    return answer


async def read_body(request: Request) -> Json:
    """The JSON object of a request."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Malformed("the body is not a JSON object")
    return body


def whole_number(body: Json, name: str) -> int:
    """A number that must be there."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{name} must be a whole number")
    return value


def words(body: Json, name: str) -> str:
    """A text that must be there."""
    value = body.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be a text")
    return value


def newest_with(state: TelegramState, telegram_id: int, data: str) -> int:
    """The newest message of a chat that has a button with this data."""
    for message in reversed(list(state.chat(telegram_id).messages.values())):
        if not message.deleted and any(
            button.get("callback_data") == data for row in message.inline_keyboard for button in row
        ):
            return message.message_id
    raise NotPossible(f"no message of this chat has a button with the data {data!r}")


async def changed_chat(state: TelegramState, request: Request, telegram_id: int) -> JSONResponse:
    """A chat, at once or when it has changed after ``after``, at the latest after ``wait``."""
    try:
        after = int(request.query_params.get("after", "0"))
        wait = min(LONGEST_WAIT, float(request.query_params.get("wait", "0")))
    except ValueError:
        raise Malformed("after and wait must be numbers") from None
    chat = state.chat(telegram_id)
    await state.changed.wait_until(lambda: chat.revision > after, seconds=wait)
    return JSONResponse(chat_view(state, telegram_id, after=after))


class _Control:
    def __init__(self, state: TelegramState) -> None:
        self._state = state

    async def type_text(self, request: Request) -> JSONResponse:
        """A person types: ``{telegram_id, text, forwarded_from?}``."""
        body = await read_body(request)
        message = self._state.type_text(
            whole_number(body, "telegram_id"),
            words(body, "text"),
            forwarded_from=words(body, "forwarded_from") if "forwarded_from" in body else None,
        )
        return JSONResponse({"message_id": message.message_id, "update_id": message.update_id})

    async def send_file(self, request: Request) -> JSONResponse:
        """A person sends a file: ``{telegram_id, name, content}``, the content in base64."""
        body = await read_body(request)
        telegram_id, name = whole_number(body, "telegram_id"), words(body, "name")
        try:
            content = b64decode(words(body, "content"), validate=True)
        except ValueError:
            raise Malformed("content is not base64") from None
        message = self._state.send_file(telegram_id, name, content)
        return JSONResponse({"message_id": message.message_id, "update_id": message.update_id})

    async def tap(self, request: Request) -> JSONResponse:
        """A person taps: ``{telegram_id, data}`` and a ``message_id``, else the newest with it."""
        body = await read_body(request)
        telegram_id, data = whole_number(body, "telegram_id"), words(body, "data")
        if body.get("message_id") is None:
            message_id = newest_with(self._state, telegram_id, data)
        else:
            message_id = whole_number(body, "message_id")
        tap = self._state.tap(telegram_id, message_id, data)
        return JSONResponse({"query_id": tap.query_id, "message_id": tap.message_id})

    async def block(self, request: Request) -> JSONResponse:
        """``{telegram_id, blocked?, deactivated?}``: shut the bot out, let it in, or leave."""
        body = await read_body(request)
        telegram_id = whole_number(body, "telegram_id")
        if body.get("deactivated"):
            self._state.deactivate(telegram_id)
        elif body.get("blocked", True):
            self._state.block(telegram_id)
        else:
            self._state.unblock(telegram_id)
        chat = self._state.chat(telegram_id)
        return JSONResponse({"blocked": chat.blocked, "deactivated": chat.deactivated})

    async def flood(self, request: Request) -> JSONResponse:
        """``{on}``: whether Telegram minds how fast the bot writes."""
        flood = self._state.flood
        flood.switched_on = bool((await read_body(request)).get("on", True))
        flood.forget()
        return JSONResponse({"on": flood.switched_on})

    async def calls(self, request: Request) -> JSONResponse:
        """What the bot called, with the names of parameters that the Bot API does not know."""
        calls = [
            {name: getattr(call, name) for name in call.__slots__}
            for call in list(self._state.calls)
        ]
        return JSONResponse({"calls": calls})

    async def chat(self, request: Request) -> JSONResponse:
        """A whole chat; ``after`` and ``wait`` as on the chat page."""
        telegram_id: int = request.path_params["telegram_id"]
        return await changed_chat(self._state, request, telegram_id)
