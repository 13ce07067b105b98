"""Listening that says nothing about a person's taste: left out of it, and counted again."""

from __future__ import annotations

import hashlib
from functools import partial

from vibe_bot import arguments
from vibe_bot.formatting import CALLBACK_BYTES, Html, button, listing
from vibe_bot.interactions import Interaction
from vibe_bot.zone_guesses import zone_name
from vibe_pipeline.accounts.records import Exclusion, ExclusionKind
from vibe_pipeline.locales import clock, day
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.taste.exclusions import dates_key, dates_of, hours_key, hours_of

SHOWN = 30
LABEL_LIMIT = 40


async def leaveout(interaction: Interaction) -> None:
    """/leaveout: an artist, hours or dates; nothing named: what is left out so far."""
    wanted = arguments.plain_text(interaction.args)
    if not wanted:
        await _list(interaction)
        return
    today = interaction.services.now().astimezone(interaction.zone).date()
    artist = arguments.named_artist(wanted)
    dates = arguments.dates(wanted, today=today)
    hours = None if arguments.means_dates(wanted) else arguments.hours(wanted)
    if artist is None and not arguments.means_a_range(wanted):
        artist = wanted
    if dates is not None:
        key = dates_key(*dates)
        await _leave_out(interaction, ExclusionKind.DATES, key, key)
    elif hours is not None:
        key = hours_key(*hours)
        await _leave_out(interaction, ExclusionKind.HOURS, key, key)
    elif artist is not None and artist_key(artist):
        await _leave_out(interaction, ExclusionKind.ARTIST, artist_key(artist), artist)
    else:
        await _ask_back(interaction, wanted)


async def leave_artist_out(interaction: Interaction) -> None:
    """A tap: what looked like hours or dates is an artist's name."""
    await interaction.ask_no_more()
    name = arguments.plain_text(interaction.args)
    await _leave_out(interaction, ExclusionKind.ARTIST, artist_key(name), name)


async def _ask_back(interaction: Interaction, name: str) -> None:
    """How to write it; an artist is a tap away, where a button has room for the name."""
    interaction.ask("leaveout")
    data = f"la:{name}"
    if artist_key(name) and len(data.encode()) <= CALLBACK_BYTES:
        an_artist = interaction.button("an_artist", data)
        await interaction.answer(interaction.html("bot.leaveout.wrong"), [an_artist])
    else:
        await interaction.answer(interaction.html("bot.leaveout.wrong_without_button"))


async def count_again(interaction: Interaction) -> str | None:
    """A tap on something left out: it counts again."""
    exclusions, user_id = interaction.services.store.exclusions, interaction.account.user_id
    kept = exclusions.list(user_id)
    found = next((one for one in kept if _short_id(one) == interaction.args), None)
    if found is not None:
        await interaction.in_store(partial(exclusions.remove, user_id, found.kind, found.key))
    await _list(interaction)
    if found is None:
        return interaction.text("bot.leaveout.gone")
    return interaction.text("bot.leaveout.back", name=_name(interaction, found))


async def _leave_out(interaction: Interaction, kind: ExclusionKind, key: str, name: str) -> None:
    add = interaction.services.store.exclusions.add
    kept = await interaction.in_store(partial(add, interaction.account.user_id, kind, key, name))
    again = button(_label(interaction, kept), f"lo:{_short_id(kept)}")
    await interaction.answer(_told(interaction, kept, "bot.leaveout."), [again])


async def _list(interaction: Interaction) -> None:
    interaction.ask("leaveout")
    kept = interaction.services.store.exclusions.list(interaction.account.user_id)
    if not kept:
        await interaction.show(interaction.html("bot.leaveout.ask"))
        return
    lines = [_told(interaction, one, "bot.leaveout.line_") for one in kept]
    title = interaction.html("bot.leaveout.list", count=len(kept))
    more = interaction.html("bot.leaveout.more")
    text, shown = listing(interaction.language, title, lines, more, most=SHOWN)
    rows = [[button(_label(interaction, one), f"lo:{_short_id(one)}")] for one in kept[:shown]]
    await interaction.show(text, *rows)


def _told(interaction: Interaction, one: Exclusion, prefix: str) -> Html:
    """The sentence for an exclusion, as an announcement or as a line of the list."""
    language = interaction.language
    if one.kind is ExclusionKind.ARTIST:
        return interaction.html(f"{prefix}artist", name=one.name)
    if one.kind is ExclusionKind.HOURS:
        start, end = (clock(language, at) for at in hours_of(one.key))
        zone = zone_name(interaction.account.timezone)
        return interaction.html(f"{prefix}hours", start=start, end=end, zone=zone)
    first, last = dates_of(one.key)
    if first == last:
        return interaction.html(f"{prefix}one_day", day=day(language, first))
    return interaction.html(f"{prefix}dates", first=day(language, first), last=day(language, last))


def _name(interaction: Interaction, one: Exclusion) -> str:
    """What was left out, short enough for a button."""
    if one.kind is ExclusionKind.HOURS:
        return "–".join(clock(interaction.language, at) for at in hours_of(one.key))
    if one.kind is ExclusionKind.DATES:
        first, last = (day(interaction.language, at, "medium") for at in dates_of(one.key))
        return first if first == last else f"{first} – {last}"
    return one.name if len(one.name) <= LABEL_LIMIT else one.name[: LABEL_LIMIT - 1] + "…"


def _label(interaction: Interaction, one: Exclusion) -> str:
    return interaction.text("button.count_again", name=_name(interaction, one))


def _short_id(one: Exclusion) -> str:
    """An exclusion's name in a button, which has no room for more."""
    return hashlib.sha256(f"{one.kind}:{one.key}".encode()).hexdigest()[:16]
