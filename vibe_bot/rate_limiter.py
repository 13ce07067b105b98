"""Telegram's flood limits, obeyed chat by chat: a pause in one chat holds up no other.

For messages we send and edit: a bucket for each chat and one for all (GCRA). The pace of outside
services, and the buckets themselves, are ``vibe_pipeline.clients.rate_limiter``'s.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import BaseRateLimiter

from vibe_bot.telegram_answers import AnswerLost, MayHaveArrived, TokenDoubted
from vibe_pipeline.clients.call_counter import TELEGRAM
from vibe_pipeline.clients.factory import Observer
from vibe_pipeline.clients.rate_limiter import ProcessSlotBook
from vibe_pipeline.clients.transport import CallRecord, no_observer

log = structlog.get_logger()

WAITED_IN_PLACE = 30.0
"""A longer pause is given back to the caller as ``RetryAfter``."""
ATTEMPTS = 3
AGAIN_AFTER = (0.5, 1.5, 4.0)
"""Pauses after an answer of a server that is in trouble itself."""

CHAT_INTERVAL = 1.0
"""Seconds between two messages in a chat on average; Telegram takes about one a second."""
CHAT_BURST = 7
"""So many at once after a rest: short bursts pass."""
CHAT_PROGRESS_BURST = 3
"""Progress takes so many of them at most, so that an answer or a result never has to wait."""
ALL_INTERVAL = 1 / 28
"""The same for all chats together: Telegram takes about thirty a second from a bot."""
ALL_BURST = 28
ALL_PROGRESS_BURST = 12
CHATS_REMEMBERED = 1000
Answer = bool | dict[str, Any] | list[dict[str, Any]]
_PACED = frozenset(
    {"sendMessage", "editMessageText", "editMessageReplyMarkup", "sendDocument", "sendPhoto"}
)
_REPEATED = _PACED | {"answerCallbackQuery"}
"""Whom a person waits for; what timed out most likely arrived, and is not repeated."""
_DOUBLED = frozenset({"sendMessage", "sendDocument", "sendPhoto"})
"""What comes twice when Telegram took it although it says otherwise: better than silence, and
looked for afterwards."""
Answered = Callable[[dict[str, Any]], Awaitable[object]]


class ChatRateLimiter(BaseRateLimiter[int]):
    """Sends at once, remembers which chat Telegram asked to rest, and waits when it must."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        observer: Observer = no_observer,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._observer = observer
        self.on_doubt: Answered | None = None
        """Called with a message that went out after an answer was lost: perhaps for a second time.
        """
        self._rests_until: dict[Any, float] = {}
        self._given_back: set[Any] = set()
        """Chats whose pause is given back to its end: what waited in place would overtake."""
        self._all = ProcessSlotBook(clock=clock)
        self._chats: dict[Any, ProcessSlotBook] = {}

    def has_room(self, chat: int) -> bool:
        """Whether a message that may as well be left out can go to this chat now."""
        if self._rests_until.get(chat, 0.0) > self._clock():
            return False
        book = self._chats.get(chat)
        return self._all.has_room(ALL_INTERVAL, ALL_PROGRESS_BURST) and (
            book is None or book.has_room(CHAT_INTERVAL, CHAT_PROGRESS_BURST)
        )

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to give back."""

    async def process_request(  # noqa: PLR0917 - the base class says so
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Answer:
        """One request, repeated after the pauses Telegram asks for, as long as they are short."""
        chat = data.get("chat_id") if endpoint in _PACED else None
        send = partial(callback, *args, **kwargs)
        if endpoint not in _REPEATED:
            return await self._request(send, endpoint, chat)
        lost: AnswerLost | None = None
        for seconds in (*AGAIN_AFTER, None):
            try:
                answer = await self._request(send, endpoint, chat)
            except (BadRequest, TimedOut, Conflict):
                raise
            except NetworkError as trouble:
                log.info("telegram is in trouble", endpoint=endpoint, why=trouble.message)
                lost = trouble if isinstance(trouble, AnswerLost) else lost
                if seconds is None:
                    raise lost or trouble from trouble
                await self._sleep(seconds)
            else:
                if lost and endpoint in _DOUBLED:
                    await self._doubted(answer)
                return answer
        raise AssertionError("the loop above returns or raises")

    async def _doubted(self, answer: Answer) -> None:
        if self.on_doubt is not None and isinstance(answer, dict):
            await self.on_doubt(answer)

    async def _request(
        self, send: Callable[[], Awaitable[Answer]], endpoint: str, chat: object
    ) -> Answer:
        for attempt in range(1, ATTEMPTS + 1):
            await self._rest(chat)
            await self._turn(chat)
            try:
                return await self._observed(send, endpoint)
            except RetryAfter as pause:
                seconds = pause_seconds(pause)
                if chat is not None:
                    self._rests_until[chat] = self._clock() + seconds
                    if seconds > WAITED_IN_PLACE:
                        self._given_back.add(chat)
                if seconds > WAITED_IN_PLACE or attempt == ATTEMPTS:
                    raise
                if chat is None:
                    await self._sleep(seconds)
        raise AssertionError("the loop above returns or raises")

    async def _observed(self, send: Callable[[], Awaitable[Answer]], endpoint: str) -> Answer:
        """One request as it is sent, told to the figures however it ends."""
        started, status = self._clock(), None
        try:
            answer = await send()
            status = HTTPStatus.OK
        except TelegramError as error:
            status = _status_of(error)
            raise
        else:
            return answer
        finally:
            seconds = self._clock() - started
            self._observer(
                CallRecord(service=TELEGRAM, endpoint=endpoint, status=status, seconds=seconds)
            )

    async def _turn(self, chat: object) -> None:
        """Wait for a place in the chat's bucket, then for one in the bucket of all."""
        if chat is None:
            return
        book = self._chats.get(chat) or self._opened(chat)
        wait = book.book(CHAT_INTERVAL, CHAT_BURST)
        if wait > 0:
            await self._sleep(wait)
        wait = self._all.book(ALL_INTERVAL, ALL_BURST)
        if wait > 0:
            await self._sleep(wait)

    def _opened(self, chat: object) -> ProcessSlotBook:
        if len(self._chats) >= CHATS_REMEMBERED:
            self._chats = {
                one: book for one, book in self._chats.items() if not book.has_room(CHAT_INTERVAL)
            }
        return self._chats.setdefault(chat, ProcessSlotBook(clock=self._clock))

    async def _rest(self, chat: object) -> None:
        left = self._rests_until.get(chat, 0.0) - self._clock()
        if chat is None or left <= 0:
            self._rests_until.pop(chat, None)
            self._given_back.discard(chat)
            return
        if left > WAITED_IN_PLACE or chat in self._given_back:
            raise RetryAfter(timedelta(seconds=left))
        await self._sleep(left)


def pause_seconds(pause: RetryAfter) -> float:
    """How long Telegram asks us to rest."""
    given = pause.retry_after
    return given.total_seconds() if isinstance(given, timedelta) else float(given)


def _status_of(error: TelegramError) -> HTTPStatus | None:
    """The status that the package made an error of; ``None`` when nothing came back."""
    kinds: tuple[tuple[type[TelegramError], HTTPStatus], ...] = (
        (MayHaveArrived, HTTPStatus.OK),
        (RetryAfter, HTTPStatus.TOO_MANY_REQUESTS),
        (Forbidden, HTTPStatus.FORBIDDEN),
        (InvalidToken, HTTPStatus.UNAUTHORIZED),
        (TokenDoubted, HTTPStatus.UNAUTHORIZED),
        (Conflict, HTTPStatus.CONFLICT),
        (BadRequest, HTTPStatus.BAD_REQUEST),
    )
    for kind, status in kinds:
        if isinstance(error, kind):
            return status
    unreached = isinstance(error, TimedOut) or error.message.startswith("httpx.")
    return None if unreached else HTTPStatus.BAD_GATEWAY
