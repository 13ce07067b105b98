"""Looking at lists: their tracks page by page, why each is there, and those of other days.

Reads the account store only; taking a list back or putting one in again is ``handlers.undo``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.explanations import spoke
from vibe_bot.formatting import Html, button, in_rows, link, pages, together, with_button
from vibe_bot.handlers.artists import named_by
from vibe_bot.interactions import Interaction
from vibe_bot.results import because, made, source_name
from vibe_pipeline.accounts.records import Edition, EditionKind
from vibe_pipeline.locales import clock, day, knows, say
from vibe_pipeline.locales.source_keys import reason_key
from vibe_pipeline.nightly import local_date
from vibe_pipeline.records import ChosenTrack, EditionId

TRACKS_A_PAGE = 10
REASONS_A_PAGE = 10
DAYS_SHOWN = 10
SPOTIFY_TRACKS = "https://open.spotify.com/track/"
NEW, FAMILIAR, BLOCKED = "🆕", "♥", "🚫"
LABEL_LIMIT = 30
NAME_LIMITS = (120, 60, 30)
"""How long names may be, each tried until a page fits one message."""


async def tracks(interaction: Interaction) -> str | None:
    """The tracks of a list, in a new message: ``EDITION:PAGE``."""
    return await _tracks(interaction, new_message=True)


async def turn_tracks(interaction: Interaction) -> str | None:
    """Another page of them, in the same message."""
    return await _tracks(interaction, new_message=False)


async def why(interaction: Interaction) -> None:
    """/why: the reasons of the whole last list, or of the one track that was named."""
    edition = interaction.services.store.editions.latest(interaction.account.user_id)
    if edition is None:
        await interaction.answer(
            interaction.html("bot.tracks.none", generate=interaction.text("keyboard.generate")),
            [interaction.button("generate", "go:generate")],
        )
        return
    wanted = arguments.plain_text(interaction.args)
    if not wanted:
        await _show_reasons(interaction, edition, 0, new_message=True)
        return
    track = _named(edition, wanted)
    if track is None:
        told = day(interaction.language, edition.vibe_date)
        await interaction.answer(interaction.html("bot.why.not_there", name=wanted, day=told))
        return
    await _show_reason(interaction, edition, track)


async def reasons(interaction: Interaction) -> str | None:
    """The reasons of a list, in a new message: ``EDITION:PAGE``."""
    return await _reasons(interaction, new_message=True)


async def turn_reasons(interaction: Interaction) -> str | None:
    """Another page of them, in the same message."""
    return await _reasons(interaction, new_message=False)


async def why_one(interaction: Interaction) -> str | None:
    """Why one track is there: ``EDITION:POSITION``."""
    edition, position = edition_said(interaction)
    track = None if edition is None else track_at(edition, position)
    if edition is None or track is None:
        return interaction.text("bot.not_yours")
    await _show_reason(interaction, edition, track)
    return None


async def history(interaction: Interaction) -> None:
    """/history: the last days with all their lists, each day a tap away."""
    days = _days(interaction)
    if not days:
        words = interaction.html("bot.history.none", generate=interaction.text("keyboard.generate"))
        await interaction.answer(words, [interaction.button("generate", "go:generate")])
        return
    lines = [line for editions in days.values() for line in _day_lines(interaction, editions)]
    rows = in_rows(_day_buttons(interaction, days), 2)
    await interaction.answer(together(interaction.html("bot.history.title"), "", *lines), *rows)


async def one_day(interaction: Interaction) -> None:
    """/day: the list of one past day."""
    today = local_date(interaction.account, interaction.services.now())
    wanted = arguments.day(interaction.args, today=today)
    if wanted is None or wanted > today:
        said_something = bool(arguments.plain_text(interaction.args))
        interaction.ask("day")
        rows = in_rows(_day_buttons(interaction, _days(interaction)), 2)
        await interaction.answer(
            interaction.html(f"bot.history.day_{'wrong' if said_something else 'ask'}"), *rows
        )
        return
    await _show_day(interaction, wanted)


def edition_said(interaction: Interaction) -> tuple[Edition | None, int]:
    """The person's own list and the number that a button names: ``EDITION:NUMBER``."""
    edition_id, _, number = interaction.args.partition(":")
    edition = interaction.services.store.editions.get(EditionId(edition_id))
    if edition is None or edition.user_id != interaction.account.user_id:
        return None, 0
    return edition, int(number) if number.isascii() and number.isdigit() else 0


