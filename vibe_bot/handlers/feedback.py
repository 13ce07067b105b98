"""What people tell us about music: more of this, less of this, never again, after all.

Taps and commands become rows of the account store; what follows from them, lists made later show.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import listing
from vibe_bot.handlers.lists import TRACKS_A_PAGE, edition_said, show_tracks, track_at
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import Block, BlockKind
from vibe_pipeline.ranking.identity import artist_key, recording_key

_ARTIST_AND_TITLE = re.compile(r"\s+[-–—:]\s+")
THUMBS = ("1", "0", "-1")
SHOWN = 40
LABEL_LIMIT = 40


async def thumb(interaction: Interaction) -> str | None:
    """A thumb for a track: ``EDITION:POSITION:`` and how it shall be, 1, -1 or 0 for none.

    Buttons of former versions end in ``u`` or ``d``, and the same again takes it back.
    """
    place, _, wanted = interaction.args.rpartition(":")
    edition, position = edition_said(interaction.with_args(place))
    track = None if edition is None else track_at(edition, position)
    if edition is None or track is None:
        return interaction.text("bot.not_yours")
    thumbs, user_id = interaction.services.store.thumbs, interaction.account.user_id
    before = next((one.value for one in thumbs.list(user_id) if one.key == track.key), 0)
    value = int(wanted) if wanted in THUMBS else _turned(wanted, before)
    names = {"artist_key": track.artist_key, "artist": track.artist, "title": track.title}
    await interaction.in_store(partial(thumbs.set, user_id, track.key, value, **names))
    page = (track.position - 1) // TRACKS_A_PAGE
    await show_tracks(interaction, edition, page, new_message=False)
    said = {1: "thumbed_up", -1: "thumbed_down", 0: "thumb_gone"}[value]
    return interaction.text(f"bot.tracks.{said}")


def _turned(way: str, before: int) -> int:
    value = 1 if way == "u" else -1
    return 0 if value == before else value


async def block_chosen(interaction: Interaction) -> str | None:
    """Never again the artist (``EDITION:POSITION:a``) or the track (``:t``) of a list."""
    place, _, what = interaction.args.rpartition(":")
    edition, position = edition_said(interaction.with_args(place))
    track = None if edition is None else track_at(edition, position)
    if track is None:
        return interaction.text("bot.not_yours")
    if what == "t":
        name = f"{track.artist} – {track.title}"
        await _block(interaction, BlockKind.TRACK, track.key, name)
    else:
        await _block(interaction, BlockKind.ARTIST, track.artist_key, track.artist)
    return None


async def block(interaction: Interaction) -> None:
    """/block: an artist, or ``Artist – Title`` for one track, never again."""
    wanted = arguments.plain_text(interaction.args)
    if not wanted:
        interaction.ask("block")
        await interaction.answer(interaction.html("bot.block.ask"))
        return
    artist, *title = _ARTIST_AND_TITLE.split(wanted, maxsplit=1)
    if title and artist_key(artist):
        name = f"{artist} – {title[0]}"
        await _block(interaction, BlockKind.TRACK, recording_key(artist, title[0]), name)
    elif artist_key(wanted):
        await _block(interaction, BlockKind.ARTIST, artist_key(wanted), wanted)
    else:
        interaction.ask("block")
        await interaction.answer(interaction.html("bot.block.ask"))


async def unblock(interaction: Interaction) -> str | None:
    """/unblock: by name, or by tapping."""
    wanted = arguments.plain_text(interaction.args)
    blocks = interaction.services.store.blocks.list(interaction.account.user_id)
    if not wanted:
        await _list(interaction, blocks, asking=True)
        return None
    found = next((one for one in blocks if is_meant(one, wanted)), None)
    if found is None and interaction.tapped is not None:
        await _list(interaction, blocks, asking=False)
        return interaction.text("bot.block.gone")
    if found is None:
        await interaction.answer(interaction.html("bot.block.not_found", name=wanted))
        return None
    remove = interaction.services.store.blocks.remove
    await interaction.in_store(partial(remove, interaction.account.user_id, found.kind, found.key))
    if interaction.tapped is None:
        await interaction.answer(interaction.html("bot.block.removed", name=found.name))
        return None
    await _list(interaction, [one for one in blocks if one != found], asking=False)
    return interaction.text("bot.block.removed", name=found.name)


async def blocked(interaction: Interaction) -> None:
    """/blocked: everything blocked, each a tap from being allowed again."""
    blocks = interaction.services.store.blocks.list(interaction.account.user_id)
    await _list(interaction, blocks, asking=False)


async def _block(interaction: Interaction, kind: BlockKind, key: str, name: str) -> None:
    add = interaction.services.store.blocks.add
    await interaction.in_store(partial(add, interaction.account.user_id, kind, key, name))
    await interaction.answer(interaction.html(f"bot.block.{kind.value}", name=name))


async def _list(interaction: Interaction, blocks: list[Block], *, asking: bool) -> None:
    if not blocks:
        await interaction.show(interaction.html("bot.block.none"))
        return
    lines = [interaction.html(f"bot.block.line_{one.kind.value}", name=one.name) for one in blocks]
    title = interaction.html("bot.block.list", count=len(blocks))
    question = interaction.html("bot.block.unblock_ask") if asking else None
    text, shown = listing(interaction.language, title, lines, question, most=SHOWN)
    await interaction.show(text, *[[_allow(interaction, one)] for one in blocks[:shown]])


def _allow(interaction: Interaction, one: Block) -> InlineKeyboardButton:
    name = one.name if len(one.name) <= LABEL_LIMIT else one.name[: LABEL_LIMIT - 1] + "…"
    return interaction.button("unblock", f"go:unblock:{_short_id(one)}", name=name)


def is_meant(one: Block, wanted: str) -> bool:
    """Whether somebody names this block by these words, or by its button."""
    name = arguments.usually_spelled(one.name)
    if wanted == _short_id(one) or wanted.casefold() == name.casefold():
        return True
    if one.kind is BlockKind.ARTIST:
        return artist_key(wanted) in (one.key, artist_key(one.name))
    parts = _ARTIST_AND_TITLE.split(wanted, maxsplit=1)
    return len(parts) == 2 and recording_key(parts[0], parts[1]) == one.key


def _short_id(one: Block) -> str:
    """A block's name in a button, which has no room for more."""
    return "#" + hashlib.sha256(f"{one.kind}:{one.key}".encode()).hexdigest()[:16]
