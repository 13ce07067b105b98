"""Whose night has come: each person on their own clock, each local date once; and who is begun.

Pure; the schedule and the nightly endpoint both ask here. Launching runs is theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import structlog

from vibe_pipeline.accounts.continuation import named_end
from vibe_pipeline.accounts.readable_rows import OF_ONE_PERSON
from vibe_pipeline.accounts.records import Account, Edition, EditionState, FailureCause
from vibe_pipeline.records import UserId, believed
from vibe_pipeline.runs import nightly_occasion

log = structlog.get_logger()

LATENESS = timedelta(hours=24)
"""A night missed for longer than this is left out: the next one is near."""

ATTEMPTS = 5
"""How often one person's list of one date is begun by itself."""

SHORT_PAUSE = timedelta(minutes=30)
"""A pause of Spotify's that is over by the next tick or two is not worth a message at night."""

STALLED_AFTER = timedelta(hours=2)
"""An edition that neither moved nor failed for so long lost its run, and is begun again."""


PAUSES: Mapping[FailureCause, timedelta] = {
    FailureCause.SERVICE_UNAVAILABLE: timedelta(minutes=30),
    FailureCause.RATE_LIMITED: timedelta(minutes=30),
    FailureCause.QUOTA: timedelta(hours=2),
    FailureCause.STORE_BUSY: timedelta(minutes=10),
    FailureCause.STORE_FULL: timedelta(hours=1),
    FailureCause.STORE_DAMAGED: timedelta(hours=1),
    FailureCause.KEY_LOST: timedelta(hours=1),
    FailureCause.GRANT_REFUSED: timedelta(minutes=30),
    FailureCause.WRITING_REFUSED: timedelta(hours=2),
    FailureCause.NOT_UNDERSTOOD: timedelta(hours=1),
    FailureCause.PLAYLIST_MISSING: timedelta(minutes=10),
    FailureCause.LISTENING_CLOSED: timedelta(hours=1),
    FailureCause.REDIRECTED: timedelta(minutes=30),
    FailureCause.APP_REFUSED: timedelta(hours=2),
    FailureCause.UNEXPECTED: timedelta(hours=1),
}
"""How long to wait at least after a failure that may pass by itself and did not say when."""

LONGEST_PAUSE = timedelta(hours=8)
"""The pauses grow up to this one, so that the attempts of a morning reach its evening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A list that should be made now; its ``night`` is the moment it was to be begun at."""

    account: Account
    vibe_date: date
    occasion: str
    night: datetime


def vibe_date_due(account: Account, now: datetime) -> date | None:
    """The local date whose night has come; ``None`` when the person gets none now.

    It stays due until the next night, so a late tick still makes the list. A night that had
    passed before the person agreed on Spotify's page, or before they set its hour, is not made up
    for.
    """
    latest = _latest_night(account, now)
    return None if latest is None or _came_too_early(account, latest[1], now) else latest[0]


def _latest_night(account: Account, now: datetime) -> tuple[date, datetime] | None:
    """The night that came last, by its local date and its moment, unless it is over."""
    if account.nightly_at is None or not account.active or not account.connected:
        return None
    today = local_date(account, now)
    for day in (today, today - timedelta(days=1)):
        night = _night(account, account.nightly_at, day)
        if night <= now:
            return (day, night) if now - night < LATENESS else None
    return None


def _came_too_early(account: Account, night: datetime, now: datetime) -> bool:
    """Whether the hour was set, or the consent given, after the night had passed.

    What is dated in the future says nothing.
    """
    agreed_at = believed(account.consented_at, now=now)
    set_at = believed(account.nightly_set_at, now=now)
    agreed_later = agreed_at is not None and night < agreed_at
    return agreed_later or (set_at is not None and night <= set_at)


def is_over(account: Account, vibe_date: date, now: datetime) -> bool:
    """Whether the night of this date is not to be begun any more; never with nights off."""
    if account.nightly_at is None:
        return False
    return now - _night(account, account.nightly_at, vibe_date) >= LATENESS


