"""The run tags that say for what occasion a run was launched."""

from __future__ import annotations

OCCASION = "vibe/occasion"
"""What the list is for, such as ``nightly:2026-11-20``: one edition each, however often asked."""

ASKED_BY = "vibe/asked_by"
"""``chat``, ``schedule`` or ``operator``."""

VIBE_DATE = "vibe/vibe_date"
"""The local day the list is for; today on the person's clock when absent."""

EDITION = "vibe/edition"
"""Publish exactly this edition, made earlier as a preview."""

UNDO = "vibe/undo"
"""Take the edition back instead of putting it in place."""

RECEIPT = "vibe/receipt"
"""The receipt number of the erasure a run is for."""

PARTITION = "dagster/partition"