def track_at(edition: Edition, position: int) -> ChosenTrack | None:
    """The track in this place of a list."""
    return next((one for one in edition.tracks if one.position == position), None)


async def show_tracks(
    interaction: Interaction, edition: Edition, page: int, *, new_message: bool
) -> None:
    """One page of a list with a row of buttons for each track."""
    last_page = max(0, (len(edition.tracks) - 1) // TRACKS_A_PAGE)
    page = min(page, last_page)
    shown = edition.tracks[page * TRACKS_A_PAGE : (page + 1) * TRACKS_A_PAGE]
    blocked = _blocked_keys(interaction)
    title = interaction.html(
        "bot.tracks.title",
        title=edition.title or interaction.text("bot.made.untitled"),
        day=day(interaction.language, edition.vibe_date),
    )
    text = _fitting(
        lambda longest: together(
            title,
            "",
            *(_track_line(interaction, track, blocked, longest) for track in shown),
            "",
            interaction.html("bot.tracks.explain"),
        )
    )
    thumbs = {
        one.key: one.value
        for one in interaction.services.store.thumbs.list(interaction.account.user_id)
    }
    rows = [_track_row(edition, track, thumbs) for track in shown]
    rows.append(_turning(interaction, "tp", edition, page, last_page))
    if new_message:
        await interaction.answer(text, *rows)
    else:
        await interaction.show(text, *rows)


async def _tracks(interaction: Interaction, *, new_message: bool) -> str | None:
    edition, page = edition_said(interaction)
    if edition is None or not edition.tracks:
        return interaction.text("bot.not_yours")
    await show_tracks(interaction, edition, page, new_message=new_message)
    return None


async def _reasons(interaction: Interaction, *, new_message: bool) -> str | None:
    edition, page = edition_said(interaction)
    if edition is None or not edition.tracks:
        return interaction.text("bot.not_yours")
    await _show_reasons(interaction, edition, page, new_message=new_message)
    return None


async def _show_reasons(
    interaction: Interaction, edition: Edition, page: int, *, new_message: bool
) -> None:
    last_page = max(0, (len(edition.tracks) - 1) // REASONS_A_PAGE)
    page = min(page, last_page)
    shown = edition.tracks[page * REASONS_A_PAGE : (page + 1) * REASONS_A_PAGE]
    title = interaction.html("bot.why.title", day=day(interaction.language, edition.vibe_date))
    clean: tuple[str, ...] = ()
    if interaction.account.leaves_out_explicit:
        clean = ("", interaction.html("bot.why.explicit"))
    text = _fitting(
        lambda longest: together(
            title, "", *(_reason_line(interaction, track, longest) for track in shown), *clean
        )
    )
    turning = _turning(interaction, "yp", edition, page, last_page)
    if new_message:
        await interaction.answer(text, turning)
    else:
        await interaction.show(text, turning)


async def _show_reason(interaction: Interaction, edition: Edition, track: ChosenTrack) -> None:
    among = await asyncio.to_thread(interaction.services.store.considered.of, edition.edition_id)
    items = among.items if among is not None else ()
    item = next((one for one in items if one.position == track.position), None)
    text = together(
        interaction.html("bot.why.one", artist=track.artist, title=track_link(track)),
        "",
        interaction.html("bot.why.from", reason=reason(interaction.language, track)),
        _named_to_start_from(interaction, track),
        _loved_years_ago(interaction, edition, track),
        interaction.html("bot.why.source", source=source_name(interaction.language, track.source)),
        interaction.html("bot.why.new" if track.is_new else "bot.why.familiar"),
        *(spoke(interaction, item) if item is not None else ()),
    )
    place = f"{edition.edition_id}:{track.position}"
    artist = interaction.text("button.block_artist", name=_short(track.artist))
    await interaction.answer(
        text,
        [button(artist, f"bl:{place}:a"), interaction.button("block_track", f"bl:{place}:t")],
    )


def _named_to_start_from(interaction: Interaction, track: ChosenTrack) -> Html | None:
    """A word about it where it is there for an artist that the person named."""
    if not track.seed or track.seed not in named_by(interaction):
        return None
    return interaction.html("bot.why.named", seed=track.seed)


def _loved_years_ago(interaction: Interaction, edition: Edition, track: ChosenTrack) -> Html | None:
    """A word about it where it is there for somebody they played in years long past."""
    year = None if edition.summary is None else edition.summary.loved_in.get(track.seed)
    if year is None:
        return None
    return interaction.html("bot.why.loved_in", seed=track.seed, year=str(year))


def reason(language: str, track: ChosenTrack) -> str:
    """Why a track is there, in the language spoken now."""
    key = reason_key(track.source, seeded=bool(track.seed))
    return say(language, key, seed=track.seed) if knows(key) else track.reason


def _named(edition: Edition, wanted: str) -> ChosenTrack | None:
    """The track meant by a number, or by part of its name."""
    if wanted.isdecimal():
        return track_at(edition, int(wanted))
    word = wanted.casefold()
    for track in edition.tracks:
        if word in arguments.usually_spelled(f"{track.artist} – {track.title}").casefold():
            return track
    return None


async def _show_day(interaction: Interaction, wanted: date) -> None:
    editions = interaction.services.store.editions.of_day(interaction.account.user_id, wanted)
    told = day(interaction.language, wanted)
    finished = [edition for edition in editions if _finished(edition)]
    if finished:
        await _show_lists_of_day(interaction, finished, told)
        return
    failed = next((one for one in editions if one.cause is not None), None)
    if failed is not None and failed.cause is not None:
        why_not = because(interaction.account, failed.cause, None)
        await interaction.answer(
            together(interaction.html("bot.history.day_failed", day=told), why_not)
        )
        return
    await interaction.answer(interaction.html("bot.history.day_none", day=told))


async def _show_lists_of_day(
    interaction: Interaction, editions: Sequence[Edition], told: str
) -> None:
    """The list that counts, whole; of the others a line each, and the way to see or restore it."""
    main = counting(editions) or editions[0]
    others = [edition for edition in editions if edition is not main]
    result = made(interaction.account, main)
    standing = interaction.services.store.editions.latest(interaction.account.user_id)
    markup = result.markup
    if standing is None or standing.edition_id != main.edition_id:
        restore = interaction.button("restore", f"rs:{main.edition_id}")
        markup = with_button(markup, restore)
    for other in others:
        at = clock(interaction.language, other.created_at, interaction.zone)
        markup = with_button(
            markup,
            interaction.button("tracks_of", f"tr:{other.edition_id}:0", clock=at),
            interaction.button("restore_of", f"rs:{other.edition_id}", clock=at),
        )
    undone = main.undone_at is not None
    text = together(
        interaction.html("bot.latest.intro", day=told),
        result.text,
        *(("", *_day_lines(interaction, editions)) if others or undone else ()),
    )
    await interaction.answer(text, markup=markup)


def counting(editions: Iterable[Edition]) -> Edition | None:
    """Of a day's lists the one that counts: the last to be put in place and not taken back."""
    kept = [edition for edition in editions if edition.undone_at is None]
    return max(kept, key=lambda edition: edition.stands_since, default=None)


def _finished(edition: Edition) -> bool:
    reached = edition.playlist_url is not None and edition.title is not None
    return reached and edition.cause is None and edition.kind is EditionKind.DAILY


def _days(interaction: Interaction) -> dict[date, list[Edition]]:
    """The finished lists of the last days, newest first."""
    days: dict[date, list[Edition]] = {}
    for edition in interaction.services.store.editions.history(interaction.account.user_id, 100):
        if _finished(edition):
            days.setdefault(edition.vibe_date, []).append(edition)
    return dict(list(days.items())[:DAYS_SHOWN])


def _day_lines(interaction: Interaction, editions: Sequence[Edition]) -> list[Html]:
    """A day's lists, a line each; which of several counts, and what was taken back."""
    main = counting(editions)
    if len(editions) == 1 and main is not None:
        return [_history_line(interaction, main)]
    lines = []
    for edition in editions:
        fate = "undone" if edition.undone_at else "counts" if edition is main else "earlier"
        at = clock(interaction.language, edition.created_at, interaction.zone)
        of_day = interaction.html(
            "bot.history.of_several", clock=at, fate=interaction.text(f"bot.history.{fate}")
        )
        lines.append(together(_history_line(interaction, edition), of_day, between=" · "))
    return lines


def _history_line(interaction: Interaction, edition: Edition) -> Html:
    new = edition.summary.new if edition.summary else sum(one.is_new for one in edition.tracks)
    return interaction.html(
        "bot.history.line",
        day=day(interaction.language, edition.vibe_date),
        tracks=interaction.text("bot.count.tracks", count=len(edition.tracks)),
        new=interaction.text("bot.count.new", count=new),
    )


def _day_buttons(interaction: Interaction, days: Iterable[date]) -> list[InlineKeyboardButton]:
    return [
        button(day(interaction.language, one, "medium"), f"go:day:{one.isoformat()}")
        for one in days
    ]


def track_link(track: ChosenTrack, longest: int = NAME_LIMITS[0]) -> Html | str:
    """The title, leading to the track on Spotify."""
    words = _short(track.title, longest)
    known = track.spotify_id.isascii() and track.spotify_id.isalnum()
    return link(f"{SPOTIFY_TRACKS}{track.spotify_id}", words) if known else words


def _fitting(page: Callable[[int], Html]) -> Html:
    """The page with names as long as one message can hold."""
    for longest in NAME_LIMITS:
        text = page(longest)
        if len(pages(text)) == 1:
            break
    return text


def _reason_line(interaction: Interaction, track: ChosenTrack, longest: int) -> Html:
    return interaction.html(
        "bot.why.line",
        position=track.position,
        artist=_short(track.artist, longest),
        title=track_link(track, longest),
        reason=reason(interaction.language, track),
    )


def _track_line(
    interaction: Interaction, track: ChosenTrack, blocked: frozenset[str], longest: int
) -> Html:
    mark = NEW if track.is_new else FAMILIAR
    if track.artist_key in blocked or track.key in blocked:
        mark = BLOCKED
    return interaction.html(
        "bot.tracks.line",
        position=track.position,
        artist=_short(track.artist, longest),
        title=track_link(track, longest),
        mark=mark,
    )


def _track_row(
    edition: Edition, track: ChosenTrack, thumbs: Mapping[str, int]
) -> list[InlineKeyboardButton]:
    place, thumb = f"{edition.edition_id}:{track.position}", thumbs.get(track.key, 0)
    up, down = (0 if thumb == value else value for value in (1, -1))
    return [
        button(f"{track.position} 👍{'✓' if thumb > 0 else ''}", f"th:{place}:{up}"),
        button(f"👎{'✓' if thumb < 0 else ''}", f"th:{place}:{down}"),
        button("🚫", f"bl:{place}:a"),
        button("❔", f"wy:{place}"),
    ]


def _turning(
    interaction: Interaction, verb: str, edition: Edition, page: int, last_page: int
) -> list[InlineKeyboardButton]:
    if last_page == 0:
        return []
    place = f"{verb}:{edition.edition_id}"
    row = []
    if page > 0:
        row.append(interaction.button("earlier", f"{place}:{page - 1}"))
    row.append(interaction.button("page", f"{place}:{page}", page=page + 1, pages=last_page + 1))
    if page < last_page:
        row.append(interaction.button("later", f"{place}:{page + 1}"))
    return row


def _blocked_keys(interaction: Interaction) -> frozenset[str]:
    return frozenset(
        one.key for one in interaction.services.store.blocks.list(interaction.account.user_id)
    )


def _short(name: str, longest: int = LABEL_LIMIT) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
