"""/whynot: why an artist or a track is not on the list, and what to do about it."""

from __future__ import annotations

import asyncio

from vibe_bot import arguments
from vibe_bot.formatting import Html, together
from vibe_bot.handlers.taste import is_meant
from vibe_bot.interactions import Visit
from vibe_bot.remarks import spoke
from vibe_bot.why_not import Missed, find
from vibe_pipeline.locales import day, knows


async def whynot(visit: Visit) -> None:
    """/whynot: for the artist or track that was named."""
    wanted = arguments.plain_text(visit.said)
    store, user_id = visit.services.store, visit.account.user_id
    if not wanted:
        visit.ask("whynot")
        await visit.answer(visit.html("bot.whynot.ask"))
        return
    block = next((one for one in store.blocks.list(user_id) if is_meant(one, wanted)), None)
    if block is not None:
        await visit.answer(visit.html("bot.whynot.you_blocked", name=block.name))
        return
    lists = store.considered.newest_first(user_id)
    missed = await asyncio.to_thread(find, lists, wanted)
    if missed is not None:
        await visit.answer(_answer(visit, wanted, missed))
    elif store.editions.history(user_id, 1):
        await visit.answer(visit.html("bot.whynot.never_proposed", name=wanted))
    else:
        words = visit.html("bot.whynot.no_lists", generate=visit.text("keyboard.generate"))
        await visit.answer(words, [visit.button("generate", "go:generate")])


def _answer(visit: Visit, wanted: str, missed: Missed) -> Html:
    meant = None if missed.exact else visit.html("bot.whynot.meant", name=wanted)
    more = visit.html("bot.whynot.more", count=missed.more) if missed.more else None
    told = day(visit.language, missed.among.vibe_date)
    item = missed.item
    if item.position is not None:
        here = visit.html(
            "bot.whynot.on_list",
            artist=item.artist,
            title=item.title,
            day=told,
            position=item.position,
        )
        return together(meant, here)
    one = visit.html(
        "bot.whynot.one",
        artist=item.artist,
        title=item.title,
        day=told,
        rank=item.rank,
        total=len(missed.among.items),
    )
    return together(meant, one, "", _fate(visit, item.fate), *spoke(visit, item), more)


def _fate(visit: Visit, fate: str) -> Html:
    key = f"bot.whynot.fate.{fate}"
    return visit.html(key if knows(key) else "bot.whynot.fate.lower_ranked")
