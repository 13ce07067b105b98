"""Retention: what is let go by itself once nobody needs it, and how much of it went.

Not here: erasing on request (``erase``), and what a table calls old (``warehouse``, ``accounts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from vibe_pipeline.accounts.database import sqlite_path
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.installation.set_aside import SetAside, all_set_aside, delete_old
from vibe_pipeline.settings import FILE, Settings, warehouse_form
from vibe_pipeline.warehouse import Warehouse


def apply_retention(
    warehouse: Warehouse, store: AccountStore, *, now: datetime, days: int
) -> Mapping[str, int]:
    """Let go of what lists older than so many days were made from, and of stale leftovers.

    Gives the rows that went, by store and table. Safe to repeat. What people see and what keeps
    music new stays: likes, plays, lists, the history of recommendations and what became of them.
    Only replaying lists from before that day, and comparing policies on them, ends.
    """
    with warehouse.open(compacting=True) as tables:
        trimmed = tables.trim(before=(now - timedelta(days=days)).date())
        trimmed["lookups"] = tables.lookups.drop_stale(now=now)
    return {f"warehouse.{table}": count for table, count in trimmed.items()} | {
        "accounts.outbox": store.outbox.drop_old(),
        "accounts.watches": store.watches.drop_old(),
        "accounts.pending_launches": store.pending_launches.drop_old(),
        "accounts.inbox": store.inbox.drop_old(),
        "accounts.open_questions": store.open_questions.drop_old(),
        "accounts.oauth_states": store.oauth_states.drop_expired(),
    }


def set_aside_of(settings: Settings) -> list[SetAside]:
    """Damaged stores that were set aside, and what a restore replaced: nobody is erased there."""
    stores = [sqlite_path(settings.accounts_address)]
    if warehouse_form(settings.warehouse_path) == FILE:
        stores.append(settings.warehouse_path)
    return all_set_aside(settings.home, [path for path in stores if path is not None])


def let_go_of_set_aside(settings: Settings, *, now: datetime) -> int:
    """Delete those of them that are older than ``SET_ASIDE_DAYS``; says how many."""
    keep = timedelta(days=settings.set_aside_days)
    return delete_old(set_aside_of(settings), now=now, keep=keep)
