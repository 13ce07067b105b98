"""From proposals to a pool: order, ranks, and the reason when there is little or nothing.

Every source ends here. Merging what several sources named is ``ranking.merge``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from vibe_pipeline.clients.errors import (
    AllowanceSpent,
    AuthorizationExpired,
    CapabilityAbsent,
    DeadlineReached,
    KeyRefused,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, Source


class Reason(StrEnum):
    """Why a source offered nothing, or less than it could; each has its sentence under ``pool``."""

    SWITCHED_OFF = "switched_off"
    NO_KEY = "no_key"
    NO_CONTACT = "no_contact"
    NOT_CONNECTED = "not_connected"
    NOT_OFFERED = "not_offered"
    NO_SEEDS = "no_seeds"
    NO_LIKES = "no_likes"
    NO_ACCOUNT_NAMED = "no_account_named"
    NO_MODEL_YET = "no_model_yet"
    NO_HISTORY = "no_history"
    NOTHING_FOUND = "nothing_found"
    CONSENT_EXPIRED = "consent_expired"
    NOT_ALLOWLISTED = "not_allowlisted"
    OWNER_NOT_PREMIUM = "owner_not_premium"
    QUOTA = "quota"
    RATE_LIMITED = "rate_limited"
    ALLOWANCE_SPENT = "allowance_spent"
    KEY_REFUSED = "key_refused"
    UNAVAILABLE = "unavailable"
    CUT_OFF = "cut_off"
    UNEXPECTED = "unexpected"


_REASONS: tuple[tuple[type[ServiceError], Reason], ...] = (
    (CapabilityAbsent, Reason.NOT_OFFERED),
    (AuthorizationExpired, Reason.CONSENT_EXPIRED),
    (NotAllowlisted, Reason.NOT_ALLOWLISTED),
    (OwnerNotPremium, Reason.OWNER_NOT_PREMIUM),
    (RateLimited, Reason.RATE_LIMITED),
    (KeyRefused, Reason.KEY_REFUSED),
    (DeadlineReached, Reason.CUT_OFF),
    (AllowanceSpent, Reason.ALLOWANCE_SPENT),
    (ServiceUnavailable, Reason.UNAVAILABLE),
)


def reason_of(trouble: ServiceError) -> Reason:
    """The reason a service's trouble is told as."""
    if isinstance(trouble, RateLimited) and trouble.quota:
        return Reason.QUOTA
    for kind, reason in _REASONS:
        if isinstance(trouble, kind):
            return reason
    return Reason.UNEXPECTED


def empty_pool(source: Source, state: PoolState, reason: Reason) -> Pool:
    """A pool with nothing in it, and why."""
    return Pool(source=source, proposals=(), state=state, reason=reason)


def failed_pool(source: Source, trouble: ServiceError) -> Pool:
    """The pool of a source that could not be asked; that we asked enough is nobody's failure."""
    state = PoolState.FAILED
    if isinstance(trouble, CapabilityAbsent):
        state = PoolState.ABSENT
    elif isinstance(trouble, AllowanceSpent):
        state = PoolState.EMPTY
    return empty_pool(source, state, reason_of(trouble))


def pool_of(
    source: Source,
    proposals: Iterable[Proposal],
    *,
    most: int,
    trouble: ServiceError | None = None,
    empty: Reason = Reason.NOTHING_FOUND,
) -> Pool:
    """The pool, strongest match first; a seed proposes a recording once, a placeholder none.

    With ``trouble`` the pool says why it holds less than it could.
    """
    best: dict[tuple[str, str], Proposal] = {}
    for proposal in sorted(proposals, key=lambda p: (-p.match, p.rank)):
        if is_placeholder(proposal.artist):
            continue
        best.setdefault((proposal.seed, recording_key(proposal.artist, proposal.title)), proposal)
    if not best:
        return (
            failed_pool(source, trouble) if trouble else empty_pool(source, PoolState.EMPTY, empty)
        )
    ordered = tuple(
        proposal if proposal.rank == rank else replace(proposal, rank=rank)
        for rank, proposal in enumerate(list(best.values())[:most], start=1)
    )
    reason = None if trouble is None else reason_of(trouble)
    return Pool(source=source, proposals=ordered, state=PoolState.OFFERED, reason=reason)
