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
from vibe_pipeline.sources.registry import propose_all
from vibe_pipeline.warehouse import Tables, WarehouseLookups

_ABOUT: Mapping[Source, tuple[str, str]] = {
    Source.SPOTIFY_RECOMMENDATIONS: (
        "spotify",
        (
            "What Spotify itself recommends for at most five seeds a request. Most apps may no"
            " longer ask: then the pool is empty and says *not offered*."
        ),
    ),
    Source.ARTIST_TOP_TRACKS: (
        "spotify",
        "The best-known tracks of the person's artists. Only where the app may still ask.",
    ),
    Source.ARTIST_CATALOGUE: (
        "spotify",
        "More by the artists the person leans to, found by search and albums.",
    ),
    Source.LASTFM_SIMILAR_TRACKS: (
        "lastfm",
        "Tracks that Last.fm's listeners play beside the person's tracks.",
    ),
    Source.LASTFM_SIMILAR_ARTISTS: (
        "lastfm",
        "Well-liked tracks of artists near the person's artists.",
    ),
    Source.LISTENBRAINZ: (
        "listenbrainz",
        "Recordings and artists near the person's, from ListenBrainz sessions; no key needed.",
    ),
    Source.REDISCOVERED_LIKES: (
        "duckdb",
        "Liked long ago and not played lately: the fallback when nobody else has anything.",
    ),
}


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
            pool_key(source),
            group="candidates",
            kinds={kind},
            deps=[PROFILE],
            description=f"{about}\n\nA source that fails leaves an empty pool with its reason.",
        )
        for source, (kind, about) in _ABOUT.items()
    ],
    check_specs=[
        dg.AssetCheckSpec(
            check_name(source),
            asset=pool_key(source),
            description="A warning when the source failed; the others make the list without it.",
        )
        for source in Source
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
