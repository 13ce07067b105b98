"""Coming back from Spotify by hand: the address somebody landed on, sent to us as a message.

An installation without a public address sends people back to the machine it runs on, which a
phone cannot open; but the address that failed to open holds all we need.
"""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import SplitResult, parse_qs, urlsplit

from telegram.constants import MessageLimit

from vibe_bot.formatting import Html, button, together
from vibe_bot.interactions import Interaction
from vibe_pipeline.authorization import Refused, ToConfirm
from vibe_pipeline.locales import moment
from vibe_pipeline.settings import Settings

_ADDRESS = re.compile(r"(?:https?://)?[\w.:\[\]-]+/\S*\?\S+")


def landed_on(words: str, settings: Settings) -> str | None:
    """The query of our own way back from Spotify, if that is what somebody sent.

    The search takes time with the square of the length, so it ends where a message does.
    """
    found = _ADDRESS.search(words[: MessageLimit.MAX_TEXT_LENGTH])
    if found is None:
        return None
    ours = urlsplit(settings.spotify_redirect_uri)
    sent = found[0] if "://" in found[0] else f"{ours.scheme}://{found[0]}"
    try:
        parts = urlsplit(sent)
        same = _place(parts) == _place(ours)
    except ValueError:
        return None
    return parts.query if same and "state=" in parts.query else None


def _place(address: SplitResult) -> tuple[str | None, int | None, str]:
    """Where an address leads: browsers leave out the usual port, and write hosts in small letters.

    Raises ``ValueError`` for a port that is none.
    """
    usual = {"http": 80, "https": 443}.get(address.scheme)
    port = None if address.port == usual else address.port
    return address.hostname, port, address.path or "/"


async def landed(interaction: Interaction) -> None:
    """The query of that address: whose Spotify account it is, to be confirmed by name."""
    answer = {name: values[0] for name, values in parse_qs(interaction.args).items()}
    linking = interaction.services.linking
    outcome = await linking.came_back(answer, by=interaction.account.user_id)
    if isinstance(outcome, ToConfirm):
        token = await interaction.in_store(partial(linking.hold, outcome))
        if isinstance(token, str):
            await _ask(interaction, outcome, token)
            return
        outcome = token
    again = interaction.button("new_link", "go:connect")
    await interaction.answer(_refusal(interaction, outcome), [again])


async def confirmed(interaction: Interaction) -> str | None:
    """Yes or no to both names: ``y:TOKEN`` or ``n:TOKEN``, once."""
    answer, _, token = interaction.args.partition(":")
    linking = interaction.services.linking
    claim = partial(linking.claim, token, by=interaction.account.user_id)
    claimed = await interaction.in_store(claim)
    if claimed is None:
        if answer == "y" and linking.linked_before(token, by=interaction.account.user_id):
            await interaction.show(interaction.html("bot.done"))
            return None
        return interaction.text("bot.stale_button")
    if answer != "y":
        await interaction.show(interaction.html("bot.connect.kept"))
        return None
    outcome = await interaction.in_store(partial(linking.link, claimed))
    if isinstance(outcome, Refused):
        await interaction.show(_refusal(interaction, outcome))
        return None
    await interaction.show(interaction.html("bot.done"))
    await linking.begin_first_preparation(outcome.account.user_id)
    return None


async def _ask(interaction: Interaction, asked: ToConfirm, token: str) -> None:
    """The same question as on the page, with the same two names."""
    spotify, former, change = asked.spotify_name, asked.former_name, None
    if former is not None:
        change = interaction.html("oauth.confirm.change", former=former, spotify=spotify)
    telegram = asked.account.telegram_name
    text = together(
        Html(f"<b>{interaction.html('oauth.confirm.title')}</b>"),
        "",
        interaction.html("bot.connect.both", spotify=spotify, telegram=telegram),
        "",
        interaction.html("oauth.confirm.meaning"),
        change,
    )
    yes = button(interaction.text("oauth.confirm.yes"), f"cn:y:{token}")
    no = button(interaction.text("oauth.confirm.no"), f"cn:n:{token}")
    await interaction.answer(text, [yes], [no])


def _refusal(interaction: Interaction, refused: Refused) -> Html:
    """What the page of that name would have said."""
    page = f"oauth.{refused.reason}"
    blanks: dict[str, object] = {}
    if refused.until is not None:
        blanks["until"] = moment(interaction.language, refused.until, interaction.zone)
    title = Html(f"<b>{interaction.html(f'{page}.title')}</b>")
    return together(title, "", interaction.html(f"{page}.text", **blanks))
