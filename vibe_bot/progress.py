"""One message that follows one run: edited through its stages, ending in the result.

A watch stands in the account store until its result was told, so a restarted bot goes on where
the last one stopped. The last edit may safely be made twice; of a new message that a former bot
may have sent as well, one is taken away (``twins``). How runs are looked at is
``vibe_bot.run_poller``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog
from telegram import Bot, Message
from telegram.error import BadRequest, RetryAfter, TelegramError, TimedOut

from vibe_bot.formatting import Html, button, keyboard, tell, together
from vibe_bot.gone_chats import chat_is_gone, has_left, surely_gone
from vibe_bot.jobs import Job, job_named
from vibe_bot.postponed import begun_again
from vibe_bot.queue_pace import QueuePace
from vibe_bot.rate_limiter import ChatRateLimiter, pause_seconds
from vibe_bot.results import Figures, Result, edition_made, gave_up, result_of, stands
from vibe_bot.run_poller import RunPoller, RunSnapshot
from vibe_bot.sending import Edited, Unreached, edit, edit_or_send, send, take_away
from vibe_bot.services import BotServices
from vibe_bot.telegram_answers import AnswerLost, MayHaveArrived, TooLarge
from vibe_bot.twins import only_one_numbered, only_one_of
from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import waited_for_in_chat
from vibe_pipeline.accounts.errors import AccountsUnreadable, RowUnreadable, UnknownPerson
from vibe_pipeline.accounts.messages import ReadyAfterAll
from vibe_pipeline.accounts.records import Account, EditionState, TrackedRun
from vibe_pipeline.clients.dagster import RunView
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.locales import say
from vibe_pipeline.personal_data.archives import being_sent, forget_files
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

REFRESH_SECONDS = 2.5
"""A message that says nothing else new says at least how long it has been."""
SLOW_REFRESH_SECONDS = 10.0
"""The same once it takes so long that we have told people not to wait here."""
EDITS_A_SECOND = 12.0
"""What all progress messages together may take of Telegram's thirty a second, and of us: an edit
costs the bot some milliseconds of the processor, which the first answers need when many ask.
"""
RETRY_SECONDS = 5.0
SURPRISES_BORNE = 3
"""So often what nobody foresaw may happen, or Telegram refuse a result in a new message too,
before a run is followed no longer.
"""
QUEUE_WORTH_SAYING = timedelta(seconds=2)
"""A run that leaves the queue sooner than this never waited, as far as people are concerned."""
SLOW_AFTER = timedelta(minutes=3)
GIVE_UP_AFTER = timedelta(hours=2)
NOTICED_WITHIN = timedelta(seconds=90)
"""By then a run that died before it had an edition has got one, or never will."""
_TOLD_ON_RETURN = frozenset({Job.daily, Job.publish})
"""What stands in somebody's playlist also when they left the chat while it was made."""
_MARKS = {"SUCCESS": "✅", "IN_PROGRESS": "⏳", "FAILURE": "⚠️", "SKIPPED": "➖"}


def progress(
    language: str, job: Job, snapshot: RunSnapshot, waited: timedelta, pace: QueuePace
) -> Html:
    """How far a run is, as the message says it, but for the time that has passed."""
    title, run = tell(language, f"bot.progress.title_{job.name}"), snapshot.run
    if run is None:
        return together(title, "", tell(language, "bot.progress.out_of_reach"))
    slow = tell(language, "bot.progress.slow") if waited > SLOW_AFTER else None
    if not run.steps:
        place = _before_it_begins(language, run, snapshot.ahead, waited, pace)
        return together(title, "", *place, slow)
    states = {step.key: step.status for step in run.steps}
    lines = [
        f"{_MARKS.get(states.get(stage) or '', '▫️')} {tell(language, f'bot.progress.{stage}')}"
        for stage in job.stages
    ]
    return together(title, "", *lines, slow)


