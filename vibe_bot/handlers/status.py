"""/status: connection, settings, what comes next, and what is switched off."""

from __future__ import annotations

from datetime import datetime

import structlog
from telegram import InlineKeyboardButton

from vibe_bot.formatting import Html, button, together
from vibe_bot.handlers import artists, notify, steering
from vibe_bot.handlers.connection import consent_ended
from vibe_bot.handlers.playlist_name import may_upload
from vibe_bot.interactions import Interaction
from vibe_bot.results import source_name
from vibe_bot.tag_words import shown
from vibe_bot.zone_guesses import zone_name
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import STALE_NOTE, Edition
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.locales import day, knows, listed, moment, number, percent
from vibe_pipeline.nightly import ATTEMPTS, WaitingNight, next_night, waiting_night
from vibe_pipeline.records import Mode, PoolState

log = structlog.get_logger()

_SAID_ABOVE = frozenset({"switched_off", "not_offered"})
_SAID = frozenset({PoolState.OFF.value, PoolState.ABSENT.value, PoolState.FAILED.value})


async def status(interaction: Interaction) -> None:
    """Everything the person may want to know, in one message."""
    text, rows = await _standing(interaction)
    await interaction.answer(text, *rows)


async def let_go(interaction: Interaction) -> str:
    """A tap: a wish is no more, and the message says how things stand without it."""
    wish = await steering.removed(interaction)
    text, rows = await _standing(interaction)
    await interaction.show(text, *rows)
    if wish is None:
        return interaction.text("bot.steering.gone")
    name = shown(interaction.language, wish.key)
    return interaction.text("bot.steering.let_go", name=name)


async def _standing(
    interaction: Interaction,
) -> tuple[Html, list[list[InlineKeyboardButton | None]]]:
    text = together(
        interaction.html("bot.status.title"),
        "",
        *_connection(interaction),
        *await _lists(interaction),
        "",
        interaction.html("bot.status.settings"),
        *_settings(interaction),
        *_spotify(interaction),
    )
    connect = None if interaction.account.connected else interaction.button("connect", "go:connect")
    letting_go: list[list[InlineKeyboardButton | None]] = [
        [button(steering.label(interaction, wish), f"ss:{steering.short_id(wish)}")]
        for wish in steering.standing(interaction)
    ]
    return text, [[connect], *letting_go]


def _connection(interaction: Interaction) -> list[Html]:
    account, language = interaction.account, interaction.language
    name = account.spotify_name or account.spotify_account_id or ""
    if consent_ended(account):
        ended = account.consent_ends_at or interaction.services.now()
        return [
            interaction.html(
                "bot.status.expired", day=_day(interaction, min(ended, interaction.services.now()))
            )
        ]
    if not account.connected:
        return [interaction.html("bot.status.not_connected")]
    lines = [interaction.html("bot.status.connected", spotify=name)]
    if account.consented_at is not None and account.consent_ends_at is not None:
        left = max(0, (account.consent_ends_at - interaction.services.now()).days)
        lines.append(
            interaction.html(
                "bot.status.consent",
                day=_day(interaction, account.consented_at),
                end=_day(interaction, account.consent_ends_at),
                left=interaction.text("bot.count.days", count=left),
            )
        )
    if account.likes_cached is None or account.likes_synced_at is None:
        return [*lines, interaction.html("bot.status.no_likes")]
    when = moment(language, account.likes_synced_at, interaction.zone)
    if account.likes_total is not None:
        read, total = (number(language, n) for n in (account.likes_cached, account.likes_total))
        part = interaction.html("bot.status.likes_part", read=read, total=total, when=when)
        return [*lines, part]
    likes = interaction.text("bot.count.likes", count=account.likes_cached)
    return [*lines, interaction.html("bot.status.likes", likes=likes, when=when)]


async def _lists(interaction: Interaction) -> list[Html]:
    services, account = interaction.services, interaction.account
    lines = [_last(interaction, services.store.editions.latest(account.user_id))]
    waiting = await _waiting(interaction)
    if waiting is not None and waiting.under_way:
        lines.append(interaction.html("bot.status.night_late"))
    night = _next_list(interaction, waiting)
    if night is None:
        lines.append(interaction.html("bot.status.night_off"))
    elif not account.connected:
        lines.append(interaction.html("bot.status.night_waits"))
    else:
        when = moment(interaction.language, night, interaction.zone)
        lines.append(
            interaction.html("bot.status.night", when=when, zone=zone_name(account.timezone))
        )
    under_way = interaction.state.launches.jobs_under_way(account.user_id)
    if any(job.makes_a_list for job in under_way):
        lines.append(interaction.html("bot.status.running"))
    return lines + _postponed(interaction)


def _postponed(interaction: Interaction) -> list[Html]:
    """What was asked for while Spotify rested, and when it comes."""
    wishes = interaction.services.store.pending_launches.open(interaction.account.user_id)
    return [
        interaction.html(
            "bot.status.postponed",
            when=moment(
                interaction.language, max(wish.wanted_at, wish.not_before), interaction.zone
            ),
        )
        for wish in wishes
        if wish.rests
    ]


