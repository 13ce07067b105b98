"""Replay: a past day's list made again from its stored inputs, nobody asked, nothing written."""

from datetime import date
from typing import Any

import dagster as dg

from vibe_pipeline.defs.resources import WarehouseResource
from vibe_pipeline.defs.showing import Cell, table
from vibe_pipeline.defs.users import users
from vibe_pipeline.ranking.policy import POLICIES, Policy
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.replaying import PolicyUnknown, Replay, replay
from vibe_pipeline.warehouse import EditionInputs, Slice, Tables


class ReplayConfig(dg.Config):
    """Which list, and by which policy.

    ``vibe_date`` such as 2026-11-20; the latest edition of that day, unless one is named.
    Without ``policy`` its own policy must give the same list, byte for byte.
    """

    vibe_date: str
    edition_id: str | None = None
    policy: str | None = None


@dg.op(name="replay")
def replay_edition(
    context: dg.OpExecutionContext, config: ReplayConfig, warehouse: WarehouseResource
) -> None:
    """Makes the list again and lays it beside the one of that day."""
    policy = _policy(config.policy)
    user_id = UserId(context.partition_key)
    with warehouse.open().open() as tables:
        place, inputs = _edition(tables, user_id, config)
        try:
            found = replay(tables, place, inputs, policy=policy)
        except PolicyUnknown as error:
            raise dg.Failure(f"{error}.", allow_retries=False) from error
    shown = _shown(place, inputs, found)
    context.add_output_metadata(shown)
    same_policy = policy is None or policy.name == inputs.policy["name"]
    if same_policy and not found.equal:
        raise dg.Failure(
            "The stored inputs give another list than the one that was made.",
            metadata=shown,
            allow_retries=False,
        )


def _policy(name: str | None) -> Policy | None:
    if name is None:
        return None
    if name not in POLICIES:
        raise dg.Failure(
            f"There is no policy {name}; there are {', '.join(sorted(POLICIES))}.",
            allow_retries=False,
        )
    return POLICIES[name]


def _edition(tables: Tables, user_id: UserId, config: ReplayConfig) -> tuple[Slice, EditionInputs]:
    day = date.fromisoformat(config.vibe_date)
    known = tables.selections.editions_on(user_id, day)
    wanted = EditionId(config.edition_id) if config.edition_id else (known[0] if known else None)
    inputs = tables.selections.inputs(user_id, wanted) if wanted in known and wanted else None
    if wanted is None or inputs is None:
        raise dg.Failure(
            f"No list of {day} is stored for {user_id}: nothing to make again.",
            allow_retries=False,
        )
    return Slice(user_id=user_id, vibe_date=day, edition_id=wanted), inputs


def _shown(place: Slice, inputs: EditionInputs, found: Replay) -> dict[str, Any]:
    then = {item.position: item for item in found.then if item.position is not None}
    again = {track.position: track for track in found.again.tracks}
    before = {item.candidate.key for item in then.values()}
    after = {item.candidate.key for item in found.again.ranked if item.position is not None}
    rows: list[dict[str, Cell]] = [
        {
            "position": position,
            "then": _line(then[position].candidate.artist, then[position].candidate.title)
            if position in then
            else "",
            "again": _line(again[position].artist, again[position].title)
            if position in again
            else "",
        }
        for position in sorted(then.keys() | again.keys())
    ]
    return {
        "edition_id": place.edition_id,
        "made with": f"{inputs.policy['name']} {inputs.policy['version']}",
        "made again with": found.again.policy,
        "equal": found.equal,
        "digest then": found.digest_then,
        "digest again": found.digest_again,
        "kept": len(before & after),
        "only then": len(before - after),
        "only again": len(after - before),
        "side by side": table(rows, ["position", "then", "again"]),
    }


def _line(artist: str, title: str) -> str:
    return f"{artist} – {title}"


@dg.job(
    name="replay_vibe",
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description="Makes the list of a past day again from its stored inputs: byte for byte by its"
    " own policy, or side by side with what another policy would have chosen.",
)
def replay_vibe() -> None:
    """Replay is one step; see its output's metadata."""
    replay_edition()
