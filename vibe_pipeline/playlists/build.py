"""The making of a list in one call: merge, rank, look up what is chosen, refill, choose.

Only what is about to be used is looked up on Spotify. The result holds all that ``replayed``
needs to make the same list again without asking anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vibe_pipeline.accounts.records import PoolSummary, Summary
from vibe_pipeline.locales import say
from vibe_pipeline.playlists.resolve import Resolver, given
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge, track_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import Choice, Selector, requested_new, select
from vibe_pipeline.records import (
    ChosenTrack,
    DropReason,
    LikedTrack,
    Pool,
    PoolState,
    Proposal,
    Ranked,
    Source,
    Track,
)

FREE_REACH = 400
"""So many of the best candidates that may be chosen are looked up where it costs nothing."""
_LEFT_OVER = {DropReason.LOWER_RANKED, DropReason.SOURCE_CAP, DropReason.ARTIST_CAP}
RESORT_SHARE = 3
"""So many likes for each place on the list are at hand to fill it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A finished choice: all candidates considered, the list, and the honest counts."""

    ranked: tuple[Ranked, ...]
    tracks: tuple[ChosenTrack, ...]
    summary: Summary
    policy: str


async def choose(
    request: ListRequest, pools: Sequence[Pool], resolver: Resolver, policy: Policy = DEFAULT
) -> Selection:
    """The list for these wishes out of these pools.

    The first ``resolver.soft_limit`` searches are spent freely; more only if the list would be
    short, up to ``resolver.hard_limit``.
    """
    ranked = rank(merge(pools), request, policy)
    selecting = Selector(ranked, request, policy)
    found = _given(ranked)
    candidates = selecting.eligible(found)
    wanted = [candidate for candidate in candidates if candidate.key not in found]
    found |= await resolver.for_free(wanted[:FREE_REACH])
    while True:
        urgent = not _full(selecting.chosen(found), request)
        left = [candidate for candidate in candidates if candidate.key not in found]
        beyond = resolver.beyond_reach(left, urgent=urgent)
        hoped = selecting.chosen(found, hopeful=True, beyond=beyond)
        missing = [entry.candidate for entry in hoped if entry.candidate.key not in found]
        if not missing:
            break
        found |= await resolver.by_search(missing, urgent=urgent)
    return _finished(request, pools, ranked, found, policy)


def in_stock(ranked: Iterable[Ranked], *, artist_cap: int) -> int:
    """How many new tracks are left over for later lists, looked up and fit to be chosen."""
    artists: Counter[str] = Counter()
    for entry in ranked:
        left = entry.position is None and entry.dropped in _LEFT_OVER
        if left and entry.is_new and entry.track is not None:
            artists[entry.candidate.artist_key] += 1
    return sum(min(count, artist_cap) for count in artists.values())


def replayed(
    request: ListRequest,
    pools: Sequence[Pool],
    found: Mapping[str, Track | None],
    policy: Policy = DEFAULT,
) -> Selection:
    """The list again from stored inputs: nobody is asked."""
    ranked = rank(merge(pools), request, policy)
    return _finished(request, pools, ranked, _given(ranked) | dict(found), policy)


def found_in(ranked: Iterable[Ranked]) -> dict[str, Track | None]:
    """What was looked up for an edition, read back from its stored candidates."""
    return {
        entry.candidate.key: entry.track
        for entry in ranked
        if entry.track is not None or entry.dropped is DropReason.NOT_ON_SPOTIFY
    }


def _finished(
    request: ListRequest,
    pools: Sequence[Pool],
    ranked: Sequence[Ranked],
    found: Mapping[str, Track | None],
    policy: Policy,
) -> Selection:
    """The final choice; a short one is filled up with likes no source brought."""
    choice = select(ranked, request, policy, found=found)
    if len(choice.chosen) < request.size and request.likes:
        ranked = rank(merge([*pools, last_resort(request, policy)]), request, policy)
        choice = select(ranked, request, policy, found=_given(ranked) | dict(found))
    return selection(choice, pools, policy)


def selection(choice: Choice, pools: Sequence[Pool], policy: Policy) -> Selection:
    """A choice as people are told it."""
    tracks = tuple(_told(entry) for entry in choice.chosen)
    chosen = Counter(track.source for track in tracks)
    new = sum(track.is_new for track in tracks)
    return Selection(
        ranked=choice.ranked,
        tracks=tracks,
        policy=f"{policy.name} {policy.version}",
        summary=Summary(
            new=new,
            familiar=len(tracks) - new,
            wished_new=choice.wished_new,
            sources={str(source): chosen[source] for source in Source if chosen[source]},
            pools=tuple(
                PoolSummary(
                    source=pool.source,
                    state=pool.state,
                    reason=pool.reason,
                    offered=len(pool.proposals),
                    chosen=chosen[pool.source],
                )
                for pool in sorted(pools, key=lambda pool: pool.source)
            ),
            notes=tuple(str(note) for note in choice.notes),
        ),
    )


def reason(language: str, source: Source, seed: str) -> str:
    """Why a track is on the list, in one sentence."""
    key = f"reason.{source}" if seed else f"reason.plain.{source}"
    return say(language, key, seed=seed)


def _full(chosen: Sequence[Ranked], request: ListRequest) -> bool:
    return len(chosen) >= request.size and sum(e.is_new for e in chosen) >= requested_new(request)


def _told(entry: Ranked) -> ChosenTrack:
    track = entry.track
    if track is None or entry.position is None:
        raise ValueError(f"{entry.candidate.key} was chosen without a track")
    return ChosenTrack(
        position=entry.position,
        artist=track.artist,
        title=track.title,
        spotify_id=track.spotify_id,
        uri=track.uri,
        isrc=track.isrc,
        is_new=entry.is_new,
        source=entry.source,
        seed=entry.seed,
        reason=reason("en", entry.source, entry.seed),
        key=track_key(track),
        artist_key=artist_key(track.artist),
    )


def last_resort(request: ListRequest, policy: Policy) -> Pool:
    """Likes to fill a short list with: the longest unheard first, resting ones last of all."""
    known = ListenerKnowledge.of(request, policy)

    def order(like: LikedTrack) -> tuple[object, ...]:
        keys = (track_key(like.track),)
        resting, heard = known.rests(keys), known.hears(keys)
        return resting, heard, known.last_recommended(keys), like.added_at, like.track.spotify_id

    likes = sorted(request.likes, key=order)[: RESORT_SHARE * request.size]
    return Pool(
        source=Source.REDISCOVERED_LIKES,
        proposals=tuple(_proposed(like, rank) for rank, like in enumerate(likes, start=1)),
        state=PoolState.OFFERED,
    )


def _given(ranked: Iterable[Ranked]) -> dict[str, Track | None]:
    """The tracks of candidates that came with their Spotify id."""
    tracks = ((entry.candidate.key, given(entry.candidate)) for entry in ranked)
    return {key: track for key, track in tracks if track is not None}


def _proposed(like: LikedTrack, rank: int) -> Proposal:
    track = like.track
    return Proposal(
        source=Source.REDISCOVERED_LIKES,
        artist=track.artist,
        title=track.title,
        seed="",
        match=1 / (1 + rank),
        rank=rank,
        spotify_id=track.spotify_id,
        isrc=track.isrc,
        duration_ms=track.duration_ms,
    )
