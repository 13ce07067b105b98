"""Which unfinished editions go on by themselves, and when: retries of the publication ledger.

Pure; the sweep that launches them is ``defs.automation``'s, and the bot asks here how long to
wait before it calls a list failed. Nights that failed for a reason are ``vibe_pipeline.nightly``'s.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vibe_pipeline.accounts.records import Edition, EditionKind, EditionState, FailureCause
from vibe_pipeline.records import Mode

PAUSES = (
    timedelta(),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""How long to wait after the first, second ... run of an edition that came to nothing.

What says why goes on with the last of them until it is of the past; what dies without a word is
given up after as many runs, and so is what is ``written_anew``, which may be old already.
"""

LEFT_ALONE_AFTER = timedelta(hours=36)
"""An edition older than this is of the past: the next lists are nearer."""

GIVEN_UP_TOLD_WITHIN = timedelta(days=7)
"""So long after it was begun, whoever asked for a list still hears that it is given up."""

TOLD_IN_CHAT_WITHIN = timedelta(minutes=8)
"""So long after it was asked for, the message in the chat waits for a list that goes on."""

RESTING = frozenset({FailureCause.RATE_LIMITED, FailureCause.QUOTA})
"""Causes that end by themselves, mostly at a moment that Spotify names."""

SHORT_REST = timedelta(minutes=10)
"""A rest that is shorter says how fast to ask, and nothing of when the trouble ends."""

_BEGUN = frozenset({EditionState.CHOSEN, EditionState.PLAYLIST_MADE, EditionState.ITEMS_WRITTEN})
_SOON_PASSING = frozenset(
    {
        FailureCause.SERVICE_UNAVAILABLE,
        FailureCause.RATE_LIMITED,
        FailureCause.QUOTA,
        FailureCause.STORE_BUSY,
        FailureCause.STORE_FULL,
        FailureCause.UNEXPECTED,
    }
)
PASSING = _SOON_PASSING | {
    FailureCause.GRANT_REFUSED,
    FailureCause.WRITING_REFUSED,
    FailureCause.NOT_UNDERSTOOD,
    FailureCause.PLAYLIST_MISSING,
    FailureCause.REDIRECTED,
    FailureCause.APP_REFUSED,
    FailureCause.STORE_DAMAGED,
    FailureCause.KEY_LOST,
}
"""The others are told in the chat at once, for they mostly last; the list comes if they do not."""


def goes_on(edition: Edition) -> bool:
    """Whether it is continued where the ledger stands, without anybody doing anything.

    What died without a word is, wherever it stood; what failed for a reason that may pass, once
    tracks are chosen: there may be a playlist of ours that is still empty. What is written
    lacks nothing but its record, whatever became of it.
    """
    if edition.kind is not EditionKind.DAILY or edition.undone_at is not None:
        return False
    if edition.state is EditionState.RECORDED:
        return False
    if edition.cause is None or edition.state is EditionState.ITEMS_WRITTEN:
        return True
    return edition.state in _BEGUN and edition.cause in PASSING


def half_made(edition: Edition) -> bool:
    """Whether Spotify may hold something of it that nobody but its next run puts in order.

    A playlist made for it that is still empty, or tracks that its history does not know yet: that
    goes on even where its run was called off.
    """
    if edition.state is EditionState.ITEMS_WRITTEN or edition.snapshot_id is not None:
        return True
    made = edition.mode is Mode.DAILY and edition.state is EditionState.PLAYLIST_MADE
    return made or edition.attempt_noted


def may_have_a_playlist(edition: Edition) -> bool:
    """Whether Spotify may hold a playlist made for it, full or empty.

    Whatever it failed for, the next list of the day goes on with it: a list begun beside it would
    leave that one behind.
    """
    if edition.kind is not EditionKind.DAILY or edition.undone_at is not None:
        return False
    if edition.cause is FailureCause.OVERTAKEN:
        return False
    if edition.state is EditionState.CHOSEN:
        return edition.attempt_noted
    return edition.state in {EditionState.PLAYLIST_MADE, EditionState.ITEMS_WRITTEN}


def is_of_the_past(edition: Edition, *, now: datetime) -> bool:
    """Whether it was begun so long ago that it goes on no more."""
    return now - edition.created_at > LEFT_ALONE_AFTER


def left_behind(edition: Edition, *, now: datetime) -> bool:
    """Whether it may have a playlist that it will not fill any more.

    A playlist that it was written to before is not its own leftover, whatever is in it. Of what is
    overtaken, only the one that was made for it.
    """
    overtaken = edition.cause is FailureCause.OVERTAKEN and edition.undone_at is None
    made = overtaken and edition.attempt_noted and edition.playlist_id is not None
    if not (made or may_have_a_playlist(edition)) or edition.snapshot_id is not None:
        return False
    if edition.state is EditionState.ITEMS_WRITTEN:
        return False
    return not goes_on(edition) or is_of_the_past(edition, now=now)


def came_to_nothing(edition: Edition, *, now: datetime) -> bool:
    """Whether it would go on, is of the past, and there is nothing of it on Spotify.

    A playlist that it may have is looked at before anything is said of it.
    """
    if not goes_on(edition) or not is_of_the_past(edition, now=now):
        return False
    living = edition.mode is Mode.LIVING and edition.state is EditionState.CHOSEN
    return living or not may_have_a_playlist(edition)


def next_run_at(edition: Edition, *, runs_made: int, now: datetime) -> datetime | None:
    """When the next run of this edition may be launched; ``None`` when there is to be none.

    What is dated in the future was written before this machine's clock was set back, so no waiting
    is counted from there; a service's own pause is the budget's.
    """
    if not goes_on(edition) or given_up(edition, runs_made=runs_made):
        return None
    if edition.updated_at > now:
        return now
    if (end := named_end(edition)) is not None:
        return end
    again = edition.updated_at + PAUSES[min(max(runs_made - 1, 0), len(PAUSES) - 1)]
    return max(again, edition.cause_until or again)


def named_end(edition: Edition) -> datetime | None:
    """When the trouble that it failed for ends, where somebody named the moment.

    Rests of seconds may follow each other for hours. Tried again after each of them, one list would
    spend everybody's calls, and a night all its attempts within the hour.
    """
    until = edition.cause_until
    short = until is not None and until - edition.updated_at < SHORT_REST
    return None if short and edition.cause in RESTING else until


def given_up(edition: Edition, *, runs_made: int) -> bool:
    """Whether it would go on, and was tried often enough: without a word, or written anew."""
    counted = edition.cause is None or written_anew(edition)
    return goes_on(edition) and counted and runs_made > len(PAUSES)


def written_anew(edition: Edition) -> bool:
    """Whether it was written to its playlist before, and chosen again since."""
    return edition.snapshot_id is not None and not edition.is_written


def waited_for_in_chat(edition: Edition, *, since: datetime, now: datetime) -> bool:
    """Whether the message of who asked at ``since`` still waits, though its run has ended."""
    end = since + TOLD_IN_CHAT_WITHIN
    soon = edition.cause is None or edition.cause in _SOON_PASSING
    return soon and goes_on(edition) and now < end and (edition.cause_until or now) < end
