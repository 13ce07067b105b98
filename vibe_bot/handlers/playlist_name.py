"""/title and /cover: what the playlist is called, and the picture it bears.

Here a person only chooses. Titles are made by ``playlists.title``, pictures by ``playlists.cover``.
"""

from __future__ import annotations

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import button
from vibe_bot.handlers.connection import invitation
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import Edition, Summary
from vibe_pipeline.clients.spotify_accounts import COVER_SCOPE
from vibe_pipeline.playlists.title import flavoured_title, own_name
from vibe_pipeline.records import EditionId

LABEL_LIMIT = 40


async def title(interaction: Interaction) -> None:
    """/title: a name of the person's own for good, or another with each list."""
    if arguments.says_off(interaction.args):
        await free_title(interaction)
        return
    name = own_name(interaction.args)
    if name is None:
        await _ask_for_title(interaction)
        return
    await _fix(interaction, name)


async def keep_title(interaction: Interaction) -> str | None:
    """A tap: the name that was shown stays, whatever list came since: ``EDITION``."""
    edition = interaction.services.store.editions.get(EditionId(interaction.args))
    if edition is None or edition.user_id != interaction.account.user_id:
        return interaction.text("bot.stale_button")
    name = _free_name(interaction, edition)
    if name is None:
        return interaction.text("bot.stale_button")
    await interaction.ask_no_more()
    await _fix(interaction, name)
    return None


async def usual_title(interaction: Interaction) -> None:
    """A tap: the name that says nothing of the music, always."""
    await interaction.ask_no_more()
    await _fix(interaction, interaction.text("playlist.title"))


async def free_title(interaction: Interaction) -> None:
    """A tap, or ``/title off``: each list gets a title of its own."""
    await interaction.ask_no_more()
    await interaction.change(own_title=None)
    await interaction.show(interaction.html("bot.settings.title_free"))


async def cover(interaction: Interaction) -> None:
    """/cover: a picture of each day's own for the playlist, or none."""
    if arguments.says_off(interaction.args):
        await interaction.change(covers=False)
        await interaction.show(interaction.html("bot.settings.cover_off"))
        return
    if not arguments.says_on(interaction.args):
        said_something = bool(arguments.plain_text(interaction.args))
        interaction.ask("cover")
        await interaction.answer(
            interaction.html(f"bot.settings.cover_{'wrong' if said_something else 'ask'}"),
            [interaction.button("on", "go:cover:on"), interaction.button("off", "go:cover:off")],
        )
        return
    interaction = await interaction.change(covers=True)
    if not interaction.account.connected or may_upload(interaction):
        await interaction.show(interaction.html("bot.settings.cover_on"))
        return
    await interaction.show(interaction.html("bot.settings.cover_consent"))
    await invitation(interaction, asked=True)


def may_upload(interaction: Interaction) -> bool:
    """Whether the person has agreed on Spotify that we set the playlist's picture."""
    tokens = interaction.services.store.tokens.get(interaction.account.user_id)
    return tokens is not None and COVER_SCOPE in tokens.scopes


async def _ask_for_title(interaction: Interaction) -> None:
    own = interaction.account.own_title
    if arguments.plain_text(interaction.args):
        text = interaction.html("bot.settings.title_wrong")
    elif own is not None:
        text = interaction.html("bot.settings.title_is", name=own)
    else:
        text = interaction.html("bot.settings.title_ask")
    interaction.ask("title")
    edition = interaction.services.store.editions.latest(interaction.account.user_id)
    name = None if edition is None else _free_name(interaction, edition)
    keep = None
    if edition is not None and name is not None and name != own:
        keep = _button(interaction, "title_keep", f"tk:{edition.edition_id}", name)
    await interaction.answer(
        text,
        [keep],
        [_button(interaction, "title_usual", "tu", interaction.text("playlist.title"))],
        [None if own is None else interaction.button("title_free", "tf")],
    )


def _free_name(interaction: Interaction, edition: Edition) -> str | None:
    """What an edition is called by rule, without its day."""
    summary: Summary | None = edition.summary
    return None if summary is None else flavoured_title(interaction.account, edition, summary)


async def _fix(interaction: Interaction, name: str) -> None:
    await interaction.change(own_title=name)
    await interaction.show(interaction.html("bot.settings.title_set", name=name))


def _button(interaction: Interaction, key: str, data: str, name: str) -> InlineKeyboardButton:
    short = name if len(name) <= LABEL_LIMIT else name[: LABEL_LIMIT - 1] + "…"
    return button(interaction.text(f"button.{key}", name=short), data)
