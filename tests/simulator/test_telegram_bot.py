"""python-telegram-bot, unchanged, talking to the simulated Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
)

from tests.support.telegram_site import eventually
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram.bot_api import SimulatedTelegram

pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
OLENA = 555
Answer = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    simulation = Simulation()
    simulation.create_person(OLENA, name="Olena", language_code="uk")
    with running(simulation) as there:
        yield there


@pytest.fixture
def telegram(simulator: RunningSimulator) -> SimulatedTelegram:
    state = simulator.simulation.part(SimulatedTelegram)
    state.type_text(OLENA, "/start")
    state.updates.drop()
    return state


@asynccontextmanager
async def _bot(simulator: RunningSimulator, token: str | None = None) -> AsyncIterator[Bot]:
    environment = simulator.environment()
    address = f"{environment['TELEGRAM_API_URL']}/bot"
    async with Bot(token or environment["TELEGRAM_BOT_TOKEN"], base_url=address) as bot:
        yield bot


async def test_a_whole_conversation_with_an_application(
    simulator: RunningSimulator, telegram: SimulatedTelegram
) -> None:
    async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        again = InlineKeyboardMarkup([[InlineKeyboardButton("Ще раз", callback_data="again")]])
        await context.bot.send_chat_action(OLENA, "typing")
        words = f"<b>{(context.args or ['?'])[0]}</b>"
        await update.effective_message.reply_html(words, reply_markup=again)

    async def again(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("Так")
        await update.callback_query.edit_message_text("готово")
        await context.bot.send_document(OLENA, b"{}", filename="export.json", caption="все")

    telegram.flood.switched_on = False
    application = _application(simulator, start=start, again=again)
    chat = telegram.chat(OLENA)
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(timeout=10)
        await application.bot.set_my_commands([BotCommand("start", "Почати")], language_code="uk")
        telegram.type_text(OLENA, "/start abc-123")
        await eventually(lambda: len(chat.messages) == 3)
        sent = list(chat.messages.values())[-1]
        telegram.tap(OLENA, sent.message_id, "again")
        await eventually(lambda: len(chat.messages) == 4)
        await application.updater.stop()
        await application.stop()

    edited, export = list(chat.messages.values())[-2:]
    assert sent.body.text == "abc-123"
    assert (edited.body.text, edited.versions[0].text) == ("готово", "abc-123")
    assert export.file is not None
    assert (export.file.name, export.body.text) == ("export.json", "все")
    assert [call.method for call in telegram.calls][:2] == ["getMe", "deleteWebhook"]
    assert all(call.unknown == () for call in telegram.calls)
    assert [call.code for call in telegram.calls if call.code != 200] == []


async def test_two_applications_on_one_token_get_conflicts(
    simulator: RunningSimulator, telegram: SimulatedTelegram
) -> None:
    async with _bot(simulator) as one, _bot(simulator) as two:
        older = asyncio.create_task(one.get_updates(timeout=20))
        await eventually(lambda: telegram.changed.waiting == 1)
        newer = asyncio.create_task(two.get_updates(offset=1, timeout=20))

        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await older
        telegram.type_text(OLENA, "hello")
        assert [update.effective_user is not None for update in await newer] == [True]


async def test_refusals_arrive_as_the_exceptions_they_really_are(
    simulator: RunningSimulator, telegram: SimulatedTelegram
) -> None:
    simulator.simulation.create_person(556, name="Shy")
    async with _bot(simulator) as bot:
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(999, "x")
        with pytest.raises(BadRequest, match="Can't parse entities: unsupported start tag"):
            await bot.send_message(OLENA, "<br>", parse_mode="HTML")
        with pytest.raises(Forbidden, match="can't initiate conversation"):
            await bot.send_message(556, "x")
        telegram.block(OLENA)
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await bot.send_message(OLENA, "x")
    with pytest.raises(InvalidToken):
        async with _bot(simulator, token="1:wrong"):
            pass


async def test_a_flood_arrives_as_retry_after(
    simulator: RunningSimulator, telegram: SimulatedTelegram
) -> None:
    async with _bot(simulator) as bot:
        for number in range(8):
            await bot.send_message(OLENA, str(number))
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(OLENA, "one too many")

    assert caught.value._retry_after.total_seconds() == 3


async def test_ordered_faults_hit_telegram_too(
    simulator: RunningSimulator, telegram: SimulatedTelegram
) -> None:
    async with httpx.AsyncClient(base_url=simulator.address) as control, _bot(simulator) as bot:
        order = {"service": "telegram", "endpoint": "POST sendMessage", "times": 1}
        await control.post("/control/faults", json={**order, "kind": "html"})
        with pytest.raises(NetworkError):
            await bot.send_message(OLENA, "x")
        await control.post("/control/faults", json={**order, "kind": "rate", "retry_after": 7})
        with pytest.raises(RetryAfter):
            await bot.send_message(OLENA, "x")

        message = await bot.send_message(OLENA, "x")

        recorded = (await control.get("/control/requests?service=telegram")).json()["requests"]
    assert message.text == "x"
    assert [r["status"] for r in recorded if r["endpoint"] == "POST sendMessage"] == [502, 429, 200]
    assert all(telegram.token not in str(request) for request in recorded)


async def test_somebody_created_over_the_control_endpoint_has_a_chat(
    simulator: RunningSimulator,
) -> None:
    async with httpx.AsyncClient(base_url=simulator.address) as control:
        person = {"telegram_id": 777, "name": "Daan", "username": "daan", "language_code": "nl"}
        await control.post("/control/people", json=person)
        typed = {"telegram_id": 777, "text": "/start"}
        await control.post("/control/telegram/messages", json=typed)
        async with _bot(simulator) as bot:
            (update,) = await bot.get_updates()

    assert update.effective_user is not None
    assert update.effective_user.to_dict() == {
        "id": 777,
        "is_bot": False,
        "first_name": "Daan",
        "username": "daan",
        "language_code": "nl",
    }


def _application(
    simulator: RunningSimulator, *, start: Answer, again: Answer
) -> Application[Any, Any, Any, Any, Any, Any]:
    environment = simulator.environment()
    application = (
        ApplicationBuilder()
        .token(environment["TELEGRAM_BOT_TOKEN"])
        .base_url(f"{environment['TELEGRAM_API_URL']}/bot")
        .job_queue(None)
        .build()
    )
    application.add_handler(CommandHandler("start", start))
    application.add_handler(CallbackQueryHandler(again))
    return application
