"""The nightly promise as Dagster knows it: a freshness policy, looked at by its daemon.

The policy is about everybody together, for Dagster's freshness knows no partitions. What became of
one person's night is in the checks of ``published_playlist``, each person's own; how long each has
waited is in ``/metrics``, and counted here every night.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg

from vibe_pipeline.accounts.store import AccountStore

LATE_AFTER = timedelta(hours=26)
"""A day, the hour that clocks are moved by, and an hour to be made in."""
MISSED_AFTER = timedelta(hours=30)

POLICY = dg.FreshnessPolicy.time_window(fail_window=MISSED_AFTER, warn_window=LATE_AFTER)


def people_without_list(store: AccountStore, now: datetime) -> int:
    """How many are promised a list a night, had one before, and have none of the last night."""
    last = store.editions.last_made()
    return sum(
        now - last[person.user_id] > MISSED_AFTER
        for person in store.people.all(active_only=True)
        if person.connected and person.nightly_at is not None and person.user_id in last
    )
