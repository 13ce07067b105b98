"""Replay: a past day's list made again from its stored inputs, nobody asked, nothing written.

The job only; making it again is ``playlists.replay``'s.
"""

from datetime import date
from typing import Any

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.defs.metadata import Cell, table
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import WarehouseResource
from vibe_pipeline.playlists.edition_inputs import PolicyUnknown
from vibe_pipeline.playlists.replay import (
    NothingStored,
    Replay,
    edition_on,
    policy_called,
    replay,
    same_policy,
)
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.warehouse import EditionInputs, Slice


class ReplayConfig(dg.Config):
    """Which list, and by which policy.

    ``vibe_date`` such as 2026-11-20; the latest edition of that day, unless one is named.
    Without ``policy`` its own policy must give the same list, byte for byte.
    """

    vibe_date: str
    edition_id: str | None = None
    policy: str | None = None


@dg.op(name=runs.REPLAY_OP)
def replay_edition(
    context: dg.OpExecutionContext, config: ReplayConfig, warehouse: WarehouseResource
) -> None:
    """Makes the list again and lays it beside the one of that day."""
    user_id = UserId(context.partition_key)
    day = _day(config.vibe_date)
    try:
        policy = policy_called(config.policy)
        with warehouse.open().open() as tables:
            edition_slice, inputs = edition_on(tables, user_id, day, _edition_id(config))
            outcome = replay(tables, edition_slice, inputs, policy=policy)
    except (PolicyUnknown, NothingStored) as error:
        raise dg.Failure(f"Nothing to make again: {error}.", allow_retries=False) from error
    shown = _shown(edition_slice, inputs, outcome)
    context.add_output_metadata(shown)
    if same_policy(inputs, policy) and not outcome.equal:
        raise dg.Failure(
            "The stored inputs give another list than the one that was made.",
            metadata=shown,
            allow_retries=False,
        )


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise dg.Failure(
            f"{written} is no day; write it like 2026-11-20.", allow_retries=False
        ) from error


def _edition_id(config: ReplayConfig) -> EditionId | None:
    return EditionId(config.edition_id) if config.edition_id else None


def _shown(edition_slice: Slice, inputs: EditionInputs, outcome: Replay) -> dict[str, Any]:
    in_both, only_then, only_again = outcome.overlap()
    rows: list[dict[str, Cell]] = [
        {"position": position, "then": then, "again": again}
        for position, then, again in outcome.side_by_side()
    ]
    return {
        "edition_id": edition_slice.edition_id,
        "made with": f"{inputs.policy['name']} {inputs.policy['version']}",
        "made again with": outcome.again.policy,
        "equal": outcome.equal,
        "digest then": outcome.digest_then,
        "digest again": outcome.digest_again,
        "kept": in_both,
        "only then": only_then,
        "only again": only_again,
        "side by side": table(rows, ["position", "then", "again"]),
    }


@dg.job(
    name=runs.REPLAY_VIBE,
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description="Makes the list of a past day again from its stored inputs: byte for byte by its"
    " own policy, or side by side with what another policy would have chosen.",
)
def replay_vibe() -> None:
    """Replay is one step; see its output's metadata."""
    replay_edition()
