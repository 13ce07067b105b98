"""The candidates group: one pool per source, all sources asked at once in one step.

A subsettable multi-asset with a spec for each entry of ``sources.registry``; what a source does
stands there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.call_allowance import CallAllowance, preparing_of
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients import listenbrainz as labs
from vibe_pipeline.clients.deadline import LateCalls
from vibe_pipeline.defs.late_answers import AskingLoop
from vibe_pipeline.defs.metadata import counted, excerpt
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import RunContext, run_context
from vibe_pipeline.defs.single_flight import SharedWork, one_at_a_time
from vibe_pipeline.defs.specs import asset_spec, check_spec
from vibe_pipeline.defs.taste import PROFILE
from vibe_pipeline.playlists.build import propose
from vibe_pipeline.playlists.pools_at_hand import fresh_recordings, looked_at_first, make_a_list
from vibe_pipeline.ranking.listener_knowledge import with_current_keys
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    Pool,
    PoolState,
    SeedProfile,
    Source,
)
from vibe_pipeline.settings import read_settings
from vibe_pipeline.sources.context import SourceClients, SourceContext, SourceLimits
from vibe_pipeline.sources.loved_once import FORGOTTEN_AFTER, LOVED_AFTER, MOST
from vibe_pipeline.sources.pools import Reason
from vibe_pipeline.sources.registry import REGISTRY
from vibe_pipeline.taste.exclusions import exclusion_rules_of
from vibe_pipeline.warehouse import Warehouse, WarehouseLookups
from vibe_pipeline.warehouse.candidates import PoolAtHand
from vibe_pipeline.warehouse.listening_history import HeardRecording


def pool_key(source: Source) -> dg.AssetKey:
    """The asset of a source."""
    return dg.AssetKey(["candidates", str(source)])


def check_name(source: Source) -> str:
    """The check of a source."""
    return f"{source}_had_something_to_offer"


@dg.multi_asset(
    name="candidates",
    specs=[
        asset_spec(
            pool_key(entry.source),
            group="candidates",
            kinds=sorted(entry.services)[:1],
            code_version="1",
            deps=[PROFILE],
            description=(
                f"{entry.about}\n\nA source that fails leaves an empty pool with its reason."
            ),
        )
        for entry in REGISTRY
    ],
    check_specs=[
        check_spec(
            check_name(entry.source),
            asset=pool_key(entry.source),
            description="A warning when the source failed; the others make the list without it."
            " That it was asked and had nothing is no failure.",
        )
        for entry in REGISTRY
    ],
    partitions_def=users,
    can_subset=True,
)
def candidates(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Asks the selected sources together, each able to fail without hurting the rest."""
    store, database = accounts.open(clock), warehouse.open()
    wanted = {source for source in Source if pool_key(source) in context.selected_asset_keys}
    with run_context(context, store, database, now=clock.now()) as run:
        step = _CandidatesStep.read(run, store, database, clock)
        if not step.prepared:
            with one_at_a_time(run, SharedWork.SOURCES) as joined:
                if joined:
                    step = _CandidatesStep.read(run, store, database, clock)
                if not step.prepared:
                    yield from _asked(context, step, step.clients(services, clock), wanted)
                    return
        yield from (_taken_over(pool) for pool in step.at_hand if pool.source in wanted)
        lying = {pool.source for pool in step.at_hand}
        yield from (_not_lying_yet(source, step) for source in Source if source in wanted - lying)


