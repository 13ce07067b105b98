"""Looking at lists: their tracks page by page, why each is there, and those of other days."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, in_rows, together, with_button
from vibe_bot.interactions import Visit
from vibe_bot.remarks import spoke
from vibe_bot.results import because, made, source_name
from vibe_pipeline.accounts.records import Edition, EditionKind
from vibe_pipeline.locales import day, knows, say
from vibe_pipeline.nightly import local_date
from vibe_pipeline.records import ChosenTrack, EditionId

TRACKS_A_PAGE = 5
REASONS_A_PAGE = 10
DAYS_SHOWN = 10
NEW, FAMILIAR, BLOCKED = "🆕", "♥", "🚫"
LABEL_LIMIT = 30


async def tracks(visit: Visit) -> str | None:
    """The tracks of a list, in a new message: ``EDITION:PAGE``."""
    return await _tracks(visit, new_message=True)


async def turn_tracks(visit: Visit) -> str | None:
    """Another page of them, in the same message."""
    return await _tracks(visit, new_message=False)


async def why(visit: Visit) -> None:
    """/why: the reasons of the whole last list, or of the one track that was named."""
    edition = visit.services.store.editions.latest(visit.account.user_id)
    if edition is None:
        await visit.answer(
            visit.html("bot.tracks.none", generate=visit.text("keyboard.generate")),
            [visit.button("generate", "go:generate")],
        )
        return
    wanted = arguments.plain_text(visit.said)
    if not wanted:
        await _show_reasons(visit, edition, 0, new_message=True)
        return
    track = _named(edition, wanted)
    if track is None:
        told = day(visit.language, edition.vibe_date)
        await visit.answer(visit.html("bot.why.not_there", name=wanted, day=told))
        return
    await _show_reason(visit, edition, track)


async def reasons(visit: Visit) -> str | None:
    """The reasons of a list, in a new message: ``EDITION:PAGE``."""
    return await _reasons(visit, new_message=True)


async def turn_reasons(visit: Visit) -> str | None:
    """Another page of them, in the same message."""
    return await _reasons(visit, new_message=False)


async def why_one(visit: Visit) -> str | None:
    """Why one track is there: ``EDITION:POSITION``."""
    edition, position = edition_said(visit)
    track = None if edition is None else track_at(edition, position)
    if edition is None or track is None:
        return visit.text("bot.not_yours")
    await _show_reason(visit, edition, track)
    return None


async def history(visit: Visit) -> None:
    """/history: the last lists, each a tap away."""
    editions = _published(visit)
    if not editions:
        words = visit.html("bot.history.none", generate=visit.text("keyboard.generate"))
        await visit.answer(words, [visit.button("generate", "go:generate")])
        return
    lines = [_history_line(visit, edition) for edition in editions]
    rows = in_rows(_day_buttons(visit, editions), 2)
    await visit.answer(together(visit.html("bot.history.title"), "", *lines), *rows)


async def one_day(visit: Visit) -> None:
    """/day: the list of one past day."""
    today = local_date(visit.account, visit.services.now())
    wanted = arguments.day(visit.said, today=today)
    if wanted is None or wanted > today:
        said_something = bool(arguments.plain_text(visit.said))
        visit.ask("day")
        rows = in_rows(_day_buttons(visit, _published(visit)), 2)
        await visit.answer(
            visit.html(f"bot.history.day_{'wrong' if said_something else 'ask'}"), *rows
        )
        return
    await _show_day(visit, wanted)


def edition_said(visit: Visit) -> tuple[Edition | None, int]:
    """The person's own list and the number that a button names: ``EDITION:NUMBER``."""
    edition_id, _, number = visit.said.partition(":")
    edition = visit.services.store.editions.get(EditionId(edition_id))
    if edition is None or edition.user_id != visit.account.user_id:
        return None, 0
    return edition, int(number) if number.isascii() and number.isdigit() else 0


def track_at(edition: Edition, position: int) -> ChosenTrack | None:
    """The track in this place of a list."""
    return next((one for one in edition.tracks if one.position == position), None)


