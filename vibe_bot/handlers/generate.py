"""Making lists and refreshing the library: a run is started, one message follows it.

The way from a command to a launch. What the message shows later is ``vibe_bot.progress``'s.
"""

from __future__ import annotations

import secrets

import structlog
from telegram import Message

from vibe_bot.formatting import keyboard, tell, together
from vibe_bot.handlers.connection import invitation
from vibe_bot.interactions import Interaction
from vibe_bot.jobs import UNDER_WAY, job_named
from vibe_bot.results import because, made
from vibe_bot.sending import edit
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import EditionKind, FailureCause
from vibe_pipeline.clients.errors import ServiceError, ServiceUnavailable
from vibe_pipeline.locales import day
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()


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
    if user_id in state.starting or interaction.services.store.watches.open(user_id):
        await interaction.answer(interaction.html("bot.progress.already"))
        return None
    state.starting.add(user_id)
    try:
        title = interaction.html(f"bot.progress.title_{job.name}")
        message = await interaction.answer(
            together(title, "", interaction.html("bot.progress.starting"))
        )
        await _launch(interaction, launch, message)
    finally:
        state.starting.discard(user_id)
    return None


async def _refused(interaction: Interaction) -> bool:
    """Say at once what would only fail later."""
    if not interaction.account.connected:
        await invitation(interaction)
        return True
    budget = interaction.services.store.budget
    until = budget.blocked_until("spotify")
    if until is None and budget.left("spotify") != 0:
        return False
    await interaction.answer(because(interaction.account, FailureCause.QUOTA, until))
    return True


async def _launch(interaction: Interaction, launch: LaunchRequest, message: Message) -> None:
    services, account, job = interaction.services, interaction.account, job_named(launch.job)
    try:
        if launch.job in runs.LIST_JOBS and await _list_under_way(interaction):
            await edit(
                interaction.bot,
                account.chat_id,
                message.message_id,
                interaction.html("bot.progress.already_night"),
            )
            return
        run_id = await _launched(interaction, launch)
    except ServiceError as error:
        log.warning("could not launch", job=launch.job, user=account.user_id, why=error.sentence)
        again = interaction.button("try_again", f"go:{job.command}") if job.command else None
        await edit(
            interaction.bot,
            account.chat_id,
            message.message_id,
            tell(account.language, "bot.progress.cannot_start"),
            keyboard([again]),
        )
        return
    watch = services.store.watches.add(
        run_id, account.user_id, account.chat_id, message.message_id, launch.job
    )
    log.info("launched", job=launch.job, user=account.user_id, run=run_id)
    interaction.state.watchers.follow(watch)


async def _launched(interaction: Interaction, launch: LaunchRequest) -> str:
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


async def _list_under_way(interaction: Interaction) -> bool:
    """Whether a list is being made for this person that nobody asked for in the chat."""
    under_way = await interaction.services.dagster.runs(
        tags=runs.owner_tags(interaction.account.user_id), statuses=UNDER_WAY
    )
    return any(run.job in runs.LIST_JOBS for run in under_way)