def _asked(
    context: dg.AssetExecutionContext,
    step: "_CandidatesStep",
    clients: AbstractAsyncContextManager[Clients],
    wanted: Collection[Source],
) -> Iterator[dg.MaterializeResult[None]]:
    """Pools asked for now, and kept; what the deadline of a list cut off is noted with its run."""
    late: LateCalls = set()
    with AskingLoop(late, keep=step.lookups.keep) as loop:
        pools, calls = loop.run(step.propose(loop.open(clients), only=wanted, late=late))
        step.keep(pools)
    if step.run.makes_a_list and (unfinished := runs.cut_off_tags(cut_off(pools))):
        context.instance.add_run_tags(context.run.run_id, unfinished)
    for pool in pools:
        yield _result(pool, step.profile_edition, calls, waited=step.limits.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CandidatesStep:
    """What a run's sources are asked with, and where their pools are kept."""

    run: RunContext
    store: AccountStore
    database: Warehouse
    lookups: WarehouseLookups
    now: datetime
    profile_edition: EditionId
    profile: SeedProfile
    likes: Sequence[LikedTrack]
    plays: Sequence[Play]
    past: Sequence[PastRecommendation]
    once_heard: Sequence[HeardRecording]
    at_hand: Sequence[PoolAtHand]
    prepared: bool

    @classmethod
    def read(
        cls, run: RunContext, store: AccountStore, database: Warehouse, clock: ClockResource
    ) -> Self:
        """What lies in the warehouse of the pools at hand, and the rest where they do not do."""
        user_id, own = run.user_id, run.place.edition_id
        with database.open() as tables:
            profile_edition = tables.taste.edition_for(user_id, own, on=run.place.vibe_date) or own
            first = looked_at_first(run.place.vibe_date)
            at_hand = tables.candidates.at_hand(user_id, since=first)
            editions = {pool.source: pool.edition_id for pool in at_hand}
            proposed = tables.candidates.recordings(user_id, editions, since=first)
            recommended = tables.playlists.recommended(user_id)
            imported_at = tables.history.imported_at(user_id)
        fresh = fresh_recordings(proposed, past=recommended)
        step = cls(
            run=run,
            store=store,
            database=database,
            lookups=database.lookups(now=clock.now),
            now=clock.now(),
            profile_edition=profile_edition,
            profile=SeedProfile(artists=(), tracks=()),
            likes=(),
            plays=(),
            past=(),
            once_heard=(),
            at_hand=at_hand,
            prepared=_is_prepared(run, at_hand, fresh, imported_at, now=clock.now()),
        )
        return step if step.prepared else step.with_taste()

    def with_taste(self) -> Self:
        """The same with all that sources are asked about, which pools taken over do not need."""
        user_id, own = self.run.user_id, self.run.place.edition_id
        with self.database.open() as tables:
            profile = tables.taste.profile(user_id, self.profile_edition)
            likes, plays = tables.library.likes(user_id), tables.library.plays(user_id)
            past = tables.playlists.past(user_id, besides=own)
            once_heard = tables.history.most_heard(
                user_id,
                most=2 * MOST,
                at_least=LOVED_AFTER,
                not_since=self.now - FORGOTTEN_AFTER,
            )
        return replace(
            self,
            profile=profile,
            likes=likes,
            plays=plays,
            past=with_current_keys(past),
            once_heard=once_heard,
        )

    @property
    def account_of_calls(self) -> EditionId:
        """What the calls to Spotify are counted under: the list's, or what is done ahead of it."""
        run = self.run
        return run.place.edition_id if run.makes_a_list else preparing_of(run.user_id)

    @property
    def _allowance(self) -> CallAllowance:
        run = self.run
        if not run.makes_a_list:
            return CallAllowance.ahead_of_time(self.store, run.user_id)
        return CallAllowance.of(
            self.store, run.user_id, run.place.edition_id, asked_for=run.asked_for
        )

    @property
    def limits(self) -> SourceLimits:
        """As much as may be asked ahead of time; within seconds while somebody waits, or soon
        will because they have just connected.
        """
        settings = read_settings()
        limits = SourceLimits.of(settings)
        if self.run.asked_for:
            return replace(limits, seconds=settings.asking_seconds)
        if self.run.makes_a_list:
            return replace(limits, seconds=settings.asking_seconds_at_night)
        return limits.ahead_of_time()

    def clients(
        self, services: ServicesResource, clock: ClockResource
    ) -> AbstractAsyncContextManager[Clients]:
        """Who can be asked, at the cost of the list or of what is done ahead of it."""
        run, account = self.run, self.account_of_calls
        return services.open(
            run.user_id,
            self.store,
            clock,
            edition_id=account,
            asked_for=run.asked_for,
            looking_up=True,
        )

    async def propose(
        self, clients: Clients, *, only: Collection[Source], late: LateCalls
    ) -> tuple[list[Pool], Mapping[str, Any]]:
        """The pools, and the calls they took; ``late`` takes those under way at the deadline."""
        context = self._source_context(clients, late)
        off = self.run.account.sources_off
        pools = await propose(context, self._allowance, off=off, only=only)
        return pools, clients.shown

    def _source_context(self, clients: Clients, late: LateCalls) -> SourceContext:
        rules = exclusion_rules_of(self.store, self.run.account)
        return SourceContext(
            profile=self.profile,
            likes=self.likes,
            plays=self.plays,
            past=self.past,
            services=_services(clients, self.store, self.lookups),
            limits=self.limits,
            now=self.now,
            excluded_likes=rules.excluded_likes(self.likes),
            late=late,
            once_heard=[one for one in self.once_heard if one.artist_key not in rules.artists],
            listenbrainz_user=self._listenbrainz_user,
        )

    @property
    def _listenbrainz_user(self) -> str | None:
        """The name of the person's account there, if they told it."""
        named = self.store.history_sources.list(self.run.user_id)
        return next((one.name for one in named if one.service == labs.SERVICE), None)

    def keep(self, pools: Sequence[Pool]) -> None:
        """Store what was looked up, and the pools as this edition's slice."""
        with self.database.open() as tables:
            self.lookups.keep_in(tables.lookups)
            tables.candidates.replace(
                self.run.place, {pool.source: pool for pool in pools}, asked_at=self.now
            )


def _is_prepared(
    run: RunContext,
    at_hand: Sequence[PoolAtHand],
    fresh: int,
    imported_at: datetime | None,
    *,
    now: datetime,
) -> bool:
    """Whether somebody waits for a list and the pools at hand make one without asking."""
    return (run.makes_a_list or run.asked_for) and make_a_list(
        at_hand,
        fresh,
        size=run.account.playlist_size,
        off=run.account.sources_off,
        now=now,
        imported_at=imported_at,
    )


def cut_off(pools: Sequence[Pool]) -> list[Source]:
    """The sources that were still asking at the deadline, whether they have something or not."""
    return [pool.source for pool in pools if pool.reason == Reason.CUT_OFF]


def _services(clients: Clients, store: AccountStore, lookups: WarehouseLookups) -> SourceClients:
    return SourceClients(
        lookups=lookups,
        capabilities=store.capabilities,
        spotify=clients.spotify,
        lastfm=clients.lastfm,
        labs=clients.labs,
        listenbrainz=clients.listenbrainz,
        musicbrainz=clients.musicbrainz,
    )


def _taken_over(pool: PoolAtHand) -> dg.MaterializeResult[None]:
    """A pool that was asked ahead of time: whose it is and how old, instead of its rows again."""
    return _materialized(
        pool,
        pool.offered,
        {
            "asked ahead of time": dg.MetadataValue.timestamp(pool.asked_at),
            "pool of edition": pool.edition_id,
        },
    )


def _not_lying_yet(source: Source, step: _CandidatesStep) -> dg.MaterializeResult[None]:
    """A source that came with a new version, and is first asked ahead of the next list.

    An output left out would skip everything after it: the list itself.
    """
    place = step.run.place.edition_id
    pool = PoolAtHand(
        source=source,
        edition_id=place,
        state=PoolState.ABSENT,
        reason=None,
        offered=0,
        asked_at=step.now,
    )
    return _materialized(pool, 0, {"asked ahead of time": "not yet, the source is new here"})


def _result(
    pool: Pool, profile_edition: EditionId, calls: Mapping[str, Any], *, waited: float
) -> dg.MaterializeResult[None]:
    columns = ["rank", "artist", "title", "because of", "match"]
    rows: list[Mapping[str, str | int | float | bool | None]] = [
        {
            "rank": proposal.rank,
            "artist": proposal.artist,
            "title": proposal.title,
            "because of": proposal.seed,
            "match": proposal.match,
        }
        for proposal in pool.proposals
    ]
    return _materialized(
        pool,
        len(pool.proposals),
        {
            **({"cut off after (seconds)": waited} if pool.reason == Reason.CUT_OFF else {}),
            "profile of edition": profile_edition,
            "recordings": _recordings(pool.proposals),
            **excerpt("proposals", rows, columns),
            **{f"{name} (all sources)": count for name, count in calls.items()},
        },
    )


def _materialized(
    pool: Pool | PoolAtHand, offered: int, metadata: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    """What became of a source, and its check: a warning when it failed."""
    reason = {"reason": str(pool.reason)} if pool.reason else {}
    return dg.MaterializeResult(
        asset_key=pool_key(pool.source),
        metadata=counted(offered, state=str(pool.state), **reason, **metadata),
        check_results=[
            dg.AssetCheckResult(
                asset_key=pool_key(pool.source),
                check_name=check_name(pool.source),
                passed=pool.state is not PoolState.FAILED,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"state": str(pool.state), **reason},
            )
        ],
    )


def _recordings(proposals: Sequence[Any]) -> int:
    return len({(proposal.artist, proposal.title) for proposal in proposals})
