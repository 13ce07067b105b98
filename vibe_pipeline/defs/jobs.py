"""What can be launched: for one person each, by the bot, a schedule or an operator."""

from __future__ import annotations

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.defs.library import LIKED_TRACKS, RECENT_PLAYS, TOP_ITEMS
from vibe_pipeline.defs.listening_history import LISTENING_HISTORY, read_history
from vibe_pipeline.defs.playlist import HISTORY
from vibe_pipeline.defs.reserve import RESERVE
from vibe_pipeline.defs.run_context import PUBLISHED, SELECTION
from vibe_pipeline.defs.taste import PROFILE

GROUPS = ("library", "taste", "candidates", "selection", "playlist", "learning")
"""What a day's list takes, from listening to learning."""

COMPARISON = dg.AssetKey("policy_comparison")
"""About everybody together, so no part of anybody's day."""

daily_vibe = dg.define_asset_job(
    runs.DAILY_VIBE,
    selection=dg.AssetSelection.groups(*GROUPS) - dg.AssetSelection.assets(COMPARISON),
    description="Makes a person's list for the day and writes it to Spotify.",
)

preview_vibe = dg.define_asset_job(
    runs.PREVIEW_VIBE,
    selection=dg.AssetSelection.assets(SELECTION).upstream()
    - dg.AssetSelection.assets(LISTENING_HISTORY),
    description="Makes a list to look at, up to the selection; nothing is written to Spotify.",
)

publish_preview = dg.define_asset_job(
    runs.PUBLISH_PREVIEW,
    selection=dg.AssetSelection.assets(PUBLISHED, HISTORY),
    description=f"Publishes exactly the edition named by the tag {runs.EDITION}.",
)

prepare_vibe = dg.define_asset_job(
    runs.PREPARE_VIBE,
    selection=(dg.AssetSelection.assets(PROFILE, RESERVE) | dg.AssetSelection.groups("candidates")),
    description="Asks every source ahead of time and looks up tracks for the next lists, so that"
    " a list waits for nobody but Spotify.",
)

prepare_first_vibe = dg.define_asset_job(
    runs.PREPARE_FIRST_VIBE,
    selection=(
        dg.AssetSelection.assets(PROFILE, RESERVE)
        | dg.AssetSelection.groups("library", "candidates")
    ),
    description="For somebody who has just connected: reads their library, asks the sources and"
    " looks tracks up within seconds, so that most of a first list is there when it is asked for.",
)

sync_library = dg.define_asset_job(
    runs.SYNC_LIBRARY,
    selection=dg.AssetSelection.assets(LIKED_TRACKS, RECENT_PLAYS),
    description="Refreshes the liked tracks and the recent plays only.",
)

walk_library = dg.define_asset_job(
    runs.WALK_LIBRARY,
    selection=dg.AssetSelection.assets(LIKED_TRACKS),
    description="Reads a few more pages of a library too long to be read at once, ahead of time.",
)

collect_listening = dg.define_asset_job(
    runs.COLLECT_LISTENING,
    selection=dg.AssetSelection.assets(RECENT_PLAYS, TOP_ITEMS),
    description="Keeps what was played before Spotify forgets it; top items once a week.",
)

compare_policies = dg.define_asset_job(
    runs.COMPARE_POLICIES,
    selection=dg.AssetSelection.assets(COMPARISON),
    description="Compares two ranking policies on what became of everybody's lists.",
)

asset_jobs = [
    daily_vibe,
    preview_vibe,
    publish_preview,
    prepare_vibe,
    prepare_first_vibe,
    sync_library,
    walk_library,
    collect_listening,
    read_history,
    compare_policies,
]
