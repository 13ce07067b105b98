"""Updates are written down before Telegram is told that we have them, and struck off when handled.

Long polling acknowledges an update by asking for the next one; a process that ends between the
two must not take a wish with it. So the queue between polling and handling writes first
(at-least-once delivery). What an update asks for is the handlers'; that a run is launched once
however often its update is handled, ``vibe_bot.launches``'.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.ext import BaseUpdateProcessor

from vibe_bot.turns import TurnsByChat
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.inbox import Inbox
from vibe_pipeline.accounts.records import InboxEntry

log = structlog.get_logger()


LOCKED_AFTER = 0.5
"""A write that takes so many seconds waits for another process."""
ASKED_AGAIN_AFTER = 0.5
"""So many seconds pass between two polls while Telegram gives what it gave before again."""
MOST_REMEMBERED = 1000
CHAT_WAITS_FOR = 5.0
"""So many seconds what is asked for in a chat waits for what was asked there before."""


def key_of(update: Update) -> str:
    """Names an update, the same for each time it is handed over.

    Its number alone would not do: Telegram may begin to count anew.
    """
    message, query = update.effective_message, update.callback_query
    parts = (
        update.update_id,
        None if query is None else query.id,
        None if update.effective_chat is None else update.effective_chat.id,
        None if message is None else message.message_id,
        None if message is None else int(message.date.timestamp()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class WrittenQueue(asyncio.Queue[object]):
    """What polling brings; each update is in the inbox before Telegram is told that we have it.

    While another process holds the store it is handled at once all the same, and Telegram keeps it
    until it is written down (``oldest_unwritten``): so nobody waits, and nothing is lost.
    """

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self._inbox = inbox
        self._being_written: dict[str, tuple[int, asyncio.Task[bool]]] = {}
        self._unwritable: dict[str, None] = {}
        """The keys of what was handled without being written down, as far as remembered."""
        self.taken_up: set[str] = set()
        """The keys of what a former bot was given, and may have answered."""

    async def put(self, item: object) -> None:
        """Write it down and have it handled; one that was here before is not handled twice."""
        if isinstance(item, Update) and not await self._is_new(item):
            log.debug("an update came twice", update=item.update_id)
            return
        await super().put(item)

    def oldest_unwritten(self) -> int | None:
        """The number of the oldest update that is not in the inbox yet, if there is one."""
        return min((number for number, _ in self._being_written.values()), default=None)

    async def take_up(self, bot: Bot) -> int:
        """Have handled what a former bot was given and did not get to; gives how many."""
        try:
            entries = await asyncio.to_thread(self._inbox.take_up)
        except AccountsUnreadable as error:
            log.warning("cannot read the inbox", why=str(error))
            return 0
        updates = [update for entry in entries if (update := _read(entry, bot)) is not None]
        for update in updates:
            self.taken_up.add(key_of(update))
            await super().put(update)
        return len(updates)

    async def _is_new(self, update: Update) -> bool:
        """Whether it is to be handled; looked up first, for a write may wait for others."""
        key = key_of(update)
        if key in self._being_written or key in self._unwritable:
            return False
        if await self._was_here(key):
            return False
        patience = 0.0 if self._being_written else LOCKED_AFTER
        writing = asyncio.create_task(self._written(update))
        self._being_written[key] = update.update_id, writing
        writing.add_done_callback(lambda _: self._being_written.pop(key, None))
        done, _ = await asyncio.wait({writing}, timeout=patience)
        return writing.result() if done else True

    async def _was_here(self, key: str) -> bool:
        """False as well where that cannot be looked up.

        Nothing is raised: the package's polling would end by it, for everybody. A look once the
        write has begun would not do, for it could find what that has just written.
        """
        try:
            return await asyncio.to_thread(self._inbox.knows, key)
        except AccountsUnreadable as error:
            log.warning("cannot read the inbox", why=str(error))
        except Exception as error:  # noqa: BLE001 - as for the write
            log.error("an update cannot be looked up", why=type(error).__name__)  # noqa: TRY400
        return False

    async def _written(self, update: Update) -> bool:
        """True as well for what cannot be written down: the handler says so, if need be.

        Nothing is raised: the package's polling would end by it, for everybody.
        """
        try:
            return await asyncio.to_thread(self._inbox.add, key_of(update), _payload(update))
        except AccountsUnreadable as error:
            log.warning("an update is handled without being written down", why=str(error))
        except Exception as error:  # noqa: BLE001 - its text may be a person's words
            log.error(  # noqa: TRY400 - and so may what a traceback shows
                "an update cannot be written down",
                update=update.update_id,
                why=type(error).__name__,
            )
        if len(self._unwritable) > MOST_REMEMBERED:
            del self._unwritable[next(iter(self._unwritable))]
        self._unwritable[key_of(update)] = None
        return True


def _payload(update: Update) -> str:
    """The update in JSON; the package leaves the date of what nobody may see as it is."""
    return json.dumps(update.to_dict(), default=_timestamp)


def _timestamp(value: object) -> int:
    if isinstance(value, datetime):
        return int(value.timestamp())
    raise TypeError(type(value).__name__)


def _read(entry: InboxEntry, bot: Bot) -> Update | None:
    """``None`` for what cannot be read again, which must not keep the bot from starting."""
    try:
        return Update.de_json(json.loads(entry.payload), bot)
    except Exception as error:  # noqa: BLE001 - its text may be a person's words
        log.error("an update cannot be taken up", key=entry.key, why=type(error).__name__)  # noqa: TRY400
        return None


class UnconfirmedPolls:
    """The bot as the package's polling sees it: what is not written down yet is not confirmed.

    Asking for the updates after one confirms it to Telegram, which then forgets it; asking from an
    earlier one on brings that again, and what came since.
    """

    def __init__(self, bot: Bot, queue: WrittenQueue) -> None:
        self._bot = bot
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bot, name)

    async def get_updates(self, *, offset: int, **more: Any) -> tuple[Update, ...]:
        """News since then, and once more what is not safe yet."""
        if self._queue.oldest_unwritten() is not None:
            await asyncio.sleep(ASKED_AGAIN_AFTER)
        unwritten = self._queue.oldest_unwritten()
        since = offset if unwritten is None else min(offset, unwritten)
        return await self._bot.get_updates(offset=since, **more)


class InboxProcessor(BaseUpdateProcessor):
    """Handles so many updates at once, those of a chat in order, and strikes off what was handled.

    Whoever waits for their own chat takes none of the places of others: the package's bound, which
    would count them, is none. ``held`` says of which update an answer still waits: whoever keeps
    it strikes it off.
    """

    def __init__(self, inbox: Inbox, at_once: int, held: Callable[[str], bool]) -> None:
        super().__init__(sys.maxsize)
        self._inbox = inbox
        self._held = held
        self._turns = TurnsByChat(seconds=CHAT_WAITS_FOR)
        self._places = asyncio.Semaphore(at_once)
        self._in_work: set[asyncio.Task[Any]] = set()
        self._ending = False

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to give back."""

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Whatever goes wrong inside was told by the error handler, so it counts as handled."""
        if not isinstance(update, Update):
            await coroutine
            return
        chat = update.effective_chat
        async with nullcontext() if chat is None else self._turns.of(chat.id).turn(), self._places:
            work = asyncio.ensure_future(coroutine)
            if self._ending:
                work.cancel()
            self._in_work.add(work)
            work.add_done_callback(self._in_work.discard)
            await work
        if self._held(key_of(update)):
            return
        try:
            await asyncio.to_thread(self._inbox.done, key_of(update))
        except AccountsUnreadable as error:
            log.warning("an update cannot be struck off", why=str(error))

    async def hand_on(self, patience: float) -> None:
        """Leave to a later bot what is not begun, and what is not through after so many seconds.

        It is in the inbox; a flood that is answered at Telegram's pace would take minutes.
        """
        self._ending = True
        if self._in_work:
            _, unfinished = await asyncio.wait(self._in_work, timeout=patience)
            for work in unfinished:
                work.cancel()
