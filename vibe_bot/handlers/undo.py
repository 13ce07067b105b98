"""Changing one's mind about a list: taking the last one back, putting a past one in again.

Starts the run ``restore_edition``; what it does to the playlist is ``playlists.restore``'s.
"""

from __future__ import annotations

from vibe_bot.handlers.generate import begin
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import Edition, EditionKind, EditionState
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest


async def undo(interaction: Interaction) -> str | None:
    """/undo: the last publication is taken back."""
    edition = interaction.services.store.editions.latest(interaction.account.user_id)
    if edition is None:
        await interaction.answer(
            interaction.html("bot.undo.none"), [interaction.button("generate", "go:generate")]
        )
        return None
    launch = LaunchRequest.undoing(
        edition.user_id, edition.edition_id, stood_since=edition.stands_since
    )
    return await begin(interaction, launch)


async def restore(interaction: Interaction) -> str | None:
    """Put the list that was shown back into its playlist: ``EDITION``."""
    edition = interaction.services.store.editions.get(EditionId(interaction.args))
    if edition is None or edition.user_id != interaction.account.user_id or not restorable(edition):
        return interaction.text("bot.not_yours")
    return await begin(interaction, LaunchRequest.restoration(edition.user_id, edition.edition_id))


def restorable(edition: Edition) -> bool:
    """Whether it was a finished list of a day."""
    return edition.kind is EditionKind.DAILY and edition.state is EditionState.RECORDED
