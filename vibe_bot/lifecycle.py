"""The bot's life: waiting for Telegram, long polling, delivering, stopping cleanly.

The background tasks and their order. What each of them does stands in its own module.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from telegram import Bot
from telegram.error import Conflict, InvalidToken, TelegramError

from vibe_bot.app import KINDS, UPDATES_AT_ONCE, build
from vibe_bot.command_menu import register_all
from vibe_bot.inbox import InboxProcessor, WrittenQueue
from vibe_bot.interactions import App, BotState
from vibe_bot.outbox import OutboxRelay
from vibe_bot.polls import REFUSALS_BELIEVED, UNKNOWN_BOT, TokenRefused
from vibe_bot.receipts import Receipts
from vibe_bot.reminders import remind_forever
from vibe_bot.services import BotServices, open_services
from vibe_bot.telegram_answers import TokenDoubted
from vibe_bot.watchdog import ending_when_still
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.store import open_for, utc_now
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.installation.process_status import Troubles
from vibe_pipeline.settings import Settings

log = structlog.get_logger()

STATUS_NAME = "Telegram bot"
"""Under this name the supervisor knows us too."""
POLL_SECONDS = 25
THREADS = 4 * UPDATES_AT_ONCE
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
ANSWERS_END_WITHIN = 2.0
"""So many seconds a bot that is told to stop goes on with what it answers; a container has ten."""
OTHER_POLLER = (
    "Another program polls Telegram with this bot's token, so some messages go to it; stop it, or"
    " take a bot of your own from @BotFather."
)
WEBHOOK_SET = (
    "Another program set a webhook for this bot's token, so that messages went to it; the bot takes"
    " it away. If it comes back, stop that program, or take a bot of your own from @BotFather."
)
SIDE_WORK_BROKE = (
    "The bot's {name} met what nobody foresaw, and begins again by itself; its log says what it"
    " was."
)


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
            with store.database.held_open(), ending_when_still():
                await serve(build(services, token), services, stopping)
        finally:
            await services.calls.close()


async def serve(app: App, services: BotServices, stopping: asyncio.Event) -> None:
    """The order PTB asks of a host: initialize, start, poll; and back, whatever breaks on the way.

    Raises: ``TokenRefused``, ``PollingEnded``.
    """
    # Each write may wait for another process; those that only look must find a thread all the same.
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bot")
    asyncio.get_running_loop().set_default_executor(threads)
    if not await _reached(app, stopping):
        return
    state: BotState = app.bot_data["state"]
    troubles, tasks = Troubles(services.settings.home), list[asyncio.Task[Any]]()

    def beside(name: str, work: Callable[[], Awaitable[None]]) -> None:
        going = keep_going(work, name, troubles=troubles, services=services)
        tasks.append(asyncio.create_task(going, name=name))

    async def listen() -> None:
        await _take_up_questions(state)
        unhandled = await _take_up(app)
        webhooks = Webhooks(app.bot, services)
        await _start_polling(app, Polling(troubles, services.now, on_webhook=webhooks.seen.set))
        beside("webhooks", webhooks.take_away_forever)
        resumed = state.watchers.resume()
        beside("launches", state.launches.take_up_forever)
        log.info(
            "listening to Telegram", bot=app.bot.username, resumed=resumed, unhandled=unhandled
        )
        await stopping.wait()

    async with AsyncExitStack() as closing:
        closing.push_async_callback(app.shutdown)
        closing.push_async_callback(state.watchers.stop)
        closing.push_async_callback(state.launches.stop)
        closing.push_async_callback(_stop, app)
        closing.push_async_callback(_stop_polling, app)
        closing.push_async_callback(_cancel, tasks)
        closing.callback(log.info, "stopping")
        await app.start()
        beside("menus", partial(_menus, app, services))
        beside("outbox", OutboxRelay(services, app.bot).deliver_forever)
        beside("held answers", state.held_answers.deliver_forever)
        beside("receipts", Receipts(services, app.bot).deliver_forever)
        beside("reminders", partial(remind_forever, services))
        lasting = [listen(), state.polls.watch(services.sleep), _told(stopping)]
        ends = [asyncio.create_task(work) for work in lasting]
        tasks.extend(ends)
        ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()


async def keep_going(
    work: Callable[[], Awaitable[None]], name: str, *, troubles: Troubles, services: BotServices
) -> None:
    """Do this; whatever breaks it is told to the operator, and it begins again after a pause."""
    wait = FIRST_WAIT
    while True:
        began = services.clock()
        try:
            await work()
        except Exception:
            log.exception("side work broke and begins again", task=name)
            troubles.note(STATUS_NAME, SIDE_WORK_BROKE.format(name=name), now=services.now())
        else:
            return
        lasted = services.clock() - began
        wait = FIRST_WAIT if lasted > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
        await services.sleep(wait)


async def _start_polling(app: App, polling: Polling) -> None:
    if app.updater is None:
        raise RuntimeError("the application was built without an updater")
    await app.updater.start_polling(
        timeout=POLL_SECONDS,
        bootstrap_retries=-1,
        allowed_updates=KINDS,
        error_callback=polling.trouble,
    )


async def _stop_polling(app: App) -> None:
    if app.updater is not None and app.updater.running:
        await app.updater.stop()


async def _stop(app: App) -> None:
    if isinstance(app.update_processor, InboxProcessor):
        await app.update_processor.hand_on(ANSWERS_END_WITHIN)
    if app.running:
        await app.stop()


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _told(stopping: asyncio.Event) -> None:
    await stopping.wait()


@dataclass(frozen=True, slots=True)
class Polling:
    """What Telegram says to our asking for news. We go on asking: the other may be the intruder."""

    troubles: Troubles
    now: Callable[[], datetime]
    on_webhook: Callable[[], None] = lambda: None

    def trouble(self, error: TelegramError) -> None:
        """Called for each failed poll; the next one comes by itself."""
        if isinstance(error, Conflict) and "webhook" in error.message.lower():
            log.error("a webhook is set for this bot's token")
            self.troubles.note(STATUS_NAME, WEBHOOK_SET, now=self.now())
            self.on_webhook()
            return
        if isinstance(error, Conflict):
            log.error("another program polls with this bot's token")
            self.troubles.note(STATUS_NAME, OTHER_POLLER, now=self.now())
            return
        log.warning("polling telegram failed", why=type(error).__name__)
        if isinstance(error, TokenDoubted):
            self.troubles.note(STATUS_NAME, UNKNOWN_BOT, now=self.now())


class Webhooks:
    """Takes away the webhook that somebody set while we poll: as long as it is there we are deaf.

    Each time after a longer pause: the two of us must not do nothing else but undo one another.
    """

    def __init__(self, bot: Bot, services: BotServices) -> None:
        self.seen = asyncio.Event()
        self._bot = bot
        self._services = services

    async def take_away_forever(self) -> None:
        """Until cancelled."""
        wait, gone_at = FIRST_WAIT, self._services.clock()
        while True:
            await self.seen.wait()
            if self._services.clock() - gone_at > 2 * LONGEST_WAIT:
                wait = FIRST_WAIT
            await self._services.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            self.seen.clear()
            try:
                await self._bot.delete_webhook()
            except TelegramError as error:
                log.warning("a webhook cannot be taken away", why=error.message)
                self.seen.set()
            gone_at = self._services.clock()


async def _reached(app: App, stopping: asyncio.Event) -> bool:
    """Wait until Telegram answers; false when told to stop before it did."""
    wait, refusals = FIRST_WAIT, 0
    while not stopping.is_set():
        try:
            await app.initialize()
        except InvalidToken:
            refusals += 1
            if refusals >= REFUSALS_BELIEVED:
                raise TokenRefused(UNKNOWN_BOT) from None
            log.warning("telegram does not know the token", next_try_in=wait)
        except TelegramError as error:
            refusals = 0
            log.warning("telegram cannot be reached", why=type(error).__name__, next_try_in=wait)
        else:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)
        wait = min(wait * 2, LONGEST_WAIT)
    return False


async def _take_up_questions(state: BotState) -> None:
    """What the bot before us asked is asked still; without that people ask for it once more."""
    services = state.services
    try:
        former = await asyncio.to_thread(services.store.open_questions.all)
    except AccountsUnreadable as error:
        log.warning("cannot read what is asked", why=str(error))
        return
    state.questions.take_up(former, now=services.now())


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
