"""/more, /less and /mood: what lists shall have more or less of, from now on or for today."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import partial

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, in_rows, together
from vibe_bot.interactions import Interaction
from vibe_bot.tag_words import mood_wished, shown, wished
from vibe_pipeline.accounts.records import SteeringWish, WishKind
from vibe_pipeline.nightly import local_date
from vibe_pipeline.ranking.flavour import MOODS

LABEL_LIMIT = 40


async def more(interaction: Interaction) -> None:
    """/more: of a style, a mood or any tag."""
    await _steer(interaction, WishKind.MORE)


async def less(interaction: Interaction) -> None:
    """/less: of a style, a mood or any tag."""
    await _steer(interaction, WishKind.LESS)


async def mood(interaction: Interaction) -> None:
    """/mood: one of ours, instead of the one before."""
    await _steer(interaction, WishKind.MOOD)


async def only_today(interaction: Interaction) -> str | None:
    """A tap: a wish holds for today's lists alone."""
    return await _hold(interaction, _today(interaction))


async def from_now_on(interaction: Interaction) -> str | None:
    """A tap: a wish holds until it is let go."""
    return await _hold(interaction, None)


async def let_go(interaction: Interaction) -> str | None:
    """A tap: a wish is no more."""
    wish = await removed(interaction)
    if wish is None:
        return interaction.text("bot.steering.gone")
    name = shown(interaction.language, wish.key)
    await interaction.show(interaction.html("bot.steering.let_go", name=name))
    return None


async def removed(interaction: Interaction) -> SteeringWish | None:
    """The wish that a button names, which is no more; ``None`` when it was none before."""
    wish = _named(interaction)
    if wish is not None:
        remove = interaction.services.store.steering.remove
        await interaction.in_store(partial(remove, interaction.account.user_id, wish.key))
    return wish


def standing(interaction: Interaction) -> list[SteeringWish]:
    """What the person asks for, newest first, without what was for a day that is over."""
    today = _today(interaction)
    wishes = interaction.services.store.steering.list(interaction.account.user_id)
    return [wish for wish in wishes if wish.only_on is None or wish.only_on >= today]


def line(interaction: Interaction, wish: SteeringWish) -> Html:
    """A wish in a few words."""
    name = shown(interaction.language, wish.key)
    today = "" if wish.only_on is None else "_today"
    return interaction.html(f"bot.steering.line_{wish.kind}{today}", name=name)


async def _steer(interaction: Interaction, kind: WishKind) -> None:
    words, for_today = arguments.without_today(interaction.args)
    key = mood_wished(words) if kind is WishKind.MOOD else wished(words)
    if key is None:
        await _ask(interaction, kind)
        return
    only_on = _today(interaction) if for_today else None
    wishes, user_id = interaction.services.store.steering, interaction.account.user_id
    set_it = partial(wishes.set, user_id, kind, key, words, only_on=only_on)
    await _tell(interaction, await interaction.in_store(set_it))


async def _hold(interaction: Interaction, only_on: date | None) -> str | None:
    wish = _named(interaction)
    if wish is None:
        return interaction.text("bot.steering.gone")
    wishes, user_id = interaction.services.store.steering, interaction.account.user_id
    set_it = partial(wishes.set, user_id, wish.kind, wish.key, wish.name, only_on=only_on)
    await _tell(interaction, await interaction.in_store(set_it))
    return None


async def _tell(interaction: Interaction, wish: SteeringWish) -> None:
    name, sign = shown(interaction.language, wish.key), short_id(wish)
    today = "" if wish.only_on is None else "_today"
    other = ("only_today", "st") if wish.only_on is None else ("from_now_on", "sn")
    await interaction.show(
        interaction.html(f"bot.steering.{wish.kind}{today}", name=name),
        [interaction.button(other[0], f"{other[1]}:{sign}")],
        [button(label(interaction, wish), f"sg:{sign}")],
    )


async def _ask(interaction: Interaction, kind: WishKind) -> None:
    """What is asked for so far, and what may be; each wish a tap from being let go."""
    said_something = bool(arguments.plain_text(interaction.args))
    interaction.ask(kind.value)
    wishes = standing(interaction)
    text = together(
        interaction.html(f"bot.steering.{kind}_{'wrong' if said_something else 'ask'}"),
        "" if wishes else None,
        *(line(interaction, wish) for wish in wishes),
    )
    moods = [
        button(shown(interaction.language, f"mood:{one}"), f"go:mood:{one}")
        for one in sorted(MOODS)
        if kind is WishKind.MOOD
    ]
    rows = [[button(label(interaction, wish), f"sg:{short_id(wish)}")] for wish in wishes]
    await interaction.answer(text, *in_rows(moods, 3), *rows)


def label(interaction: Interaction, wish: SteeringWish) -> str:
    """The words of a button that lets a wish go."""
    name = shown(interaction.language, wish.key)
    short = name if len(name) <= LABEL_LIMIT else name[: LABEL_LIMIT - 1] + "…"
    return interaction.text("button.let_go", name=short)


def short_id(wish: SteeringWish) -> str:
    """A wish's name in a button, which has no room for more."""
    return hashlib.sha256(wish.key.encode()).hexdigest()[:16]


def _named(interaction: Interaction) -> SteeringWish | None:
    wishes = interaction.services.store.steering.list(interaction.account.user_id)
    return next((wish for wish in wishes if short_id(wish) == interaction.args), None)


def _today(interaction: Interaction) -> date:
    return local_date(interaction.account, interaction.services.now())
