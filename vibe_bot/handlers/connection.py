"""The link to Spotify: making it, ending it, and being forgotten altogether.

The chat's side. Consent itself is ``vibe_oauth``'s, an address pasted by hand
``handlers.paste_callback``'s.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from io import BytesIO

import segno
import structlog

from vibe_bot.formatting import (
    Html,
    copying,
    keyboard,
    leads_to_this_machine,
    link,
    opening,
    tell,
    together,
)
from vibe_bot.interactions import Interaction
from vibe_bot.sending import send_picture
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, Erasure, ErasureKind, StateKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.locales import day
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

LINK_MINUTES = 10
SURE_WITHIN = timedelta(minutes=10)
TAPPED_WITHIN = timedelta(hours=24)
"""So long Telegram keeps a tap for a bot that is away."""
FOLLOWED_AT_ONCE = 1.0
"""So many seconds what was erased here waits for the workshop's answer before it is told."""
SPOTIFY_APPS_PAGE = "https://www.spotify.com/account/apps/"


async def connect(interaction: Interaction) -> None:
    """/connect: a link of the person's own to Spotify's consent page."""
    await invitation(interaction, asked=True)


async def invitation(interaction: Interaction, *, asked: bool = False) -> None:
    """Why a connection is needed, if it was not asked for, and the way to it."""
    settings = interaction.services.settings
    if settings.spotify_client_id is None:
        await interaction.answer(interaction.html("bot.connect.not_set_up"))
        return
    store, account = interaction.services.store, interaction.account
    ttl = LINK_MINUTES * 60
    state = await interaction.in_store(
        partial(store.oauth_states.make, account.user_id, StateKind.LINK, ttl=ttl)
    )
    address = f"{settings.public_url}/connect/{state}"
    button = opening(interaction.text("button.connect"), address)
    minutes = interaction.text("bot.connect.minutes", count=LINK_MINUTES)
    in_words = interaction.html("bot.connect.open_here", link=link(address, address))
    here_only = leads_to_this_machine(settings.spotify_redirect_uri)
    text = together(
        _reason(interaction, asked=asked),
        interaction.html("bot.connect.invite", name=account.telegram_name, minutes=minutes),
        None if button else Html(f"\n{in_words}\n"),
        interaction.html("bot.connect.this_machine") if leads_to_this_machine(address) else None,
        interaction.html("bot.connect.by_hand", page=await _spotifys_page(interaction))
        if here_only
        else None,
    )
    copy = None if button else copying(interaction.text("button.copy_link"), address)
    await interaction.answer(text, markup=keyboard([button], [copy]))
    if asked and not leads_to_this_machine(address):
        caption = interaction.html("bot.connect.scan")
        await send_picture(interaction.bot, account.chat_id, qr_code(address), caption)


def qr_code(address: str) -> bytes:
    """The address as a picture (PNG) that another device's camera reads."""
    picture = BytesIO()
    segno.make_qr(address, error="m").save(picture, kind="png", scale=8, border=4)
    return picture.getvalue()


async def disconnect(interaction: Interaction) -> None:
    """/disconnect: unlink Spotify, once the person is sure."""
    if not _linked(interaction.account):
        await interaction.show(interaction.html("bot.disconnect.not_connected"))
        return
    await interaction.show(
        interaction.html("bot.disconnect.ask"),
        [interaction.button("yes_disconnect", f"sure:disconnect:{_mark(interaction)}")],
        [interaction.button("no", "no")],
    )


async def forget(interaction: Interaction) -> None:
    """/forget: erase the person, once they are sure."""
    await interaction.show(
        interaction.html("bot.forget.ask"),
        [interaction.button("yes_forget", f"sure:forget:{_mark(interaction)}")],
        [interaction.button("no", "no")],
    )


async def sure(interaction: Interaction) -> str | None:
    """The person is sure; an old button no longer counts, nor one that somebody else was shown.

    Whoever was forgotten is somebody else when they come back. Nobody tells when a button was
    tapped while we were away; but not before the day for which Telegram keeps that.
    """
    what, _, mark = interaction.args.partition(":")
    stamp, _, shown_to = mark.partition(":")
    asked_at = int(stamp) if stamp.isascii() and stamp.isdigit() else 0
    age = interaction.services.now().timestamp() - asked_at
    longest = SURE_WITHIN + TAPPED_WITHIN if interaction.waited else SURE_WITHIN
    old = age > longest.total_seconds()
    if old or shown_to != _short_id(interaction.account):
        return interaction.text("bot.stale_button")
    erasures, user_id = interaction.services.store.erasures, interaction.account.user_id
    if what == "disconnect":
        if not _linked(interaction.account):
            return await _unlinked_before(interaction)
        note = await interaction.in_store(partial(erasures.disconnect, user_id))
        await _show_and_follow(interaction, interaction.html("bot.disconnect.done"), note)
    elif what == "forget":
        note = await interaction.in_store(partial(erasures.forget, user_id))
        await _show_and_follow(interaction, _forgotten(interaction.language), note)
    return None


