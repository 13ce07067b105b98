"""The outbox: messages others had put there, said in each person's language, each once.

A message is claimed, sent and closed. A death between sending and closing doubles it for a moment
(``twins``); a send that may have arrived is otherwise never repeated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut

from vibe_bot.announcements import Announcement, announcement
from vibe_bot.freshness import fresh_content
from vibe_bot.gone_chats import chat_is_gone, has_left
from vibe_bot.notices import Notices
from vibe_bot.rate_limiter import pause_seconds
from vibe_bot.sending import Edited, Unreached, edit, send
from vibe_bot.services import BotServices
from vibe_bot.telegram_answers import MayHaveArrived
from vibe_bot.twins import only_one_numbered, only_one_of
from vibe_pipeline.accounts.errors import AccountsUnreadable, RowUnreadable
from vibe_pipeline.accounts.messages import MessageUnreadable, OutboxMessage
from vibe_pipeline.accounts.outbox import KEPT

log = structlog.get_logger()

LOOK_SECONDS = 1.0
CHAT_SPACING = timedelta(seconds=1.05)
ALL_SPACING = 1 / 25
"""Telegram takes about thirty messages a second from a bot; answers to people come on top."""
RETRY = timedelta(seconds=30)
SECOND_LOOK = timedelta(seconds=3)
"""So long after a chat seemed to be gone it is written to again."""
LONGEST_RETRY = timedelta(hours=1)
ATTEMPTS = 20
"""So often Telegram may refuse a message oddly, or we fail at it, before it is given up."""
BATCH = 20


@dataclass(slots=True)
class OutboxRelay:
    """Delivers what is due, one message a second to a chat at most."""

    services: BotServices
    bot: Bot
    last_sent: dict[int, Any] = field(default_factory=dict)
    doubted: set[int] = field(default_factory=set)
    """What was refused once in a way that would end it."""
    not_taken: set[int] = field(default_factory=set)
    """What this bot knows not to have arrived; of another's claims nobody knows."""
    lost: set[int] = field(default_factory=set)
    """What may have arrived, though Telegram's answer did not."""
    refusals: Counter[int] = field(default_factory=Counter)
    """How often what may still be taken was refused; waiting for Telegram does not count."""
    notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        """Copies go where the services say."""
        self.notices = Notices(store=self.services.store, notifier=self.services.notifier)

    async def deliver_forever(self) -> None:
        """Until cancelled."""
        while True:
            try:
                delivered = await self.deliver_due()
            except AccountsUnreadable as error:
                log.warning("cannot read the outbox", why=str(error))
                delivered = 0
            if delivered < BATCH:
                await self.services.sleep(LOOK_SECONDS)

    async def deliver_due(self) -> int:
        """Everything due now; gives how many messages were claimed."""
        claimed = await asyncio.to_thread(self.services.store.outbox.take_due, limit=BATCH)
        for message in claimed:
            await self._deliver(message)
        return len(claimed)

    async def _deliver(self, message: OutboxMessage) -> None:
        """One person's message that meets what nobody foresaw holds up nobody else's."""
        try:
            sent = await self._sent(message)
        except Exception as error:
            if isinstance(error, AccountsUnreadable) and not isinstance(error, RowUnreadable):
                raise
            log.exception("a message cannot be sent", key=message.key, user=message.user_id)
            await asyncio.to_thread(self._refused, message)
            return
        if sent is not None:
            await self._close(message, *sent)

    async def _sent(self, message: OutboxMessage) -> tuple[Announcement, int] | None:
        """What was said and what the chat calls it; ``None`` when it did not go out now."""
        outbox, now = self.services.store.outbox, self.services.now()
        last = self.last_sent.get(message.chat_id)
        if last is not None and now - last < CHAT_SPACING:
            await asyncio.to_thread(self._put_back, message, last + CHAT_SPACING)
            return None
        announced = await asyncio.to_thread(self._in_words, message)
        if announced is None:
            await asyncio.to_thread(outbox.failed, message.id, None)
            return None
        try:
            return announced, await self._said(message, announced)
        except TelegramError as error:
            await asyncio.to_thread(self._not_delivered, message, error)
            return None

    async def _said(self, message: OutboxMessage, announced: Announcement) -> int:
        """Send it, unless it is there already, and take away what it may have been before.

        That it is there is noted first: looking uses up the numbers next to it, so that another
        one sent after that would find it no more.
        """
        if message.sent_as is not None:
            return await only_one_numbered(self.bot, message.chat_id, message.sent_as)
        if announced.in_place_of is not None and await self._said_in_place(message, announced):
            return announced.in_place_of
        sent = await send(self.bot, message.chat_id, announced.text, announced.markup)
        if message.attempts == 1 or message.id in self.not_taken:
            return sent.message_id
        arrived = self.services.store.outbox.arrived
        await asyncio.to_thread(arrived, message.id, sent_as=sent.message_id)
        return await only_one_of(self.bot, sent)

    async def _said_in_place(self, message: OutboxMessage, announced: Announcement) -> bool:
        """Whether an earlier message says it now; one that takes no edit is left as it is."""
        chat_id, earlier = message.chat_id, announced.in_place_of or 0
        try:
            edited = await edit(self.bot, chat_id, earlier, announced.text, announced.markup)
        except BadRequest as refusal:
            if chat_is_gone(refusal):
                raise
            return False
        return edited is Edited.DONE

    async def _close(self, message: OutboxMessage, announced: Announcement, stays: int) -> None:
        """It was sent: it is told once, copied, and corrects what it corrects."""
        await asyncio.to_thread(self.services.store.outbox.done, message.id, sent_as=stays)
        if stays != announced.in_place_of:
            self.notices.copy(message.user_id, announced.text)
        self._forget(message)
        await self._correct(announced)
        self._remember(message.chat_id)
        log.info("delivered", key=message.key, user=message.user_id)
        await self.services.sleep(ALL_SPACING)

    async def _correct(self, announced: Announcement) -> None:
        """The messages that told of a failure say that it was mended; a comfort, tried once."""
        if announced.correction is None:
            return
        for chat_id, message_id in announced.corrects:
            with suppress(TelegramError):
                await edit(self.bot, chat_id, message_id, announced.correction)

    def _in_words(self, message: OutboxMessage) -> Announcement | None:
        """``None`` when it cannot be said, or is true no more; the others must not wait for it."""
        account = self.services.store.people.get(message.user_id)
        if account is None:
            return None
        try:
            content = fresh_content(self.services, account, message)
            if content is None and message.sent_as is not None:
                return None
            if content is None:
                log.info("left out, for it is true no more", key=message.key, user=message.user_id)
                self.services.store.outbox.withdraw(message.id)
                self._forget(message)
                return None
            return announcement(self.services, account, content)
        except MessageUnreadable:
            log.exception("an outbox message is of no kind known here", key=message.key)
        except (KeyError, TypeError, ValueError):
            log.exception("an outbox message does not fit its words", key=message.key)
        return None

    def _not_delivered(self, message: OutboxMessage, error: TelegramError) -> None:
        store, now = self.services.store, self.services.now()
        match error:
            case _ if chat_is_gone(error) and self._said_first(message):
                self._put_back(message, now + SECOND_LOOK)
            case _ if chat_is_gone(error):
                has_left(store, message.user_id)
                self._put_back(message, now)  # it waits for their return, as the others do
            case RetryAfter():
                pause = timedelta(seconds=pause_seconds(error))
                self._put_back(message, now + pause)
            case TimedOut() if message.attempts == 1 and not isinstance(error, MayHaveArrived):
                self.lost.add(message.id)
                self._again(message)
            case TimedOut():
                log.warning("telegram may not have taken a message", key=message.key)
                store.outbox.done(message.id)
            case BadRequest() if self._said_first(message):
                self._put_back(message, now + RETRY)
            case BadRequest():
                log.error("telegram refuses a message", key=message.key, why=error.message)
                store.outbox.failed(message.id, None)
            case NetworkError():
                if isinstance(error, Unreached) and error.lost:
                    self.lost.add(message.id)
                self._out_of_reach(message)
            case _:
                log.warning("telegram did not take a message", why=type(error).__name__)
                self._refused(message)

    def _said_first(self, message: OutboxMessage) -> bool:
        """Whether this is the first refusal that would end it: one alone may pass."""
        if message.id in self.doubted:
            self.doubted.discard(message.id)
            return False
        self.doubted.add(message.id)
        return True

    def _refused(self, message: OutboxMessage) -> None:
        """It may be taken at another time, but is not tried for ever."""
        self.refusals[message.id] += 1
        if self.refusals[message.id] >= ATTEMPTS:
            self._give_up(message)
        else:
            self._again(message)

    def _out_of_reach(self, message: OutboxMessage) -> None:
        """It waits for Telegram as long as a sent one keeps its double out.

        What waited so long for its person alone has its tries all the same.
        """
        waited = self.services.now() - message.created_at
        if waited > KEPT and message.attempts >= ATTEMPTS:
            self._give_up(message)
        else:
            self._again(message)

    def _again(self, message: OutboxMessage) -> None:
        wait = min(RETRY * 2 ** min(message.attempts - 1, 10), LONGEST_RETRY)
        self._put_back(message, self.services.now() + wait)

    def _give_up(self, message: OutboxMessage) -> None:
        log.error("a message is given up", key=message.key, user=message.user_id)
        self.services.store.outbox.failed(message.id, None)
        self._forget(message)

    def _put_back(self, message: OutboxMessage, again: datetime) -> None:
        """It did not arrive, or may have and is looked for then: once more."""
        if message.id in self.lost:
            self.not_taken.discard(message.id)
        else:
            self.not_taken.add(message.id)
        self.services.store.outbox.failed(message.id, again)

    def _forget(self, message: OutboxMessage) -> None:
        self.not_taken.discard(message.id)
        self.lost.discard(message.id)
        self.doubted.discard(message.id)
        self.refusals.pop(message.id, None)

    def _remember(self, chat_id: int) -> None:
        now = self.services.now()
        self.last_sent = {
            chat: sent for chat, sent in self.last_sent.items() if now - sent < CHAT_SPACING
        }
        self.last_sent[chat_id] = now
