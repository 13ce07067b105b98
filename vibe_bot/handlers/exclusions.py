"""Listening that says nothing about a person's taste: left out of it, and counted again."""

from __future__ import annotations

import hashlib

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, together
from vibe_bot.interactions import Visit
from vibe_pipeline.accounts.records import Exclusion, ExclusionKind
from vibe_pipeline.locales import clock, day
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.taste.exclusions import dates_key, dates_of, hours_key, hours_of

SHOWN = 30
LABEL_LIMIT = 40


async def leaveout(visit: Visit) -> None:
    """/leaveout: an artist, hours or dates; nothing named: what is left out so far."""
    wanted = arguments.plain_text(visit.said)
    if not wanted:
        await _list(visit)
        return
    today = visit.services.now().astimezone(visit.zone).date()
    dates = arguments.dates(visit.said, today=today)
    hours = arguments.hours(visit.said)
    if dates is not None:
        key = dates_key(*dates)
        await _leave_out(visit, ExclusionKind.DATES, key, key)
    elif hours is not None:
        key = hours_key(*hours)
        await _leave_out(visit, ExclusionKind.HOURS, key, key)
    elif artist_key(wanted) and not arguments.looks_like_a_range(wanted):
        await _leave_out(visit, ExclusionKind.ARTIST, artist_key(wanted), wanted)
    else:
        visit.ask("leaveout")
        await visit.answer(visit.html("bot.leaveout.wrong"))


async def count_again(visit: Visit) -> str | None:
    """A tap on something left out: it counts again."""
    exclusions, user_id = visit.services.store.exclusions, visit.account.user_id
    kept = exclusions.list(user_id)
    found = next((one for one in kept if _short_id(one) == visit.said), None)
    if found is not None:
        exclusions.remove(user_id, found.kind, found.key)
    await _list(visit)
    if found is None:
        return visit.text("bot.leaveout.gone")
    return visit.text("bot.leaveout.back", name=_name(visit, found))


async def _leave_out(visit: Visit, kind: ExclusionKind, key: str, name: str) -> None:
    kept = visit.services.store.exclusions.add(visit.account.user_id, kind, key, name)
    again = button(_label(visit, kept), f"lo:{_short_id(kept)}")
    await visit.answer(_told(visit, kept, "bot.leaveout."), [again])


async def _list(visit: Visit) -> None:
    visit.ask("leaveout")
    kept = visit.services.store.exclusions.list(visit.account.user_id)
    if not kept:
        await visit.show(visit.html("bot.leaveout.ask"))
        return
    lines = [_told(visit, one, "bot.leaveout.line_") for one in kept[:SHOWN]]
    text = together(
        visit.html("bot.leaveout.list", count=len(kept)),
        "",
        *lines,
        "…" if len(kept) > SHOWN else None,
        "",
        visit.html("bot.leaveout.more"),
    )
    rows = [[button(_label(visit, one), f"lo:{_short_id(one)}")] for one in kept[:SHOWN]]
    await visit.show(text, *rows)


def _told(visit: Visit, one: Exclusion, prefix: str) -> Html:
    """The sentence for an exclusion, as an announcement or as a line of the list."""
    language = visit.language
    if one.kind is ExclusionKind.ARTIST:
        return visit.html(f"{prefix}artist", name=one.name)
    if one.kind is ExclusionKind.HOURS:
        start, end = (clock(language, at) for at in hours_of(one.key))
        zone = visit.account.timezone
        return visit.html(f"{prefix}hours", start=start, end=end, zone=zone)
    first, last = dates_of(one.key)
    if first == last:
        return visit.html(f"{prefix}one_day", day=day(language, first))
    return visit.html(f"{prefix}dates", first=day(language, first), last=day(language, last))


def _name(visit: Visit, one: Exclusion) -> str:
    """What was left out, short enough for a button."""
    if one.kind is ExclusionKind.HOURS:
        return "–".join(clock(visit.language, at) for at in hours_of(one.key))
    if one.kind is ExclusionKind.DATES:
        first, last = (day(visit.language, at, "medium") for at in dates_of(one.key))
        return first if first == last else f"{first} – {last}"
    return one.name if len(one.name) <= LABEL_LIMIT else one.name[: LABEL_LIMIT - 1] + "…"


def _label(visit: Visit, one: Exclusion) -> str:
    return visit.text("button.count_again", name=_name(visit, one))


def _short_id(one: Exclusion) -> str:
    """An exclusion's name in a button, which has no room for more."""
    return hashlib.sha256(f"{one.kind}:{one.key}".encode()).hexdigest()[:16]
