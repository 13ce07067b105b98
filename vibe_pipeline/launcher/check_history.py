"""Erasing the answers of asset checks: Dagster keeps them when it deletes the run that gave them.

They name the partition, which here is a person. What else is erased of somebody is
``personal_data``'s and ``defs.erase``'s.
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from vibe_pipeline.launcher.dagster_internals import AssetCheckExecutionsTable, SqlEventLogStorage


def forget_checks(instance: dg.DagsterInstance, *, run_ids: Collection[str]) -> int:
    """Delete every answer that these runs gave or planned to give; says how many there were.

    Of a storage that is no SQL database there is nothing to delete in this way.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage) or not run_ids:
        return 0
    with storage.index_connection() as connection:
        deleted = connection.execute(
            AssetCheckExecutionsTable.delete().where(
                AssetCheckExecutionsTable.c.run_id.in_(sorted(run_ids))
            )
        )
    return int(deleted.rowcount)
