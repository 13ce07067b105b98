"""How an asset of ours is declared: its group, who owns it, what it is made of.

What all asset specs have in common; an asset's own words stand with the asset.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

OWNERS = ("team:vibe",)


def asset_spec(
    key: dg.AssetKey,
    *,
    group: str,
    description: str,
    kinds: Iterable[str] = (),
    deps: Iterable[dg.AssetKey] = (),
    skippable: bool = False,
) -> dg.AssetSpec:
    """A spec with what all assets share; everything ends in DuckDB."""
    return dg.AssetSpec(
        key,
        group_name=group,
        description=description,
        kinds={*kinds, "duckdb"},
        deps=list(deps),
        owners=list(OWNERS),
        skippable=skippable,
        tags={"vibe/group": group},
    )
