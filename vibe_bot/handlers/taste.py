"""What people tell us about music: more of this, less of this, never again, after all."""

from __future__ import annotations

import hashlib
import re

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import together
from vibe_bot.handlers.lists import TRACKS_A_PAGE, edition_said, show_tracks, track_at
from vibe_bot.interactions import Visit
from vibe_pipeline.accounts.records import Block, BlockKind
from vibe_pipeline.ranking.identity import artist_key, recording_key

_ARTIST_AND_TITLE = re.compile(r"\s+[-–—:]\s+")
SHOWN = 40
LABEL_LIMIT = 40


async def thumb(visit: Visit) -> str | None:
    """A thumb for a track: ``EDITION:POSITION:u`` or ``:d``; the same again takes it back."""
    place, _, way = visit.said.rpartition(":")
    edition, position = edition_said(visit.with_said(place))
    track = None if edition is None else track_at(edition, position)
    if edition is None or track is None:
        return visit.text("bot.not_yours")
    thumbs, user_id = visit.services.store.thumbs, visit.account.user_id
    before = next((one.value for one in thumbs.list(user_id) if one.key == track.key), 0)
    value = 1 if way == "u" else -1
    value = 0 if value == before else value
    thumbs.set(
        user_id,
        track.key,
        value,
        artist_key=track.artist_key,
        artist=track.artist,
        title=track.title,
    )
    page = (track.position - 1) // TRACKS_A_PAGE
    await show_tracks(visit, edition, page, new_message=False)
    said = {1: "thumbed_up", -1: "thumbed_down", 0: "thumb_gone"}[value]
    return visit.text(f"bot.tracks.{said}")


async def block_chosen(visit: Visit) -> str | None:
    """Never again the artist (``EDITION:POSITION:a``) or the track (``:t``) of a list."""
    place, _, what = visit.said.rpartition(":")
    edition, position = edition_said(visit.with_said(place))
    track = None if edition is None else track_at(edition, position)
    if track is None:
        return visit.text("bot.not_yours")
    if what == "t":
        name = f"{track.artist} – {track.title}"
        await _block(visit, BlockKind.TRACK, track.key, name)
    else:
        await _block(visit, BlockKind.ARTIST, track.artist_key, track.artist)
    return None


async def block(visit: Visit) -> None:
    """/block: an artist, or ``Artist – Title`` for one track, never again."""
    wanted = arguments.plain_text(visit.said)
    if not wanted:
        visit.ask("block")
        await visit.answer(visit.html("bot.block.ask"))
        return
    artist, *title = _ARTIST_AND_TITLE.split(wanted, maxsplit=1)
    if title and artist_key(artist):
        name = f"{artist} – {title[0]}"
        await _block(visit, BlockKind.TRACK, recording_key(artist, title[0]), name)
    elif artist_key(wanted):
        await _block(visit, BlockKind.ARTIST, artist_key(wanted), wanted)
    else:
        visit.ask("block")
        await visit.answer(visit.html("bot.block.ask"))


async def unblock(visit: Visit) -> str | None:
    """/unblock: by name, or by tapping."""
    wanted = arguments.plain_text(visit.said)
    blocks = visit.services.store.blocks.list(visit.account.user_id)
    if not wanted:
        await _list(visit, blocks, asking=True)
        return None
    found = next((one for one in blocks if is_meant(one, wanted)), None)
    if found is None:
        await visit.answer(visit.html("bot.block.not_found", name=wanted))
        return None
    visit.services.store.blocks.remove(visit.account.user_id, found.kind, found.key)
    if visit.tapped is None:
        await visit.answer(visit.html("bot.block.removed", name=found.name))
        return None
    await _list(visit, [one for one in blocks if one != found], asking=False)
    return visit.text("bot.block.removed", name=found.name)


async def blocked(visit: Visit) -> None:
    """/blocked: everything blocked, each a tap from being allowed again."""
    blocks = visit.services.store.blocks.list(visit.account.user_id)
    await _list(visit, blocks, asking=False)


async def _block(visit: Visit, kind: BlockKind, key: str, name: str) -> None:
    visit.services.store.blocks.add(visit.account.user_id, kind, key, name)
    await visit.answer(visit.html(f"bot.block.{kind.value}", name=name))


async def _list(visit: Visit, blocks: list[Block], *, asking: bool) -> None:
    if not blocks:
        await visit.show(visit.html("bot.block.none"))
        return
    lines = [visit.html(f"bot.block.line_{one.kind.value}", name=one.name) for one in blocks]
    text = together(
        visit.html("bot.block.list", count=len(blocks)),
        "",
        *lines[:SHOWN],
        "…" if len(lines) > SHOWN else None,
        "",
        visit.html("bot.block.unblock_ask") if asking else None,
    )
    await visit.show(text, *[[_allow(visit, one)] for one in blocks[:SHOWN]])


def _allow(visit: Visit, one: Block) -> InlineKeyboardButton:
    name = one.name if len(one.name) <= LABEL_LIMIT else one.name[: LABEL_LIMIT - 1] + "…"
    return visit.button("unblock", f"go:unblock:{_short_id(one)}", name=name)


def is_meant(one: Block, wanted: str) -> bool:
    """Whether somebody names this block by these words, or by its button."""
    if wanted == _short_id(one) or wanted.casefold() == one.name.casefold():
        return True
    if one.kind is BlockKind.ARTIST:
        return artist_key(wanted) == one.key
    parts = _ARTIST_AND_TITLE.split(wanted, maxsplit=1)
    return len(parts) == 2 and recording_key(parts[0], parts[1]) == one.key


def _short_id(one: Block) -> str:
    """A block's name in a button, which has no room for more."""
    return "#" + hashlib.sha256(f"{one.kind}:{one.key}".encode()).hexdigest()[:16]
