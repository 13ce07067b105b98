"""How an asset of ours is declared: its group, who owns it, what it is made of.

What all asset specs have in common; an asset's own words stand with the asset.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import dagster as dg

from vibe_pipeline.defs.partitions import users

OWNERS = ("team:vibe",)


def asset_spec(
    key: dg.AssetKey,
    *,
    group: str,
    description: str,
    code_version: str,
    kinds: Iterable[str] = (),
    deps: Iterable[dg.AssetKey] = (),
    skippable: bool = False,
    freshness_policy: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """A spec with what all assets share; everything ends in DuckDB.

    ``code_version``: raised by hand when the same inputs would give other rows than before.
    """
    return dg.AssetSpec(
        key,
        group_name=group,
        description=description,
        code_version=code_version,
        kinds={*kinds, "duckdb"},
        deps=list(deps),
        owners=list(OWNERS),
        skippable=skippable,
        tags={"vibe/group": group},
        freshness_policy=freshness_policy,
    )


def check_spec(
    name: str, *, asset: dg.AssetKey, description: str, blocking: bool = False
) -> dg.AssetCheckSpec:
    """A check that is answered for each person by themself.

    With one answer for everybody, what fails for one would be hidden by the next one's success.
    """
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview; what of them we use is tested.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=asset, description=description, blocking=blocking, partitions_def=users
        )
