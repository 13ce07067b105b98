"""One message that follows one run: edited through its stages, ending in the result.

A watch stands in the account store until its result was told, so a restarted bot goes on where
the last one stopped. The last edit may safely be made twice; a new message is sent only by
whoever closes the watch.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from telegram import Bot
from telegram.error import Forbidden, RetryAfter, TelegramError

from vibe_bot.formatting import Html, tell, together
from vibe_bot.jobs import Job, job_named
from vibe_bot.rate_limiter import pause_seconds
from vibe_bot.results import Figures, Result, gave_up, result_of
from vibe_bot.sending import Edited, edit, send
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, TrackedRun
from vibe_pipeline.clients.dagster import RunView
from vibe_pipeline.clients.errors import NotThere, ServiceError

log = structlog.get_logger()

LOOK_SECONDS = 0.5
EDIT_SECONDS = 1.5
"""Edits count towards Telegram's one message a second in a chat."""
RETRY_SECONDS = 5.0
SLOW_AFTER = timedelta(minutes=3)
GIVE_UP_AFTER = timedelta(hours=2)
_MARKS = {"SUCCESS": "✅", "IN_PROGRESS": "⏳", "FAILURE": "⚠️", "SKIPPED": "➖"}


def progress(language: str, job: Job, run: RunView | None, waited: timedelta) -> Html:
    """How far a run is, as the message says it."""
    title = tell(language, f"bot.progress.title_{job.name}")
    if run is None:
        return together(title, "", tell(language, "bot.progress.out_of_reach"))
    slow = tell(language, "bot.progress.slow") if waited > SLOW_AFTER else None
    if not run.steps:
        waiting = "queued" if run.status == "QUEUED" else "starting"
        return together(title, "", tell(language, f"bot.progress.{waiting}"), slow)
    states = {step.key: step.status for step in run.steps}
    lines = [
        f"{_MARKS.get(states.get(stage) or '', '▫️')} {tell(language, f'bot.progress.{stage}')}"
        for stage in job.stages
    ]
    return together(title, "", *lines, slow)


class RunTrackers:
    """The runs that are followed now, each by a task of its own."""

    def __init__(self, services: BotServices, bot: Bot) -> None:
        self._services = services
        self._bot = bot
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, watch: TrackedRun) -> None:
        """Follow a run until its result is told; following it already is fine."""
        if watch.run_id in self._tasks:
            return
        follower = _Follower(services=self._services, bot=self._bot, watch=watch)
        task = asyncio.create_task(follower.follow(), name=f"watch {watch.run_id}")
        self._tasks[watch.run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(watch.run_id, None))

    def resume(self) -> int:
        """Take up what a former bot left open; gives how many."""
        left_open = self._services.store.watches.open()
        for watch in left_open:
            self.follow(watch)
        return len(left_open)

    async def stop(self) -> None:
        """Let go of all; the watches stay open for the next bot."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Follower:
    """One watch being followed."""

    services: BotServices
    bot: Bot
    watch: TrackedRun

    async def follow(self) -> None:
        """Look, tell, wait, until the result is told."""
        while True:
            try:
                await self._conclude(await self._until_it_ends())
                return  # noqa: TRY300 - every other way out of the try goes round again
            except Forbidden:
                self._person_is_gone()
                return
            except RetryAfter as pause:
                await self.services.sleep(pause_seconds(pause))
            except (TelegramError, AccountsUnreadable) as error:
                log.warning(
                    "cannot tell how a run stands yet", run=self.watch.run_id, why=str(error)
                )
                await self.services.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("following a run failed", run=self.watch.run_id)
                self.services.store.watches.finish(self.watch.run_id)
                return

    async def _until_it_ends(self) -> Result | None:
        """The run's result; ``None`` when the person is no longer here to be told."""
        shown, shown_ago = "", EDIT_SECONDS
        while True:
            account = self._account()
            if account is None:
                return None
            waited = self.services.now() - self.watch.created_at
            job = job_named(self.watch.job)
            run = await self._look()
            if run is not None and run.ended:
                await self.services.sleep(max(0.0, EDIT_SECONDS - shown_ago))
                account = self._account() or account
                return result_of(self.services, account, job, run, await self._figures(job, run))
            if waited > GIVE_UP_AFTER:
                return gave_up(account.language, job, waited)
            text = progress(account.language, job, run, waited)
            if text != shown and shown_ago >= EDIT_SECONDS:
                await self._show(text)
                shown, shown_ago = text, 0.0
            await self.services.sleep(LOOK_SECONDS)
            shown_ago += LOOK_SECONDS

    async def _show(self, text: Html) -> None:
        """Stages are worth one try each: the next one comes anyway."""
        try:
            await edit(self.bot, self.watch.chat_id, self.watch.message_id, text)
        except RetryAfter as pause:
            await self.services.sleep(pause_seconds(pause))

    async def _look(self) -> RunView | None:
        try:
            return await self.services.dagster.run(self.watch.run_id)
        except NotThere:
            return RunView(run_id=self.watch.run_id, job="", status="CANCELED", tags={})
        except ServiceError as error:
            log.warning("cannot see a run", run=self.watch.run_id, why=error.sentence)
            return None

    async def _figures(self, job: Job, run: RunView) -> Figures:
        """What a refresh counted; without it the result is told all the same."""
        if job is not Job.sync or not run.succeeded:
            return {}
        try:
            return await self.services.dagster.figures(run.run_id)
        except ServiceError as error:
            log.warning("cannot see what a run counted", run=run.run_id, why=error.sentence)
            return {}

    async def _conclude(self, result: Result | None) -> None:
        watches, watch = self.services.store.watches, self.watch
        if result is None:
            watches.finish(watch.run_id)
            return
        ended = await edit(self.bot, watch.chat_id, watch.message_id, result.text, result.markup)
        if result.document is not None:
            await self._hand_over(result.document)
        if watches.finish(watch.run_id) and ended is Edited.GONE:
            await send(self.bot, watch.chat_id, result.text, result.markup)
        log.info("told a result", run=watch.run_id, user=watch.user_id, good=result.good)

    async def _hand_over(self, path: Path) -> None:
        """Send a file and delete it; one that is gone was sent by the bot before this one."""
        account = self._account()
        content = await asyncio.to_thread(_content, path)
        if account is None or content is None:
            return
        await self.bot.send_document(
            self.watch.chat_id,
            content,
            caption=tell(account.language, "bot.export.caption"),
            filename="vibe.zip",
        )
        await asyncio.to_thread(path.unlink, missing_ok=True)

    def _account(self) -> Account | None:
        account = self.services.store.people.get(self.watch.user_id)
        return account if account is not None and account.active else None

    def _person_is_gone(self) -> None:
        store = self.services.store
        if store.people.get(self.watch.user_id) is not None:
            store.people.change(self.watch.user_id, active=False)
        store.watches.finish(self.watch.run_id)
        log.info("person has blocked the bot", user=self.watch.user_id)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