def not_begun(language: str, job: Job, *, ahead: int = 0, pace: QueuePace | None = None) -> Html:
    """What the message says from its first moment, and how many were there before, if any."""
    title = tell(language, f"bot.progress.title_{job.name}")
    if not ahead:
        return together(title, "", tell(language, "bot.progress.starting"))
    return together(title, "", *_behind(language, ahead, pace))


def timed(language: str, text: Html, waited: timedelta) -> Html:
    """The same with the time that has passed, as a stopwatch shows it."""
    minutes, seconds = divmod(int(waited.total_seconds()), 60)
    if minutes < 1 and seconds < 1:
        return text
    clock = tell(language, "bot.progress.elapsed", clock=f"{minutes}:{seconds:02}")
    return together(text, "", clock)


def _before_it_begins(
    language: str, run: RunView, ahead: int | None, waited: timedelta, pace: QueuePace
) -> list[Html]:
    if run.status != "QUEUED" or ahead is None or (not ahead and waited < QUEUE_WORTH_SAYING):
        return [tell(language, "bot.progress.starting")]
    if not ahead:
        return [tell(language, "bot.progress.queued")]
    return _behind(language, ahead, pace)


def _behind(language: str, ahead: int, pace: QueuePace | None) -> list[Html]:
    place = tell(language, "bot.progress.queued_behind", count=ahead)
    minutes = None if pace is None else pace.minutes(ahead)
    if minutes is None:
        return [place]
    return [place, tell(language, "bot.progress.queued_for", count=minutes)]


class SharedEdits:
    """How often a message may be brought up to date, when so many are at the same time."""

    def __init__(self) -> None:
        self._messages = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """For as long as a message is kept up to date."""
        self._messages += 1
        try:
            yield
        finally:
            self._messages -= 1

    @property
    def spacing(self) -> float:
        """Seconds from one edit of a message to its next one."""
        return self._messages / EDITS_A_SECOND


class _Following(Protocol):
    """Follows a run in its message."""

    def __call__(
        self, watch: TrackedRun, *, shown: str = "", since: datetime | None = None
    ) -> None: ...


