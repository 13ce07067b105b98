"""From a wish to a run that is followed: written down first, launched from the record, once.

A launcher with retries. A wish that the pipeline does not take now is kept and begun when it
answers; so is what a former bot left. How the run goes on is ``vibe_bot.progress``'s, who may ask
for what the handlers'.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from telegram import Bot, InlineKeyboardMarkup
from telegram.error import TelegramError, TimedOut

from vibe_bot.formatting import Html, button, keyboard, tell
from vibe_bot.gone_chats import chat_is_gone, has_left, surely_gone
from vibe_bot.jobs import Job, job_named
from vibe_bot.postponed import LOOKED_AT_AGAIN, Turn, outlook
from vibe_bot.progress import REFRESH_SECONDS, RunTrackers, not_begun, timed
from vibe_bot.results import promise
from vibe_bot.sending import Edited, edit, send, take_away
from vibe_bot.services import BotServices
from vibe_bot.turns import Turns
from vibe_bot.twins import only_one_of
from vibe_pipeline import runs
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.readable_rows import OF_ONE_PERSON
from vibe_pipeline.accounts.records import Account, FailureCause, PendingLaunch
from vibe_pipeline.clients.errors import ServiceError, ServiceUnavailable
from vibe_pipeline.locales import say
from vibe_pipeline.nightly import SHORT_PAUSE
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

TURN_SECONDS = 10.0
"""A launch takes a tenth of this; whoever comes after one that takes longer overtakes it."""
NO_MESSAGE = 2**31 - 1
"""Stands for a message that could not be sent: it cannot be edited, so the result comes anew."""
LOOK_SECONDS = 2.0
WORTH_COUNTING = 3
"""So few before one are begun with within a second."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Between two tries to launch, doubling."""


class _TooOld(Exception):
    """Whoever asked has stopped waiting: asked again, not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """The run that does what was wished, or another list's that goes before it."""

    run_id: str
    job: str
    told_elsewhere: bool = False
    """Whether its end reaches the person anyway, as a night's or a followed run's does."""


@dataclass(slots=True, kw_only=True)
class _Wish:
    """One wish while this process has it in hand.

    ``message`` is the id of the message that tells of it, as soon as it is known.
    """

    pending: PendingLaunch
    account: Account
    message: asyncio.Future[int]
    shown: Html
    waits: bool = False
    """Whether the message says that the pipeline does not answer."""

    @property
    def quiet(self) -> bool:
        """Whether nobody watches it."""
        return not runs.watched(self.pending.tags)

    @property
    def job(self) -> Job:
        return job_named(self.pending.job)


