"""The Telegram Bot API over HTTP, as far as python-telegram-bot and this bot use it."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.people import PersonTaken
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram import account as telegram_account
from vibe_pipeline.simulator.telegram import sending as telegram_sending
from vibe_pipeline.simulator.telegram.parameters import PARAMETERS
from vibe_pipeline.simulator.telegram.polling import Polling
from vibe_pipeline.simulator.telegram.records import Chat, Person
from vibe_pipeline.simulator.telegram.state import BotCall, NotPossible, TelegramState
from vibe_pipeline.simulator.telegram.wire import Parameters, Refused, read_parameters, success

_BEFORE_THE_FIRST = 100_000_000
_TOKEN_FORM = re.compile(r"\d+:[^/\s]+")
_SYNCHRONOUS = telegram_account.METHODS | telegram_sending.METHODS
_NAMES = {name.lower(): name for name in (*_SYNCHRONOUS, "getUpdates")}
_WEBHOOK_SENTENCES = {"setWebhook": "Webhook was set", "deleteWebhook": "Webhook was deleted"}


class SimulatedTelegram(TelegramState):
    """A simulation's Telegram: every person of the simulation has an account here."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(
            clock=simulation.clock.now, token=simulation.credentials.telegram_bot_token
        )
        self._simulation = simulation

    def find_chat(self, telegram_id: int) -> Chat | None:
        """The chat of a person, who may have come since the last look."""
        self._welcome()
        return super().find_chat(telegram_id)

    def people(self) -> list[Person]:
        """Everybody, in the order they came."""
        self._welcome()
        return super().people()

    def newcomer(self, *, name: str, language_code: str) -> Person:
        """Somebody new, who also listens to music: the next free listener of the world."""
        with self.lock:
            taken = (person.telegram_id for person in self._simulation.people.all())
            number = 1 + max(taken, default=_BEFORE_THE_FIRST)
            try:
                self._simulation.create_person(number, name=name, language_code=language_code)
            except PersonTaken as why:
                raise NotPossible(str(why)) from None
            return self.chat(number).person

    def _welcome(self) -> None:
        with self.lock:
            for person in self._simulation.people.all():
                if super().find_chat(person.telegram_id) is None:
                    self.add_person(
                        telegram_id=person.telegram_id,
                        name=person.name,
                        username=person.username,
                        language_code=person.language_code,
                    )


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Where a simulation's Bot API answers."""
    return bot_api_routes(simulation.part(SimulatedTelegram))


def bot_api_routes(state: TelegramState, prefix: str = "/telegram") -> list[BaseRoute]:
    """The Bot API on any Telegram, with or without a simulation round it."""
    api = _BotApi(state)
    both = ["GET", "POST"]
    return [
        Route(f"{prefix}/file/bot{{token}}/{{path:path}}", api.download),
        Route(f"{prefix}/bot{{token}}/{{method}}", api.call, methods=both),
        Route(f"{prefix}/{{rest:path}}", api.not_found, methods=both),
    ]


class _BotApi:
    def __init__(self, state: TelegramState) -> None:
        self._state = state
        self._polling = Polling(state)

    async def call(self, request: Request) -> Response:
        """One method call."""
        name = _NAMES.get(request.path_params["method"].lower(), request.path_params["method"])
        parameters = Parameters(values={}, uploads={})
        try:
            self._check_token(request.path_params["token"])
            self._check_method(name)
            parameters = await read_parameters(request)
            result = await self._result(name, request, parameters)
        except Refused as refused:
            self._record(name, parameters, refused.code, refused.description)
            return refused.response()
        self._record(name, parameters, 200, "")
        return success(result, _WEBHOOK_SENTENCES.get(name))

    async def download(self, request: Request) -> Response:
        """A file by the path that ``getFile`` gave."""
        try:
            self._check_token(request.path_params["token"])
        except Refused as refused:
            return refused.response()
        for stored in list(self._state.files.values()):
            if stored.path == request.path_params["path"]:
                return Response(stored.content, media_type="application/octet-stream")
        return Refused(404, "Not Found").response()

    async def not_found(self, request: Request) -> Response:
        """What Telegram says to an address it does not know."""
        return Refused(404, "Not Found").response()

    async def _result(self, name: str, request: Request, parameters: Parameters) -> object:
        if name == "getUpdates":
            return await self._polling.updates(request, parameters)
        with self._state.lock:
            result: object = _SYNCHRONOUS[name](self._state, parameters)
        if name == "setWebhook" and self._state.webhook_url:
            self._polling.end("Conflict: terminated by setWebhook request")
        self._state.changed.notify()
        return result

    def _check_token(self, token: str) -> None:
        if not _TOKEN_FORM.fullmatch(token):
            raise Refused(404, "Not Found")
        if token != self._state.token:
            raise Refused(401, "Unauthorized")
        if self._state.logged_out:
            raise Refused(400, "Logged out")

    @staticmethod
    def _check_method(name: str) -> None:
        if name.lower() not in _NAMES:
            raise Refused(404, "Not Found: method not found")

    def _record(self, name: str, parameters: Parameters, code: int, description: str) -> None:
        known = PARAMETERS.get(name, frozenset())
        attached = {
            reference.removeprefix("attach://")
            for reference in map(str, parameters.values.values())
            if reference.startswith("attach://")
        }
        given = {*parameters.values, *parameters.uploads} - attached
        chat_id = parameters.integer("chat_id")
        self._state.calls.append(
            BotCall(
                method=name,
                chat_id=chat_id or None,
                thread_id=parameters.integer("message_thread_id") or None,
                code=code,
                description=description,
                unknown=tuple(sorted(given - known)),
            )
        )
