"""The only DuckDB code: declared tables, one transaction per slice, errors in words.

What assets hold is read and written here as records. Nothing decides here, and nothing waits for a
service while the file is open. Not here: what bot and OAuth service must see (``accounts``), for
they never open this file.
"""

from vibe_pipeline.warehouse.errors import (
    NotAWarehouse,
    WarehouseError,
    WarehouseFolderMissing,
    WarehouseFull,
    WarehouseLocked,
    WarehouseNewerThanUs,
    WarehouseReadOnly,
    WarehouseUnreachable,
)
from vibe_pipeline.warehouse.history_cache import Recommended
from vibe_pipeline.warehouse.library import LibraryState, LikeChange, PlayCollection, PlayGap
from vibe_pipeline.warehouse.lookups import WarehouseLookups
from vibe_pipeline.warehouse.playlists import Fate, Outcome
from vibe_pipeline.warehouse.rows import Slice
from vibe_pipeline.warehouse.selection import EditionInputs
from vibe_pipeline.warehouse.warehouse import Tables, Warehouse

__all__ = [
    "EditionInputs",
    "Fate",
    "LibraryState",
    "LikeChange",
    "NotAWarehouse",
    "Outcome",
    "PlayCollection",
    "PlayGap",
    "Recommended",
    "Slice",
    "Tables",
    "Warehouse",
    "WarehouseError",
    "WarehouseFolderMissing",
    "WarehouseFull",
    "WarehouseLocked",
    "WarehouseLookups",
    "WarehouseNewerThanUs",
    "WarehouseReadOnly",
    "WarehouseUnreachable",
]
