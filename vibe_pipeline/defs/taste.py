"""The taste group: what the person leans to now."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

import dagster as dg

from vibe_pipeline.defs.editions import making
from vibe_pipeline.defs.library import LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.defs.showing import bars, counted, table
from vibe_pipeline.defs.specs import OWNERS
from vibe_pipeline.defs.users import users
from vibe_pipeline.records import SeedArtist, SeedProfile, SeedTrack
from vibe_pipeline.replaying import Feedback, feedback_of
from vibe_pipeline.taste import seed_profile as profile_of

PROFILE = dg.AssetKey("seed_profile")


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

    Made of what was played lately and how often, likes, top items, and thumbs. What the person
    blocked plays no part. The sources are asked about these seeds.
    """
    store, now = accounts.open(clock), clock.now()
    with making(context, store, now=now) as made, warehouse.open().open() as tables:
        feedback = Feedback.of(
            *feedback_of(store.blocks.list(made.user_id), store.thumbs.list(made.user_id))
        )
        profile = profile_of(
            likes=tables.library.likes(made.user_id),
            plays=tables.library.plays(made.user_id),
            top=tables.library.top_items(made.user_id),
            thumbs=feedback.thumbs,
            artist_thumbs=feedback.artist_thumbs,
            blocked_artists=feedback.blocked_artists,
            blocked_tracks=feedback.blocked_tracks,
            now=now,
            zone=ZoneInfo(made.account.timezone),
        )
        tables.taste.replace(made.place, profile)
    yield _result(profile)


def _result(profile: SeedProfile) -> dg.MaterializeResult[None]:
    seeds: list[SeedArtist | SeedTrack] = [*profile.artists, *profile.tracks]
    unusable = sum(not seed.key or not 0 < seed.weight <= 1 for seed in seeds)
    return dg.MaterializeResult(
        metadata=counted(
            len(profile.artists) + len(profile.tracks),
            **{
                "seed artists": len(profile.artists),
                "seed tracks": len(profile.tracks),
                "strongest artists": bars(
                    {seed.name: round(seed.weight, 3) for seed in profile.artists[:12]},
                    title="Strongest artists",
                ),
                "artists": table(
                    [
                        {"artist": seed.name, "weight": seed.weight, "why": _why(seed.why)}
                        for seed in profile.artists
                    ],
                    ["artist", "weight", "why"],
                ),
                "tracks": table(
                    [
                        {
                            "artist": seed.artist,
                            "title": seed.title,
                            "weight": seed.weight,
                            "why": _why(seed.why),
                        }
                        for seed in profile.tracks
                    ],
                    ["artist", "title", "weight", "why"],
                ),
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


def _why(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {amount:.2f}" for name, amount in parts.items())
