"""Reading somebody's scrobbles a few pages at a time, until all are there, then what is new.

What to ask for next, and keeping the answers. When a run reads is ``defs``'; how far we came stands
in the account store, the plays in the warehouse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from vibe_pipeline.accounts.records import (
    CountedBefore,
    HistorySource,
    HistoryTrouble,
    UnreadStretch,
)
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.scrobbles import ScrobbledPlay, ScrobblePage
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import UserId
from vibe_pipeline.taste.history_services import trouble_of
from vibe_pipeline.warehouse import Tables
from vibe_pipeline.warehouse.listening_history import (
    LONGEST_LISTENING,
    HeardTrack,
    HistoryRows,
    ToldPlay,
)
from vibe_pipeline.warehouse.rows import EncodedRows

log = structlog.get_logger()

PAGES_A_RUN = 25
"""Five thousand scrobbles of Last.fm: a quarter of a minute at its pace, while nobody waits."""
READ_AGAIN_AFTER = timedelta(hours=20)
"""Once all is there: each night."""
GO_ON_AFTER = timedelta(hours=3)
"""While more is to be read, or the service did not answer."""
LATE_ARRIVALS = timedelta(days=15)
"""What was heard offline comes in afterwards, under its own hour: so much is read each night."""
_OVERLAP = timedelta(days=1)
"""The same, while older gaps are read several times a day."""
COUNTED_AFTER = timedelta(days=7)
"""What was played before then is counted at the service: growth means that older plays came in."""
NOTEWORTHY = 50
"""By so many more: counts lag behind, and players repeat themselves."""
_AHEAD = timedelta(days=1)
EARLIEST = datetime(2002, 1, 1, tzinfo=UTC)
"""Before there was a Last.fm nobody scrobbled: such a date is a player's mistake."""
_STEP_OVER = timedelta(days=1)
_ONE_IN = 10
_FAR_BEHIND = timedelta(days=30)


class PageReader(Protocol):
    """A service that tells what one of its users played."""

    def __call__(
        self, user: str, *, since: datetime | None, until: datetime
    ) -> Awaitable[ScrobblePage]: ...


class PlayCount(Protocol):
    """A service that tells how many plays one of its users has in all."""

    def __call__(self, user: str) -> Awaitable[int | None]: ...


@dataclass(slots=True, kw_only=True)
class Reading:
    """What one run read from one place, what it left to be read, and what went wrong.

    ``counted``: what is to be noted of the service's own count, where it was asked.
    """

    plays: list[ScrobbledPlay] = field(default_factory=list)
    unread: tuple[UnreadStretch, ...] = ()
    pages: int = 0
    trouble: HistoryTrouble | None = None
    error: ServiceError | None = None
    counted: CountedBefore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHistory:
    """What a run added, and all there is now."""

    added: Mapping[str, int]
    gone: int
    by_source: Mapping[str, int]
    by_year: Mapping[int, int]
    recordings: int


def reading_due(sources: Iterable[HistorySource], now: datetime) -> bool:
    """Whether it is time to read on, or to let go of what a person took back."""
    return any(_due(source, now) for source in sources)


def _due(source: HistorySource, now: datetime) -> bool:
    if source.leaving or source.tried_at is None:
        return True
    if source.trouble in {HistoryTrouble.UNKNOWN, HistoryTrouble.HIDDEN}:
        return abs(now - source.tried_at) >= READ_AGAIN_AFTER
    patience = GO_ON_AFTER if source.unread or source.trouble else READ_AGAIN_AFTER
    return abs(now - source.tried_at) >= patience


def still_unread(source: HistorySource, now: datetime) -> list[UnreadStretch]:
    """What is to be read now, the latest first: all since the last answer, then the older gaps."""
    if source.read_at is None:
        first = source.unread[0] if source.unread else UnreadStretch(None, now)
        return [first._replace(until=max(now, first.until)), *source.unread[1:]]
    read_at = min(source.read_at, now)  # the clock may have been set back since
    newest = UnreadStretch(read_at - (_OVERLAP if source.unread else LATE_ARRIVALS), now)
    return _joined([newest, *source.unread])


