"""``vibe replay``: a past day's list made again from what was stored, or by another policy.

Arguments and words; the replay itself is ``playlists.replay``'s.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.store import open_existing
from vibe_pipeline.commands.people import person_called
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
from vibe_pipeline.settings import Settings, read_settings
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
    """Make USER's (an id or a name) list of DATE (2026-11-20) again from its stored inputs.

    Nobody is asked and nothing is written. By its own policy the list must be the same, byte for
    byte: exit code 1 where it is not. With --policy the two lists stand side by side.
    """
    settings = read_settings()
    warehouse = Warehouse(settings.warehouse_path)
    if not warehouse.exists():
        raise ConfigurationError(
            f"There is no warehouse at {warehouse.path}; DB_PATH or VIBE_HOME names it."
        )
    try:
        policy, user_id = policy_called(policy_name), _user_id(settings, user)
        with warehouse.open() as tables:
            named = EditionId(edition) if edition else None
            edition_slice, inputs = edition_on(tables, user_id, day.date(), named)
            outcome = replay(tables, edition_slice, inputs, policy=policy)
    except NothingStored as error:
        raise ConfigurationError(
            f"{error}; `vibe people` lists who there is, /history in the chat their days."
        ) from None
    except PolicyUnknown as error:
        raise ConfigurationError(f"{error}.") from None
    except (AccountsUnreadable, WarehouseError) as error:
        raise CommandFailed(str(error)) from error
    report = _report(edition_slice, inputs, outcome)
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else _in_words(report))
    if same_policy(inputs, policy) and not outcome.equal:
        raise CommandFailed("The stored inputs give another list than the one that was made.")


def _user_id(settings: Settings, user: str) -> UserId:
    store = open_existing(settings)
    return UserId(user) if store is None else person_called(store, user)


def _report(edition_slice: Slice, inputs: EditionInputs, outcome: Replay) -> dict[str, Any]:
    in_both, only_then, only_again = outcome.overlap()
    return {
        "user_id": edition_slice.user_id,
        "vibe_date": edition_slice.vibe_date.isoformat(),
        "edition_id": edition_slice.edition_id,
        "made_with": f"{inputs.policy['name']} {inputs.policy['version']}",
        "made_again_with": outcome.again.policy,
        "equal": outcome.equal,
        "digest_then": outcome.digest_then,
        "digest_again": outcome.digest_again,
        "kept": in_both,
        "only_then": only_then,
        "only_again": only_again,
        "tracks": [
            {"position": position, "then": then, "again": again}
            for position, then, again in outcome.side_by_side()
        ],
    }


def _in_words(report: dict[str, Any]) -> str:
    lines = [
        f"{report['vibe_date']}, edition {report['edition_id']}",
        f"then   {report['made_with']:<16} {report['digest_then']}",
        f"again  {report['made_again_with']:<16} {report['digest_again']}",
        "The same, byte for byte."
        if report["equal"]
        else f"{report['kept']} tracks in both, {report['only_then']} only then,"
        f" {report['only_again']} only now.",
        "",
        *(
            f"{row['position']:>3}  {_cut(row['then']):<{_WIDTH}}  {_cut(row['again'])}".rstrip()
            for row in report["tracks"]
        ),
    ]
    return "\n".join(lines)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
