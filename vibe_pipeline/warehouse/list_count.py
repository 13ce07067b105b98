"""How many lists a warehouse file knows, for programs that load no DuckDB: in a process of its own.

python -m vibe_pipeline.warehouse.list_count FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

from vibe_pipeline.warehouse.damage import lists_in
from vibe_pipeline.warehouse.errors import WarehouseError


def readable_lists_in(path: Path) -> int | None:
    """``None`` for a file that is in use just now, or told as a trouble of its own."""
    try:
        return lists_in(path)
    except WarehouseError:
        return None


def main() -> int:
    """0 and the number; 1 when it cannot be read now."""
    lists = readable_lists_in(Path(sys.argv[1]))
    if lists is None:
        return 1
    sys.stdout.write(f"{lists}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
