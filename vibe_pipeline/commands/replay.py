"""``vibe replay``: a past day's list made again from what was stored, or by another policy."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from vibe_pipeline.errors import CommandFailed, ConfigurationError
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
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import EditionInputs, Slice, Warehouse, WarehouseError

_WIDTH = 44


@click.command("replay")
@click.argument("user")
@click.argument("day", metavar="DATE", type=click.DateTime(formats=["%Y-%m-%d"]))
@click.option("--policy", "policy_name", help="What another policy would have chosen.")
@click.option("--edition", help="One of the day's lists; default: the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print one record and nothing else.")
def replay_command(
    user: str, day: datetime, *, policy_name: str | None, edition: str | None, as_json: bool
) -> None:
    """Make USER's list of DATE (2026-11-20) again from its stored inputs.

    Nobody is asked and nothing is written. By its own policy the list must be the same, byte for
    byte: exit code 1 where it is not. With --policy the two lists stand side by side.
    """
    house = Warehouse(read_settings().warehouse_path)
    if not house.path.exists():
        raise ConfigurationError(
            f"There is no warehouse at {house.path}; DB_PATH or VIBE_HOME names it."
        )
    try:
        policy = policy_called(policy_name)
        with house.open() as tables:
            named = EditionId(edition) if edition else None
            place, inputs = edition_on(tables, UserId(user), day.date(), named)
            found = replay(tables, place, inputs, policy=policy)
    except NothingStored as error:
        raise ConfigurationError(
            f"{error}; the Dagster UI lists people's ids under Partitions, /history their days."
        ) from None
    except PolicyUnknown as error:
        raise ConfigurationError(f"{error}.") from None
    except WarehouseError as error:
        raise CommandFailed(str(error)) from error
    told = _told(place, inputs, found)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else _in_words(told))
    if same_policy(inputs, policy) and not found.equal:
        raise CommandFailed("The stored inputs give another list than the one that was made.")


def _told(place: Slice, inputs: EditionInputs, found: Replay) -> dict[str, Any]:
    kept, only_then, only_again = found.overlap()
    return {
        "user_id": place.user_id,
        "vibe_date": place.vibe_date.isoformat(),
        "edition_id": place.edition_id,
        "made_with": f"{inputs.policy['name']} {inputs.policy['version']}",
        "made_again_with": found.again.policy,
        "equal": found.equal,
        "digest_then": found.digest_then,
        "digest_again": found.digest_again,
        "kept": kept,
        "only_then": only_then,
        "only_again": only_again,
        "tracks": [
            {"position": position, "then": then, "again": again}
            for position, then, again in found.side_by_side()
        ],
    }


def _in_words(told: dict[str, Any]) -> str:
    lines = [
        f"{told['vibe_date']}, edition {told['edition_id']}",
        f"then   {told['made_with']:<16} {told['digest_then']}",
        f"again  {told['made_again_with']:<16} {told['digest_again']}",
        "The same, byte for byte."
        if told["equal"]
        else f"{told['kept']} tracks in both, {told['only_then']} only then,"
        f" {told['only_again']} only now.",
        "",
        *(
            f"{row['position']:>3}  {_cut(row['then']):<{_WIDTH}}  {_cut(row['again'])}".rstrip()
            for row in told["tracks"]
        ),
    ]
    return "\n".join(lines)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
