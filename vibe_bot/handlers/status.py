"""/status: connection, settings, what comes next, and what is switched off."""

from __future__ import annotations

from datetime import datetime

from vibe_bot.formatting import Html, together
from vibe_bot.handlers.connection import consent_ended
from vibe_bot.interactions import Visit
from vibe_bot.results import source_name
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.locales import day, knows, listed, moment, percent
from vibe_pipeline.nightly import next_night
from vibe_pipeline.records import Mode, PoolState

_SAID_ABOVE = frozenset({"switched_off", "not_offered"})
_SAID = frozenset({PoolState.OFF.value, PoolState.ABSENT.value, PoolState.FAILED.value})


async def status(visit: Visit) -> None:
    """Everything the person may want to know, in one message."""
    text = together(
        visit.html("bot.status.title"),
        "",
        *_connection(visit),
        *_lists(visit),
        "",
        visit.html("bot.status.settings"),
        *_settings(visit),
        *_spotify(visit),
    )
    connect = None if visit.account.connected else visit.button("connect", "go:connect")
    await visit.answer(text, [connect])


def _connection(visit: Visit) -> list[Html]:
    account, language = visit.account, visit.language
    name = account.spotify_name or account.spotify_account_id or ""
    if consent_ended(account):
        ended = account.consent_ends_at or visit.services.now()
        return [visit.html("bot.status.expired", day=_day(visit, min(ended, visit.services.now())))]
    if not account.connected:
        return [visit.html("bot.status.not_connected")]
    lines = [visit.html("bot.status.connected", spotify=name)]
    if account.consented_at is not None and account.consent_ends_at is not None:
        left = max(0, (account.consent_ends_at - visit.services.now()).days)
        lines.append(
            visit.html(
                "bot.status.consent",
                day=_day(visit, account.consented_at),
                end=_day(visit, account.consent_ends_at),
                left=visit.text("bot.count.days", count=left),
            )
        )
    if account.likes_cached is None or account.likes_synced_at is None:
        return [*lines, visit.html("bot.status.no_likes")]
    likes = visit.text("bot.count.likes", count=account.likes_cached)
    read = moment(language, account.likes_synced_at, visit.zone)
    return [*lines, visit.html("bot.status.likes", likes=likes, when=read)]


def _lists(visit: Visit) -> list[Html]:
    services, account = visit.services, visit.account
    lines = [_last(visit, services.store.editions.latest(account.user_id))]
    night = next_night(account, services.now())
    if night is None:
        lines.append(visit.html("bot.status.night_off"))
    elif not account.connected:
        lines.append(visit.html("bot.status.night_waits"))
    else:
        when = moment(visit.language, night, visit.zone)
        lines.append(visit.html("bot.status.night", when=when, zone=account.timezone))
    if services.store.watches.open(account.user_id):
        lines.append(visit.html("bot.status.running"))
    return lines


def _last(visit: Visit, edition: Edition | None) -> Html:
    if edition is None:
        return visit.html("bot.status.last_none")
    tracks = visit.text("bot.count.tracks", count=len(edition.tracks))
    when = moment(visit.language, edition.updated_at, visit.zone)
    return visit.html("bot.status.last", when=when, tracks=tracks)


def _settings(visit: Visit) -> list[Html]:
    account, language = visit.account, visit.language
    tracks = visit.text("bot.count.tracks", count=account.playlist_size)
    mode = "mode_living" if account.mode is Mode.LIVING else "mode_daily"
    return [
        visit.html("bot.status.size", tracks=tracks),
        visit.html("bot.status.ratio", share=percent(language, account.min_new_ratio)),
        visit.html("bot.status.adventure", value=account.adventure),
        visit.html(f"bot.status.{mode}"),
        visit.html("bot.status.language", language=visit.text(f"language.{language}")),
    ]


def _spotify(visit: Visit) -> list[Html]:
    store, lines = visit.services.store, [Html("")]
    until, left = store.budget.blocked_until("spotify"), store.budget.left("spotify")
    if until is not None:
        lines.append(
            visit.html("bot.status.blocked", until=moment(visit.language, until, visit.zone))
        )
    elif left is not None:
        lines.append(
            visit.html("bot.status.budget", left=visit.text("bot.count.calls", count=left))
        )
    absent = [source_name(visit.language, one.name) for one in store.capabilities.list()]
    if absent:
        lines.append(visit.html("bot.status.off", names=listed(visit.language, absent)))
    lines += _resting(visit)
    unwanted = sorted(source_name(visit.language, one) for one in visit.account.sources_off)
    if unwanted:
        lines.append(visit.html("bot.status.off_yours", names=listed(visit.language, unwanted)))
    return lines


def _resting(visit: Visit) -> list[Html]:
    """Sources that could not be asked for the last list, each with its reason."""
    edition = visit.services.store.editions.latest(visit.account.user_id)
    summary = None if edition is None else edition.summary
    return [
        visit.html(
            "bot.status.resting",
            name=source_name(visit.language, pool.source),
            why=visit.text(f"pool.{pool.reason}"),
        )
        for pool in (() if summary is None else summary.pools)
        if pool.state in _SAID and pool.reason not in _SAID_ABOVE and knows(f"pool.{pool.reason}")
    ]


def _day(visit: Visit, moment_of: datetime) -> str:
    return day(visit.language, moment_of.astimezone(visit.zone).date())