def _joined(stretches: Sequence[UnreadStretch]) -> list[UnreadStretch]:
    """Stretches that touch each other as one; latest first."""
    joined: list[UnreadStretch] = []
    for stretch in sorted(stretches, key=lambda one: one.until, reverse=True):
        above = joined[-1] if joined else None
        if above is None or (above.since is not None and stretch.until < above.since):
            joined.append(stretch)
        elif above.since is not None:
            since = None if stretch.since is None else min(above.since, stretch.since)
            joined[-1] = UnreadStretch(since, above.until)
    return joined


async def read_on(
    page: PageReader | None,
    source: HistorySource,
    *,
    now: datetime,
    pages: int = PAGES_A_RUN,
    count: PlayCount | None = None,
) -> Reading:
    """The next pages, newest first. Never raises for the service's sake.

    ``page`` is ``None`` where the operator gave no key or contact. ``count``: whom to ask whether
    older plays came in that were never there to be read; then all is to be read once more.
    """
    reading = Reading()
    unread = still_unread(source, now)
    begins = unread[0].since or EARLIEST
    counted, read_before = None, 0
    while unread and reading.pages < pages:
        if page is None:
            reading.trouble = HistoryTrouble.NOT_SET_UP
            break
        since, until = unread[0]
        try:
            answer = await page(source.name, since=since, until=until)
        except ServiceError as error:
            reading.error, reading.trouble = error, trouble_of(error)
            break
        reading.pages += 1
        reading.plays += answer.plays
        left = _left_of(unread[0], answer)
        counted = answer.total if counted is None else counted
        if not left and _ends_too_early(answer, len(reading.plays) - read_before, counted):
            log.warning("a service told of fewer plays than it counted before", counted=counted)
            break
        unread[:1] = left
        if not left:
            counted, read_before = None, len(reading.plays)
    reading.unread = tuple(unread)
    if count is not None and reading.trouble is None:
        since = max([begins, *(until for _, until in unread[:1])])
        await _look_for_older(count, source, reading, since=since, now=now)
    return reading


async def _look_for_older(
    count: PlayCount, source: HistorySource, reading: Reading, *, since: datetime, now: datetime
) -> None:
    """Compare what the service counts besides what was just read, all ``since`` then.

    After a difference nothing is compared for a week.
    """
    last = _last_count(source)
    if since > now - COUNTED_AFTER or (last and now - last.moment < COUNTED_AFTER):
        return
    try:
        total = await count(source.name)
    except ServiceError as error:
        log.warning("a service does not say how many plays it has", why=error.sentence)
        return
    if total is None or total < len(set(reading.plays)):
        return
    reading.counted = _older(total, reading, now - COUNTED_AFTER)
    if last is None or last.moment < since:
        return
    if _older(total, reading, last.moment).total - last.total > NOTEWORTHY:
        reading.unread = tuple(_joined([*reading.unread, UnreadStretch(None, since)]))
        reading.counted = CountedBefore(total, now)


def _last_count(source: HistorySource) -> CountedBefore | None:
    if source.total is None or source.counted_before is None:
        return None
    return CountedBefore(source.total, source.counted_before)


def _older(total: int, reading: Reading, moment: datetime) -> CountedBefore:
    """How many of all were played before this moment, if all later ones were just read."""
    later = sum(play.listened_at >= moment for play in reading.plays)
    return CountedBefore(total - later, moment)


def _left_of(stretch: UnreadStretch, answer: ScrobblePage) -> list[UnreadStretch]:
    """What is left of a stretch after a page of it; the page's last second is looked at again."""
    if not answer.more:
        return []
    reached = stretch.until - _STEP_OVER
    if answer.plays:
        oldest = _oldest_in_line(answer.plays)
        reached = min(oldest + timedelta(seconds=1), stretch.until - timedelta(seconds=1))
    if reached <= (stretch.since or EARLIEST):
        return []
    return [UnreadStretch(stretch.since, reached)]


