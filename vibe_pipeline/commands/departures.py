"""Who was forgotten or disconnected since a backup: read from the store it is to replace.

What they asked for is done again in the unpacked copy (replaying erasures). How a person is erased
is ``accounts.erasures``' and ``personal_data.erase``'s; words are ``commands.backup``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from vibe_pipeline.accounts.database import Database, connect, sqlite_path
from vibe_pipeline.accounts.erasure_notes import new_receipt
from vibe_pipeline.accounts.erasures import Erasures
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import ErasureKind
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.tables import accounts, erasures, tokens
from vibe_pipeline.commands.snapshots import ACCOUNTS, WAREHOUSE
from vibe_pipeline.installation.home import restored_at, set_aside_by_cut_off
from vibe_pipeline.personal_data.erase import sweep
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import Settings, sqlite_address
from vibe_pipeline.warehouse import Warehouse

_RESTORED_TO_THE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Who was erased from the copy, who lost their tokens there, and of whom nobody can tell.

    ``unsure`` are missing here because they left, or because an older backup was restored.
    """

    forgotten: frozenset[UserId]
    disconnected: frozenset[UserId]
    unsure: frozenset[UserId]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    created_at: datetime
    spotify_account_id: str | None
    connected: bool


_People = Mapping[UserId, _Person]


def repeat_departures(
    settings: Settings, folder: Path, *, now: Callable[[], datetime]
) -> Departures | None:
    """Erase from the stores unpacked here whoever left the present ones since.

    ``None`` when nobody can say who did: there is no account store, it cannot be read, or it is
    another installation's, which knows nobody of the backup's.

    Raises:
        AccountsUnreadable: the copy cannot be changed.
    """
    place = _store_to_replace(settings)
    present = None if place is None else _read(place)
    if present is None or not (folder / ACCOUNTS).exists():
        return None
    people, promised = present
    address = sqlite_address(folder / ACCOUNTS)
    backed_up = _people(connect(address))
    if backed_up and not backed_up.keys() & (people.keys() | promised):
        return None
    departures = _departures(settings, backed_up, people, promised)
    if departures.forgotten or departures.disconnected:
        _erase(address, folder, departures, people, now)
    return departures


def _store_to_replace(settings: Settings) -> Path | None:
    """The account store that is here; where a restore was cut off, the one it set aside."""
    path = sqlite_path(settings.accounts_address)
    if path is None:
        return None
    cut_off = {folder.name for folder in set_aside_by_cut_off(settings.home)}
    former = sorted(one for one in _set_aside(settings) if one.parent.name in cut_off)
    return next(iter(former), path if path.exists() else _newest(_set_aside(settings)))


def _newest(set_aside: Iterator[Path]) -> Path | None:
    return max(set_aside, default=None)


def _set_aside(settings: Settings) -> Iterator[Path]:
    """Account stores that restores replaced; former versions kept them by their own names."""
    path = sqlite_path(settings.accounts_address)
    for name in {ACCOUNTS, *([path.name] if path is not None else [])}:
        yield from settings.home.glob(f"before-restore-*/{name}")


def _read(path: Path) -> tuple[_People, frozenset[UserId]] | None:
    """Who is in this store, and who is promised to be erased; ``None`` when it is damaged."""
    with suppress(AccountsUnreadable, SQLAlchemyError, ValueError):
        database = connect(sqlite_address(path))
        database.look_through()
        with database.reading() as connection:
            whole = erasures.c.kind == ErasureKind.PERSON.value
            promised = connection.execute(select(erasures.c.user_id).where(whole)).scalars()
            promised_to = frozenset(UserId(user_id) for user_id in promised)
        return _people(database), promised_to
    return None


def _people(database: Database) -> _People:
    columns = (accounts.c.user_id, accounts.c.created_at, accounts.c.spotify_account_id)
    query = select(*columns, tokens.c.user_id.is_not(None).label("connected"))
    query = query.select_from(accounts.outerjoin(tokens, accounts.c.user_id == tokens.c.user_id))
    with database.reading() as connection:
        return {
            UserId(row.user_id): _Person(
                created_at=row.created_at,
                spotify_account_id=row.spotify_account_id,
                connected=bool(row.connected),
            )
            for row in connection.execute(query)
        }


def _departures(
    settings: Settings, backed_up: _People, people: _People, promised: frozenset[UserId]
) -> Departures:
    missing = frozenset(backed_up.keys() - people.keys())
    unsure = _unsure(settings, backed_up, missing) - promised
    return Departures(
        forgotten=missing - unsure,
        disconnected=frozenset(
            user_id
            for user_id, person in backed_up.items()
            if user_id in people and person.connected and _let_go(person, people[user_id])
        ),
        unsure=unsure,
    )


def _unsure(
    settings: Settings, backed_up: _People, missing: frozenset[UserId]
) -> frozenset[UserId]:
    """Who may be missing only because an older backup was restored here before this one."""
    restored = restored_at(settings.home)
    if restored is None or not missing:
        return frozenset()
    earlier = [found[0].keys() for path in _set_aside(settings) if (found := _read(path))]
    return frozenset(
        user_id
        for user_id in missing
        if backed_up[user_id].created_at < restored + _RESTORED_TO_THE_SECOND
        and (not earlier or any(user_id in known for known in earlier))
    )


def _let_go(then: _Person, today: _Person) -> bool:
    return _unlinked(then, today) or not today.connected


def _unlinked(then: _Person, today: _Person) -> bool:
    return then.spotify_account_id != today.spotify_account_id


def _erase(
    address: str,
    folder: Path,
    departures: Departures,
    people: _People,
    now: Callable[[], datetime],
) -> None:
    """As ``vibe erase`` and /disconnect do it; Dagster's part and the receipt follow by themselves.

    Where only the consent has ended, the tokens go and what was heard stays.
    """
    migrate(address)
    database = connect(address)
    notes, then = Erasures(database, now, new_receipt), _people(database)
    unlinked = [one for one in departures.disconnected if _unlinked(then[one], people[one])]
    for user_id in departures.forgotten:
        notes.forget(user_id)
        _sweep(folder, user_id, ErasureKind.PERSON)
    for user_id in unlinked:
        notes.disconnect(user_id)
        _sweep(folder, user_id, ErasureKind.SPOTIFY)
    with database.writing() as connection:
        connection.execute(delete(tokens).where(tokens.c.user_id.in_(departures.disconnected)))


def _sweep(folder: Path, user_id: UserId, kind: ErasureKind) -> None:
    if (folder / WAREHOUSE).exists():
        sweep(Warehouse(folder / WAREHOUSE), user_id, kind)
        (folder / f"{WAREHOUSE}.lock").unlink(missing_ok=True)
