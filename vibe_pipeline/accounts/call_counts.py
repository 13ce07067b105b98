"""Calls as they are counted: a row for each service, minute and account.

Who may make one is ``budget``'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, update

from vibe_pipeline.accounts.tables import service_calls


def count_calls(connection: Connection, row: Mapping[str, object]) -> bool:
    """Add this row's calls to those of its service, minute and account; whether it is the first."""
    same = (column == row[column.name] for column in service_calls.primary_key)
    more = {"calls": service_calls.c.calls + row["calls"]}
    if connection.execute(update(service_calls).where(*same).values(more)).rowcount:
        return False
    connection.execute(insert(service_calls).values(row))
    return True
