"""Who assets are made for: one partition per person, kept in step with the account store."""

from __future__ import annotations

import dagster as dg

users = dg.DynamicPartitionsDefinition(name="users")
