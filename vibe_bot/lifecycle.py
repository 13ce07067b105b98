"""The bot's life: waiting for Telegram, long polling, delivering, stopping cleanly.

The background tasks and their order. What each of them does stands in its own module.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telegram.error import Conflict, InvalidToken, TelegramError

from vibe_bot.app import KINDS, build
from vibe_bot.command_menu import register_all
from vibe_bot.inbox import WrittenQueue
from vibe_bot.interactions import App, BotState
from vibe_bot.outbox import OutboxRelay
from vibe_bot.receipts import Receipts
from vibe_bot.reminders import remind_forever
from vibe_bot.services import BotServices, open_services
from vibe_pipeline.accounts.store import open_for, utc_now
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.installation.process_status import Troubles
from vibe_pipeline.settings import Settings

log = structlog.get_logger()

STATUS_NAME = "Telegram bot"
"""Under this name the supervisor knows us too."""
POLL_SECONDS = 25
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
OTHER_POLLER = (
    "Another program polls Telegram with this bot's token, so some messages go to it; stop it, or"
    " take a bot of your own from @BotFather."
)


class TokenRefused(Exception):
    """Telegram does not know this token; the text says what to do."""


async def run(settings: Settings, token: str) -> None:
    """Everything from opening the services to the last goodbye; returns when told to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    async with open_http() as http:
        store = open_for(settings)
        services = open_services(settings, http, store, now=utc_now, sleep=asyncio.sleep)
        try:
            with store.database.held_open():
                await serve(build(services, token), services, stopping)
        finally:
            await services.calls.close()


async def serve(app: App, services: BotServices, stopping: asyncio.Event) -> None:
    """The order PTB asks of a host: initialize, start, poll; and back."""
    if not await _reached(app, stopping):
        return
    state: BotState = app.bot_data["state"]
    polling = Polling(Troubles(services.settings.home), services.now)
    updater = app.updater
    if updater is None:
        raise RuntimeError("the application was built without an updater")
    side_work: list[asyncio.Task[None]] = []
    try:
        await app.start()
        side_work = [
            _beside(_menus(app, services), "menus"),
            _beside(OutboxRelay(services, app.bot).deliver_forever(), "outbox"),
            _beside(Receipts(services, app.bot).deliver_forever(), "receipts"),
            _beside(remind_forever(services), "reminders"),
        ]
        unhandled = await _take_up(app)
        await updater.start_polling(
            timeout=POLL_SECONDS,
            bootstrap_retries=-1,
            allowed_updates=KINDS,
            error_callback=polling.trouble,
        )
        resumed = state.watchers.resume()
        side_work.append(_beside(state.launches.take_up_forever(), "launches"))
        log.info(
            "listening to Telegram", bot=app.bot.username, resumed=resumed, unhandled=unhandled
        )
        await stopping.wait()
    finally:
        log.info("stopping")
        for task in side_work:
            task.cancel()
        await asyncio.gather(*side_work, return_exceptions=True)
        if updater.running:
            await updater.stop()
        if app.running:
            await app.stop()
        await state.launches.stop()
        await state.watchers.stop()
        await app.shutdown()


@dataclass(frozen=True, slots=True)
class Polling:
    """What Telegram says to our asking for news. We go on asking: the other may be the intruder."""

    troubles: Troubles
    now: Callable[[], datetime]

    def trouble(self, error: TelegramError) -> None:
        """Called for each failed poll; the next one comes by itself."""
        if not isinstance(error, Conflict):
            log.warning("polling telegram failed", why=type(error).__name__)
            return
        log.error("another program polls with this bot's token")
        self.troubles.note(STATUS_NAME, OTHER_POLLER, now=self.now())


async def _reached(app: App, stopping: asyncio.Event) -> bool:
    """Wait until Telegram answers; false when told to stop before it did."""
    wait = FIRST_WAIT
    while not stopping.is_set():
        try:
            await app.initialize()
        except InvalidToken:
            raise TokenRefused(
                "Telegram does not know this TELEGRAM_BOT_TOKEN; compare it with what @BotFather"
                " gave you."
            ) from None
        except TelegramError as error:
            log.warning("telegram cannot be reached", why=type(error).__name__, next_try_in=wait)
        else:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)
        wait = min(wait * 2, LONGEST_WAIT)
    return False


async def _take_up(app: App) -> int:
    """What the bot before us was given and did not get to."""
    queue = app.update_queue
    return await queue.take_up(app.bot) if isinstance(queue, WrittenQueue) else 0


async def _menus(app: App, services: BotServices) -> None:
    """The command menus are a comfort: tried until they are there, never in the way."""
    wait = FIRST_WAIT
    while True:
        try:
            await register_all(app.bot)
        except TelegramError:
            await services.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return


def _beside(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_say_if_it_broke)
    return task


def _say_if_it_broke(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("side work broke", task=task.get_name(), exc_info=task.exception())
