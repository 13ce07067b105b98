"""Making lists and refreshing the library: a run is started, one message follows it."""

from __future__ import annotations

import secrets

import structlog
from telegram import Message

from vibe_bot.formatting import keyboard, tell, together
from vibe_bot.handlers.connection import invitation
from vibe_bot.interactions import Visit
from vibe_bot.jobs import LIST_JOBS, UNDER_WAY, Job
from vibe_bot.results import because, made
from vibe_bot.sending import edit
from vibe_pipeline.accounts.records import Cause, EditionKind
from vibe_pipeline.clients.errors import ServiceError, ServiceUnavailable
from vibe_pipeline.locales import day
from vibe_pipeline.records import EditionId

log = structlog.get_logger()

REQUEST_TAG = "vibe/request"
"""Marks one launch, so that a launch whose answer was lost can be found."""


async def generate(visit: Visit) -> str | None:
    """/generate: make a list now."""
    return await begin(visit, Job.daily)


async def preview(visit: Visit) -> str | None:
    """/preview: make a list to look at, without writing it to Spotify."""
    return await begin(visit, Job.preview)


async def sync(visit: Visit) -> str | None:
    """/sync: reread likes and plays."""
    return await begin(visit, Job.sync)


async def export(visit: Visit) -> str | None:
    """/export: everything kept about the person, as one file."""
    return await begin(visit, Job.export)


async def publish(visit: Visit) -> str | None:
    """Put exactly the list that was shown on Spotify."""
    edition = visit.services.store.editions.get(EditionId(visit.said))
    if edition is None or edition.user_id != visit.account.user_id or not edition.tracks:
        return visit.text("bot.not_yours")
    if edition.kind is EditionKind.DAILY:
        result = made(visit.account, edition)
        await visit.answer(result.text, markup=result.markup)
        return None
    return await begin(visit, Job.publish, {"vibe/edition": edition.edition_id})


async def latest(visit: Visit) -> None:
    """/latest: the last list."""
    edition = visit.services.store.editions.latest(visit.account.user_id)
    if edition is None:
        words = visit.html("bot.latest.none", generate=visit.text("keyboard.generate"))
        await visit.answer(words, [visit.button("generate", "go:generate")])
        return
    result = made(visit.account, edition)
    intro = visit.html("bot.latest.intro", day=day(visit.language, edition.vibe_date))
    await visit.answer(together(intro, result.text), markup=result.markup)


async def begin(visit: Visit, job: Job, marks: dict[str, str] | None = None) -> str | None:
    """Start a job for this person, unless it cannot be or one is under way already."""
    user_id, bench = visit.account.user_id, visit.bench
    if job.asks_spotify and await _refused(visit):
        return None
    if user_id in bench.starting or visit.services.store.watches.open(user_id):
        await visit.answer(visit.html("bot.progress.already"))
        return None
    bench.starting.add(user_id)
    try:
        title = visit.html(f"bot.progress.title_{job.name}")
        message = await visit.answer(together(title, "", visit.html("bot.progress.starting")))
        await _launch(visit, job, message, marks or {})
    finally:
        bench.starting.discard(user_id)
    return None


async def _refused(visit: Visit) -> bool:
    """Say at once what would only fail later."""
    if not visit.account.connected:
        await invitation(visit)
        return True
    budget = visit.services.store.budget
    until = budget.blocked_until("spotify")
    if until is None and budget.left("spotify") != 0:
        return False
    await visit.answer(because(visit.account, Cause.QUOTA, until))
    return True


async def _launch(visit: Visit, job: Job, message: Message, marks: dict[str, str]) -> None:
    services, account = visit.services, visit.account
    try:
        if job.value in LIST_JOBS and await _list_under_way(visit):
            await edit(
                visit.bot,
                account.chat_id,
                message.message_id,
                visit.html("bot.progress.already_night"),
            )
            return
        run_id = await _launched(visit, job, marks)
    except ServiceError as error:
        log.warning("could not launch", job=job.value, user=account.user_id, why=error.sentence)
        again = visit.button("try_again", f"go:{job.command}") if job.command else None
        await edit(
            visit.bot,
            account.chat_id,
            message.message_id,
            tell(account.language, "bot.progress.cannot_start"),
            keyboard([again]),
        )
        return
    watch = services.store.watches.add(
        run_id, account.user_id, account.chat_id, message.message_id, job.value
    )
    log.info("launched", job=job.value, user=account.user_id, run=run_id)
    visit.bench.watchers.follow(watch)


async def _launched(visit: Visit, job: Job, marks: dict[str, str]) -> str:
    dagster, user_id = visit.services.dagster, visit.account.user_id
    request = secrets.token_hex(8)
    tags = {"vibe/asked_by": "chat", "dagster/priority": "10", REQUEST_TAG: request, **marks}
    await dagster.add_user(user_id)
    try:
        return await dagster.launch(job.value, user_id, tags=tags)
    except ServiceUnavailable as error:
        if not error.may_have_happened:
            raise
        found = await dagster.runs(tags={REQUEST_TAG: request}, limit=1)
        if not found:
            raise
        return found[0].run_id


async def _list_under_way(visit: Visit) -> bool:
    """Whether a list is being made for this person that nobody asked for in the chat."""
    runs = await visit.services.dagster.runs(
        tags={"dagster/partition": visit.account.user_id}, statuses=UNDER_WAY
    )
    return any(run.job in LIST_JOBS for run in runs)