async def _unlinked_before(interaction: Interaction) -> str | None:
    """Nothing to do any more; where this very tap did it and a bot died over it, that is shown."""
    note = _promise(interaction.services.store, interaction.account.chat_id, ErasureKind.SPOTIFY)
    if note is None or not interaction.again:
        return interaction.text("bot.disconnect.not_connected")
    await interaction.show(_promised(interaction.html("bot.disconnect.done"), note))
    return None


def forgotten_before(store: AccountStore, chat_id: int) -> Html | None:
    """What is shown to somebody forgotten whose tap is handled again, while that is promised."""
    note = _promise(store, chat_id, ErasureKind.PERSON)
    return None if note is None else _promised(_forgotten(note.language), note)


async def not_sure(interaction: Interaction) -> None:
    """Everything stays; or the rest, where another question was answered with yes before."""
    kept = "kept" if _linked(interaction.account) else "kept_unlinked"
    await interaction.show(interaction.html(f"bot.disconnect.{kept}"))


def consent_ended(account: Account) -> bool:
    """Whether there was a connection whose consent has run out."""
    return not account.connected and account.spotify_account_id is not None


async def _show_and_follow(interaction: Interaction, done: Html, note: Erasure) -> None:
    """Say that it is done, at once; and what becomes of the rest as soon as that is known."""
    following = asyncio.create_task(_follow(interaction, note))
    try:
        if not (await asyncio.wait({following}, timeout=FOLLOWED_AT_ONCE))[0]:
            await interaction.show(done)
    finally:
        begun = await following
    await interaction.show(together(done, "", _receipt(note, "follows" if begun else "later")))


async def _follow(interaction: Interaction, note: Erasure) -> bool:
    """Have the workshop erase its part; what cannot be begun now is begun there by itself."""
    dagster = interaction.services.dagster
    try:
        for run in await dagster.runs(tags=runs.owner_tags(note.user_id), statuses=runs.UNFINISHED):
            await dagster.terminate(run.run_id)
        await dagster.launch(LaunchRequest.forgetting(note.receipt, asked_by=runs.CHAT))
    except ServiceError as error:
        log.warning("cannot begin erasing yet", receipt=note.receipt, why=error.sentence)
        return False
    return True


def _promise(store: AccountStore, chat_id: int, kind: ErasureKind) -> Erasure | None:
    """The newest one of this kind to this chat whose receipt was not delivered yet."""
    open_ones = [*store.erasures.waiting(), *store.erasures.to_tell()]
    theirs = [one for one in open_ones if one.chat_id == chat_id and one.kind is kind]
    return max(theirs, key=lambda one: one.asked_at, default=None)


def _promised(done: Html, note: Erasure) -> Html:
    return together(done, "", _receipt(note, "follows"))


def _receipt(note: Erasure, how: str) -> Html:
    return tell(note.language, f"bot.receipt.{how}", receipt=note.receipt)


def _forgotten(language: str) -> Html:
    mind = tell(language, "bot.forget.mind", link=link(SPOTIFY_APPS_PAGE, SPOTIFY_APPS_PAGE))
    return together(tell(language, "bot.forget.done"), mind)


async def _spotifys_page(interaction: Interaction) -> Html:
    """Straight to Spotify, for a phone that cannot open our own address."""
    address_of = interaction.services.linking.spotify_address
    address = await interaction.in_store(partial(address_of, interaction.account.user_id))
    return link(address, interaction.text("bot.connect.spotifys_page"))


def _reason(interaction: Interaction, *, asked: bool) -> str | None:
    account = interaction.account
    if account.connected:
        name = account.spotify_name or account.spotify_account_id or ""
        return interaction.html("bot.connect.already", spotify=name) + "\n"
    if consent_ended(account):
        ended = account.consent_ends_at
        past = ended is not None and ended <= interaction.services.now()
        when = ended if past and ended is not None else interaction.services.now()
        local = when.astimezone(interaction.zone).date()
        return interaction.html("bot.connect.expired", day=day(interaction.language, local)) + "\n"
    return None if asked else interaction.html("bot.connect.first") + "\n"


def _linked(account: Account) -> bool:
    """Whether there is anything to unlink."""
    return account.connected or account.spotify_account_id is not None


def _mark(interaction: Interaction) -> str:
    """When a button was shown, and to whom."""
    return f"{int(interaction.services.now().timestamp())}:{_short_id(interaction.account)}"


def _short_id(account: Account) -> str:
    """A person's id as far as a button has room for it."""
    return account.user_id[:12]
