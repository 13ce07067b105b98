"""The operator's commands about one person's data: ``vibe erase`` and ``vibe export``.

Arguments and words; the work is the room ``personal_data``'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Erasure, ErasureKind
from vibe_pipeline.accounts.store import AccountStore, open_set_up
from vibe_pipeline.commands.people import NobodyKnown, nobody, person_called
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.home import stop_while_restoring
from vibe_pipeline.personal_data.erase import Sweep, sweep, sweep_files
from vibe_pipeline.personal_data.export import everything, write_archive
from vibe_pipeline.personal_data.retention import set_aside_of
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import Settings, read_settings
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
        note = _promise(store, user_id)
        if note is not None:
            click.echo(f"{user_id}, receipt {note.receipt}: being erased.", err=as_json)
        swept = _swept(warehouse, user_id, note)
        if note is None and swept.total == 0:
            raise _nobody_but_the_promised(store, warehouse, user)
        erased = dict(swept.erased)
        if note is not None:
            store.erasures.count(note.receipt, swept.erased)
            erased = {**note.counts, **erased}
        left = swept.left + store.erasures.left_of(user_id)
    erased = {name: count for name, count in erased.items() if count}
    _tell_erased(note.receipt if note else None, erased, left, as_json=as_json)
    _tell_set_aside(read_settings(), as_json=as_json)
    if left:
        raise CommandFailed(
            f"{left} rows about {user} are still there; run `vibe erase {user_id}` again."
        )


def _promise(store: AccountStore, user_id: UserId) -> Erasure | None:
    """The promise to erase them, made now or by somebody before; ``None`` for a stranger."""
    if store.people.get(user_id) is not None:
        return store.erasures.forget(user_id)
    return next((note for note in _promised(store) if note.user_id == user_id), None)


def _promised(store: AccountStore) -> list[Erasure]:
    return [note for note in store.erasures.waiting() if note.kind is ErasureKind.PERSON]


def _swept(warehouse: Warehouse, user_id: UserId, note: Erasure | None) -> Sweep:
    try:
        in_warehouse = sweep(warehouse, user_id, ErasureKind.PERSON)
        return in_warehouse.and_of(sweep_files(read_settings().home, user_id))
    except (WarehouseError, OSError) as error:
        if note is None:
            raise
        raise CommandFailed(
            f"{error} The account is gone already, the rest is not: `vibe erase {user_id}` goes on"
            " with it, and so does Vibe by itself while its daemon is up."
        ) from error


def _nobody_but_the_promised(store: AccountStore, warehouse: Warehouse, name: str) -> NobodyKnown:
    """The refusal of a name that is nobody's, perhaps since it was erased: that is gone on with."""
    told = [str(nobody(name))]
    for note in _promised(store):
        swept = _swept(warehouse, note.user_id, note)
        store.erasures.count(note.receipt, swept.erased)
        told.append(
            f"Promised before, and gone on with now: {note.user_id}, receipt {note.receipt},"
            f" {swept.total} rows erased, {swept.left} left."
        )
    return NobodyKnown("\n".join(told))


def _tell_erased(receipt: str | None, erased: dict[str, int], left: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"receipt": receipt, "erased": erased, "left": left}))
        return
    for name, count in sorted(erased.items()):
        click.echo(f"{count:>8}  {name}")
    click.echo(f"{sum(erased.values()):>8}  rows erased, {left} left")
    if receipt is not None:
        click.echo(f"Receipt {receipt}. Runs and partition in Dagster follow by themselves.")


def _tell_set_aside(settings: Settings, *, as_json: bool) -> None:
    """Nobody is erased from what is damaged, or was replaced: it goes as a whole, and later."""
    kept = set_aside_of(settings)
    if not kept:
        return
    in_the_night_after = timedelta(days=settings.set_aside_days + 1)
    last = max(one.since for one in kept) + in_the_night_after
    click.echo(
        f"Stores that were set aside may hold more of them, and are deleted by {last:%Y-%m-%d} at"
        " the latest; delete them now if you need them no more:",
        err=as_json,
    )
    for one in kept:
        click.echo(f"  {one.path}", err=as_json)


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
    stop_while_restoring(settings.home)
    try:
        yield open_set_up(settings), Warehouse(settings.warehouse_path)
    except (AccountsUnreadable, WarehouseError) as error:
        raise CommandFailed(str(error)) from error
