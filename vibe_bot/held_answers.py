"""Answers that Telegram does not take now: kept in memory, said when a pause or an outage ends.

A retry queue per chat for what handlers say (flood control, network trouble). Until it was said,
the update that it answers stays in the inbox: another bot would handle it again. Results,
``progress`` tells by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from telegram.error import BadRequest, TelegramError, TimedOut

from vibe_bot.rate_limiter import pause_seconds
from vibe_bot.sending import Unreached, Unsent
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import AccountsUnreadable

log = structlog.get_logger()

LOOK_SECONDS = 0.5
FIRST_RETRY_SECONDS, RETRY_SECONDS = 2.0, 30.0
"""After an outage; doubling from the first to the second."""
MOST_IN_A_CHAT = 10
"""Of more than these the oldest are let go: the newest say how things are."""
MOST_CHATS = 1000
OLDEST_SECONDS = 12 * 3600.0
"""What is older answers nothing that anybody remembers having asked."""


Unsaid = Unsent | Unreached


@dataclass(slots=True, kw_only=True)
class _Held:
    """One answer, by what says the rest of it, and the seconds of the clock it goes by."""

    again: Callable[[], Awaitable[object]]
    message_id: int | None
    request_id: str | None
    """The update in the inbox that it answers."""
    kept_at: float
    not_before: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class HeldAnswers:
    """What waits for its chat's pause to end, oldest first in each."""

    services: BotServices
    _chats: dict[int, deque[_Held]] = field(default_factory=dict)
    _done_with: set[str] = field(default_factory=set)
    """Updates whose answers were said or let go since we looked last."""

    def holds(self, request_id: str) -> bool:
        """Whether something that answers this update was not said yet."""
        return any(
            held.request_id == request_id for waiting in self._chats.values() for held in waiting
        )

    def waits(self, chat_id: int) -> bool:
        """Whether anything was not said yet in this chat."""
        return bool(self._chats.get(chat_id))

    def keep(self, chat_id: int, unsent: Unsaid, *, request_id: str | None = None) -> None:
        """Say it when the pause has ended; of one message only what it is to say last."""
        self.drop(chat_id, unsent.message_id)
        if chat_id not in self._chats and len(self._chats) >= MOST_CHATS:
            log.error("too many chats rest; an answer is not kept")
            return
        held = _Held(
            again=unsent.again,
            message_id=unsent.message_id,
            request_id=request_id,
            kept_at=self.services.clock(),
        )
        self._put_off(held, unsent)
        waiting = self._chats.setdefault(chat_id, deque())
        waiting.append(held)
        if len(waiting) > MOST_IN_A_CHAT:
            self._let_go(waiting.popleft())

    def drop(self, chat_id: int, message_id: int | None) -> None:
        """This message says something newer by now."""
        waiting = self._chats.get(chat_id)
        if waiting is None or message_id is None:
            return
        for held in [one for one in waiting if one.message_id == message_id]:
            waiting.remove(held)
            self._let_go(held)

    async def deliver_forever(self) -> None:
        """Until cancelled."""
        while True:
            await self.deliver_due()
            await self.services.sleep(LOOK_SECONDS)

    async def deliver_due(self) -> None:
        """Every answer whose chat's pause has ended."""
        for chat_id in list(self._chats):
            await self._deliver(chat_id)
        await self._strike_off()

    async def _deliver(self, chat_id: int) -> None:
        """What is due in this chat, in the order it was meant to be said."""
        waiting = self._chats[chat_id]
        while waiting and waiting[0].not_before <= self.services.clock():
            held = waiting[0]
            if self.services.clock() - held.kept_at > OLDEST_SECONDS:
                log.warning("an answer is too old to be given")
            elif not await self._said(held):
                continue
            if waiting and waiting[0] is held:
                self._let_go(waiting.popleft())
        if not waiting:
            del self._chats[chat_id]

    async def _said(self, held: _Held) -> bool:
        """Whether it is done with; what was not taken says when it is tried again."""
        try:
            await held.again()
        except (Unsent, Unreached) as unsent:
            held.again = unsent.again
            self._put_off(held, unsent)
            return False
        except (BadRequest, TimedOut) as error:
            log.warning("telegram did not take an answer", why=type(error).__name__)
        except TelegramError as error:
            log.info("an answer has nobody to go to", why=type(error).__name__)
        return True

    def _put_off(self, held: _Held, unsent: Unsaid) -> None:
        if isinstance(unsent, Unsent):
            pause = pause_seconds(unsent)
        else:
            pause = min(FIRST_RETRY_SECONDS * 2**held.failures, RETRY_SECONDS)
            held.failures = min(held.failures + 1, 10)
        held.not_before = self.services.clock() + pause

    def _let_go(self, held: _Held) -> None:
        if held.request_id is not None:
            self._done_with.add(held.request_id)

    async def _strike_off(self) -> None:
        """Their answers were said, so the updates are handled."""
        for request_id in [one for one in self._done_with if not self.holds(one)]:
            try:
                await asyncio.to_thread(self.services.store.inbox.done, request_id)
            except AccountsUnreadable as error:
                log.warning("an update cannot be struck off", why=str(error))
                return
            self._done_with.discard(request_id)
