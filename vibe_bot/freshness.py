"""Whether a message of the outbox is still true when its turn comes: content expiry.

Telegram may have been out of reach for days, or the person away for months. Words are
``announcements``', sending is ``outbox``'s.
"""

from __future__ import annotations

from vibe_bot.reminders import reminder_now
from vibe_bot.results import CONNECT_AGAIN
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER
from vibe_pipeline.accounts.messages import (
    ChangedBackByOperator,
    ConsentEnded,
    ConsentEnds,
    ListGivenUp,
    MadeByOperator,
    Message,
    NightFailed,
    NightLate,
    NightReady,
    OutboxMessage,
    ReadyAfterAll,
)
from vibe_pipeline.accounts.records import Account, EditionState, FailureCause
from vibe_pipeline.records import EditionId, believed

_OVER_ONCE_CONNECTED = CONNECT_AGAIN | {FailureCause.KEY_LOST}


def fresh_content(
    services: BotServices, account: Account, waiting: OutboxMessage
) -> Message | None:
    """What is to be told now; ``None`` where it is true no more.

    Raises: ``MessageUnreadable``.
    """
    content = waiting.content()
    match content:
        case ConsentEnds():
            return _reminder(services, account, content)
        case ConsentEnded() if account.connected:
            return None
        case NightReady() | ReadyAfterAll() | MadeByOperator():
            past = _of_the_past(services, content.edition_id)
        case ListGivenUp():
            past = _has_another(services, content.edition_id)
        case NightLate():
            past = _has_begun(services, account, waiting, content)
        case ChangedBackByOperator():
            past = _stands_no_more(services, content.edition_id)
        case NightFailed():
            past = _is_over(services, account, waiting, content)
        case _:
            return content
    return None if past else content


def _reminder(services: BotServices, account: Account, message: ConsentEnds) -> ConsentEnds | None:
    """The same reminder with the days left; another consent or a nearer end has its own."""
    reminder = reminder_now(account, services.now())
    same = reminder is not None and reminder.dedupe_key == message.dedupe_key
    return reminder if same else None


def _of_the_past(services: BotServices, edition_id: EditionId) -> bool:
    """Whether a list is none to listen to any more: long ago, taken back, or replaced."""
    edition = services.store.editions.get(edition_id)
    if edition is None:
        return False
    long_ago = services.now() - edition.stands_since > LEFT_ALONE_AFTER
    return long_ago or _stands_no_more(services, edition_id)


def _has_another(services: BotServices, edition_id: EditionId) -> bool:
    """Whether a list that was given up came about all the same, or its person has a later one."""
    edition = services.store.editions.get(edition_id)
    latest = None if edition is None else services.store.editions.latest(edition.user_id)
    if edition is None or latest is None:
        return False
    return latest.created_at >= edition.created_at


def _stands_no_more(services: BotServices, edition_id: EditionId) -> bool:
    """Whether a list was taken back or replaced since."""
    editions = services.store.editions
    edition = editions.get(edition_id)
    if edition is None:
        return False
    return edition.undone_at is not None or editions.later_stands(edition)


def _is_over(
    services: BotServices, account: Account, waiting: OutboxMessage, message: NightFailed
) -> bool:
    """Whether a night that failed is mended, or something later was said of it.

    What lasts until they connect again is told however late: no later night would tell it.
    """
    if message.cause in _OVER_ONCE_CONNECTED:
        if not account.connected:
            return False
        agreed_at = believed(account.consented_at, now=services.now())
        over = agreed_at is not None and agreed_at > waiting.created_at
    else:
        over = services.now() - waiting.created_at > LEFT_ALONE_AFTER
    return over or _is_mended(services, account, waiting, message)


def _has_begun(
    services: BotServices, account: Account, waiting: OutboxMessage, message: NightLate
) -> bool:
    """Whether a late night is late no more, or long ago."""
    begun = services.store.editions.of_occasion(account.user_id, message.occasion) is not None
    return begun or services.now() - waiting.created_at > LEFT_ALONE_AFTER


def _is_mended(
    services: BotServices, account: Account, waiting: OutboxMessage, message: NightFailed
) -> bool:
    store = services.store
    return any(
        edition.state is EditionState.RECORDED
        or store.editions.later_stands(edition)
        or store.outbox.failed_anew(edition, since=waiting)
        for edition in store.editions.of_day(account.user_id, message.day)
        if message.tells_of(edition)
    )
