"""The making of a list: propose, merge, rank, look up what is chosen, refill, choose.

Everything that decides stands here and takes what it needs: how the calls a list may cost are
split, when likes are checked, when to choose again, when nobody need be asked at all. Only
what is about to be used is looked up on Spotify. The result holds all that ``replayed`` needs to
make the same list again without asking anybody.

Not here: scores and caps (``ranking``), the lookups themselves (``resolve``), what people are told
(``selection_summary``), what is stored (``edition_record``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Protocol, Self

from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.clients.deadline import LateCalls
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.playlists.resolve import Resolver, SpotifyIdLookup, confirmed, given
from vibe_pipeline.playlists.selection_summary import Selection, summarized
from vibe_pipeline.playlists.unsynced_likes import SavedTracksCheck, SavedTracksClient, calls_for
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge, track_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import Selector, requested_new, select
from vibe_pipeline.records import (
    Candidate,
    DropReason,
    LikedTrack,
    Pool,
    PoolState,
    Proposal,
    Ranked,
    Source,
    Track,
)
from vibe_pipeline.sources.artist_pages import TrackSearch
from vibe_pipeline.sources.context import SourceContext, SourceLimits
from vibe_pipeline.sources.registry import propose_all

SEARCHES_FOR_THE_BEST = 12
"""Of a first list's many calls, so many are spent on the best; more only lest it be short."""
PATIENT_LABS_NAMES, PATIENT_LABS_BATCHES = 24, 12
HURRIED_LABS_NAMES, HURRIED_LABS_BATCHES = 2, 3
"""Questions to ListenBrainz labs, by name and for fifty recordings at once: it is free and slow."""
HURRIED_LABS_SECONDS = 1.0
"""Somebody who waits is not kept longer by labs, whose bucket others may have emptied."""
LISTS_IN_RESERVE = 3
"""For so many lists tracks are looked up ahead of time."""
LONGEST_LIST = 100
FREE_REACH = 400
"""So many of the best candidates that may be chosen are looked up where it costs nothing."""
NEWEST_LIKES, USUALLY_GREYED_OUT = 50, 0.1
"""Of the likes that every sync reads, so large a part may be greyed out without alarm."""
LOOK_OVER_WORTH = 0.75
"""A list that had to go so far down in the ranking, in the mean score of what is new, is made with
ids that labs alone named, and looked over."""
RESORT_SHARE = 3
"""So many likes for each place on the list are at hand to fill it up."""


