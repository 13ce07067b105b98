"""The operator's commands about one person's data: ``vibe erase`` and ``vibe export``.

Arguments and words; the work is the room ``personal_data``'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import ErasureKind
from vibe_pipeline.accounts.store import AccountStore, migrate, open_for
from vibe_pipeline.commands.people import nobody, person_called
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.personal_data.erase import sweep, sweep_files
from vibe_pipeline.personal_data.export import everything, write_archive
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse, WarehouseError


@click.command()
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Print one record and nothing else.")
def erase(user: str, *, as_json: bool) -> None:
    """Erase USER (an id such as u0123456789ab, or a name) from all stores, counted.

    Dagster's own runs and the partition follow by themselves while the daemon is up.
    """
    with open_stores() as (store, warehouse):
        user_id = person_called(store, user)
        receipt = None
        erased: dict[str, int] = {}
        if store.people.get(user_id) is not None:
            note = store.erasures.forget(user_id)
            receipt, erased = note.receipt, dict(note.counts)
        swept = sweep(warehouse, user_id, ErasureKind.PERSON).and_of(
            sweep_files(read_settings().home, user_id)
        )
        if receipt is None and swept.total == 0:
            raise nobody(user)
        if receipt is not None:
            store.erasures.count(receipt, swept.erased)
        erased |= {name: count for name, count in swept.erased.items() if count}
        left = swept.left + store.erasures.left_of(user_id)
    _tell_erased(receipt, erased, left, as_json=as_json)
    if left:
        raise CommandFailed(f"{left} rows about {user} are still there; run this again.")


def _tell_erased(receipt: str | None, erased: dict[str, int], left: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"receipt": receipt, "erased": erased, "left": left}))
        return
    for name, count in sorted(erased.items()):
        click.echo(f"{count:>8}  {name}")
    click.echo(f"{sum(erased.values()):>8}  rows erased, {left} left")
    if receipt is not None:
        click.echo(f"Receipt {receipt}. Runs and partition in Dagster follow by themselves.")


@click.command()
@click.argument("user")
@click.option("--to", type=click.Path(path_type=Path), help="The file; default ID.zip here.")
def export(user: str, to: Path | None) -> None:
    """Write everything kept about USER (an id or a name) into one zip of JSON and CSV tables."""
    with open_stores() as (store, warehouse):
        user_id = person_called(store, user)
        path = to or Path(f"{user_id}.zip")
        account = store.people.get(user_id)
        tables = everything(store, warehouse, user_id)
        if account is None and not any(tables.values()):
            raise nobody(user)
        language = account.language if account is not None else "en"
        try:
            write_archive(path, tables, language=language, now=datetime.now(UTC))
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be written: {os.strerror(error.errno or 0)}"
            ) from None
    click.echo(f"{path}: {sum(len(rows) for rows in tables.values())} rows")


@contextmanager
def open_stores() -> Iterator[tuple[AccountStore, Warehouse]]:
    """Both stores, and what is wrong with them as a command's failure."""
    settings = read_settings()
    try:
        migrate(settings.accounts_address)
        yield open_for(settings), Warehouse(settings.warehouse_path)
    except (AccountsUnreadable, WarehouseError) as error:
        raise CommandFailed(str(error)) from error
