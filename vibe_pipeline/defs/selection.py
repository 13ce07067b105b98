"""The selection group: everything considered, and what was chosen out of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dagster as dg

from vibe_pipeline.accounts.records import Considered, EditionState, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.failures import refusal
from vibe_pipeline.defs.metadata import bars, counted, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import SELECTION, RunContext, run_context
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.playlists.build import Selection, choose, in_stock
from vibe_pipeline.playlists.call_allowance import Allowance
from vibe_pipeline.playlists.publish import PublicationLost, chosen_twice, without_uri
from vibe_pipeline.playlists.replay import (
    digest,
    feedback_of,
    policy_of,
    pools_from,
    request_from,
    settings_of,
    worth_keeping,
)
from vibe_pipeline.playlists.resolve import Resolver
from vibe_pipeline.playlists.unsynced_likes import SavedTracksCheck, as_likes, calls_for
from vibe_pipeline.ranking.explanations import explanations
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.policy import DEFAULT, POLICIES, Policy
from vibe_pipeline.records import Pool, Ranked, Source, Track
from vibe_pipeline.settings import read_settings
from vibe_pipeline.taste.exclusions import exclusions_kept
from vibe_pipeline.taste.policy_comparison import assigned_policy
from vibe_pipeline.warehouse import EditionInputs, LibraryState, Tables, WarehouseLookups

SEARCHES_FOR_THE_BEST = 12
"""Of a first list's many calls, so many are spent on the best; more only lest it be short."""
LISTS_IN_STOCK = 2
"""With less new music in stock than so many lists take, what is left to spend goes into more."""

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
    tags={"vibe/group": "selection"},
    deps=[pool_key(source) for source in Source],
    check_specs=[
        dg.AssetCheckSpec(name, asset=SELECTION, blocking=True, description=about)
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
    looked up on Spotify. The same inputs always give the same list; they are kept, so that any
    past day can be made again.
    """
    store, house, now = accounts.open(clock), warehouse.open(), clock.now()
    with run_context(context, store, now=now) as made:
        if made.done_before:
            raise dg.Failure(
                f"Run {made.place.edition_id} has made this list meanwhile.", allow_retries=False
            )
        with house.open() as tables:
            policy = _policy(made)
            inputs = _inputs(tables, store, made, policy, now)
            state = tables.library.state(made.user_id)
            request = request_from(tables, made.place, inputs)
            pools = pools_from(tables, made.place, inputs)
        lookups = house.lookups(now=clock.now)
        opening = services.open(
            made.user_id,
            store,
            clock,
            edition_id=made.place.edition_id,
            asked_for=made.asked_for,
        )

        def left() -> Allowance:
            place = made.place
            return Allowance.of(store, made.user_id, place.edition_id, asked_for=made.asked_for)

        def keep_likes(found: Sequence[Track]) -> ListRequest:
            with house.open() as tables:
                _keep_likes(tables, made, state, found, now)
                return request_from(tables, made.place, inputs)

        work = _Work(
            request=request,
            pools=pools,
            policy=policy,
            lookups=lookups,
            left=left,
            patient=made.nightly,
            keep_likes=keep_likes if state.likes_walked is not None else None,
        )
        selection, calls = asyncio.run(_choose(opening, work))
        inputs = replace(inputs, digest=digest(selection.ranked))
        with house.open() as tables:
            lookups.keep_in(tables.lookups)
            _keep(tables, made, inputs, selection, pools)
        if not selection.tracks:
            raise refusal(FailureCause.NOTHING_TO_CHOOSE)
        _advance(store, made, selection)
        yield _result(selection, made.account.adventure, calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the list is chosen from, and what it may cost.

    ``keep_likes`` is there while likes may be unknown: it takes them in and tells the wishes anew.
    """

    request: ListRequest
    pools: Sequence[Pool]
    policy: Policy
    lookups: WarehouseLookups
    left: Callable[[], Allowance]
    patient: bool
    keep_likes: Callable[[Sequence[Track]], ListRequest] | None


async def _choose(
    opening: AbstractAsyncContextManager[Clients], work: _Work
) -> tuple[Selection, Mapping[str, Any]]:
    async with opening as outside:
        try:
            selection = await _chosen(outside, work)
        except BaseException:
            work.lookups.keep()
            raise
        return selection, outside.shown


async def _chosen(outside: Clients, work: _Work) -> Selection:
    """Choose, make sure that what is new is not liked, and lay in music for the next lists."""
    allowance = work.left()
    checks = min(allowance.left, calls_for(work.request.size)) if work.keep_likes else 0
    resolver = _resolver(outside, work, allowance, searches=allowance.left - checks)
    selection = await choose(work.request, work.pools, resolver, work.policy)
    if work.keep_likes and checks:
        asked = SavedTracksCheck.about(selection.ranked, calls=checks)
        liked = await asked.liked(outside.spotify)
        if liked:
            request = work.keep_likes(liked)
            selection = await choose(request, work.pools, resolver, work.policy)
    stock = in_stock(selection.ranked, artist_cap=work.policy.artist_cap)
    if allowance.first or stock < LISTS_IN_STOCK * selection.summary.wished_new:
        await resolver.harvest(selection.ranked, calls=work.left().left)
    return selection


def _policy(made: RunContext) -> Policy:
    """The policy of the person's day: one of two while two are compared."""
    compared = read_settings().compared_policies
    if compared is None:
        return DEFAULT
    return POLICIES[assigned_policy(made.user_id, made.place.vibe_date, compared)]


def _inputs(
    tables: Tables, store: AccountStore, made: RunContext, policy: Policy, now: datetime
) -> EditionInputs:
    blocks, thumbs = feedback_of(store.blocks.list(made.user_id), store.thumbs.list(made.user_id))
    own = made.place.edition_id
    return EditionInputs(
        as_of=now,
        profile_edition=tables.taste.edition_for(made.user_id, own) or own,
        pool_editions=tables.candidates.editions_for(made.user_id, own),
        policy=policy_of(policy),
        settings=settings_of(made.account),
        blocks=blocks,
        thumbs=thumbs,
        exclusions=exclusions_kept(store.exclusions.list(made.user_id)),
    )


def _resolver(outside: Clients, work: _Work, allowance: Allowance, *, searches: int) -> Resolver:
    """Asks Spotify as often as the list may cost.

    At night nobody waits, so labs, which is slow and free, is asked about more names.
    """
    return Resolver(
        lookups=work.lookups,
        spotify=outside.spotify,
        labs=outside.labs,
        soft_limit=min(SEARCHES_FOR_THE_BEST, searches) if allowance.first else searches,
        hard_limit=searches,
        name_limit=24 if work.patient else 6,
        batch_limit=12 if work.patient else 4,
    )


def _keep_likes(
    tables: Tables, made: RunContext, state: LibraryState, found: Sequence[Track], now: datetime
) -> None:
    """Take in likes that were found out before the walk through the library came to them."""
    likes = tables.library.likes(made.user_id)
    tables.library.change_likes(
        made.user_id,
        added=as_likes(found, likes, now=now),
        gone=(),
        total=state.likes_total or 0,
        walked=state.likes_walked,
        seen_at=now,
    )


def _keep(
    tables: Tables,
    made: RunContext,
    inputs: EditionInputs,
    selection: Selection,
    pools: Sequence[Pool],
) -> None:
    tables.selections.replace(
        made.place,
        worth_keeping(selection.ranked, pools),
        reasons={track.position: track.reason for track in selection.tracks},
    )
    tables.selections.replace_inputs(made.place, inputs)


def _advance(store: AccountStore, made: RunContext, selection: Selection) -> None:
    """Put the choice into the ledger; a list written before is to be written again."""
    edition = made.edition
    if edition is None:
        return
    early = edition.state in {EditionState.STARTED, EditionState.CHOSEN}
    moved = store.editions.advance(
        edition.edition_id,
        edition.state,
        EditionState.CHOSEN if early else EditionState.PLAYLIST_MADE,
        tracks=selection.tracks,
        summary=selection.summary,
        mode=made.account.mode if early else edition.mode,
    )
    if not moved:
        raise PublicationLost(f"edition {edition.edition_id} was moved on by somebody else")
    store.considered.keep(
        edition.edition_id, edition.user_id, edition.vibe_date, _considered(selection.ranked)
    )


def _considered(ranked: Sequence[Ranked]) -> list[Considered]:
    """All candidates, best first, as the bot speaks of them."""
    said = explanations(ranked)
    return [
        Considered(
            artist=item.candidate.artist,
            title=item.candidate.title,
            fate=str(item.dropped or "chosen"),
            rank=item.rank,
            is_new=item.is_new,
            position=item.position,
            speaks_for=said[item.candidate.key].speaks_for,
            speaks_against=said[item.candidate.key].speaks_against,
        )
        for item in sorted(ranked, key=lambda item: item.rank)
    ]


def _result(
    selection: Selection, adventure: int, calls: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    summary = selection.summary
    chosen = [item for item in selection.ranked if item.position is not None]
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
                "list": _list(sorted(chosen, key=lambda item: item.position or 0)),
                "pools": table(
                    [
                        {
                            "source": pool.source,
                            "state": str(pool.state),
                            "reason": pool.reason,
                            "offered": pool.offered,
                            "chosen": pool.chosen,
                        }
                        for pool in summary.pools
                    ],
                    ["source", "state", "reason", "offered", "chosen"],
                ),
            },
            **calls,
        ),
        check_results=_checks(selection),
    )


def _list(chosen: Sequence[Ranked]) -> dg.TableMetadataValue:
    terms = sorted({name for item in chosen for name in item.terms})
    return table(
        [
            {
                "position": item.position,
                "artist": item.candidate.artist,
                "title": item.candidate.title,
                "new": item.is_new,
                "source": str(item.source),
                "because of": item.seed,
                "score": item.score,
                **item.terms,
            }
            for item in chosen
        ],
        ["position", "artist", "title", "new", "source", "because of", "score", *terms],
    )


def _checks(selection: Selection) -> list[dg.AssetCheckResult]:
    nameless = sum(not item.candidate.key or not item.candidate.title for item in selection.ranked)
    found = {
        "no_recording_is_chosen_twice": chosen_twice(selection.tracks),
        "every_candidate_has_a_name": nameless,
        "every_chosen_track_is_on_spotify": without_uri(selection.tracks),
    }
    return [
        dg.AssetCheckResult(
            asset_key=SELECTION, check_name=name, passed=count == 0, metadata={"found": count}
        )
        for name, count in found.items()
    ]