@dataclass(slots=True, kw_only=True)
class Launches:
    """Every wish of everybody, each served by a task of its own."""

    services: BotServices
    bot: Bot
    watchers: RunTrackers
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _being_written: dict[str, tuple[UserId, LaunchRequest]] = field(default_factory=dict)
    """By request: what is written down at this moment."""
    _turns: Turns = field(default_factory=lambda: Turns(seconds=TURN_SECONDS))

    def jobs_under_way(self, user_id: UserId) -> list[Job]:
        """What this person waits for: wishes that have no run yet, and runs that are not told."""
        wishes = self.services.store.pending_launches.open(user_id)
        asked = [one.job for one in wishes if runs.watched(one.tags) and not one.rests]
        asked += [
            launch.job
            for owner, launch in self._being_written.values()
            if owner == user_id and runs.watched(launch.tags)
        ]
        followed = self.watchers.jobs_under_way(user_id)
        return [job_named(name) for name in dict.fromkeys((*asked, *followed))]

    def known(self, request_id: str) -> bool:
        """Whether this wish was written down before; if so, it goes on where it stands.

        One that rests is not known: its answer may not have arrived, and says the same again.
        """
        wish = self.services.store.pending_launches.get(request_id)
        if wish is None or wish.rests:
            return False
        if not wish.done:
            self._take_up(wish)
        return True

    async def begin(
        self,
        account: Account,
        launch: LaunchRequest,
        request_id: str,
        *,
        message_id: int | None = None,
    ) -> None:
        """Write the wish down, answer, and launch beside it: neither waits for the other.

        ``message_id`` is a message of ours that tells of it already, if there is one.
        """
        self._being_written[request_id] = account.user_id, launch
        try:
            pending = await asyncio.to_thread(
                self._written_down, account.user_id, launch, request_id, message_id
            )
            wish = self._wish(pending, account)
            self._serve(wish)
        finally:
            del self._being_written[request_id]
        if message_id is None:
            await self._answer(wish)
        else:
            await edit(self.bot, account.chat_id, message_id, wish.shown)

    def _written_down(
        self, user_id: UserId, launch: LaunchRequest, request_id: str, message_id: int | None
    ) -> PendingLaunch:
        wishes = self.services.store.pending_launches
        pending = wishes.add(request_id, user_id, launch)
        if message_id is None:
            return pending
        wishes.answered(request_id, message_id)
        return replace(pending, message_id=message_id)

    async def take_up_forever(self) -> None:
        """Begin what another process wrote down and did not get to; until cancelled."""
        while True:
            try:
                for pending in await asyncio.to_thread(self.services.store.pending_launches.due):
                    self._take_up_if_readable(pending)
            except AccountsUnreadable as error:
                log.warning("cannot read the wishes", why=str(error))
            await self.services.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Let go of all; the wishes stay for the next bot."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_up_if_readable(self, pending: PendingLaunch) -> None:
        """One person's row that cannot be read holds up nobody else's wish."""
        try:
            self._take_up(pending)
        except OF_ONE_PERSON:
            log.exception("a wish cannot be taken up", job=pending.job, user=pending.user_id)

    def _take_up(self, pending: PendingLaunch) -> None:
        if pending.request_id in self._tasks or pending.request_id in self._being_written:
            return
        account = self.services.store.people.get(pending.user_id)
        if account is None or not (account.active or not runs.watched(pending.tags)):
            return  # who left is served when they are back
        log.info("taking up a wish", job=pending.job, user=pending.user_id)
        wish = self._wish(pending, account)
        self._serve(wish, again=True)

    def _wish(self, pending: PendingLaunch, account: Account) -> _Wish:
        message = asyncio.get_running_loop().create_future()
        shown = not_begun(account.language, job_named(pending.job))
        wish = _Wish(pending=pending, account=account, message=message, shown=shown)
        if pending.message_id is not None:
            message.set_result(pending.message_id)
        return wish

    def _serve(self, wish: _Wish, *, again: bool = False) -> None:
        request_id = wish.pending.request_id
        task = asyncio.create_task(self._until_followed(wish, again=again), name=request_id)
        self._tasks[request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(request_id, None))

    async def _answer(self, wish: _Wish, *, again: bool = False) -> None:
        """The first message; a wish does not hang on its arrival."""
        try:
            sent = await send(self.bot, wish.account.chat_id, wish.shown)
            message_id = await only_one_of(self.bot, sent) if again else sent.message_id
        except BaseException:
            wish.message.set_result(NO_MESSAGE)
            raise
        wish.message.set_result(message_id)
        answered = self.services.store.pending_launches.answered
        await asyncio.to_thread(answered, wish.pending.request_id, message_id)

    async def _answer_late(self, wish: _Wish, *, again: bool) -> None:
        """The run goes on either way; ``again``: a former bot may have answered."""
        try:
            await self._answer(wish, again=again)
        except TelegramError as error:
            if chat_is_gone(error):
                raise
            log.warning("telegram did not take an answer", why=type(error).__name__)

    async def _until_followed(self, wish: _Wish, *, again: bool) -> None:
        pending = wish.pending
        try:
            if pending.rests and not await self._its_turn(wish):
                return
            if again and not wish.quiet and not wish.message.done():
                await self._answer_late(wish, again=not pending.rests)
            await self._launch_and_follow(wish, again=again)
        except UnknownPerson:
            log.info("somebody was forgotten meanwhile", user=pending.user_id)
            if wish.message.done():
                await take_away(self.bot, wish.account.chat_id, wish.message.result())
        except (TelegramError, AccountsUnreadable) as error:
            if await surely_gone(self.bot, wish.account.chat_id, error, self.services.sleep):
                await asyncio.to_thread(has_left, self.services.store, wish.account.user_id)
                return
            log.warning("a wish waits", job=pending.job, user=pending.user_id, why=str(error))
            await self._rest(pending)
        except Exception:
            log.exception("a wish came to nothing", job=pending.job, user=pending.user_id)
            await self._rest(pending)

    async def _its_turn(self, wish: _Wish) -> bool:
        """Whether what was postponed is begun now; what else becomes of it is seen to."""
        store, pending, now = self.services.store, wish.pending, self.services.now()
        seen = await asyncio.to_thread(outlook, store, pending, now)
        match seen.turn:
            case Turn.BEGIN:
                await asyncio.to_thread(store.pending_launches.begin, pending.request_id)
                wish.pending = replace(pending, begun_at=now)
                return True
            case Turn.REST:
                await self._let_rest(wish, until=seen.until or now)
            case Turn.WAIT:
                not_yet = store.pending_launches.not_yet
                await asyncio.to_thread(not_yet, pending.request_id, LOOKED_AT_AGAIN)
            case Turn.ASK_BACK:
                wish.message.set_result(NO_MESSAGE)
                await self._tell_too_old(wish)
            case Turn.LET_GO:
                await asyncio.to_thread(store.pending_launches.close, pending.request_id)
        return False

    async def _let_rest(self, wish: _Wish, *, until: datetime) -> None:
        """Spotify rests on; who would wait noticeably longer than they were told hears of it."""
        pending, wishes = wish.pending, self.services.store.pending_launches
        log.info("a wish rests on", user=pending.user_id, until=until)
        if until - pending.wanted_at > SHORT_PAUSE:
            words = promise(wish.account, FailureCause.QUOTA, until)
            with suppress(TimedOut):  # it may have arrived
                await send(self.bot, wish.account.chat_id, words)
            await asyncio.to_thread(wishes.put_off, pending.request_id, until)
        else:
            pause = until - self.services.now()
            await asyncio.to_thread(wishes.not_yet, pending.request_id, pause)

    async def _launch_and_follow(self, wish: _Wish, *, again: bool) -> None:
        store, pending = self.services.store, wish.pending
        launching = asyncio.create_task(self._launched(wish, again=again))
        try:
            await self._keep_time(wish, launching)
            run = await launching
        except _TooOld:
            await self._tell_too_old(wish)
            return
        finally:
            launching.cancel()
        if run.told_elsewhere:
            await self._say(wish, "bot.progress.already_night")
        elif not wish.quiet:
            await self._follow(wish, run)
        await asyncio.to_thread(store.pending_launches.close, pending.request_id)

    async def _follow(self, wish: _Wish, run: _Begun) -> None:
        pending, account, store = wish.pending, wish.account, self.services.store
        message_id = await wish.message
        watch = await asyncio.to_thread(
            store.watches.add, run.run_id, account.user_id, account.chat_id, message_id, run.job
        )
        log.info("launched", job=pending.job, user=account.user_id, run=run.run_id)
        since = pending.asked_at if pending.begun_at is None else watch.created_at
        self.watchers.follow(watch, shown=wish.shown, since=since)

    async def _keep_time(self, wish: _Wish, launching: asyncio.Task[_Begun]) -> None:
        """Let the message say how long it has been until there is a run to follow."""
        if wish.quiet:
            return
        message_id, edits = await wish.message, self.watchers.edits
        with edits.one_more():
            while True:
                pause = max(REFRESH_SECONDS, edits.spacing)
                if (await asyncio.wait({launching}, timeout=pause))[0]:
                    return
                if not wish.waits and self.watchers.has_room(wish.account.chat_id):
                    with suppress(TelegramError):
                        await edit(self.bot, wish.account.chat_id, message_id, self._standing(wish))

    def _standing(self, wish: _Wish) -> Html:
        """How long it has been, and how many are served first, as far as that can be told."""
        language, waited = wish.account.language, self.services.now() - wish.pending.wanted_at
        before = list(self._tasks).index(wish.pending.request_id)
        if before >= WORTH_COUNTING:
            ahead = before + self.watchers.queued
            wish.shown = not_begun(language, wish.job, ahead=ahead, pace=self.watchers.pace)
        return timed(language, wish.shown, waited)

    async def _launched(self, wish: _Wish, *, again: bool) -> _Begun:
        """Its run, as soon as the pipeline takes it; or that of a list that is being made."""
        pause, wishes = FIRST_PAUSE, self.services.store.pending_launches
        while True:
            try:
                if self._too_old(wish.pending):
                    return await self._begun_before(wish.pending)
                return await self._attempt(wish.pending, again=again)
            except ServiceError as error:
                job, user_id = wish.pending.job, wish.pending.user_id
                log.warning("could not launch", job=job, user=user_id, why=error.sentence)
            again = True
            rest = timedelta(seconds=pause)
            await asyncio.to_thread(wishes.later, wish.pending.request_id, rest)
            await self._say_it_waits(wish)
            await self.services.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _begun_before(self, pending: PendingLaunch) -> _Begun:
        """The run that a former bot launched for it in time.

        Raises: ``_TooOld`` when there is none that can be seen.
        """
        occasion, editions = (
            f"{runs.ASKED_PREFIX}{pending.request_id}",
            self.services.store.editions,
        )
        known = await asyncio.to_thread(editions.of_occasion, pending.user_id, occasion)
        if known is not None:
            return _Begun(run_id=known.edition_id, job=pending.job)
        with suppress(ServiceError):
            if (run := await self._launched_before(pending)) is not None:
                return run
        raise _TooOld

    async def _attempt(self, pending: PendingLaunch, *, again: bool) -> _Begun:
        """One launch; whatever may have been launched before is looked for first.

        One launch after the other, so that the queue holds them in the order they were asked for.
        """
        dagster = self.services.dagster
        async with self._turns.turn():
            if again and (run := await self._launched_before(pending)) is not None:
                return run
            if pending.job in runs.LIST_JOBS:
                run = await self._list_under_way(pending.user_id)
                if run is not None:
                    return run
            await dagster.add_user(pending.user_id)
            launch = LaunchRequest(
                job=pending.job, partition_key=pending.user_id, tags=pending.tags
            )
            try:
                run_id = await dagster.launch(launch.marked(pending.request_id))
            except ServiceUnavailable as error:
                if not error.may_have_happened:
                    raise
                run = await self._launched_before(pending)
                if run is None:
                    raise
                return run
            return _Begun(run_id=run_id, job=pending.job)

    async def _launched_before(self, pending: PendingLaunch) -> _Begun | None:
        tags = runs.request_tags(pending.request_id)
        launched = await self.services.dagster.runs(tags=tags, limit=1)
        return _Begun(run_id=launched[0].run_id, job=pending.job) if launched else None

    async def _list_under_way(self, user_id: UserId) -> _Begun | None:
        """The list that is being made for this person already, if there is one.

        What was told is there, though the end of its run may still be busy with what nobody waits
        for. What an operator began, say, is told by nobody unless we follow it.
        """
        dagster, watches = self.services.dagster, self.services.store.watches
        under_way = await dagster.runs(tags=runs.owner_tags(user_id), statuses=runs.UNFINISHED)
        for run in under_way:
            watch = watches.get(run.run_id)
            if run.job not in runs.LIST_JOBS or (watch and self.watchers.is_told(watch)):
                continue
            rerun = run.root_run_id not in {None, run.run_id}  # it bears the tags of the first
            ours = watch is not None or (runs.REQUEST in run.tags and not rerun)
            told = ours or runs.is_nightly(run.tags)
            return _Begun(run_id=run.run_id, job=run.job, told_elsewhere=told)
        return None

    def _too_old(self, pending: PendingLaunch) -> bool:
        limit = timedelta(minutes=self.services.settings.wish_minutes)
        return self.services.now() - pending.wanted_at > limit

    async def _say_it_waits(self, wish: _Wish) -> None:
        """Once: the wish is safe, and is begun by itself."""
        if wish.quiet or wish.waits or not wish.message.done():
            return
        wish.waits = True
        words = tell(wish.account.language, "bot.progress.waits")
        title = tell(wish.account.language, f"bot.progress.title_{wish.job.name}")
        wish.shown = Html(f"{title}\n\n{words}")
        with suppress(TelegramError):
            await edit(self.bot, wish.account.chat_id, await wish.message, wish.shown)

    async def _tell_too_old(self, wish: _Wish) -> None:
        wishes, pending = self.services.store.pending_launches, wish.pending
        if not wish.quiet:
            data = wish.job.again(pending.tags)
            again = button(say(wish.account.language, "button.try_again"), data) if data else None
            await self._say(wish, "bot.progress.too_old", keyboard([again]))
        log.warning("a wish is too old to be begun", job=pending.job, user=pending.user_id)
        await asyncio.to_thread(wishes.close, pending.request_id)

    async def _say(self, wish: _Wish, key: str, markup: InlineKeyboardMarkup | None = None) -> None:
        """Say it in the wish's message, or in a new one."""
        chat_id, words = wish.account.chat_id, tell(wish.account.language, key)
        if await edit(self.bot, chat_id, await wish.message, words, markup) is Edited.GONE:
            with suppress(TimedOut):  # it may have arrived
                await send(self.bot, chat_id, words, markup)

    async def _rest(self, pending: PendingLaunch) -> None:
        """Take it up again in a while."""
        with suppress(AccountsUnreadable):
            later = self.services.store.pending_launches.later
            await asyncio.to_thread(later, pending.request_id, timedelta(seconds=LONGEST_PAUSE))
