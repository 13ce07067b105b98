"""The taste group: what the person leans to now.

The weights are ``taste.seed_profile``'s; here they become an asset with its tables and bars.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from vibe_pipeline.defs.library import LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS
from vibe_pipeline.defs.listening_history import LISTENING_HISTORY
from vibe_pipeline.defs.metadata import Cell, counted, excerpt, stacked, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.specs import OWNERS, check_spec
from vibe_pipeline.records import SeedArtist, SeedTrack
from vibe_pipeline.taste.making_profile import MadeProfile, make_profile
from vibe_pipeline.taste.seed_profile import PARTS

PROFILE = dg.AssetKey("seed_profile")
DRAWN = 15
"""So many artists are drawn; the table holds more."""


@dg.asset(
    key=PROFILE,
    partitions_def=users,
    group_name="taste",
    kinds={"duckdb"},
    owners=list(OWNERS),
    code_version="1",
    tags={"vibe/group": "taste"},
    deps=[LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS, LISTENING_HISTORY],
    check_specs=[
        check_spec(
            "every_seed_has_a_name_and_a_weight",
            asset=PROFILE,
            blocking=True,
            description="An empty name would ask the sources about nobody.",
        )
    ],
)
def seed_profile(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """The artists and tracks the person leans to now, strongest first, with the reasons.

    A weight is made of what was played lately and how often, of likes, top items and thumbs; each
    part is bounded. Plays fade as fast as this person's taste moves. What the person blocked or
    left out plays no part. The sources are asked about these seeds.
    """
    store, now = accounts.open(clock), clock.now()
    with run_context(context, store, warehouse.open(), now=now) as run:
        explained = make_profile(warehouse.open(), store, run.account, now=now)
        with warehouse.open().open() as tables:
            tables.taste.replace(run.place, explained.profile)
    yield _result(explained)


def _result(explained: MadeProfile) -> dg.MaterializeResult[None]:
    profile, decay = explained.profile, explained.profile.play_decay
    seeds: list[SeedArtist | SeedTrack] = [*profile.artists, *profile.tracks]
    unusable = sum(not seed.key or not 0 < seed.weight <= 1 for seed in seeds)
    columns = ["weight", "played", *PARTS]
    return dg.MaterializeResult(
        metadata=counted(
            len(profile.artists) + len(profile.tracks),
            **{
                "seed artists": len(profile.artists),
                "seed tracks": len(profile.tracks),
                "plays from our lists": explained.from_our_lists,
                "why these artists": stacked(
                    {seed.name: seed.why for seed in profile.artists[:DRAWN]},
                    PARTS,
                    title="Strongest artists, by what speaks for them",
                ),
                **excerpt(
                    "artists",
                    [
                        {"artist": seed.name, **_parts(seed, explained.times_played)}
                        for seed in profile.artists
                    ],
                    ["artist", *columns],
                ),
                **excerpt(
                    "tracks",
                    [
                        {
                            "artist": seed.artist,
                            "title": seed.title,
                            **_parts(seed, explained.times_played),
                        }
                        for seed in profile.tracks
                    ],
                    ["artist", "title", *columns],
                ),
                **({} if decay is None else {"plays fade by the power": decay}),
                **_left_out(explained),
            },
        ),
        check_results=[
            dg.AssetCheckResult(
                asset_key=PROFILE,
                check_name="every_seed_has_a_name_and_a_weight",
                passed=unusable == 0,
                metadata={"unusable seeds": unusable},
            )
        ],
    )


def _parts(seed: SeedArtist | SeedTrack, times: Mapping[str, int]) -> dict[str, Cell]:
    return {"weight": seed.weight, "played": times.get(seed.key, 0), **seed.why}


def _left_out(explained: MadeProfile) -> dict[str, Any]:
    """How much the person's exclusions kept out of the seeds; nothing when there are none."""
    if not explained.exclusions:
        return {}
    plays, likes = explained.left_out.plays, explained.left_out.likes
    rows: list[dict[str, Cell]] = [
        {
            "left out": exclusion.name,
            "kind": exclusion.kind.value,
            "plays": plays[f"{exclusion.kind} {exclusion.key}"],
            "likes": likes[f"{exclusion.kind} {exclusion.key}"],
        }
        for exclusion in explained.exclusions
    ]
    return {
        "plays left out": plays.total(),
        "likes left out": likes.total(),
        "left out": table(rows, ["left out", "kind", "plays", "likes"]),
    }
