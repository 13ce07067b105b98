"""Answers that Telegram takes only after a long pause: kept in memory, said when it ends.

A retry queue per chat for what handlers say (flood control). What must outlive this process goes
through the outbox; results, ``progress`` tells by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut

from vibe_bot.rate_limiter import pause_seconds
from vibe_bot.sending import Unsent
from vibe_bot.services import BotServices

log = structlog.get_logger()

LOOK_SECONDS = 0.5
RETRY_SECONDS = 30.0
MOST_IN_A_CHAT = 10
"""Of more than these the oldest are let go: the newest say how things are."""
MOST_CHATS = 1000
OLDEST_SECONDS = 12 * 3600.0
"""What is older answers nothing that anybody remembers having asked."""


@dataclass(slots=True, kw_only=True)
class _Held:
    """One answer, by what says the rest of it, and the seconds of the clock it goes by."""

    again: Callable[[], Awaitable[object]]
    message_id: int | None
    kept_at: float
    not_before: float


@dataclass(slots=True)
class HeldAnswers:
    """What waits for its chat's pause to end, oldest first in each."""

    services: BotServices
    _chats: dict[int, deque[_Held]] = field(default_factory=dict)

    def keep(self, chat_id: int, unsent: Unsent) -> None:
        """Say it when the pause has ended; of one message only what it is to say last."""
        self.drop(chat_id, unsent.message_id)
        if chat_id not in self._chats and len(self._chats) >= MOST_CHATS:
            log.error("too many chats rest; an answer is not kept")
            return
        now = self.services.clock()
        held = _Held(
            again=unsent.again,
            message_id=unsent.message_id,
            kept_at=now,
            not_before=now + pause_seconds(unsent),
        )
        self._chats.setdefault(chat_id, deque(maxlen=MOST_IN_A_CHAT)).append(held)

    def drop(self, chat_id: int, message_id: int | None) -> None:
        """This message says something newer by now."""
        waiting = self._chats.get(chat_id)
        if waiting is None or message_id is None:
            return
        for held in [one for one in waiting if one.message_id == message_id]:
            waiting.remove(held)

    async def deliver_forever(self) -> None:
        """Until cancelled."""
        while True:
            await self.deliver_due()
            await self.services.sleep(LOOK_SECONDS)

    async def deliver_due(self) -> None:
        """Every answer whose chat's pause has ended."""
        for chat_id in list(self._chats):
            await self._deliver(chat_id)

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
                waiting.popleft()
        if not waiting:
            del self._chats[chat_id]

    async def _said(self, held: _Held) -> bool:
        """Whether it is done with; what was not taken says when it is tried again."""
        try:
            await held.again()
        except Unsent as unsent:
            held.again = unsent.again
            held.not_before = self.services.clock() + pause_seconds(unsent)
            return False
        except (BadRequest, TimedOut) as error:
            log.warning("telegram did not take an answer", why=type(error).__name__)
        except NetworkError as error:
            log.warning("telegram did not take an answer", why=type(error).__name__)
            held.not_before = self.services.clock() + RETRY_SECONDS
            return False
        except TelegramError as error:
            log.info("an answer has nobody to go to", why=type(error).__name__)
        return True
