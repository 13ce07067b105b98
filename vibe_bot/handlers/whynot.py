"""/whynot: why an artist or a track is not on the list, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from vibe_bot import arguments
from vibe_bot.explanations import spoke
from vibe_bot.formatting import Html, together
from vibe_bot.handlers.feedback import is_meant
from vibe_bot.interactions import Interaction
from vibe_bot.why_not import CHOSEN, MissingTrack, find
from vibe_pipeline.accounts.records import (
    Considered,
    ConsideredList,
    Edition,
    EditionKind,
)
from vibe_pipeline.locales import day, knows


async def whynot(interaction: Interaction) -> None:
    """/whynot: for the artist or track that was named."""
    wanted = arguments.plain_text(interaction.args)
    store, user_id = interaction.services.store, interaction.account.user_id
    if not wanted:
        interaction.ask("whynot")
        await interaction.answer(interaction.html("bot.whynot.ask"))
        return
    block = next((one for one in store.blocks.list(user_id) if is_meant(one, wanted)), None)
    if block is not None:
        await interaction.answer(interaction.html("bot.whynot.you_blocked", name=block.name))
        return
    name = interaction.args[: arguments.TEXT_LIMIT]
    missed = await asyncio.to_thread(find, _lists(interaction), name)
    if missed is not None:
        await interaction.answer(_answer(interaction, wanted, missed))
    elif store.editions.history(user_id, 1):
        await interaction.answer(interaction.html("bot.whynot.never_proposed", name=wanted))
    else:
        words = interaction.html(
            "bot.whynot.no_lists", generate=interaction.text("keyboard.generate")
        )
        await interaction.answer(words, [interaction.button("generate", "go:generate")])


def _lists(interaction: Interaction) -> Iterator[ConsideredList]:
    """What the last lists were chosen from, and the last one itself should that not be known.

    A list that never came, or is not there yet, is none.
    """
    store, user_id = interaction.services.store, interaction.account.user_id
    edition = store.editions.latest(user_id)
    if edition is not None and store.considered.of(edition.edition_id) is None:
        yield _chosen(edition)
    for among in store.considered.newest_first(user_id):
        edition = store.editions.get(among.edition_id)
        if edition is not None and (_is_preview(edition) or edition.is_written):
            yield among


def _is_preview(edition: Edition | None) -> bool:
    return edition is not None and edition.kind is EditionKind.PREVIEW


def _chosen(edition: Edition) -> ConsideredList:
    tracks = tuple(
        Considered(
            artist=track.artist,
            title=track.title,
            fate=CHOSEN,
            rank=track.position,
            is_new=track.is_new,
            position=track.position,
        )
        for track in edition.tracks
    )
    return ConsideredList(edition_id=edition.edition_id, vibe_date=edition.vibe_date, items=tracks)


def _answer(interaction: Interaction, wanted: str, missed: MissingTrack) -> Html:
    meant = None if missed.exact else interaction.html("bot.whynot.meant", name=wanted)
    more = interaction.html("bot.whynot.more", count=missed.more) if missed.more else None
    told = day(interaction.language, missed.among.vibe_date)
    item = missed.item
    if item.position is not None:
        previewed = _is_preview(interaction.services.store.editions.get(missed.among.edition_id))
        here = interaction.html(
            "bot.whynot.on_preview" if previewed else "bot.whynot.on_list",
            artist=item.artist,
            title=item.title,
            day=told,
            position=item.position,
        )
        return together(meant, here)
    one = interaction.html(
        "bot.whynot.one",
        artist=item.artist,
        title=item.title,
        day=told,
        rank=item.rank,
        total=len(missed.among.items),
    )
    return together(meant, one, "", _fate(interaction, item.fate), *spoke(interaction, item), more)


def _fate(interaction: Interaction, fate: str) -> Html:
    key = f"bot.whynot.fate.{fate}"
    return interaction.html(key if knows(key) else "bot.whynot.fate.lower_ranked")
