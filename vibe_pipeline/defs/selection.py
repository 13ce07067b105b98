"""The selection group: everything considered, and what was chosen out of it.

Reads, calls ``playlists.build``, keeps, reports. What decides about a list does not belong here.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import dagster as dg

from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.accounts.records import PoolSummary
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.deadline import LateCalls
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.late_answers import AskingLoop
from vibe_pipeline.defs.metadata import bars, counted, source_cell, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.pictures import sums
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import SELECTION, RunContext, run_context
from vibe_pipeline.defs.single_flight import SharedWork, one_at_a_time
from vibe_pipeline.defs.specs import OWNERS, check_spec
from vibe_pipeline.playlists.build import ListBuild, build_list, stock_up
from vibe_pipeline.playlists.edition_inputs import Known, Wishes, inputs_for, pools_from
from vibe_pipeline.playlists.edition_record import SelectionRecord, record_choice
from vibe_pipeline.playlists.failures import nothing_to_choose
from vibe_pipeline.playlists.publish import chosen_twice, stand_again, without_uri
from vibe_pipeline.playlists.selection_summary import Selection, with_stale_parts
from vibe_pipeline.playlists.unsynced_likes import take_in
from vibe_pipeline.playlists.warehouse_recovery import put_back_if_older
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.records import Pool, Ranked, Source, Track
from vibe_pipeline.settings import read_settings
from vibe_pipeline.taste.library_refresh import LibraryLost, stale_parts
from vibe_pipeline.taste.policy_comparison import policy_on
from vibe_pipeline.warehouse import (
    EditionInputs,
    LibraryState,
    Warehouse,
    WarehouseLookups,
)

log = logging.getLogger(__name__)

_LIST_COLUMNS = ("position", "artist", "title", "new", "source", "because of", "score")
_CHECKS = {
    "no_recording_is_chosen_twice": "One recording under two names would be heard twice.",
    "every_candidate_has_a_name": "A candidate without a key cannot be told from another.",
    "every_chosen_track_is_on_spotify": "A line without a track's address cannot be written.",
}


@dg.asset(
    key=SELECTION,
    partitions_def=users,
    group_name="selection",
    kinds={"duckdb"},
    owners=list(OWNERS),
    code_version=f"{DEFAULT.name}-{DEFAULT.version}",
    tags={"vibe/group": "selection"},
    deps=[pool_key(source) for source in Source],
    check_specs=[
        check_spec(name, asset=SELECTION, blocking=True, description=about)
        for name, about in _CHECKS.items()
    ],
)
def ranked_selection(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Every candidate considered, with the terms of its score, its rank and why it was dropped.

    One recording proposed by several sources is one candidate. Only what is about to be used is
    looked up on Spotify. The same inputs always give the same list; they are kept for
    RETENTION_DAYS, so that a past day can be made again.
    """
    store = accounts.open(clock)
    with run_context(context, store, warehouse.open(), now=clock.now()) as run:
        if run.done_before:
            raise _made_meanwhile(run)
        with one_at_a_time(run, SharedWork.LOOKUPS):
            step = SelectionStep.read(run, store, warehouse.open(), clock)
            with AskingLoop(step.late, keep=step.lookups.keep) as loop:
                clients = loop.open(step.opening(services, clock))
                selection = loop.run(step.build(clients))
                step.keep(selection)
            log.info("chosen: %d of %d", len(selection.tracks), len(selection.ranked))
        if not selection.tracks:
            raise nothing_to_choose(left_out=bool(selection.ranked))
        if run.edition is not None:
            if run.publishes and run.on_purpose:
                stand_again(store, run.edition)
            told = with_stale_parts(selection, stale_parts(step.library))
            record_choice(store, run.edition, told, mode=run.account.mode)
        yield _result(selection, run.account.adventure, clients.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionStep:
    """What a run's list is made from, and where what it brings is kept.

    ``late`` takes the calls that are under way when the time for them is over.
    """

    run: RunContext
    store: AccountStore
    database: Warehouse
    lookups: WarehouseLookups
    library: LibraryState
    policy: Policy
    inputs: EditionInputs
    request: ListRequest
    pools: Sequence[Pool]
    late: LateCalls = field(default_factory=set)

    @classmethod
    def read(
        cls, run: RunContext, store: AccountStore, database: Warehouse, clock: ClockResource
    ) -> Self:
        """All of it in one opening of the warehouse.

        Raises ``LibraryLost`` where that is another than the one the library was read into: a
        list from what is left would have nothing to choose from, or call everything new.
        """
        edition_slice, wishes = run.place, Wishes.of(store, run.user_id)
        policy = policy_on(run.user_id, edition_slice.vibe_date, read_settings().compared_policies)
        with database.open() as tables:
            put_back_if_older(tables, store, run.user_id)
            library = tables.library.state(run.user_id)
            if library == LibraryState():
                raise LibraryLost(run.user_id)
            inputs = inputs_for(
                tables, run.account, wishes, edition_slice, policy=policy, now=clock.now()
            )
            known = Known.read(tables, edition_slice, inputs)
            pools = pools_from(tables, edition_slice, inputs)
        return cls(
            run=run,
            store=store,
            database=database,
            lookups=database.lookups(now=clock.now),
            library=library,
            policy=policy,
            inputs=inputs,
            request=known.request(),
            pools=pools,
        )

    async def build(self, clients: Clients) -> Selection:
        """The list; what was looked up is kept after an error too."""
        try:
            return await build_list(self._list_build(clients))
        except BaseException:
            self.lookups.keep()
            raise

    async def stock_up(
        self,
        opening: AbstractAsyncContextManager[Clients],
        allowance: Callable[[], CallAllowance],
    ) -> tuple[Selection, Mapping[str, Any]]:
        """What the next lists would take, looked up within this allowance and remembered."""
        async with opening as clients:
            try:
                build = replace(self._list_build(clients), allowance=allowance)
                reserve = await stock_up(build)
            finally:
                self.lookups.keep()
            return reserve, clients.shown

    def opening(
        self, services: ServicesResource, clock: ClockResource
    ) -> AbstractAsyncContextManager[Clients]:
        """Who can be asked, at the cost of the list."""
        run, account = self.run, self.run.place.edition_id
        return services.open(
            run.user_id,
            self.store,
            clock,
            edition_id=account,
            asked_for=run.asked_for,
            looking_up=True,
        )

    def _list_build(self, clients: Clients) -> ListBuild:
        return ListBuild(
            request=self.request,
            pools=self.pools,
            policy=self.policy,
            lookups=self.lookups,
            spotify=clients.spotify,
            labs=clients.labs,
            allowance=self._allowance,
            patient=not self.run.asked_for,
            prepared=self.run.place.edition_id not in self.inputs.pool_editions.values(),
            keep_likes=self._keep_likes if self.library.likes_walked is not None else None,
            late=self.late,
        )

    def _allowance(self) -> CallAllowance:
        run = self.run
        return CallAllowance.of(
            self.store, run.user_id, run.place.edition_id, asked_for=run.asked_for
        )

    def _keep_likes(self, tracks: Sequence[Track]) -> ListRequest:
        with self.database.open() as tables:
            take_in(tables, self.run.user_id, tracks, now=self.inputs.as_of)
            known = Known.read(tables, self.run.place, self.inputs)
        return known.request()

    def keep(self, selection: Selection) -> None:
        """Store what was looked up and what was considered."""
        record = SelectionRecord.of(self.run.place, self.inputs, selection, self.pools)
        with self.database.open() as tables:
            self.lookups.keep_in(tables.lookups)
            record.keep(tables)


def _made_meanwhile(run: RunContext) -> dg.Failure:
    return dg.Failure(
        f"Run {run.place.edition_id} has made this list meanwhile.", allow_retries=False
    )


def _result(
    selection: Selection, adventure: int, calls: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    summary = selection.summary
    chosen = sorted(
        (item for item in selection.ranked if item.position is not None),
        key=lambda item: item.position or 0,
    )
    fates = Counter(str(item.dropped or "chosen") for item in selection.ranked)
    return dg.MaterializeResult(
        metadata=counted(
            len(selection.ranked),
            chosen=len(selection.tracks),
            new=summary.new,
            familiar=summary.familiar,
            **{
                "new wished": summary.wished_new,
                "policy": selection.policy,
                "adventure": adventure,
                "notes": ", ".join(summary.notes) or "none",
                "chosen by source": bars(dict(summary.sources), title="Chosen, by source"),
                "what became of candidates": bars(dict(fates), title="What became of candidates"),
                "list": _list(chosen),
                "score terms": _terms(chosen),
                "what scores are made of": sums(
                    {
                        f"{item.position}. {item.candidate.artist}: {item.candidate.title}": (
                            item.terms
                        )
                        for item in chosen
                    },
                    title="What each track's score is made of",
                ),
                "pools": _pools(summary.pools),
            },
            **calls,
        ),
        check_results=_checks(selection),
    )


def _list(chosen: Sequence[Ranked]) -> dg.TableMetadataValue:
    return table(
        [
            {
                "position": item.position,
                "artist": item.candidate.artist,
                "title": item.candidate.title,
                "new": item.is_new,
                "source": source_cell(item.source),
                "because of": item.seed,
                "score": item.score,
            }
            for item in chosen
        ],
        _LIST_COLUMNS,
    )


def _terms(chosen: Sequence[Ranked]) -> dg.TableMetadataValue:
    """What each track's score is the sum of; a table of its own, for beside the titles it would be
    too wide to read. A term that counted for no track is left out.
    """
    terms = sorted({name for item in chosen for name, value in item.terms.items() if value})
    return table(
        [{"position": item.position, "score": item.score, **item.terms} for item in chosen],
        ["position", "score", *(term for term in terms if term not in {"position", "score"})],
    )


def _pools(pools: Sequence[PoolSummary]) -> dg.TableMetadataValue:
    return table(
        [
            {
                "source": pool.source,
                "state": str(pool.state),
                "reason": pool.reason,
                "offered": pool.offered,
                "chosen": pool.chosen,
            }
            for pool in pools
        ],
        ["source", "state", "reason", "offered", "chosen"],
    )


def _checks(selection: Selection) -> list[dg.AssetCheckResult]:
    nameless = sum(not item.candidate.key or not item.candidate.title for item in selection.ranked)
    violations = {
        "no_recording_is_chosen_twice": chosen_twice(selection.tracks),
        "every_candidate_has_a_name": nameless,
        "every_chosen_track_is_on_spotify": without_uri(selection.tracks),
    }
    return [
        dg.AssetCheckResult(
            asset_key=SELECTION, check_name=name, passed=count == 0, metadata={"found": count}
        )
        for name, count in violations.items()
    ]
