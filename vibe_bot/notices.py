"""What the bot tells unasked, told at a person's own address too: best effort, beside the chat.

Which messages there are is ``announcements``'; reading and reaching addresses is
``clients.notices``'.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from vibe_bot.formatting import plain
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.notices import NoticeNotTaken, NoticeRefused, NoticeTarget, Notifier
from vibe_pipeline.records import UserId

log = structlog.get_logger()

TITLE = "Vibe"
MOST_UNDER_WAY = 20
"""Whoever would be told beside so many others is told in the chat alone."""


@dataclass(slots=True, kw_only=True)
class Notices:
    """Sends copies in the background; the chat never waits for one."""

    store: AccountStore
    notifier: Notifier
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def copy(self, user_id: UserId, text: str) -> None:
        """Tell them there too, if they asked for it."""
        if len(self.under_way) >= MOST_UNDER_WAY:
            return
        task = asyncio.create_task(self._sent(user_id, text), name="notice")
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _sent(self, user_id: UserId, text: str) -> None:
        try:
            address = self.store.notice_targets.get(user_id)
            target = None if address is None else NoticeTarget.read(address)
            if target is not None:
                await self.notifier.send(target, TITLE, plain(text))
        except (NoticeNotTaken, NoticeRefused, AccountsUnreadable) as error:
            log.info("a notice was not taken", user=user_id, why=str(error))
