"""/history_from: whose public plays elsewhere we learn from, by name, service by service.

The name is tried at once, so that a wrong one is told at once; the plays are read by the pipeline,
while nobody waits.
"""

from __future__ import annotations

import re
from functools import partial

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, together
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import HistoryService, HistorySource, HistoryTrouble
from vibe_pipeline.clients.errors import KeyRefused, ServiceError
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.taste.history_services import service_name, trouble_of

_SPELLINGS = {
    HistoryService.LASTFM: frozenset({"lastfm", "last.fm", "last", "lfm"}),
    HistoryService.LISTENBRAINZ: frozenset({"listenbrainz", "listen", "lb"}),
}
_PROFILES = {
    HistoryService.LASTFM: re.compile(
        r"(?:https?://)?(?:www\.)?last\.fm/(?:\w\w/)?user/([^/?#\s]+)"
    ),
    HistoryService.LISTENBRAINZ: re.compile(r"(?:https?://)?listenbrainz\.org/user/([^/?#\s]+)"),
}
_NAME = re.compile(r"[^\s/?#<>&\"]+(?: [^\s/?#<>&\"]+)*")
LONGEST_NAME = 64
BUTTON_BYTES = 64


async def history_from(interaction: Interaction) -> None:
    """/history_from: a service and a name; ``off``; nothing: what is read so far."""
    words = arguments.plain_text(interaction.args)
    service, rest = _service_and_rest(words)
    if not words:
        await _show(interaction)
    elif arguments.says_off(words):
        await _stop(interaction, list(HistoryService))
    elif service is None:
        await _ask_where(interaction, words)
    elif not rest:
        await _ask_name(interaction, service, "name_ask")
    elif arguments.says_off(rest):
        await _stop(interaction, [service])
    elif (name := _name(service, rest)) is None:
        await _ask_name(interaction, service, "name_wrong")
    else:
        await _begin(interaction, service, name)


def _service_and_rest(words: str) -> tuple[HistoryService | None, str]:
    """The service that is named first, or whose profile's address was sent, and what follows."""
    for service, profile in _PROFILES.items():
        if (found := profile.match(words)) is not None:
            return service, found[1]
    head, _, rest = words.partition(" ")
    for service, spellings in _SPELLINGS.items():
        if head.casefold() in spellings:
            return service, rest
    return None, words


def _name(service: HistoryService, words: str) -> str | None:
    """A name as it may stand in the address of a profile."""
    found = _PROFILES[service].match(words)
    name = (words if found is None else found[1]).removeprefix("@")
    return name if len(name) <= LONGEST_NAME and _NAME.fullmatch(name) else None


async def _show(interaction: Interaction) -> None:
    sources = _sources(interaction)
    named = {source.service for source in sources}
    rows = [
        *[[button(service_name(one), f"go:history_from:{one}")] for one in HistoryService],
        *[[_off_button(interaction, one)] for one in HistoryService if one in named],
    ]
    lines = [_line(interaction, source) for source in sources]
    await interaction.show(
        together(
            interaction.html("bot.history_from.title"),
            "",
            *lines,
            "" if lines else None,
            interaction.html("bot.history_from.explain"),
            "",
            interaction.html("bot.history_from.archive"),
        ),
        *rows,
    )


def _line(interaction: Interaction, source: HistorySource) -> Html:
    blanks = {
        "service": service_name(source.service),
        "name": source.name,
        "count": source.plays,
    }
    if source.trouble is not None:
        return interaction.html(f"bot.history_from.line_{source.trouble}", **blanks)
    if source.read_at is None:
        return interaction.html("bot.history_from.line_begins", **blanks)
    state = "reading" if source.unread else "all"
    return interaction.html(f"bot.history_from.line_{state}", **blanks)


