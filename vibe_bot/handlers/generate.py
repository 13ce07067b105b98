"""Making lists and refreshing the library: what a person may have begun, and what is in the way.

From the wish to the run is ``vibe_bot.launches``', what the message shows later
``vibe_bot.progress``'s.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from telegram import InlineKeyboardButton

from vibe_bot.formatting import together, with_button
from vibe_bot.handlers.connection import invitation
from vibe_bot.interactions import Interaction
from vibe_bot.jobs import job_named
from vibe_bot.postponed import rests_until, waiting_before
from vibe_bot.results import because, made, promise
from vibe_pipeline.accounts.records import EditionState, FailureCause
from vibe_pipeline.installation.home import cannot_be_written
from vibe_pipeline.locales import day
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import DAILY_VIBE, LaunchRequest


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
    """Put exactly the list that was shown on Spotify; again, if it was taken back since.

    Its kind says only that somebody wanted it there, so what counts is that it was recorded.
    """
    edition = interaction.services.store.editions.get(EditionId(interaction.args))
    if edition is None or edition.user_id != interaction.account.user_id or not edition.tracks:
        return interaction.text("bot.not_yours")
    if edition.state is not EditionState.RECORDED:
        launch = LaunchRequest.publication(edition.user_id, edition.edition_id)
        return await begin(interaction, launch)
    if edition.undone_at is not None:
        launch = LaunchRequest.restoration(edition.user_id, edition.edition_id)
        return await begin(interaction, launch)
    result = made(interaction.account, edition)
    if interaction.services.store.editions.later_stands(edition):
        text = together(result.text, "", interaction.html("bot.made.replaced"))
        restore = interaction.button("restore", f"rs:{edition.edition_id}")
        await interaction.answer(text, markup=with_button(result.markup, restore))
    else:
        await interaction.answer(result.text, markup=result.markup)
    return None


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
    launches, job = interaction.state.launches, job_named(launch.job)
    if launches.known(interaction.request_id) or await _asked_back(interaction, launch):
        return None
    if await _is_under_way(interaction, launch):
        return None
    if job.asks_spotify and await _refused(interaction, launch):
        return None
    # Looked at once more: who taps twice may have been answered while we looked at the rest, and
    # what is being written down counts as under way.
    if not await _is_under_way(interaction, launch):
        await launches.begin(interaction.account, launch, interaction.request_id)
    return None


async def _asked_back(interaction: Interaction, launch: LaunchRequest) -> bool:
    """Whether it was asked for so long ago that the person may want something else by now."""
    limit = timedelta(minutes=interaction.services.settings.wish_minutes)
    if interaction.services.now() - interaction.asked_at <= limit:
        return False
    words = interaction.html("bot.progress.too_old")
    await interaction.answer(words, [_try_again(interaction, launch)])
    return True


def _try_again(interaction: Interaction, launch: LaunchRequest) -> InlineKeyboardButton | None:
    data = job_named(launch.job).again(launch.tags)
    return None if data is None else interaction.button("try_again", data)


async def _is_under_way(interaction: Interaction, launch: LaunchRequest) -> bool:
    """Whether something is being made for this person already; if so, they are told what."""
    jobs = interaction.state.launches.jobs_under_way(interaction.account.user_id)
    if not jobs:
        return False
    if job_named(launch.job) in jobs:
        await interaction.answer(interaction.html("bot.progress.already"))
        return True
    doing = [interaction.html(f"bot.progress.title_{job.name}") for job in jobs]
    busy = interaction.html("bot.progress.busy")
    await interaction.answer(together(*doing, "", busy), [_try_again(interaction, launch)])
    return True


async def _refused(interaction: Interaction, launch: LaunchRequest) -> bool:
    """Say at once what would only fail later; a list comes when Spotify's rest ends."""
    if not interaction.account.connected:
        await invitation(interaction)
        return True
    if await asyncio.to_thread(cannot_be_written, interaction.services.settings.home):
        await interaction.answer(because(interaction.account, FailureCause.STORE_FULL, None))
        return True
    account, store = interaction.account, interaction.services.store
    until = rests_until(store, account.user_id)
    if until is None:
        return False
    if launch.job != DAILY_VIBE:
        await interaction.answer(because(account, FailureCause.QUOTA, until))
        return True
    ahead = waiting_before(store, account.user_id)
    until = rests_until(store, account.user_id, ahead=ahead) or until
    postpone = store.pending_launches.postpone
    wish = interaction.request_id, account.user_id, launch, until
    await interaction.in_store(partial(postpone, *wish))
    await interaction.answer(promise(account, FailureCause.QUOTA, until))
    return True