class RunTrackers:
    """The runs that are followed now, each by a task of its own."""

    def __init__(self, services: BotServices, bot: Bot, limiter: ChatRateLimiter) -> None:
        self._services = services
        self._bot = bot
        self._limiter = limiter
        self._poller = RunPoller(services)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._being_told: set[str] = set()
        self.edits = SharedEdits()
        self.pace = QueuePace()

    @property
    def queued(self) -> int:
        """How many runs wait in the queue, as far as it was looked at."""
        return self._poller.queued

    def jobs_under_way(self, user_id: UserId) -> list[str]:
        """What this person still waits for; a result being told is there already."""
        left_open = self._services.store.watches.open(user_id)
        return [watch.job for watch in left_open if not self.is_told(watch)]

    def is_told(self, watch: TrackedRun) -> bool:
        """Whether its result is told, or is on its way into the chat at this moment."""
        return watch.done or watch.run_id in self._being_told

    def has_room(self, chat_id: int) -> bool:
        """Whether a message that may as well be left out can go to this chat now."""
        return self._limiter.has_room(chat_id)

    def follow(
        self,
        watch: TrackedRun,
        *,
        shown: str = "",
        since: datetime | None = None,
        again: bool = False,
    ) -> None:
        """Follow a run until its result is told; following it already is fine.

        ``shown`` is what its message says now, where that is known; ``since``, when it was asked
        for, as far as that is remembered; ``again``: a former bot may have told its result.
        """
        if watch.run_id in self._tasks:
            return
        self._poller.follow(watch)
        follower = _Follower(
            services=self._services,
            bot=self._bot,
            watch=watch,
            since=since or watch.created_at,
            poller=self._poller,
            hand_on=self.follow,
            message=_ProgressMessage(
                limiter=self._limiter, services=self._services, text=shown, doubted=again
            ),
            edits=self.edits,
            pace=self.pace,
            being_told=self._being_told,
        )
        task = asyncio.create_task(follower.follow(), name=f"watch {watch.run_id}")
        self._tasks[watch.run_id] = task
        task.add_done_callback(lambda _: self._forget(watch.run_id))

    def resume(self) -> int:
        """Take up what a former bot left open; gives how many."""
        left_open = self._services.store.watches.open()
        for watch in left_open:
            self.follow(watch, again=True)
        return len(left_open)

    async def stop(self) -> None:
        """Let go of all; the watches stay open for the next bot."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._poller.stop()

    def _forget(self, run_id: str) -> None:
        self._tasks.pop(run_id, None)
        self._being_told.discard(run_id)
        self._poller.leave(run_id)


@dataclass(slots=True, kw_only=True)
class _ProgressMessage:
    """What one message shows now, and when it may show something else.

    What is new is shown as soon as Telegram takes it, the passing time now and then; and many
    messages share what Telegram takes, each waiting a little longer.
    """

    limiter: ChatRateLimiter
    services: BotServices
    text: str = ""
    told_anew: bool = False
    """Its result is there in a message of its own, also should that not be noted at once."""
    in_doubt: Message | None = None
    """The message of its own, while it is not settled whether there is another."""
    doubted: bool = False
    """Its result may be there in a message of its own: a former bot, or a lost answer, sent it."""
    late: bool = False
    """Once no answer came to it: it is said a second time, and no third."""
    handing_over: bool = False
    """It was this bot that began to send its file."""
    abandoned: bool = False
    """Its person left the chat, and may have cleared it: a list is told in a new message."""
    shown_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.shown_at = self.services.clock()

    def due(self, chat_id: int, text: Html, waited: timedelta, *, spacing: float) -> bool:
        """Whether this is worth an edit now, and one is free."""
        age = self.services.clock() - self.shown_at
        refresh = SLOW_REFRESH_SECONDS if waited > SLOW_AFTER else REFRESH_SECONDS
        if age < max(spacing, 0.0 if text != self.text else refresh):
            return False
        return self.limiter.has_room(chat_id)

    def shows(self, text: Html) -> None:
        """Note that the message shows this from now on."""
        self.text, self.shown_at = text, self.services.clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Follower:
    """One watch being followed."""

    services: BotServices
    bot: Bot
    watch: TrackedRun
    since: datetime
    poller: RunPoller
    message: _ProgressMessage
    edits: SharedEdits
    pace: QueuePace
    being_told: set[str]
    """The runs whose result is going into the chat: their owners may ask for the next one."""
    hand_on: _Following
    """Follows another run in this message."""

    async def follow(self) -> None:
        """Look, tell, wait, until the result is told, or another run does what this one did not."""
        with self.edits.one_more():
            await self._until_told()

    async def _until_told(self) -> None:
        surprises = 0
        while True:
            try:
                result = await self._until_it_stands()
                if isinstance(result, RunView):
                    await self._follow_on(result)
                else:
                    await self._conclude(result)
                return  # noqa: TRY300 - every other way out of the try goes round again
            except RetryAfter as pause:
                await self.services.sleep(pause_seconds(pause))
                continue
            except (TelegramError, AccountsUnreadable) as error:
                if await surely_gone(self.bot, self.watch.chat_id, error, self.services.sleep):
                    await asyncio.to_thread(self._person_is_gone)
                    continue
                log.warning(
                    "cannot tell how a run stands yet", run=self.watch.run_id, why=str(error)
                )
                surprises += isinstance(error, BadRequest | RowUnreadable)
            except Exception:
                log.exception("following a run failed", run=self.watch.run_id)
                surprises += 1
            if surprises > SURPRISES_BORNE:
                log.error("a run is followed no longer", run=self.watch.run_id)
                await asyncio.to_thread(self.services.store.watches.finish, self.watch.run_id)
                return
            await self.services.sleep(RETRY_SECONDS)

    async def _until_it_stands(self) -> Result | RunView | None:
        """What was asked for, as soon as it is there, or why it is not.

        ``None`` when the person is no longer here to be told, or hears of it when they are back;
        a run when that one does again what this one was asked for.
        """
        job = job_named(self.watch.job)
        while True:
            snapshot = self.poller.snapshot(self.watch)
            if snapshot is None:
                await self.poller.news()
                continue
            account = snapshot.account
            if account is None:
                await self._end_promise()
                return None
            if not (account.active or job in _TOLD_ON_RETURN):
                return None
            self.message.abandoned |= not account.active
            waited = self.services.now() - self.since
            goes_on = snapshot.ended and await asyncio.to_thread(self._goes_on, job, snapshot)
            if stands(job, snapshot) or (snapshot.ended and not goes_on):
                return await self._result(job, snapshot)
            if goes_on and (successor := await self._successor(snapshot)) is not None:
                return successor
            if waited > GIVE_UP_AFTER:
                tags = {} if snapshot.run is None else snapshot.run.tags
                given_up = gave_up(account.language, job, tags, waited)
                return given_up if account.active else None
            if account.active:
                await self._show(account.language, job, snapshot, waited, going_on=goes_on)
            await self.poller.news()

    async def _end_promise(self) -> None:
        """Whoever was erased reads of that, and no longer that something is being made.

        Raises: ``RowUnreadable`` for somebody who is there, and whose account is damaged.
        """
        if await asyncio.to_thread(self.services.store.people.get, self.watch.user_id) is None:
            await take_away(self.bot, self.watch.chat_id, self.watch.message_id)

    async def _result(self, job: Job, snapshot: RunSnapshot) -> Result | None:
        run, there = snapshot.run or _unseen(self.watch), stands(job, snapshot)
        if there and self.message.abandoned and await asyncio.to_thread(self._left_for_them, run):
            return None
        if run.vanished and not there and await asyncio.to_thread(self._begun_anew, run):
            log.warning("a run was lost, and is begun anew", run=self.watch.run_id)
            return None
        figures = await self._figures(job, run, there=there)
        account = await asyncio.to_thread(self._account)
        if account is None:
            return None
        return await asyncio.to_thread(
            result_of, self.services, account, job, run, figures, there=there
        )

    def _begun_anew(self, run: RunView) -> bool:
        """Whether what was asked for is launched once more, and told in this message."""
        watch, services = self.watch, self.services
        if edition_made(services, watch.user_id, run) is not None:
            return False
        youngest = services.now() - timedelta(minutes=services.settings.wish_minutes)
        wishes = services.store.pending_launches
        return wishes.reopen(watch.user_id, watch.message_id, wanted_since=youngest)

    def _left_for_them(self, run: RunView) -> bool:
        """Whether there is a list, and it waits in the outbox until its person is back."""
        edition = edition_made(self.services, self.watch.user_id, run)
        if edition is None or not edition.tracks:
            return False
        with suppress(UnknownPerson):
            ready = ReadyAfterAll.of(edition.edition_id)
            self.services.store.outbox.put(self.watch.user_id, ready)
        return True

    def _goes_on(self, job: Job, snapshot: RunSnapshot) -> bool:
        """Whether its list will come though its run has ended: another run goes on with it."""
        run = snapshot.run
        if run is None or run.status != "FAILURE":
            return False
        if runs.is_repeated(run.job, run.tags):
            return self.services.now() - (run.ended_at or self.services.now()) < NOTICED_WITHIN
        if job not in {Job.daily, Job.publish}:
            return False
        edition = edition_made(self.services, self.watch.user_id, run)
        now = self.services.now()
        if edition is None:
            return job is Job.daily and now - (run.ended_at or now) < NOTICED_WITHIN
        recorded = edition.state is EditionState.RECORDED  # the next look at the ledger sees it too
        return recorded or waited_for_in_chat(edition, since=self.since, now=now)

    async def _successor(self, snapshot: RunSnapshot) -> RunView | None:
        """The run that does again what this one was asked for, once it is launched."""
        run = snapshot.run
        if run is None or not runs.is_repeated(run.job, run.tags):
            return None
        try:
            launched = await self.services.dagster.runs(
                tags=runs.repetition_tags(run.run_id), limit=1
            )
        except ServiceError as error:
            log.warning("cannot see what goes on", run=run.run_id, why=error.sentence)
            return None
        return launched[0] if launched else None

    async def _follow_on(self, run: RunView) -> None:
        """The same message, and another run from now on."""
        watches, watch = self.services.store.watches, self.watch
        following = await asyncio.to_thread(
            watches.add, run.run_id, watch.user_id, watch.chat_id, watch.message_id, watch.job
        )
        await asyncio.to_thread(watches.finish, watch.run_id)
        log.info("another run goes on", run=run.run_id, before=watch.run_id)
        self.hand_on(following, shown=self.message.text, since=self.since)

    async def _show(
        self,
        language: str,
        job: Job,
        snapshot: RunSnapshot,
        waited: timedelta,
        *,
        going_on: bool,
    ) -> None:
        """Stages are worth one try each: the next one comes anyway."""
        chat_id, text = self.watch.chat_id, progress(language, job, snapshot, waited, self.pace)
        if going_on:
            title = tell(language, f"bot.progress.title_{job.name}")
            text = together(title, "", tell(language, "bot.progress.going_on"))
        if not self.message.due(chat_id, text, waited, spacing=self.edits.spacing):
            return
        self.message.shows(text)
        try:
            await edit(self.bot, chat_id, self.watch.message_id, timed(language, text, waited))
        except RetryAfter as pause:
            await self.services.sleep(pause_seconds(pause))
        except BadRequest as refusal:
            if chat_is_gone(refusal):
                raise
            log.warning("telegram refuses a stage", run=self.watch.run_id, why=refusal.message)

    async def _figures(self, job: Job, run: RunView, *, there: bool) -> Figures:
        """What the run counted; without it the result is told all the same."""
        if not job.counts or not there:
            return {}
        try:
            return await self.services.dagster.figures(run.run_id)
        except ServiceError as error:
            log.warning("cannot see what a run counted", run=run.run_id, why=error.sentence)
            return {}

    async def _conclude(self, result: Result | None) -> None:
        watches, watch = self.services.store.watches, self.watch
        if result is None:
            await asyncio.to_thread(watches.finish, watch.run_id)
            return
        if result.begun_again_at is not None:
            await asyncio.to_thread(self._postpone, result.begun_again_at)
        self.being_told.add(watch.run_id)
        ended = await self._said_in_place(result)
        if result.document is not None:
            await self._hand_over(result.document)
        anew = ended is Edited.GONE and not self.message.told_anew
        if anew and await asyncio.to_thread(self._still_open):
            await self._say_anew(result)
            self.message.told_anew = True
        await asyncio.to_thread(watches.finish, watch.run_id)
        if self.message.in_doubt is not None:  # noted first: looking moves an earlier one away
            await only_one_of(self.bot, self.message.in_doubt)
        self.pace.served()
        log.info("told a result", run=watch.run_id, user=watch.user_id, good=result.good)

    def _postpone(self, until: datetime) -> None:
        """Written down under this run's name, so that whoever tells of it again postpones once."""
        wishes, user_id = self.services.store.pending_launches, self.watch.user_id
        snapshot = self.poller.snapshot(self.watch)
        tags = {} if snapshot is None or snapshot.run is None else snapshot.run.tags
        wish = wishes.get(tags.get(runs.REQUEST, ""))
        wishes.postpone(
            begun_again(self.watch.run_id),
            user_id,
            LaunchRequest.asked_list(user_id),
            until,
            before=wish,
        )

    async def _said_in_place(self, result: Result) -> Edited:
        """In the message that followed the run; what Telegram refuses there is said anew."""
        watch = self.watch
        try:
            return await edit(self.bot, watch.chat_id, watch.message_id, result.text, result.markup)
        except BadRequest as refusal:
            if chat_is_gone(refusal):
                raise
            log.warning("telegram refuses a result", run=watch.run_id, why=refusal.message)
            return Edited.GONE

    def _still_open(self) -> bool:
        watch = self.services.store.watches.get(self.watch.run_id)
        return watch is not None and not watch.done

    async def _say_anew(self, result: Result) -> None:
        try:
            sent = await send(self.bot, self.watch.chat_id, result.text, result.markup)
        except TimedOut as late:
            if self.message.late or isinstance(late, MayHaveArrived):
                log.warning("telegram may not have taken a result", run=self.watch.run_id)
                return
            self.message.late = self.message.doubted = True
            raise
        except Unreached as trouble:
            self.message.doubted |= trouble.lost
            raise
        else:
            self.message.in_doubt = sent if self.message.doubted else None

    async def _hand_over(self, path: Path) -> None:
        """Send a file and delete it; one that is gone was sent by the bot before this one.

        One that may have arrived is not sent twice: it may be large, and Telegram slow. So it is
        marked as being sent, and who finds another's mark asks; unless the mark says what the chat
        calls it, so that only its doubles are left to be looked for.
        """
        account = await asyncio.to_thread(self._account)
        content = await asyncio.to_thread(_content, path)
        if content is None:
            await asyncio.to_thread(forget_files, path)
        if account is None or content is None:
            return
        mark, language = being_sent(path), account.language
        sent_as = await asyncio.to_thread(_marked, mark)
        if sent_as:
            await only_one_numbered(self.bot, self.watch.chat_id, sent_as)
        elif not self.message.handing_over and sent_as is not None:
            again = button(say(language, "button.export_again"), "go:export")
            words = tell(language, "bot.export.perhaps_sent")
            await send(self.bot, self.watch.chat_id, words, keyboard([again]))
        else:
            await asyncio.to_thread(mark.touch)
            self.message.handing_over = True
            await self._send_file(content, language, mark)
        await asyncio.to_thread(forget_files, path)

    async def _send_file(self, content: bytes, language: str, mark: Path) -> None:
        chat_id, caption = self.watch.chat_id, tell(language, "bot.export.caption")
        try:
            sent = await self.bot.send_document(
                chat_id, content, caption=caption, filename="vibe.zip"
            )
        except TimedOut:
            log.warning("telegram may not have taken a file", run=self.watch.run_id)
        except TooLarge:
            log.warning("telegram takes no file as large", run=self.watch.run_id)
            words = tell(language, "bot.export.too_big")
            await edit_or_send(self.bot, chat_id, self.watch.message_id, words)
        except AnswerLost:
            self.message.doubted = True
            raise
        else:
            if self.message.doubted:  # noted first, as looking moves an earlier one away
                await asyncio.to_thread(mark.write_text, str(sent.message_id))
                await only_one_of(self.bot, sent)

    def _account(self) -> Account | None:
        account = self.services.store.people.get(self.watch.user_id)
        return account if account is not None and account.active else None

    def _person_is_gone(self) -> None:
        self.message.abandoned = True
        has_left(self.services.store, self.watch.user_id)


def _unseen(watch: TrackedRun) -> RunView:
    """A run that the pipeline cannot show now, while the ledger shows what it made."""
    return RunView(run_id=watch.run_id, job=watch.job, status="STARTED", tags={})


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _marked(mark: Path) -> int | None:
    """What the chat calls a file that is marked as being sent: 0 while that is not known."""
    try:
        return int(mark.read_text() or 0)
    except FileNotFoundError:
        return None