def next_night(
    account: Account,
    now: datetime,
    editions_of: Callable[[UserId, date], Iterable[Edition]] | None = None,
) -> datetime | None:
    """When the next nightly list will be begun, in UTC; ``None`` when nightly lists are off.

    With ``editions_of`` a date whose list was made is left out: whoever moves the hour to later in
    the day, or their clock to the west, had that day's.
    """
    if account.nightly_at is None:
        return None
    today = local_date(account, now)
    days = [today + timedelta(days=n) for n in range(-1, 4)]
    nights = {day: _night(account, account.nightly_at, day) for day in days}
    to_come = {day: night for day, night in nights.items() if night > now}
    not_had = [
        night
        for day, night in to_come.items()
        if not (editions_of and _had(editions_of(account.user_id, day), day, night))
    ]
    return min(not_had or to_come.values())


def _had(editions: Iterable[Edition], day: date, night: datetime) -> bool:
    """Whether nothing is to be begun for this date when its hour comes."""
    occasion = nightly_occasion(day)
    return any(settled(one, night) for one in editions if one.occasion == occasion)


def local_date(account: Account, now: datetime) -> date:
    """The date on the person's own wall."""
    return now.astimezone(account.zone).date()


def due(
    accounts: Iterable[Account],
    editions_of: Callable[[UserId, date], Iterable[Edition]],
    now: datetime,
) -> list[Due]:
    """Every list to begin now, in the order of the accounts; one bad datum stops nobody else."""
    lists = []
    for account in accounts:
        try:
            item = _due(account, editions_of, now)
        except OF_ONE_PERSON:
            log.exception("cannot tell whether a night has come", user=account.user_id)
            continue
        if item is not None:
            lists.append(item)
    return lists


def _due(
    account: Account,
    editions_of: Callable[[UserId, date], Iterable[Edition]],
    now: datetime,
) -> Due | None:
    """A list that was begun is finished, whatever hour was set or consent given since."""
    latest = _latest_night(account, now)
    if latest is None:
        return None
    vibe_date, night = latest
    occasion = nightly_occasion(vibe_date)
    before = [
        edition
        for edition in editions_of(account.user_id, vibe_date)
        if edition.occasion == occasion
    ]
    if not before and _came_too_early(account, night, now):
        return None
    if any(settled(edition, now) for edition in before):
        return None
    return Due(account=account, vibe_date=vibe_date, occasion=occasion, night=night)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNight:
    """A night whose list is still to come, and when it is tried next.

    ``under_way``: it is being made, or should be and is late; nobody knows from here.
    """

    occasion: str
    until: datetime
    under_way: bool = False


def waiting_night(
    account: Account,
    editions_of: Callable[[UserId, date], Iterable[Edition]],
    now: datetime,
    *,
    blocked_until: datetime | None,
) -> WaitingNight | None:
    """The night whose list is to come by itself: under way, late, waiting for Spotify or a try.

    How often it was tried is not looked at: that is known from its runs.
    """
    latest = _latest_night(account, now)
    if latest is None:
        return None
    vibe_date, night = latest
    occasion = nightly_occasion(vibe_date)
    edition = next(
        (one for one in editions_of(account.user_id, vibe_date) if one.occasion == occasion), None
    )
    if edition is None:
        over, again = _came_too_early(account, night, now), blocked_until
    else:
        over = edition.state is EditionState.RECORDED
        again = next_try(edition)
        over = over or (edition.cause is not None and again is None)
    if over:
        return None
    until = max(again or now, blocked_until or now, now)
    return WaitingNight(occasion=occasion, until=until, under_way=again is None)


LATE_AFTER = timedelta(hours=1)
"""A night that nothing is seen of for so long is late, and its person is told."""


