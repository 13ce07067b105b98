"""The link to Spotify: making it, ending it, and being forgotten altogether."""

from __future__ import annotations

import secrets
from datetime import timedelta

import structlog

from vibe_bot.formatting import (
    Html,
    copying,
    keyboard,
    leads_to_this_machine,
    link,
    opening,
    together,
)
from vibe_bot.interactions import Visit
from vibe_bot.jobs import UNDER_WAY
from vibe_pipeline.accounts.records import Account, Erasure, StateKind
from vibe_pipeline.authorization import challenge_of, new_verifier
from vibe_pipeline.clients.dagster import PARTITION_TAG
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.opening import open_spotify_accounts
from vibe_pipeline.locales import day

log = structlog.get_logger()

LINK_MINUTES = 10
SURE_WITHIN = timedelta(minutes=10)
SPOTIFY_APPS_PAGE = "https://www.spotify.com/account/apps/"


async def connect(visit: Visit) -> None:
    """/connect: a link of the person's own to Spotify's consent page."""
    await invitation(visit, asked=True)


async def invitation(visit: Visit, *, asked: bool = False) -> None:
    """Why a connection is needed, if it was not asked for, and the way to it."""
    settings = visit.services.settings
    if settings.spotify_client_id is None:
        await visit.answer(visit.html("bot.connect.not_set_up"))
        return
    store, account = visit.services.store, visit.account
    state = store.oauth_states.make(account.user_id, StateKind.LINK, ttl=LINK_MINUTES * 60)
    address = f"{settings.public_url}/connect/{state}"
    button = opening(visit.text("button.connect"), address)
    minutes = visit.text("bot.connect.minutes", count=LINK_MINUTES)
    in_words = visit.html("bot.connect.open_here", link=link(address, address))
    here_only = leads_to_this_machine(settings.spotify_redirect_uri)
    text = together(
        _reason(visit, asked=asked),
        visit.html("bot.connect.invite", name=account.telegram_name, minutes=minutes),
        None if button else Html(f"\n{in_words}\n"),
        visit.html("bot.connect.this_machine") if leads_to_this_machine(address) else None,
        visit.html("bot.connect.by_hand", page=_spotifys_page(visit)) if here_only else None,
    )
    copy = None if button else copying(visit.text("button.copy_link"), address)
    await visit.answer(text, markup=keyboard([button], [copy]))


async def disconnect(visit: Visit) -> None:
    """/disconnect: unlink Spotify, once the person is sure."""
    account = visit.account
    if not account.connected and account.spotify_account_id is None:
        await visit.show(visit.html("bot.disconnect.not_connected"))
        return
    await visit.show(
        visit.html("bot.disconnect.ask"),
        [visit.button("yes_disconnect", f"sure:disconnect:{_stamp(visit)}")],
        [visit.button("no", "no")],
    )


async def forget(visit: Visit) -> None:
    """/forget: erase the person, once they are sure."""
    await visit.show(
        visit.html("bot.forget.ask"),
        [visit.button("yes_forget", f"sure:forget:{_stamp(visit)}")],
        [visit.button("no", "no")],
    )


async def sure(visit: Visit) -> str | None:
    """The person is sure; an old button no longer counts."""
    what, _, stamp = visit.said.partition(":")
    asked_at = int(stamp) if stamp.isascii() and stamp.isdigit() else 0
    if visit.services.now().timestamp() - asked_at > SURE_WITHIN.total_seconds():
        return visit.text("bot.stale_button")
    if what == "disconnect":
        note = visit.services.store.erasures.disconnect(visit.account.user_id)
        await visit.show(
            together(visit.html("bot.disconnect.done"), "", await _follow(visit, note))
        )
    elif what == "forget":
        note = visit.services.store.erasures.forget(visit.account.user_id)
        gone = together(
            visit.html("bot.forget.done"),
            visit.html("bot.forget.mind", link=link(SPOTIFY_APPS_PAGE, SPOTIFY_APPS_PAGE)),
            "",
            await _follow(visit, note),
        )
        await visit.show(gone)
    return None


async def not_sure(visit: Visit) -> None:
    """Everything stays."""
    await visit.show(visit.html("bot.disconnect.kept"))


def consent_ended(account: Account) -> bool:
    """Whether there was a connection whose consent has run out."""
    return not account.connected and account.spotify_account_id is not None


async def _follow(visit: Visit, note: Erasure) -> Html:
    """Have the workshop erase its part; what cannot be begun now is begun there by itself."""
    dagster, begun = visit.services.dagster, True
    try:
        for run in await dagster.runs(tags={PARTITION_TAG: note.user_id}, statuses=UNDER_WAY):
            await dagster.terminate(run.run_id)
        await dagster.launch(
            "forget_person",
            tags={"vibe/asked_by": "chat", "vibe/receipt": note.receipt},
            run_config={"ops": {"forget": {"config": {"receipt": note.receipt}}}},
        )
    except ServiceError as error:
        log.warning("cannot begin erasing yet", receipt=note.receipt, why=error.sentence)
        begun = False
    return visit.html(f"bot.receipt.{'follows' if begun else 'later'}", receipt=note.receipt)


def _spotifys_page(visit: Visit) -> Html:
    """Straight to Spotify, for a phone that cannot open our own address."""
    services = visit.services
    verifier = new_verifier(secrets.token_bytes)
    state = services.store.oauth_states.make(visit.account.user_id, StateKind.CONSENT, verifier)
    consent = open_spotify_accounts(services.http, services.settings)
    address = consent.authorize_url(state=state, challenge=challenge_of(verifier))
    return link(address, visit.text("bot.connect.spotifys_page"))


def _reason(visit: Visit, *, asked: bool) -> str | None:
    account = visit.account
    if account.connected:
        name = account.spotify_name or account.spotify_account_id or ""
        return visit.html("bot.connect.already", spotify=name) + "\n"
    if consent_ended(account):
        ended = account.consent_ends_at
        past = ended is not None and ended <= visit.services.now()
        when = ended if past and ended is not None else visit.services.now()
        local = when.astimezone(visit.zone).date()
        return visit.html("bot.connect.expired", day=day(visit.language, local)) + "\n"
    return None if asked else visit.html("bot.connect.first") + "\n"


def _stamp(visit: Visit) -> int:
    return int(visit.services.now().timestamp())
