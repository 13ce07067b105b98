"""The candidates group: one pool per source, all sources asked at once in one step."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import dagster as dg

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.metadata import counted, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import RunContext, run_context
from vibe_pipeline.defs.specs import asset_spec
from vibe_pipeline.defs.taste import PROFILE, exclusion_rules_of
from vibe_pipeline.playlists.build import limits_of_sources
from vibe_pipeline.playlists.call_allowance import Allowance
from vibe_pipeline.records import EditionId, Pool, PoolState, SeedProfile, Source
from vibe_pipeline.settings import read_settings
from vibe_pipeline.sources.context import SourceClients, SourceContext, SourceLimits
from vibe_pipeline.sources.registry import REGISTRY, propose_all
from vibe_pipeline.warehouse import Tables, WarehouseLookups


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
            kinds=entry.services,
            deps=[PROFILE],
            description=(
                f"{entry.about}\n\nA source that fails leaves an empty pool with its reason."
            ),
        )
        for entry in REGISTRY
    ],
    check_specs=[
        dg.AssetCheckSpec(
            check_name(entry.source),
            asset=pool_key(entry.source),
            description="A warning when the source failed; the others make the list without it.",
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
    store, house, now = accounts.open(clock), warehouse.open(), clock.now()
    wanted = {source for source in Source if pool_key(source) in context.selected_asset_keys}
    with run_context(context, store, now=now) as made:
        lookups = house.lookups(now=clock.now)
        with house.open() as tables:
            profile_edition, profile = _profile(tables, made)
            likes = tables.library.likes(made.user_id)
            plays = tables.library.plays(made.user_id)
            past = tables.playlists.past(made.user_id, besides=made.place.edition_id)
        limits = limits_of_sources(
            Allowance.of(store, made.user_id, made.place.edition_id, asked_for=made.asked_for),
            usual=SourceLimits.of(read_settings()),
        )

        def question(outside: Clients) -> SourceContext:
            return SourceContext(
                profile=profile,
                likes=likes,
                plays=plays,
                past=past,
                services=_services(outside, store, lookups),
                limits=limits,
                now=now,
                excluded_likes=exclusion_rules_of(store, made.account).excluded_likes(likes),
            )

        opening = services.open(
            made.user_id,
            store,
            clock,
            edition_id=made.place.edition_id,
            asked_for=made.asked_for,
        )
        pools, calls = asyncio.run(_ask(opening, question, made.account.sources_off, wanted))
        with house.open() as tables:
            lookups.keep_in(tables.lookups)
            tables.candidates.replace(
                made.place, {pool.source: pool for pool in pools}, asked_at=now
            )
        for pool in pools:
            yield _result(pool, profile_edition, calls)


async def _ask(
    opening: AbstractAsyncContextManager[Clients],
    question: Callable[[Clients], SourceContext],
    off: frozenset[Source],
    wanted: set[Source],
) -> tuple[list[Pool], Mapping[str, Any]]:
    async with opening as outside:
        pools = await propose_all(question(outside), off=off, only=wanted)
        return pools, outside.shown


def _profile(tables: Tables, made: RunContext) -> tuple[EditionId, SeedProfile]:
    edition = tables.taste.edition_for(made.user_id, made.place.edition_id)
    edition = edition or made.place.edition_id
    return edition, tables.taste.profile(made.user_id, edition)


def _services(outside: Clients, store: AccountStore, lookups: WarehouseLookups) -> SourceClients:
    return SourceClients(
        lookups=lookups,
        capabilities=store.capabilities,
        spotify=outside.spotify,
        lastfm=outside.lastfm,
        labs=outside.labs,
        musicbrainz=outside.musicbrainz,
    )


def _result(
    pool: Pool, profile_edition: EditionId, calls: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    said = {"reason": str(pool.reason)} if pool.reason else {}
    return dg.MaterializeResult(
        asset_key=pool_key(pool.source),
        metadata=counted(
            len(pool.proposals),
            state=str(pool.state),
            **said,
            **{"profile of edition": profile_edition, "recordings": _recordings(pool.proposals)},
            proposals=table(
                [
                    {
                        "rank": proposal.rank,
                        "artist": proposal.artist,
                        "title": proposal.title,
                        "because of": proposal.seed,
                        "match": proposal.match,
                    }
                    for proposal in pool.proposals
                ],
                ["rank", "artist", "title", "because of", "match"],
            ),
            **{f"{name} (all sources)": count for name, count in calls.items()},
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=pool_key(pool.source),
                check_name=check_name(pool.source),
                passed=pool.state is not PoolState.FAILED,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"state": str(pool.state), **said},
            )
        ],
    )


def _recordings(proposals: Sequence[Any]) -> int:
    return len({(proposal.artist, proposal.title) for proposal in proposals})