async def show_tracks(visit: Visit, edition: Edition, page: int, *, new_message: bool) -> None:
    """One page of a list with a row of buttons for each track."""
    last_page = max(0, (len(edition.tracks) - 1) // TRACKS_A_PAGE)
    page = min(page, last_page)
    shown = edition.tracks[page * TRACKS_A_PAGE : (page + 1) * TRACKS_A_PAGE]
    blocked = _blocked_keys(visit)
    lines = [_track_line(visit, track, blocked) for track in shown]
    title = visit.html(
        "bot.tracks.title",
        title=edition.title or visit.text("bot.made.untitled"),
        day=day(visit.language, edition.vibe_date),
    )
    text = together(title, "", *lines, "", visit.html("bot.tracks.explain"))
    thumbs = {one.key: one.value for one in visit.services.store.thumbs.list(visit.account.user_id)}
    rows = [_track_row(edition, track, thumbs) for track in shown]
    rows.append(_turning(visit, "tp", edition, page, last_page))
    if new_message:
        await visit.answer(text, *rows)
    else:
        await visit.show(text, *rows)


async def _tracks(visit: Visit, *, new_message: bool) -> str | None:
    edition, page = edition_said(visit)
    if edition is None or not edition.tracks:
        return visit.text("bot.not_yours")
    await show_tracks(visit, edition, page, new_message=new_message)
    return None


async def _reasons(visit: Visit, *, new_message: bool) -> str | None:
    edition, page = edition_said(visit)
    if edition is None or not edition.tracks:
        return visit.text("bot.not_yours")
    await _show_reasons(visit, edition, page, new_message=new_message)
    return None


async def _show_reasons(visit: Visit, edition: Edition, page: int, *, new_message: bool) -> None:
    last_page = max(0, (len(edition.tracks) - 1) // REASONS_A_PAGE)
    page = min(page, last_page)
    shown = edition.tracks[page * REASONS_A_PAGE : (page + 1) * REASONS_A_PAGE]
    lines = [
        visit.html(
            "bot.why.line",
            position=track.position,
            artist=track.artist,
            title=track.title,
            reason=reason(visit.language, track),
        )
        for track in shown
    ]
    title = visit.html("bot.why.title", day=day(visit.language, edition.vibe_date))
    text = together(title, "", *lines)
    turning = _turning(visit, "yp", edition, page, last_page)
    if new_message:
        await visit.answer(text, turning)
    else:
        await visit.show(text, turning)


async def _show_reason(visit: Visit, edition: Edition, track: ChosenTrack) -> None:
    among = await asyncio.to_thread(visit.services.store.considered.of, edition.edition_id)
    items = among.items if among is not None else ()
    item = next((one for one in items if one.position == track.position), None)
    text = together(
        visit.html("bot.why.one", artist=track.artist, title=track.title),
        "",
        visit.html("bot.why.from", reason=reason(visit.language, track)),
        visit.html("bot.why.source", source=source_name(visit.language, track.source)),
        visit.html("bot.why.new" if track.is_new else "bot.why.familiar"),
        *(spoke(visit, item) if item is not None else ()),
    )
    place = f"{edition.edition_id}:{track.position}"
    artist = visit.text("button.block_artist", name=_short(track.artist))
    await visit.answer(
        text,
        [button(artist, f"bl:{place}:a"), visit.button("block_track", f"bl:{place}:t")],
    )


def reason(language: str, track: ChosenTrack) -> str:
    """Why a track is there, in the language spoken now."""
    key = f"reason.{track.source}" if track.seed else f"reason.plain.{track.source}"
    return say(language, key, seed=track.seed) if knows(key) else track.reason


def _named(edition: Edition, wanted: str) -> ChosenTrack | None:
    """The track meant by a number, or by part of its name."""
    if wanted.isdecimal():
        return track_at(edition, int(wanted))
    word = wanted.casefold()
    for track in edition.tracks:
        if word in f"{track.artist} – {track.title}".replace("–", "-").casefold():
            return track
    return None


async def _show_day(visit: Visit, wanted: date) -> None:
    editions = visit.services.store.editions.of_day(visit.account.user_id, wanted)
    told = day(visit.language, wanted)
    done = next((one for one in editions if one.kind is EditionKind.DAILY and one.title), None)
    if done is not None and done.cause is None:
        result = made(visit.account, done)
        intro = visit.html("bot.latest.intro", day=told)
        restore = visit.button("restore", f"rs:{done.edition_id}")
        standing = visit.services.store.editions.latest(visit.account.user_id)
        here = standing is not None and standing.edition_id == done.edition_id
        markup = result.markup if here else with_button(result.markup, restore)
        await visit.answer(together(intro, result.text), markup=markup)
        return
    failed = next((one for one in editions if one.cause is not None), None)
    if failed is not None and failed.cause is not None:
        why_not = because(visit.account, failed.cause, None)
        await visit.answer(together(visit.html("bot.history.day_failed", day=told), why_not))
        return
    await visit.answer(visit.html("bot.history.day_none", day=told))


def _published(visit: Visit) -> list[Edition]:
    """The newest finished list of each day, newest first."""
    days: dict[date, Edition] = {}
    for edition in visit.services.store.editions.history(visit.account.user_id, 60):
        finished = edition.playlist_url is not None and edition.cause is None
        if finished and edition.kind is EditionKind.DAILY:
            days.setdefault(edition.vibe_date, edition)
    return list(days.values())[:DAYS_SHOWN]


def _history_line(visit: Visit, edition: Edition) -> Html:
    new = edition.summary.new if edition.summary else sum(one.is_new for one in edition.tracks)
    return visit.html(
        "bot.history.line",
        day=day(visit.language, edition.vibe_date),
        tracks=visit.text("bot.count.tracks", count=len(edition.tracks)),
        new=visit.text("bot.count.new", count=new),
    )


def _day_buttons(visit: Visit, editions: list[Edition]) -> list[InlineKeyboardButton]:
    return [
        button(
            day(visit.language, edition.vibe_date, "medium"),
            f"go:day:{edition.vibe_date.isoformat()}",
        )
        for edition in editions
    ]


def _track_line(visit: Visit, track: ChosenTrack, blocked: frozenset[str]) -> Html:
    mark = NEW if track.is_new else FAMILIAR
    if track.artist_key in blocked or track.key in blocked:
        mark = BLOCKED
    return visit.html(
        "bot.tracks.line",
        position=track.position,
        artist=track.artist,
        title=track.title,
        mark=mark,
    )


def _track_row(
    edition: Edition, track: ChosenTrack, thumbs: Mapping[str, int]
) -> list[InlineKeyboardButton]:
    place, thumb = f"{edition.edition_id}:{track.position}", thumbs.get(track.key, 0)
    return [
        button(f"{track.position} 👍{'✓' if thumb > 0 else ''}", f"th:{place}:u"),
        button(f"👎{'✓' if thumb < 0 else ''}", f"th:{place}:d"),
        button("🚫", f"bl:{place}:a"),
        button("❔", f"wy:{place}"),
    ]


def _turning(
    visit: Visit, verb: str, edition: Edition, page: int, last_page: int
) -> list[InlineKeyboardButton]:
    if last_page == 0:
        return []
    place = f"{verb}:{edition.edition_id}"
    row = []
    if page > 0:
        row.append(visit.button("earlier", f"{place}:{page - 1}"))
    row.append(visit.button("page", f"{place}:{page}", page=page + 1, pages=last_page + 1))
    if page < last_page:
        row.append(visit.button("later", f"{place}:{page + 1}"))
    return row


def _blocked_keys(visit: Visit) -> frozenset[str]:
    return frozenset(one.key for one in visit.services.store.blocks.list(visit.account.user_id))


def _short(name: str) -> str:
    return name if len(name) <= LABEL_LIMIT else name[: LABEL_LIMIT - 1] + "…"
