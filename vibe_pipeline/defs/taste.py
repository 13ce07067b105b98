"""The taste group: what the person leans to now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from vibe_pipeline.accounts.records import Account, Exclusion
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.library import LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS
from vibe_pipeline.defs.metadata import Cell, counted, stacked, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.playlists.edition_inputs import Feedback, feedback_of
from vibe_pipeline.records import SeedArtist, SeedProfile, SeedTrack
from vibe_pipeline.taste.exclusions import ExclusionCounts, ExclusionRules, exclusions_kept
from vibe_pipeline.taste.seed_profile import PARTS, times_played
from vibe_pipeline.taste.seed_profile import seed_profile as profile_of

PROFILE = dg.AssetKey("seed_profile")
DRAWN = 15
"""So many artists are drawn; the table holds more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the profile was made of, as far as the numbers do not tell."""

    exclusions: Sequence[Exclusion]
    left_out: ExclusionCounts
    times: Mapping[str, int]


def exclusion_rules_of(store: AccountStore, account: Account) -> ExclusionRules:
    """What the person left out, on their clock."""
    kept = exclusions_kept(store.exclusions.list(account.user_id))
    return ExclusionRules.of(kept, ZoneInfo(account.timezone))


@dg.asset(
    key=PROFILE,
    partitions_def=users,
    group_name="taste",
    kinds={"duckdb"},
    owners=list(OWNERS),
    tags={"vibe/group": "taste"},
    deps=[LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS],
    check_specs=[
        dg.AssetCheckSpec(
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

    A weight is made of what was played lately and how often, at about this hour and on such a
    day, of likes, top items and thumbs; each part is bounded. What the person blocked or left out
    plays no part. The sources are asked about these seeds.
    """
    store, now = accounts.open(clock), clock.now()
    with run_context(context, store, now=now) as made, warehouse.open().open() as tables:
        feedback = Feedback.of(
            *feedback_of(store.blocks.list(made.user_id), store.thumbs.list(made.user_id))
        )
        hygiene = exclusion_rules_of(store, made.account)
        likes = tables.library.likes(made.user_id)
        plays = tables.library.plays(made.user_id)
        profile = profile_of(
            likes=likes,
            plays=plays,
            top=tables.library.top_items(made.user_id),
            thumbs=feedback.thumbs,
            artist_thumbs=feedback.artist_thumbs,
            blocked_artists=feedback.blocked_artists,
            blocked_tracks=feedback.blocked_tracks,
            hygiene=hygiene,
            now=now,
            zone=ZoneInfo(made.account.timezone),
        )
        tables.taste.replace(made.place, profile)
    taken = Taken(
        exclusions=store.exclusions.list(made.user_id),
        left_out=ExclusionCounts.by(hygiene, plays, likes),
        times=times_played(plays, hygiene),
    )
    yield _result(profile, taken)


def _result(profile: SeedProfile, taken: Taken) -> dg.MaterializeResult[None]:
    seeds: list[SeedArtist | SeedTrack] = [*profile.artists, *profile.tracks]
    unusable = sum(not seed.key or not 0 < seed.weight <= 1 for seed in seeds)
    columns = ["weight", "played", *PARTS]
    return dg.MaterializeResult(
        metadata=counted(
            len(profile.artists) + len(profile.tracks),
            **{
                "seed artists": len(profile.artists),
                "seed tracks": len(profile.tracks),
                "why these artists": stacked(
                    {seed.name: seed.why for seed in profile.artists[:DRAWN]},
                    PARTS,
                    title="Strongest artists, by what speaks for them",
                ),
                "artists": table(
                    [
                        {"artist": seed.name, **_parts(seed, taken.times)}
                        for seed in profile.artists
                    ],
                    ["artist", *columns],
                ),
                "tracks": table(
                    [
                        {"artist": seed.artist, "title": seed.title, **_parts(seed, taken.times)}
                        for seed in profile.tracks
                    ],
                    ["artist", "title", *columns],
                ),
                **_left_out(taken),
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


def _left_out(taken: Taken) -> dict[str, Any]:
    """How much the person's exclusions kept out of the seeds; nothing when there are none."""
    if not taken.exclusions:
        return {}
    plays, likes = taken.left_out.plays, taken.left_out.likes
    rows: list[dict[str, Cell]] = [
        {
            "left out": one.name,
            "kind": one.kind.value,
            "plays": plays[f"{one.kind} {one.key}"],
            "likes": likes[f"{one.kind} {one.key}"],
        }
        for one in taken.exclusions
    ]
    return {
        "plays left out": plays.total(),
        "likes left out": likes.total(),
        "left out": table(rows, ["left out", "kind", "plays", "likes"]),
    }
