"""One listener's installation of ours: syncs the library and makes the lists, as production does.

It stands where the assets stand: it reads, calls ``playlists.build``, and keeps what a list needs
the next night. What a list may cost, and everything else that decides, is production's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from vibe_pipeline.accounts.call_allowance import SPOTIFY, CallAllowance, CallsSpent
from vibe_pipeline.evaluation.nights.library import SimulatedAccount, SyncedLibrary
from vibe_pipeline.evaluation.nights.listener import OUR_LIST, SimulatedListener
from vibe_pipeline.evaluation.nights.plan import Plan
from vibe_pipeline.evaluation.nights.world import SimulatedServices
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.build import ListBuild, build_list, propose, stock_up
from vibe_pipeline.playlists.pools_at_hand import make_a_list
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.ranking.list_request import ListRequest, unplayable_likes
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.records import EditionId, PastRecommendation, Pool, SeedProfile, Track
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.taste.seed_profile import seed_profile
from vibe_pipeline.warehouse.candidates import PoolAtHand

_LISTENING, _PREPARING, _ON_LIST = "listening", "preparing", "on list"
"""What calls are charged to, as ``accounts.call_allowance`` tells them apart."""


class ListMaker:
    """Nobody else's lookups help; ``calls`` are those charged to the list at hand, by service."""

    def __init__(
        self,
        services: SimulatedServices,
        life: SimulatedListener,
        plan: Plan,
        policy: Policy,
        *,
        now: datetime,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.past: list[PastRecommendation] = []
        self.library = SyncedLibrary(
            account=SimulatedAccount(
                life=life, catalogue=services.spotify(self.calls), calls=self.calls, now=now
            )
        )
        self._life = life
        self._plan = plan
        self._policy = policy
        self._lookups = InMemoryLookups(lambda: self.now)
        self._pools: list[Pool] = []
        self._asked_at: datetime | None = None
        self._charged: Counter[str] = Counter()
        self._first_day = True
        self._clients = services.services(self._lookups, self.calls)

    @property
    def now(self) -> datetime:
        """The moment of the list at hand."""
        return self.library.account.now

    async def wake(self, now: datetime) -> None:
        """What comes before a list; only what connecting costs is charged to it."""
        self.library.account.now = now
        if self.library.state.likes_total is None:
            with self._charged_to(_LISTENING):
                await self.library.connect()
            await self.prepare()
            return
        await self.library.collect()
        self.calls.clear()
        self._charged.clear()
        self._first_day = False

    async def selection(self) -> Selection:
        """Tonight's list, as production makes it."""
        with self._charged_to(_ON_LIST if self.past else _LISTENING):
            await self.library.refresh()
        profile = self._profile()
        prepared = self._prepared()
        if not prepared:
            self._pools = await propose(self._source_context(profile), self._allowance())
        build = replace(self._list_build(profile, self._pools), prepared=prepared)
        return await build_list(build)

    async def prepare(self) -> None:
        """What is done ahead of the next list, after each and after connecting."""
        first, profile = not self.past, self._profile()
        context = self._source_context(profile)
        ahead = replace(context, limits=context.limits.ahead_of_time())
        with self._charged_to(_PREPARING):
            self._pools = await propose(ahead, self._ahead(first=first))
        self._asked_at = self.now
        build = self._list_build(profile, self._pools)
        with self._charged_to(_PREPARING):
            await stock_up(
                replace(build, allowance=lambda: self._ahead(first=first, looking_over=True))
            )

    def _ahead(self, *, first: bool, looking_over: bool = False) -> CallAllowance:
        return CallAllowance.ahead(
            self._spent(),
            before_first=first,
            newcomer=self._first_day,
            looking_over=looking_over,
        )

    def _prepared(self) -> bool:
        """Whether the pools at hand make tonight's list, as production decides it."""
        if self._asked_at is None:
            return False
        offered = {past.key for past in self.past}
        recordings = {
            recording_key(proposal.artist, proposal.title)
            for pool in self._pools
            for proposal in pool.proposals
        }
        at_hand = [
            PoolAtHand(
                source=pool.source,
                edition_id=EditionId("ahead"),
                state=pool.state,
                reason=pool.reason,
                offered=len(pool.proposals),
                asked_at=self._asked_at,
            )
            for pool in self._pools
        ]
        fresh = len(recordings - offered)
        return make_a_list(at_hand, fresh, size=self._plan.size, off=(), now=self.now)

    def remember(self, selection: Selection, edition_id: EditionId) -> None:
        """What was recommended, so that it rests before it returns."""
        self.past += [
            PastRecommendation(
                key=chosen.key,
                artist_key=chosen.artist_key,
                vibe_date=self.now.date(),
                edition_id=edition_id,
            )
            for chosen in selection.tracks
        ]

    def _allowance(self) -> CallAllowance:
        return CallAllowance.for_list(self._spent(), first=not self.past)

    def _spent(self) -> CallsSpent:
        """What today's calls went for, as the account store would count them."""
        listening, preparing = self._charged[_LISTENING], self._charged[_PREPARING]
        on_list = self.calls[SPOTIFY] - listening - preparing
        return CallsSpent(listening=listening, preparing=preparing, on_list=on_list)

    @contextmanager
    def _charged_to(self, purpose: str) -> Iterator[None]:
        """Count the calls made meanwhile under this."""
        before = self.calls[SPOTIFY]
        yield
        self._charged[purpose] += self.calls[SPOTIFY] - before

    def _source_context(self, profile: SeedProfile) -> SourceContext:
        return SourceContext(
            profile=profile,
            likes=self.library.likes,
            plays=self.library.plays,
            past=self.past,
            services=self._clients,
            limits=self._plan.limits,
            now=self.now,
        )

    def _list_build(self, profile: SeedProfile, pools: Sequence[Pool]) -> ListBuild:
        def keep_likes(tracks: Sequence[Track]) -> ListRequest:
            self.library.take_in(tracks)
            return self._request(profile)

        return ListBuild(
            request=self._request(profile),
            pools=pools,
            policy=self._policy,
            lookups=self._lookups,
            spotify=self.library.account,
            labs=self._clients.labs,
            allowance=self._allowance,
            patient=True,
            keep_likes=keep_likes if self.library.state.likes_walked is not None else None,
        )

    def _profile(self) -> SeedProfile:
        life = self._life
        return seed_profile(
            likes=self.library.likes,
            plays=self.library.plays,
            top=self.library.top,
            thumbs=life.thumbs,
            artist_thumbs=life.artist_thumbs,
            blocked_artists=life.blocked_keys(),
            own_lists=frozenset({OUR_LIST}),
            now=self.now,
        )

    def _request(self, profile: SeedProfile) -> ListRequest:
        life = self._life
        return ListRequest(
            vibe_date=self.now.date(),
            now=self.now,
            profile=profile,
            size=self._plan.size,
            min_new_ratio=self._plan.min_new_ratio,
            adventure=self._plan.adventure,
            likes=tuple(self.library.likes),
            plays=tuple(self.library.plays),
            past=tuple(self.past),
            blocked_artists=life.blocked_keys(),
            thumbs=dict(life.thumbs),
            artist_thumbs=dict(life.artist_thumbs),
            unplayable=unplayable_likes(self.library.likes),
        )