def late_night(
    account: Account,
    editions_of: Callable[[UserId, date], Iterable[Edition]],
    now: datetime,
) -> Due | None:
    """The night that should have begun a while ago and has not: what begins nights stands still."""
    item = _due(account, editions_of, now)
    if item is None or now - item.night < LATE_AFTER:
        return None
    editions = editions_of(account.user_id, item.vibe_date)
    return None if any(one.occasion == item.occasion for one in editions) else item


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The runs there were for one person's occasion; ``next`` is the number of another one.

    ``made``: those that the night was begun with; what only went on with one is not counted.
    ``called_off``: somebody ended the last of them.
    """

    made: int
    under_way: bool
    next: int
    called_off: bool = False


@dataclass(slots=True)
class NightPlan:
    """Who gets a list begun now, at which attempt; and why the others do not.

    ``waiting``: whose list would be begun if Spotify were not to be left alone.
    """

    begun: list[tuple[Due, int]] = field(default_factory=list)
    waiting: list[Due] = field(default_factory=list)
    left: dict[UserId, str] = field(default_factory=dict)

    def in_words(self) -> str:
        """Why nobody is begun now."""
        if not self.left:
            return "Nobody's night has come."
        reasons = Counter(self.left.values())
        return "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def tonight(
    lists: Sequence[Due],
    attempts_at: Callable[[Due], Attempts],
    *,
    blocked_until: datetime | None,
) -> NightPlan:
    """Decide about every list that is due.

    Nothing is begun while Spotify is to be left alone, beside a run that is under way, or after
    the last attempt; nor where somebody called it off.
    """
    night = NightPlan()
    for item in lists:
        attempts = attempts_at(item)
        if attempts.under_way:
            night.left[item.account.user_id] = "under way"
        elif attempts.called_off:
            night.left[item.account.user_id] = "called off"
        elif attempts.made >= ATTEMPTS:
            night.left[item.account.user_id] = f"given up after {ATTEMPTS} attempts"
        elif blocked_until is not None:
            again = blocked_until.isoformat(timespec="minutes")
            night.left[item.account.user_id] = f"waiting for Spotify until {again}"
            night.waiting.append(item)
        else:
            night.begun.append((item, attempts.next))
    return night


def settled(edition: Edition, now: datetime) -> bool:
    """Whether nothing more is to be begun for this edition now.

    A failure that passes by itself is begun again when ``next_try`` says so; any other waits for
    the person or the operator; and what seems to be under way is left alone until it has clearly
    stalled. What is dated in the future was written before this machine's clock was set back, so
    no waiting is counted from there.
    """
    if edition.state is EditionState.RECORDED:
        return True
    clock_set_back = edition.updated_at - now >= STALLED_AFTER
    if edition.cause is not None:
        again = next_try(edition)
        return again is None or (again > now and not clock_set_back)
    return now - edition.updated_at < STALLED_AFTER and not clock_set_back


def next_try(edition: Edition) -> datetime | None:
    """When a failed edition may be begun again by itself; ``None`` when never.

    Exponential backoff by the time that has passed: twice as long as since the first attempt.
    """
    if (end := named_end(edition)) is not None:
        return end
    pause = PAUSES.get(edition.cause) if edition.cause is not None else None
    if pause is None:
        return None
    growing = min(2 * (edition.updated_at - edition.created_at), LONGEST_PAUSE)
    return edition.updated_at + max(pause, growing)


def _night(account: Account, at: time, day: date) -> datetime:
    """The one moment of that day when the list is begun.

    Of a time that comes twice, the first counts. A time the clocks skip comes as much later as
    they were moved, or as much earlier where it would belong to the next day.
    """
    zone = account.zone
    before, after = (
        datetime.combine(day, at.replace(fold=fold), tzinfo=zone).astimezone(UTC) for fold in (0, 1)
    )
    too_late = before > after and before.astimezone(zone).date() != day
    return after if too_late and after.astimezone(zone).date() == day else before
