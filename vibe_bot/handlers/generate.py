"""Making lists and refreshing the library: a run is started, one message follows it.

The way from a command to a launch. What the message shows later is ``vibe_bot.progress``'s.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog
from telegram.error import TelegramError

from vibe_bot.formatting import Html, keyboard, together
from vibe_bot.handlers.connection import invitation
from vibe_bot.interactions import Interaction
from vibe_bot.jobs import job_named
from vibe_bot.progress import REFRESH_SECONDS, not_begun, timed
from vibe_bot.results import because, made
from vibe_bot.sending import edit
from vibe_pipeline import runs
from vibe_pipeline.accounts.call_allowance import LIST_AT_LEAST, budget_for
from vibe_pipeline.accounts.records import EditionKind, FailureCause
from vibe_pipeline.clients.errors import ServiceError, ServiceUnavailable
from vibe_pipeline.locales import day
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

TURN_SECONDS = 10.0
"""A launch takes a tenth of this; whoever comes after one that takes longer overtakes it."""
NO_MESSAGE = 2**31 - 1
"""Stands for a message that could not be sent: it cannot be edited, so the result comes anew."""


async def generate(interaction: Interaction) -> str | None:
    """/generate: make a list now."""
    return await begin(interaction, LaunchRequest.asked_list(interaction.account.user_id))


async def preview(interaction: Interaction) -> str | None:
    """/preview: make a list to look at, without writing it to Spotify."""
    return await begin(interaction, LaunchRequest.preview(interaction.account.user_id))


async def sync(interaction: Interaction) -> str | None:
    """/sync: reread likes and plays."""
    return await begin(interaction, LaunchRequest.sync(interaction.account.user_id))


async def export(interaction: Interaction) -> str | None:
    """/export: everything kept about the person, as one file."""
    return await begin(interaction, LaunchRequest.export(interaction.account.user_id))


async def publish(interaction: Interaction) -> str | None:
    """Put exactly the list that was shown on Spotify."""
    edition = interaction.services.store.editions.get(EditionId(interaction.args))
    if edition is None or edition.user_id != interaction.account.user_id or not edition.tracks:
        return interaction.text("bot.not_yours")
    if edition.kind is EditionKind.DAILY:
        result = made(interaction.account, edition)
        await interaction.answer(result.text, markup=result.markup)
        return None
    return await begin(interaction, LaunchRequest.publication(edition.user_id, edition.edition_id))


async def latest(interaction: Interaction) -> None:
    """/latest: the last list."""
    edition = interaction.services.store.editions.latest(interaction.account.user_id)
    if edition is None:
        words = interaction.html("bot.latest.none", generate=interaction.text("keyboard.generate"))
        await interaction.answer(words, [interaction.button("generate", "go:generate")])
        return
    result = made(interaction.account, edition)
    intro = interaction.html("bot.latest.intro", day=day(interaction.language, edition.vibe_date))
    await interaction.answer(together(intro, result.text), markup=result.markup)


async def begin(interaction: Interaction, launch: LaunchRequest) -> str | None:
    """Start a run for this person, unless it cannot be or one is under way already."""
    user_id, state, job = interaction.account.user_id, interaction.state, job_named(launch.job)
    if job.asks_spotify and await _refused(interaction):
        return None
    if user_id in state.starting or state.watchers.under_way(user_id):
        await interaction.answer(interaction.html("bot.progress.already"))
        return None
    state.starting.add(user_id)
    try:
        await _begin(interaction, launch)
    finally:
        state.starting.discard(user_id)
    return None


async def _begin(interaction: Interaction, launch: LaunchRequest) -> None:
    """Answer and launch side by side: neither waits for the other."""
    asked_at = interaction.services.now()
    launching = asyncio.create_task(_launched(interaction, launch))
    text = not_begun(interaction.language, job_named(launch.job))
    try:
        message_id = (await interaction.answer(text)).message_id
    except TelegramError:
        await _follow(interaction, launch, launching, NO_MESSAGE, asked_at)
        raise
    await _keep_time(interaction, launching, message_id, text, asked_at)
    await _follow(interaction, launch, launching, message_id, asked_at, shown=text)


async def _keep_time(
    interaction: Interaction,
    launching: asyncio.Task[str | None],
    message_id: int,
    text: Html,
    asked_at: datetime,
) -> None:
    """Let the message say how long it has been until there is a run to follow."""
    chat_id = interaction.account.chat_id
    while not (await asyncio.wait({launching}, timeout=REFRESH_SECONDS))[0]:
        if interaction.state.watchers.has_room(chat_id):
            waited = interaction.services.now() - asked_at
            with suppress(TelegramError):
                words = timed(interaction.language, text, waited)
                await edit(interaction.bot, chat_id, message_id, words)


async def _refused(interaction: Interaction) -> bool:
    """Say at once what would only fail later."""
    if not interaction.account.connected:
        await invitation(interaction)
        return True
    store, user_id = interaction.services.store, interaction.account.user_id
    budget = budget_for(store, user_id, EditionId(""), asked_for=True)
    until = budget.blocked_until("spotify") or budget.opens_at("spotify", calls=LIST_AT_LEAST)
    if until is None:
        return False
    await interaction.answer(because(interaction.account, FailureCause.QUOTA, until))
    return True


async def _follow(
    interaction: Interaction,
    launch: LaunchRequest,
    launching: asyncio.Task[str | None],
    message_id: int,
    asked_at: datetime,
    *,
    shown: str = "",
) -> None:
    """Have the message follow the run, or say why there is none."""
    account = interaction.account
    try:
        run_id = await launching
    except ServiceError as error:
        log.warning("could not launch", job=launch.job, user=account.user_id, why=error.sentence)
        await _cannot_start(interaction, launch, message_id)
        return
    if run_id is None:
        words = interaction.html("bot.progress.already_night")
        await edit(interaction.bot, account.chat_id, message_id, words)
        return
    add = interaction.services.store.watches.add
    watch = await asyncio.to_thread(
        add, run_id, account.user_id, account.chat_id, message_id, launch.job
    )
    log.info("launched", job=launch.job, user=account.user_id, run=run_id)
    interaction.state.watchers.follow(watch, shown=shown, since=asked_at)


async def _cannot_start(interaction: Interaction, launch: LaunchRequest, message_id: int) -> None:
    command = job_named(launch.job).command
    again = interaction.button("try_again", f"go:{command}") if command else None
    words = interaction.html("bot.progress.cannot_start")
    await edit(interaction.bot, interaction.account.chat_id, message_id, words, keyboard([again]))


async def _launched(interaction: Interaction, launch: LaunchRequest) -> str | None:
    """The run's id; ``None`` when a list is being made that nobody asked for in the chat.

    One launch after the other, so that the queue holds them in the order they were asked for.
    """
    async with _turn(interaction.state.launching):
        if launch.job in runs.LIST_JOBS and await _list_under_way(interaction):
            return None
        dagster, request_id = interaction.services.dagster, secrets.token_hex(8)
        await dagster.add_user(interaction.account.user_id)
        try:
            return await dagster.launch(launch.marked(request_id))
        except ServiceUnavailable as error:
            if not error.may_have_happened:
                raise
            launched = await dagster.runs(tags=runs.request_tags(request_id), limit=1)
            if not launched:
                raise
            return launched[0].run_id


@asynccontextmanager
async def _turn(order: asyncio.Lock) -> AsyncIterator[None]:
    """Our turn; whoever hangs before us is waited for so long and no longer."""
    try:
        await asyncio.wait_for(order.acquire(), TURN_SECONDS)
    except TimeoutError:
        yield
        return
    try:
        yield
    finally:
        order.release()


async def _list_under_way(interaction: Interaction) -> bool:
    """Whether a list is being made for this person that nobody asked for in the chat.

    What was told is there, though the end of its run may still be busy with what nobody waits for.
    """
    services = interaction.services
    under_way = await services.dagster.runs(
        tags=runs.owner_tags(interaction.account.user_id), statuses=runs.UNFINISHED
    )
    watches = (
        services.store.watches.get(run.run_id) for run in under_way if run.job in runs.LIST_JOBS
    )
    watchers = interaction.state.watchers
    return any(watch is None or not watchers.is_told(watch) for watch in watches)
