"""Coming back from Spotify by hand: the address somebody landed on, sent to us as a message.

An installation without a public address sends people back to the machine it runs on, which a
phone cannot open; but the address that failed to open holds all we need.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import structlog

from vibe_bot.formatting import Html, button, tell, together
from vibe_bot.interactions import Interaction
from vibe_pipeline.accounts.errors import SpotifyAccountTaken
from vibe_pipeline.accounts.records import PendingConnection, StateKind
from vibe_pipeline.authorization import ScopesMissing, complete_consent, link_account
from vibe_pipeline.clients.budget import FixedToken
from vibe_pipeline.clients.errors import (
    KeyRefused,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.clients.factory import QUICK, open_spotify, open_spotify_accounts
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.locales import moment
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import Settings

log = structlog.get_logger()

_ADDRESS = re.compile(r"(?:https?://)?[\w.:\[\]-]+/\S*\?\S+")


def landed_on(words: str, settings: Settings) -> str | None:
    """The query of our own way back from Spotify, if that is what somebody sent."""
    found = _ADDRESS.search(words)
    if found is None:
        return None
    sent = found[0] if "://" in found[0] else f"http://{found[0]}"
    try:
        parts, ours = urlsplit(sent), urlsplit(settings.spotify_redirect_uri)
    except ValueError:
        return None
    same = (parts.netloc, parts.path) == (ours.netloc, ours.path)
    return parts.query if same and "state=" in parts.query else None


async def landed(interaction: Interaction) -> None:
    """The query of that address: whose Spotify account it is, to be confirmed by name."""
    query = parse_qs(interaction.args)
    store = interaction.services.store
    consent = store.oauth_states.take(query.get("state", [""])[0], StateKind.CONSENT)
    if consent is None or consent.user_id != interaction.account.user_id:
        await _tell(interaction, "unusable")
        return
    if "code" not in query:
        denied = query.get("error") == ["access_denied"]
        await _tell(interaction, "refused" if denied else "failed")
        return
    try:
        pending = await complete_consent(
            open_spotify_accounts(interaction.services.http, interaction.services.settings),
            lambda token: _profile(interaction, token),
            consent=consent,
            code=query["code"][0],
            now=interaction.services.now,
        )
    except ScopesMissing:
        await _tell(interaction, "scopes_missing")
    except ServiceError as error:
        log.warning("not connected", user=interaction.account.user_id, why=error.sentence)
        await _refused(interaction, error)
    else:
        await _ask(interaction, pending)


async def confirmed(interaction: Interaction) -> str | None:
    """Yes or no to both names: ``y:TOKEN`` or ``n:TOKEN``, once."""
    answer, _, token = interaction.args.partition(":")
    store = interaction.services.store
    pending = store.oauth_states.claim(token)
    if pending is None or pending.user_id != interaction.account.user_id:
        return interaction.text("bot.stale_button")
    if answer != "y":
        await interaction.show(interaction.html("bot.connect.kept"))
        return None
    try:
        link_account(store, pending)
    except SpotifyAccountTaken:
        await interaction.show(_page(interaction, "taken"))
        return None
    log.info("connected", user=pending.user_id)
    await interaction.show(interaction.html("bot.done"))
    try:
        await interaction.services.dagster.add_user(pending.user_id)
        await interaction.services.dagster.launch(LaunchRequest.first_sync(pending.user_id))
    except ServiceError as error:
        log.warning("first sync not launched", user=pending.user_id, why=error.sentence)
    return None


async def _profile(interaction: Interaction, token: str) -> SpotifyProfile:
    services = interaction.services
    spotify = open_spotify(
        services.http,
        services.settings,
        access=FixedToken(token),
        budget=services.store.budget,
        capabilities=services.store.capabilities,
        asked_for=True,
        now=services.now,
        patience=QUICK,
    )
    return await spotify.me()


async def _ask(interaction: Interaction, pending: PendingConnection) -> None:
    """The same question as on the page, with the same two names."""
    account, token = interaction.account, interaction.services.store.oauth_states.hold(pending)
    spotify = pending.spotify_name or pending.spotify_account_id
    former = account.spotify_account_id
    change = None
    if former is not None and former != pending.spotify_account_id:
        name = account.spotify_name or former
        change = tell(account.language, "oauth.confirm.change", former=name, spotify=spotify)
    text = together(
        Html(f"<b>{interaction.html('oauth.confirm.title')}</b>"),
        "",
        interaction.html("bot.connect.both", spotify=spotify, telegram=account.telegram_name),
        "",
        interaction.html("oauth.confirm.meaning"),
        change,
    )
    yes = button(interaction.text("oauth.confirm.yes"), f"cn:y:{token}")
    no = button(interaction.text("oauth.confirm.no"), f"cn:n:{token}")
    await interaction.answer(text, [yes], [no])


async def _refused(interaction: Interaction, error: ServiceError) -> None:
    match error:
        case RateLimited():
            until = moment(interaction.language, error.until, interaction.zone)
            await _tell(interaction, "limited", until=until)
        case NotAllowlisted():
            await _tell(interaction, "not_allowlisted")
        case OwnerNotPremium():
            await _tell(interaction, "owner_not_premium")
        case KeyRefused():
            await _tell(interaction, "misconfigured")
        case ServiceUnavailable():
            await _tell(interaction, "unavailable")
        case _:
            await _tell(interaction, "failed")


async def _tell(interaction: Interaction, page: str, **blanks: object) -> None:
    await interaction.answer(
        _page(interaction, page, **blanks), [interaction.button("new_link", "go:connect")]
    )


def _page(interaction: Interaction, page: str, **blanks: object) -> Html:
    """What the page of that name would have said."""
    title = Html(f"<b>{interaction.html(f'oauth.{page}.title')}</b>")
    return together(title, "", interaction.html(f"oauth.{page}.text", **blanks))
