"""What ListenBrainz itself recommends to somebody who has an account there, and named it.

Their collaborative filtering, made anew every week or two. Costs no call to Spotify.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.listenbrainz import ListenBrainz, NamedRecording, RecommendedRecording
from vibe_pipeline.records import Pool, PoolState, Proposal, Source
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of

SOURCE = Source.LISTENBRAINZ_FOR_YOU

RECOMMENDED = 100
"""The service's best, in one call; their names take two more."""
_TOGETHER = 50
_HEARD_LATELY = timedelta(days=60)


async def propose(context: SourceContext) -> Pool:
    """The service's own recommendations, without what was heard there within two months."""
    user, service = context.listenbrainz_user, context.services.listenbrainz
    if user is None:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_ACCOUNT_NAMED)
    if service is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NO_CONTACT)
    recommended = [
        one
        for one in await service.recommended(user, count=RECOMMENDED)
        if one.heard_at is None or one.heard_at < context.now - _HEARD_LATELY
    ]
    if not recommended:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_MODEL_YET)
    named, trouble = await _named(service, recommended)
    return pool_of(
        SOURCE,
        _proposals(recommended, named, user),
        most=context.limits.proposals_per_source,
        trouble=trouble,
    )


async def _named(
    service: ListenBrainz, recommended: Sequence[RecommendedRecording]
) -> tuple[dict[str, NamedRecording], ServiceError | None]:
    """What the recordings are called, as far as the service tells."""
    named: dict[str, NamedRecording] = {}
    for start in range(0, len(recommended), _TOGETHER):
        some = [one.mbid for one in recommended[start : start + _TOGETHER]]
        try:
            named.update(await service.names(some))
        except ServiceError as error:
            return named, error
    return named, None


def _proposals(
    recommended: Sequence[RecommendedRecording], named: dict[str, NamedRecording], user: str
) -> list[Proposal]:
    best = max((one.score for one in recommended), default=0.0) or 1.0
    return [
        Proposal(
            source=SOURCE,
            artist=named[one.mbid].artist,
            title=named[one.mbid].title,
            seed=user,
            match=min(1.0, max(0.0, one.score / best)),
            rank=rank,
            mbid=one.mbid,
            duration_ms=named[one.mbid].duration_ms,
        )
        for rank, one in enumerate(recommended, start=1)
        if one.mbid in named
    ]