class SpotifyForLists(TrackSearch, SavedTracksClient, Protocol):
    """The part of Spotify a list is made with: its search, and whether tracks are saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListBuild:
    """One making of a list: what it is chosen from, who can be asked, and what it may cost.

    ``allowance`` says what may still be spent at the moment it is called. ``patient``: nobody
    waits for the list. ``prepared``: its pools were asked, and tracks looked up, ahead of time;
    then nobody is asked as long as what is remembered makes a whole list. ``keep_likes`` is there
    while some likes may be unknown to us: it takes in those found and gives the request anew.
    ``late`` takes the calls that are under way when the time for them is over.
    """

    request: ListRequest
    pools: Sequence[Pool]
    policy: Policy
    lookups: Lookups
    spotify: SpotifyForLists | None
    labs: SpotifyIdLookup | None
    allowance: Callable[[], CallAllowance]
    patient: bool
    prepared: bool = False
    keep_likes: Callable[[Sequence[Track]], ListRequest] | None = None
    late: LateCalls = field(default_factory=set)


async def propose(
    context: SourceContext,
    allowance: CallAllowance,
    *,
    off: Collection[Source] = frozenset(),
    only: Collection[Source] | None = None,
) -> list[Pool]:
    """The pools for a list that may still cost so much; ``propose_all`` says what is in them.

    ``context.limits`` bound what each source asks for, ``off`` names those the person switched
    off, ``only`` those to ask. A source in trouble gives an empty pool and raises nothing.
    """
    shared = share_of_sources(allowance, context.limits)
    return await propose_all(replace(context, allowance=shared), off=off, only=only)


def share_of_sources(allowance: CallAllowance, limits: SourceLimits) -> CallAllowance:
    """What sources may spend: half of what is left is kept for looking up what is chosen."""
    usual = limits.spotify_calls_first if allowance.first else limits.spotify_calls
    return CallAllowance(first=allowance.first, left=min(usual, allowance.left // 2))


async def build_list(build: ListBuild) -> Selection:
    """Choose, and make sure that what is new is not liked.

    The tracks may be fewer than the request's ``size``, down to none. What is left of the
    allowance is asked for twice: before choosing, and before stocking up.

    Raises:
        AuthorizationExpired: the person's consent has ended; any other trouble of a service only
            makes the list poorer.
    """
    allowance = build.allowance()
    checks = min(allowance.left, calls_for(build.request.size)) if build.keep_likes else 0
    searches = allowance.left - checks
    best = min(SEARCHES_FOR_THE_BEST, searches) if allowance.first else searches
    most = max(searches, allowance.lest_short - checks)
    resolver = _resolver(build, soft_limit=best, hard_limit=most)
    selection = await _chosen(build, build.request, resolver)
    if checks and build.keep_likes and build.spotify:
        checked = _CheckedTracks(build, build.spotify, build.keep_likes)
        selection = await checked.selection(selection, resolver, calls=checks)
    return selection


@dataclass(slots=True)
class _CheckedTracks:
    """What may be called new while some likes are unknown: tracks that Spotify says are not saved.

    Another choice, once some of the chosen turn out to be liked, is made among those asked about;
    only where they do not make a whole list, others are asked about with calls that are left.
    """

    build: ListBuild
    spotify: SavedTracksClient
    keep_likes: Callable[[Sequence[Track]], ListRequest]
    uris: set[str] = field(default_factory=set)

    async def selection(self, first: Selection, resolver: Resolver, *, calls: int) -> Selection:
        """The first choice if none of it is liked; else one in which no like is called new."""
        liked = await self._liked(first, calls=calls)
        if not liked:
            return first
        request = self.keep_likes(liked)
        selection = await self._among_checked(request)
        calls = calls_for(request.size)
        while not _complete(selection, request) and resolver.leaves(calls):
            asked = len(self.uris)
            liked = await self._liked(await _chosen(self.build, request, resolver), calls=calls)
            if len(self.uris) == asked:
                break
            request = self.keep_likes(liked) if liked else request
            selection = await self._among_checked(request)
        return selection

    async def _liked(self, selection: Selection, *, calls: int) -> list[Track]:
        """What was chosen as new and is liked after all, as far as so many calls can tell."""
        check = SavedTracksCheck.about(selection.ranked, calls=calls, asked=self.uris)
        saved = await check.saved(self.spotify)
        self.uris |= saved.keys()
        return [track for track in check.tracks if saved.get(track.uri)]

    async def _among_checked(self, request: ListRequest) -> Selection:
        remembering = Resolver(
            lookups=self.build.lookups, heard=_heard(request), marks=request.explicit is not None
        )
        return await choose(
            request, self.build.pools, remembering, self.build.policy, checked=self.uris
        )


async def _chosen(build: ListBuild, request: ListRequest, resolver: Resolver) -> Selection:
    """The choice out of what is remembered, where that was prepared and is enough."""
    if build.prepared:
        remembering = Resolver(
            lookups=build.lookups,
            unplayable=request.unplayable,
            heard=_heard(request),
            marks=request.explicit is not None,
        )
        selection = await choose(
            request, build.pools, remembering, build.policy, confirmed_first=True
        )
        if _complete(selection, request):
            return selection
    return await choose(request, build.pools, resolver, build.policy)


def _complete(selection: Selection, request: ListRequest) -> bool:
    new = selection.summary.new
    return len(selection.tracks) >= request.size and new >= selection.summary.wished_new


async def stock_up(build: ListBuild, *, lists: int = LISTS_IN_RESERVE) -> Selection:
    """Ahead of time, look up what the next lists will be made of; gives them as one long list.

    All that ``build.allowance`` leaves is spent: on the tracks of the next list, then on those of
    the others, then on artists' pages that answer for many. An id that labs alone names is looked
    up like an unknown one, so that a list need not look over what it has written. What is found
    is remembered for everybody.
    """
    allowance = build.allowance()
    calls = allowance.left
    resolver = _resolver(build, soft_limit=calls, hard_limit=calls, doubting=True)
    ranked = _ranked(build.pools, build.request, build.policy)
    next_list = await _Choosing.begun(build.request, ranked, resolver, build.policy)
    await next_list.look_up(resolver)
    size = min(LONGEST_LIST, lists * build.request.size)
    request = replace(build.request, size=size, min_new_ratio=1.0)
    all_of_them = await _Choosing.begun(request, ranked, resolver, build.policy)
    await all_of_them.look_up(resolver)
    looked_up = all_of_them.looked_up
    selection = _finished(all_of_them.selecting, request, build.pools, looked_up, build.policy)
    await resolver.harvest(selection.ranked, calls=calls - resolver.searches)
    return selection


def _heard(request: ListRequest) -> dict[str, Track]:
    played = (play.track for play in request.plays)
    saved = (like.track for like in request.likes)
    return {track.spotify_id: track for track in (*played, *saved)}


def _resolver(
    build: ListBuild, *, soft_limit: int, hard_limit: int, doubting: bool = False
) -> Resolver:
    """Asks Spotify as often as the list may cost, and labs more often while nobody waits."""
    return Resolver(
        lookups=build.lookups,
        spotify=build.spotify,
        labs=build.labs,
        unplayable=build.request.unplayable,
        heard=_heard(build.request),
        soft_limit=soft_limit,
        hard_limit=hard_limit,
        name_limit=PATIENT_LABS_NAMES if build.patient else HURRIED_LABS_NAMES,
        batch_limit=PATIENT_LABS_BATCHES if build.patient else HURRIED_LABS_BATCHES,
        labs_seconds=None if build.patient else HURRIED_LABS_SECONDS,
        late=build.late,
        doubting=doubting,
        marks=build.request.explicit is not None,
    )


async def choose(
    request: ListRequest,
    pools: Sequence[Pool],
    resolver: Resolver,
    policy: Policy = DEFAULT,
    *,
    checked: Collection[str] | None = None,
    confirmed_first: bool = False,
) -> Selection:
    """The list for this request out of these pools.

    The first ``resolver.soft_limit`` searches are spent freely; more only if the list would be
    short, up to ``resolver.hard_limit``. Where ``checked`` is given, only tracks with these URIs
    can be called new; others that would be count as not looked up. With ``confirmed_first`` ids
    that nobody but labs named are used only where a list would be short or poor without them.
    """
    ranked = _ranked(pools, request, policy)
    choosing = await _Choosing.begun(request, ranked, resolver, policy)
    if confirmed_first and (certain := choosing.certain()) is not None:
        return _finished(choosing.selecting, request, pools, certain, policy)
    await choosing.look_up(resolver)
    looked_up, selecting = choosing.looked_up, choosing.selecting
    left_out = _unchecked(selecting.new(looked_up), checked) if checked is not None else set()
    return _finished(selecting, request, pools, looked_up, policy, left_out=left_out)


@dataclass(kw_only=True)
class _Choosing:
    """A list that is being chosen: what may be on it, and what is known of that on Spotify."""

    request: ListRequest
    selecting: Selector
    candidates: Sequence[Candidate]
    looked_up: dict[str, Track | None]

    @classmethod
    async def begun(
        cls, request: ListRequest, ranked: Sequence[Ranked], resolver: Resolver, policy: Policy
    ) -> Self:
        """Everything that can be told without a search; how long the list is changes no rank."""
        selecting = Selector(ranked, request, policy)
        looked_up = resolver.marked(_given(ranked, request))
        candidates = selecting.eligible(looked_up)
        wanted = [candidate for candidate in candidates if candidate.key not in looked_up]
        looked_up |= await resolver.for_free(wanted[:FREE_REACH])
        return cls(request=request, selecting=selecting, candidates=candidates, looked_up=looked_up)

    def certain(self) -> dict[str, Track | None] | None:
        """What was looked up but for ids that labs alone named, where that makes a good list."""
        selecting, request = self.selecting, self.request
        certain = _confirmed(self.candidates, self.looked_up, marked=request.explicit is not None)
        best = selecting.chosen(certain)
        if _full(best, request) and _as_good(best, selecting.chosen(self.looked_up)):
            return certain
        return None

    async def look_up(self, resolver: Resolver) -> None:
        """Search until all that would be on the list is known, or nothing may be asked any more."""
        while True:
            urgent = resolver.holds_back and not self._would_be_full()
            left = [one for one in self.candidates if one.key not in self.looked_up]
            beyond = resolver.beyond_reach(left, urgent=urgent)
            hoped = self.selecting.chosen(self.looked_up, hopeful=True, beyond=beyond)
            missing = [
                entry.candidate for entry in hoped if entry.candidate.key not in self.looked_up
            ]
            if not missing:
                return
            self.looked_up |= await resolver.by_search(missing, urgent=urgent)

    def _would_be_full(self) -> bool:
        return _full(self.selecting.chosen(self.looked_up), self.request)


def replayed(
    request: ListRequest,
    pools: Sequence[Pool],
    then: Sequence[Ranked],
    policy: Policy = DEFAULT,
) -> Selection:
    """The list again from stored inputs, ``then`` its candidates: nobody is asked."""
    ranked = _ranked(pools, request, policy)
    looked_up = _given(ranked, request) | _looked_up_in(then)
    left_out = {entry.candidate.key for entry in then} - _looked_up_in(then).keys()
    selecting = Selector(ranked, request, policy)
    return _finished(selecting, request, pools, looked_up, policy, left_out=left_out)


def _ranked(pools: Iterable[Pool], request: ListRequest, policy: Policy) -> list[Ranked]:
    candidates = merge(pools, unplayable=request.unplayable, other_names=request.other_names)
    return rank(candidates, request, policy)


def _looked_up_in(ranked: Iterable[Ranked]) -> dict[str, Track | None]:
    """What was looked up for an edition, read back from its stored candidates."""
    return {
        entry.candidate.key: entry.track
        for entry in ranked
        if entry.track is not None or entry.dropped is DropReason.NOT_ON_SPOTIFY
    }


def _unchecked(new: Iterable[Ranked], checked: Collection[str]) -> set[str]:
    """The keys of those met on Spotify as a track that is none of the checked."""
    return {
        entry.candidate.key
        for entry in new
        if entry.track is not None and entry.track.uri not in checked
    }


def _finished(
    selecting: Selector,
    request: ListRequest,
    pools: Sequence[Pool],
    looked_up: Mapping[str, Track | None],
    policy: Policy,
    *,
    left_out: Collection[str] = frozenset(),
) -> Selection:
    """The final choice; a short one is filled up with likes no source brought.

    Those ``left_out``, by key, are taken as if nobody had looked them up.
    """
    found = {key: track for key, track in looked_up.items() if key not in left_out}
    choice = selecting.choice(found)
    if len(choice.chosen) < request.size and request.likes:
        ranked = _ranked([*pools, last_resort(request, policy)], request, policy)
        given = _with_clean_marks(_given(ranked, request), request)
        likes = {key: track for key, track in given.items() if key not in left_out}
        choice = select(ranked, request, policy, found=likes | found)
    return summarized(
        choice,
        pools,
        policy,
        request.profile,
        wishes=request.steering,
        doubtful=_greys_out(request.likes),
        marked=request.explicit is not None,
    )


def _with_clean_marks(
    found: Mapping[str, Track | None], request: ListRequest
) -> dict[str, Track | None]:
    """Likes known to bear no mark need not be looked at again; those with one are not here."""
    if request.explicit is None:
        return dict(found)
    clean = {one.track.spotify_id for one in request.likes if one.track.explicit is False}
    return {
        key: replace(track, explicit=False) if track and track.spotify_id in clean else track
        for key, track in found.items()
    }


def _greys_out(likes: Sequence[LikedTrack]) -> bool:
    """Whether so many of the newest likes are greyed out that older ones have to be doubted.

    Only the newest are looked at with every list; a person who moved to another country finds
    many tracks greyed out at once.
    """
    newest = likes[:NEWEST_LIKES]
    return sum(not like.playable for like in newest) > len(newest) * USUALLY_GREYED_OUT


def _as_good(chosen: Sequence[Ranked], other: Sequence[Ranked]) -> bool:
    """Whether what is new in one choice scores about as high as in the other."""
    here, there = ([entry.score for entry in some if entry.is_new] for some in (chosen, other))
    return not here or not there or fmean(here) >= fmean(there) - LOOK_OVER_WORTH


def _confirmed(
    candidates: Iterable[Candidate], looked_up: Mapping[str, Track | None], *, marked: bool
) -> dict[str, Track | None]:
    """What was looked up without the ids of these that labs alone named, or nobody has marked."""
    doubted = {
        candidate.key
        for candidate in candidates
        if (track := looked_up.get(candidate.key))
        and not confirmed(candidate, track, marked=marked)
    }
    return {key: track for key, track in looked_up.items() if key not in doubted}


def _full(chosen: Sequence[Ranked], request: ListRequest) -> bool:
    return len(chosen) >= request.size and sum(e.is_new for e in chosen) >= requested_new(request)


def last_resort(request: ListRequest, policy: Policy) -> Pool:
    """Likes to fill a short list with: the longest unheard first, resting ones last of all."""
    known = ListenerKnowledge.of(request, policy)

    def order(like: LikedTrack) -> tuple[object, ...]:
        keys = (track_key(like.track),)
        resting, heard = known.rests(keys), not known.is_due(keys, policy)
        return resting, heard, known.last_recommended(keys), like.added_at, like.track.spotify_id

    unusable = request.unplayable | (request.explicit or frozenset())
    usable = [one for one in request.likes if one.track.spotify_id not in unusable]
    likes = sorted(usable, key=order)[: RESORT_SHARE * request.size]
    return Pool(
        source=Source.REDISCOVERED_LIKES,
        proposals=tuple(_proposed(like, rank) for rank, like in enumerate(likes, start=1)),
        state=PoolState.OFFERED,
    )


def _given(ranked: Iterable[Ranked], request: ListRequest) -> dict[str, Track | None]:
    """The tracks of candidates that came with their Spotify id.

    ``None`` for what nobody names but by ids that must not be used: it is not looked for elsewhere.
    """
    tracks: dict[str, Track | None] = {}
    for entry in ranked:
        candidate = entry.candidate
        if candidate.spotify_id is not None:
            tracks[candidate.key] = given(candidate)
        elif all(one.spotify_id in request.unplayable for one in candidate.proposals):
            tracks[candidate.key] = None
    return tracks


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
