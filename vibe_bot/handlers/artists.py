"""/artists: whom a first list starts from, where there is no listening to go by.

Names are read kindly: Spotify's search and a likeness of letters find who is meant. What the named
artists count for is ``taste.seed_profile``'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial

import structlog
from rapidfuzz import fuzz

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, link, together
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.records import ChosenArtist
from vibe_pipeline.authorization import SpotifyConnection
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.spotify_records import FoundArtist
from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.steering import squashed

log = structlog.get_logger()

ENOUGH = 3
"""So many artists are enough for a first list."""
NAMES_AT_ONCE = 5
OFFERED = 4
LABEL_LIMIT = 40
LONGEST_NAME = 100
ARTIST_PAGE = "https://open.spotify.com/artist/"
_BETWEEN_LINES, _BETWEEN_NAMES = re.compile(r";+"), re.compile(r",(?!\s*the\b)", re.I)
"""A comma before "the" belongs to a name, as in "Tyler, The Creator"."""


async def artists(interaction: Interaction) -> None:
    """/artists: name some, or see those named so far; ``off`` lets all of them go."""
    if arguments.says_off(interaction.args):
        clear = interaction.services.store.chosen_artists.clear
        await interaction.in_store(partial(clear, interaction.account.user_id))
        await interaction.show(interaction.html("bot.artists.cleared"))
        return
    names = _names(interaction.args)
    if not names:
        said_something = bool(interaction.args.strip())
        await _so_far(interaction, "wrong" if said_something else None)
        return
    taken = [await _taken(interaction, name) for name in names]
    if any(taken):
        await _so_far(interaction)
        await _prepare(interaction)


async def choose(interaction: Interaction) -> str | None:
    """A tap on one of the artists that a search found."""
    name = interaction.links.get(ARTIST_PAGE + interaction.args)
    if name is None:
        return interaction.text("bot.stale_button")
    await interaction.ask_no_more()
    await _add(interaction, name, spotify_id=interaction.args)
    await _so_far(interaction)
    await _prepare(interaction)
    return None


async def none_of_these(interaction: Interaction) -> None:
    """A tap: the one meant was not among those found."""
    interaction.ask("artists")
    await interaction.show(interaction.html("bot.artists.again"))


async def let_go(interaction: Interaction) -> str | None:
    """A tap: do not start from this artist."""
    chosen, user_id = interaction.services.store.chosen_artists, interaction.account.user_id
    named = next((one for one in chosen.list(user_id) if _short_id(one) == interaction.args), None)
    removed = named is not None and await interaction.in_store(
        partial(chosen.remove, user_id, named.key)
    )
    if not removed:
        return interaction.text("bot.steering.gone")
    await _so_far(interaction)
    return None


def named_by(interaction: Interaction) -> list[str]:
    """The names of the artists the person starts from."""
    chosen = interaction.services.store.chosen_artists
    return [one.name for one in chosen.list(interaction.account.user_id)]


def _names(text: str) -> list[str]:
    """What was written, name by name; line by line where there are lines."""
    lines = [line for line in _BETWEEN_LINES.split(text[:1000]) if line.strip()]
    parts = lines if len(lines) > 1 else _BETWEEN_NAMES.split(text[:1000])
    names = (arguments.plain_text(part)[:LONGEST_NAME] for part in parts)
    return [name for name in dict.fromkeys(names) if artist_key(name)][:NAMES_AT_ONCE]


async def _taken(interaction: Interaction, name: str) -> bool:
    """Whether it is plain who is meant; otherwise the person is asked."""
    if is_placeholder(name):
        interaction.ask("artists")
        await interaction.answer(interaction.html("bot.artists.nobody", name=name))
        return False
    found = await _found(interaction, name)
    key = artist_key(name)
    same = next((one for one in found or () if artist_key(one.name) == key), None)
    if same is not None:
        await _add(interaction, same.name, spotify_id=same.spotify_id)
        return True
    if found is None and squashed(name):
        await _add(interaction, name)
        return True
    interaction.ask("artists")
    if not squashed(name):
        await interaction.answer(interaction.html("bot.artists.wrong"))
    elif found:
        await _offer(interaction, name, found)
    else:
        await interaction.answer(interaction.html("bot.artists.not_found", name=name))
    return False


async def _found(interaction: Interaction, name: str) -> list[FoundArtist] | None:
    """Who Spotify finds by this name, the most alike in letters first; ``None``: it is silent."""
    services, account = interaction.services, interaction.account
    try:
        tokens = services.clients.spotify_accounts()
        connection = SpotifyConnection(services.store, tokens, now=services.now)
        access = connection.access_for(account.user_id)
        spotify = services.clients.spotify(access=access, country=account.market)
        found = await spotify.search_artists(name)
    except ServiceError as error:
        log.info("an artist cannot be looked up", why=error.sentence)
        return None
    meant = squashed(name)
    alike = sorted(found, key=lambda one: -fuzz.ratio(squashed(one.name), meant))
    return [one for one in alike if not is_placeholder(one.name)][:OFFERED]


async def _offer(interaction: Interaction, name: str, found: Sequence[FoundArtist]) -> None:
    """Those found, each a tap; of the likeliest Telegram shows the picture."""
    lines = [Html(f"• {link(ARTIST_PAGE + one.spotify_id, one.name)}") for one in found]
    choices = [[button(_short(one.name), f"ac:{one.spotify_id}")] for one in found]
    await interaction.answer(
        together(interaction.html("bot.artists.which", name=name), *lines),
        *choices,
        [interaction.button("none_of_these", "an")],
        preview=ARTIST_PAGE + found[0].spotify_id,
    )


async def _add(interaction: Interaction, name: str, *, spotify_id: str | None = None) -> None:
    chosen, user_id = interaction.services.store.chosen_artists, interaction.account.user_id
    add = partial(chosen.add, user_id, artist_key(name), name, spotify_id=spotify_id)
    await interaction.in_store(add)


async def _so_far(interaction: Interaction, first: str | None = None) -> None:
    """Who was named, what is still wanted, and the way on."""
    named = interaction.services.store.chosen_artists.list(interaction.account.user_id)
    missing = max(0, ENOUGH - len(named))
    if missing:
        interaction.ask("artists")
    wish = interaction.html("bot.artists.more", count=missing) if missing else None
    if not named:
        text = interaction.html(f"bot.artists.{first or 'ask'}")
    else:
        text = together(
            interaction.html(f"bot.artists.{first}") if first else None,
            interaction.html("bot.artists.so_far"),
            *(interaction.html("bot.artists.line", name=one.name) for one in named),
            "",
            wish or interaction.html("bot.artists.enough"),
        )
    letting_go = [
        [button(interaction.text("button.let_go", name=_short(one.name)), f"ag:{_short_id(one)}")]
        for one in named
    ]
    go_on = interaction.button("generate", "go:generate") if named else None
    await interaction.show(text, [go_on], *letting_go)


async def _prepare(interaction: Interaction) -> None:
    """Have the sources asked while the person reads on, where that is enough to start from."""
    account, linking = interaction.account, interaction.services.linking
    if account.connected and len(named_by(interaction)) >= ENOUGH:
        await interaction.in_store(partial(linking.note_first_preparation, account.user_id))
        await linking.begin_first_preparation(account.user_id)


def _short(name: str) -> str:
    return name if len(name) <= LABEL_LIMIT else name[: LABEL_LIMIT - 1] + "…"


def _short_id(one: ChosenArtist) -> str:
    """An artist's name in a button, which has no room for more."""
    return hashlib.sha256(one.key.encode()).hexdigest()[:16]