async def _waiting(interaction: Interaction) -> WaitingNight | None:
    """The last night, if its list is still to come."""
    services, account = interaction.services, interaction.account
    store, now = services.store, services.now()
    waiting = waiting_night(
        account, store.editions.of_day, now, blocked_until=store.budget.blocked_until("spotify")
    )
    if waiting is None or await _tried_enough(interaction, waiting.occasion):
        return None
    return waiting


def _next_list(interaction: Interaction, waiting: WaitingNight | None) -> datetime | None:
    """The next night, or the next try of the last one, as that was told when it failed."""
    services, account = interaction.services, interaction.account
    night = next_night(account, services.now(), services.store.editions.of_day)
    if night is None or waiting is None or waiting.under_way:
        return night
    return min(night, waiting.until)


async def _tried_enough(interaction: Interaction, occasion: str) -> bool:
    """Whether this night is given up; while its runs cannot be looked at, it is not."""
    tags = runs.occasion_tags(interaction.account.user_id, occasion)
    try:
        begun = await interaction.services.dagster.runs(tags=tags, limit=4 * ATTEMPTS)
    except ServiceError as error:
        log.warning("cannot tell how often a night was tried", why=error.sentence)
        return False
    return sum(not runs.is_continuation(run.tags) for run in begun) >= ATTEMPTS


def _last(interaction: Interaction, edition: Edition | None) -> Html:
    if edition is None:
        return interaction.html("bot.status.last_none")
    tracks = interaction.text("bot.count.tracks", count=len(edition.tracks))
    when = moment(interaction.language, edition.updated_at, interaction.zone)
    return interaction.html("bot.status.last", when=when, tracks=tracks)


def _settings(interaction: Interaction) -> list[Html]:
    account, language = interaction.account, interaction.language
    tracks = interaction.text("bot.count.tracks", count=account.playlist_size)
    mode = "mode_living" if account.mode is Mode.LIVING else "mode_daily"
    return [
        interaction.html("bot.status.size", tracks=tracks),
        interaction.html("bot.status.ratio", share=percent(language, account.min_new_ratio)),
        interaction.html("bot.status.adventure", value=account.adventure),
        interaction.html(f"bot.status.{mode}"),
        *_choices(interaction),
        *(steering.line(interaction, wish) for wish in steering.standing(interaction)),
        interaction.html("bot.status.language", language=interaction.text(f"language.{language}")),
    ]


def _choices(interaction: Interaction) -> list[Html]:
    """What a person chose for their lists; nothing for whoever chose nothing."""
    account, lines = interaction.account, []
    if account.own_title is not None:
        lines.append(interaction.html("bot.status.title_own", name=account.own_title))
    if account.covers:
        waits = account.connected and not may_upload(interaction)
        lines.append(interaction.html(f"bot.status.cover{'_waits' if waits else ''}"))
    if starts := artists.named_by(interaction):
        names = listed(interaction.language, starts)
        lines.append(interaction.html("bot.status.artists", names=names))
    if where := notify.told_at(interaction):
        lines.append(interaction.html("bot.status.notify", where=where))
    if account.leaves_out_explicit:
        lines.append(interaction.html("bot.status.explicit"))
    return lines


def _spotify(interaction: Interaction) -> list[Html]:
    store, lines = interaction.services.store, [Html("")]
    until, left = store.budget.blocked_until("spotify"), store.budget.unused("spotify")
    if until is not None:
        lines.append(
            interaction.html(
                "bot.status.blocked", until=moment(interaction.language, until, interaction.zone)
            )
        )
    elif left is not None:
        lines.append(
            interaction.html(
                "bot.status.budget", left=interaction.text("bot.count.calls", count=left)
            )
        )
    absent = [source_name(interaction.language, one.name) for one in store.capabilities.list()]
    if absent:
        lines.append(interaction.html("bot.status.off", names=listed(interaction.language, absent)))
    lines += _resting(interaction)
    unwanted = sorted(
        source_name(interaction.language, one) for one in interaction.account.sources_off
    )
    if unwanted:
        lines.append(
            interaction.html("bot.status.off_yours", names=listed(interaction.language, unwanted))
        )
    return lines


def _resting(interaction: Interaction) -> list[Html]:
    """What could not be asked for the last list, each with its reason."""
    edition = interaction.services.store.editions.latest(interaction.account.user_id)
    summary = None if edition is None else edition.summary
    went_by = [] if summary is None else [n for n in summary.notes if n.startswith(STALE_NOTE)]
    stale = [interaction.html(f"bot.note.{note}") for note in went_by if knows(f"bot.note.{note}")]
    return stale + [
        interaction.html(
            "bot.status.resting",
            name=source_name(interaction.language, pool.source),
            why=interaction.text(f"pool.{pool.reason}"),
        )
        for pool in (() if summary is None else summary.pools)
        if pool.state in _SAID and pool.reason not in _SAID_ABOVE and knows(f"pool.{pool.reason}")
    ]


def _day(interaction: Interaction, moment_of: datetime) -> str:
    return day(interaction.language, moment_of.astimezone(interaction.zone).date())