def _ends_too_early(answer: ScrobblePage, read: int, counted: int | None) -> bool:
    """Whether a stretch that goes on no further lacks many plays of those counted at its beginning.

    Or ends with a page that says nothing at all after others with plays. What is said again when
    the next run begins there is believed.
    """
    if answer.doubted:
        return read > 0
    return counted is not None and read > len(answer.plays) and counted - read > NOTEWORTHY


def _oldest_in_line(plays: Sequence[ScrobbledPlay]) -> datetime:
    """The oldest date of a page, a few that lie far behind all others left out.

    One wrong date would count all the years up to it as read. Right ones come again on the next
    page, in company.
    """
    dates = sorted(play.listened_at for play in plays if play.listened_at >= EARLIEST)
    if not dates:
        return min(play.listened_at for play in plays)
    for number in range(len(dates) // _ONE_IN, 0, -1):
        distance, span = dates[number] - dates[number - 1], dates[-1] - dates[number]
        if distance > max(_FAR_BEHIND, span):
            return dates[number]
    return dates[0]


def keep_history(
    tables: Tables,
    user_id: UserId,
    readings: Mapping[HistorySource, HistoryRows],
    leaving: Sequence[HistorySource],
    *,
    now: datetime,
) -> KeptHistory:
    """Keep what was read in the tables given, let go of what was taken back, and count it all."""
    added = {
        source.service.value: add_rows(
            tables, user_id, rows, source=source.service.value, account=source.name, now=now
        )
        for source, rows in readings.items()
    }
    gone = sum(
        tables.history.let_go(user_id, source=one.service.value, account=one.name, at=now)
        for one in leaving
    )
    if gone or any(added.values()):
        tables.history.count_up(user_id)
        tables.library.note_history(user_id, changed_at=now)
    by_source = tables.history.counted(user_id)
    return KeptHistory(
        added=added,
        gone=gone,
        by_source=by_source,
        by_year=tables.history.plays_per_year(user_id),
        recordings=tables.history.recordings(user_id),
    )


def add_rows(
    tables: Tables,
    user_id: UserId,
    rows: HistoryRows,
    *,
    source: str,
    account: str,
    now: datetime,
    encoded: tuple[EncodedRows, EncodedRows] | None = None,
) -> int:
    """Keep the plays that neither Spotify nor anybody else told of; says how many.

    ``encoded``: the same rows, made ready while the file was still closed.
    """
    span = rows.span
    if span is None:
        return 0
    first, last = span[0] - LONGEST_LISTENING, span[1] + LONGEST_LISTENING
    told = [
        ToldPlay(recording_key(artist, title), second, length)
        for artist, title, second, length in tables.library.plays_on_spotify(user_id, first, last)
    ]
    return tables.history.add(
        user_id,
        encoded or rows.encoded(),
        source=source,
        account=account,
        collected_at=now,
        told=told,
    )


def rows_of(plays: Iterable[ScrobbledPlay], *, now: datetime) -> HistoryRows:
    """Scrobbles as the warehouse takes them, without those of an impossible date."""
    tracks: dict[HeardTrack, int] = {}
    seconds, numbers, lengths = [], [], []
    for play in plays:
        if not EARLIEST <= play.listened_at <= now + _AHEAD:
            continue
        track = HeardTrack(
            artist=play.artist,
            title=play.title,
            artist_key=artist_key(play.artist),
            recording_key=recording_key(play.artist, play.title),
            album=play.album,
            spotify_id=play.spotify_id,
            mbid=play.mbid,
        )
        numbers.append(tracks.setdefault(track, len(tracks)))
        seconds.append(int(play.listened_at.timestamp()))
        lengths.append(play.duration_ms)
    return HistoryRows(tracks=tuple(tracks), seconds=seconds, numbers=numbers, ms_played=lengths)