async def _ask_where(interaction: Interaction, words: str) -> None:
    data = {one: f"go:history_from:{one} {words}" for one in HistoryService}
    fitting = [
        button(service_name(one), data[one])
        for one in HistoryService
        if len(data[one].encode()) <= BUTTON_BYTES
    ]
    if len(words) > LONGEST_NAME or not fitting:
        await interaction.answer(interaction.html("bot.history_from.explain"))
        return
    await interaction.answer(interaction.html("bot.history_from.where", name=words), fitting)


async def _ask_name(interaction: Interaction, service: HistoryService, key: str) -> None:
    interaction.ask(f"history_from {service}")
    await interaction.answer(
        interaction.html(f"bot.history_from.{key}", service=service_name(service))
    )


async def _stop(interaction: Interaction, services: list[HistoryService]) -> None:
    store, user_id = interaction.services.store.history_sources, interaction.account.user_id
    stopped = [
        one for one in services if await interaction.in_store(partial(store.remove, user_id, one))
    ]
    if not stopped:
        await interaction.show(interaction.html("bot.history_from.off_none"))
        return
    await _read_soon(interaction)
    names = ", ".join(map(service_name, stopped))
    await interaction.show(interaction.html("bot.history_from.off", service=names))


async def _begin(interaction: Interaction, service: HistoryService, name: str) -> None:
    """Try the name, keep it, and have it read as soon as there is time."""
    blanks = {"service": service_name(service), "name": name}
    total, trouble = await _tried(interaction, service, name)
    if trouble in {HistoryTrouble.UNKNOWN, HistoryTrouble.HIDDEN, HistoryTrouble.NOT_SET_UP}:
        again = f"go:history_from:{service} {name}"
        retry = trouble is HistoryTrouble.HIDDEN and len(again.encode()) <= BUTTON_BYTES
        if trouble is HistoryTrouble.UNKNOWN:
            interaction.ask(f"history_from {service}")
        await interaction.answer(
            interaction.html(f"bot.history_from.{trouble}", **blanks),
            [interaction.button("try_again", again) if retry else None],
        )
        return
    sources = interaction.services.store.history_sources
    set_it = partial(sources.set, interaction.account.user_id, service, name, total=total)
    await interaction.in_store(set_it)
    await _read_soon(interaction)
    key = "set_away" if trouble is not None else "set_empty" if total == 0 else "set"
    if key == "set" and total is None:
        key = "set_uncounted"
    await interaction.answer(
        interaction.html(f"bot.history_from.{key}", **blanks, count=total or 0),
        [_off_button(interaction, service)],
    )


async def _tried(
    interaction: Interaction, service: HistoryService, name: str
) -> tuple[int | None, HistoryTrouble | None]:
    """How many plays stand under this name, or why nobody can say."""
    clients, now = interaction.services.clients, interaction.services.now()
    try:
        if service is HistoryService.LASTFM:
            if (lastfm := clients.lastfm()) is None:
                return None, HistoryTrouble.NOT_SET_UP
            return await lastfm.scrobble_count(name, until=now), None
        if (listenbrainz := clients.listenbrainz()) is None:
            return None, HistoryTrouble.NOT_SET_UP
        return await listenbrainz.listen_count(name), None
    except KeyRefused:
        return None, HistoryTrouble.NOT_SET_UP
    except ServiceError as error:
        return None, trouble_of(error)


async def _read_soon(interaction: Interaction) -> None:
    """Write down that there is something to read, or to let go of; nobody waits for it."""
    if interaction.account.connected:
        user_id = interaction.account.user_id
        launch = LaunchRequest.reading_named_history(user_id)
        add = interaction.services.store.pending_launches.add
        request_id = f"history:{interaction.request_id}"
        await interaction.in_store(partial(add, request_id, user_id, launch))


def _off_button(interaction: Interaction, service: HistoryService) -> InlineKeyboardButton:
    return interaction.button(
        "history_off", f"go:history_from:{service} off", service=service_name(service)
    )


def _sources(interaction: Interaction) -> list[HistorySource]:
    return interaction.services.store.history_sources.list(interaction.account.user_id)
