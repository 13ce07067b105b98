"""Whether the code location loads: every asset, job, schedule and sensor."""

from __future__ import annotations

import sys

import dagster as dg

from vibe_pipeline.definitions import defs


def main() -> int:
    """Load and validate the definitions; the exit code says whether that worked."""
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    repository = loaded.get_repository_def()
    repository.load_all_definitions()  # as a code server does: names may clash between jobs
    assets = len(repository.asset_graph.get_all_asset_keys())
    sys.stdout.write(f"definitions load: {assets} assets, {len(repository.job_names)} jobs\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
