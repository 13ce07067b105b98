"""The code location: what there is, composed by hand. Read it as the table of contents.

Only composition; an asset, job or schedule stands in the module of its group, in ``defs``.
"""

from __future__ import annotations

import dagster as dg

from vibe_pipeline.defs.automation import SCHEDULES, SENSORS
from vibe_pipeline.defs.candidates import candidates
from vibe_pipeline.defs.erase import forget_person, promises
from vibe_pipeline.defs.export import export_person
from vibe_pipeline.defs.importing import import_history
from vibe_pipeline.defs.jobs import asset_jobs
from vibe_pipeline.defs.learning import policy_comparison, recommendation_outcomes
from vibe_pipeline.defs.library import library
from vibe_pipeline.defs.listening_history import listening_history
from vibe_pipeline.defs.playlist import playlist
from vibe_pipeline.defs.replay import replay_vibe
from vibe_pipeline.defs.reserve import track_reserve
from vibe_pipeline.defs.resources import resources
from vibe_pipeline.defs.restore import restore_edition
from vibe_pipeline.defs.retention import nightly_retention, retaining
from vibe_pipeline.defs.selection import ranked_selection
from vibe_pipeline.defs.tables import catalogued
from vibe_pipeline.defs.taste import seed_profile
from vibe_pipeline.settings import Settings, read_settings

ASSETS = (
    library,
    listening_history,
    seed_profile,
    candidates,
    ranked_selection,
    track_reserve,
    playlist,
    recommendation_outcomes,
    policy_comparison,
)


def build(settings: Settings) -> dg.Definitions:
    """Everything Dagster is told, for these settings."""
    return dg.Definitions(
        assets=catalogued(ASSETS, warehouse=settings.warehouse_path),
        jobs=[
            *asset_jobs,
            replay_vibe,
            restore_edition,
            export_person,
            import_history,
            forget_person,
            nightly_retention,
        ],
        schedules=[*SCHEDULES, retaining],
        sensors=[*SENSORS, promises],
        resources=resources(settings),
        executor=dg.in_process_executor,
        loggers={"console": dg.colored_console_logger.configured({"log_level": "INFO"})},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location Dagster loads."""
    return build(read_settings())
