"""Receipts for what was erased, to people whom no account names any more.

The outbox belongs to accounts and goes with them, so a receipt is read off the promise itself,
which is erased once the receipt was delivered.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from telegram import Bot
from telegram.error import BadRequest, RetryAfter, TelegramError, TimedOut

from vibe_bot.formatting import Html, tell, together
from vibe_bot.gone_chats import chat_is_gone
from vibe_bot.rate_limiter import pause_seconds
from vibe_bot.sending import send
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Erasure, ErasureKind

log = structlog.get_logger()

LOOK_SECONDS = 2.0
RETRY = timedelta(minutes=1)


@dataclass(slots=True)
class Receipts:
    """Delivers each kept promise's receipt."""

    services: BotServices
    bot: Bot
    not_before: dict[str, datetime] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    """What was refused once: one refusal alone may pass, and nothing says it again later."""

    async def deliver_forever(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.deliver_due()
            except AccountsUnreadable as error:
                log.warning("cannot read the receipts", why=str(error))
            await self.services.sleep(LOOK_SECONDS)

    async def deliver_due(self) -> None:
        """Every receipt that is due now."""
        for note in self.services.store.erasures.to_tell():
            if self.not_before.get(note.receipt, note.asked_at) <= self.services.now():
                await self._deliver(note)

    async def _deliver(self, note: Erasure) -> None:
        """One receipt that meets what nobody foresaw holds up no other."""
        try:
            await send(self.bot, note.chat_id, receipt(note))
        except TimedOut:
            log.warning("telegram may not have taken a receipt", receipt=note.receipt)
        except TelegramError as error:
            final = isinstance(error, BadRequest) or chat_is_gone(error)
            if not final or note.receipt not in self.doubted:
                self._put_off(note, error, doubted=final)
                return
            log.info("a receipt has nobody to go to", receipt=note.receipt, why=error.message)
        except Exception:
            log.exception("a receipt cannot be sent", receipt=note.receipt)
            self.not_before[note.receipt] = self.services.now() + RETRY
            return
        await asyncio.to_thread(self.services.store.erasures.close, note.receipt)
        self.not_before.pop(note.receipt, None)
        self.doubted.discard(note.receipt)
        log.info("delivered a receipt", receipt=note.receipt)

    def _put_off(self, note: Erasure, error: TelegramError, *, doubted: bool) -> None:
        pause = RETRY
        if isinstance(error, RetryAfter):
            pause = timedelta(seconds=pause_seconds(error))
        if doubted:
            self.doubted.add(note.receipt)
        self.not_before[note.receipt] = self.services.now() + pause
        log.warning("a receipt was not taken", receipt=note.receipt, why=type(error).__name__)


def receipt(note: Erasure) -> Html:
    """What was erased, counted per store."""
    whole = note.kind is ErasureKind.PERSON
    return together(
        tell(note.language, f"bot.receipt.{note.kind}", receipt=note.receipt),
        "",
        tell(
            note.language,
            "bot.receipt.counts",
            accounts=_rows(note, "accounts."),
            warehouse=_rows(note, "warehouse."),
            runs=_rows(note, "dagster.runs"),
            left=0,
        ),
        tell(note.language, "bot.receipt.backups") if whole else None,
    )


def _rows(note: Erasure, start: str) -> int:
    return sum(count for name, count in note.counts.items() if name.startswith(start))
