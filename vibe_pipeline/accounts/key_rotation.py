"""Changing the key that seals (key rotation), beside processes that go on sealing and opening.

First the new key stands before the former one, then everything is sealed anew, then the former one
is forgotten; killed in between, the next try goes on. The file and its keys are ``cipher``'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Column, Table, select, update

from vibe_pipeline.accounts.cipher import (
    Cipher,
    give_to_owner_of,
    keep_keys,
    key_file,
    new_key,
    usable_key,
)
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import AccountsUnreadable, SecretKeyWrong
from vibe_pipeline.accounts.tables import inbox, notice_targets, oauth_states, tokens

LAST_LOOK_SECONDS = 2.0
"""So long after everything was sealed anew it is looked through once more: for a database where
what was sealed before may still be written then.
"""
_SEALED: tuple[tuple[Table, Column[bytes]], ...] = (
    (tokens, tokens.c.sealed),
    (oauth_states, oauth_states.c.sealed),
    (inbox, inbox.c.payload),
    (notice_targets, notice_targets.c.sealed),
)


class NothingSealed(AccountsUnreadable):
    """Nothing here was sealed with the key at hand: it may be needed for what is elsewhere."""


class ResealingFailed(AccountsUnreadable):
    """Something could not be sealed anew; no key is forgotten, so everything can be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many things were sealed anew, and how many no key of ours opens."""

    renewed: int
    lost: int


def rotate_kept_key(
    database: Database, home: Path, *, sleep: Callable[[float], None] = time.sleep
) -> Resealed:
    """Replace the key that the home keeps; nothing is lost wherever this is cut off.

    One that was cut off is finished with the key it had made.

    Raises:
        SecretKeyInvalid: what the home keeps is no key; it stays as it is.
        NothingSealed: no key of the home is needed by this store; they stay as they are.
        ResealingFailed: the store could not be written; the former key is kept.
    """
    lock = home / f"{key_file(home).name}.lock"
    with FileLock(lock, mode=0o600):
        give_to_owner_of(key_file(home), lock)
        former = [key.strip() for key in usable_key(home).split(",")]
        _look_for_use(database, Cipher(",".join(former)), key_file(home))
        newest = former[0] if len(former) > 1 else new_key()
        keep_keys(home, [newest, *(key for key in former if key != newest)])
        every, seals = Cipher(usable_key(home)), Cipher(newest)
        first = reseal(database, every, seals)
        sleep(LAST_LOOK_SECONDS)
        late = reseal(database, every, seals)
        keep_keys(home, [newest])
    return Resealed(renewed=first.renewed + late.renewed, lost=late.lost)


def reseal(database: Database, opens: Cipher, seals: Cipher) -> Resealed:
    """Seal with one key what was sealed with others; all of it at once or nothing.

    Raises:
        ResealingFailed: it is nothing.
    """
    try:
        return _resealed(database, opens, seals)
    except AccountsUnreadable as error:
        raise ResealingFailed(
            f"{error} The former key is kept, and everything can be opened; run this again."
        ) from error


def _look_for_use(database: Database, cipher: Cipher, kept_in: Path) -> None:
    with database.reading() as connection:
        for _, column in _SEALED:
            for (sealed,) in connection.execute(select(column).where(column.is_not(None))):
                if _can_open(cipher, sealed):
                    return
    raise NothingSealed(
        f"Nothing in the account store is sealed with the key in {kept_in}, so it stays: what is"
        " elsewhere, a backup or a store that is away, may need it. To have another made, move it"
        " aside and start Vibe."
    )


def _resealed(database: Database, opens: Cipher, seals: Cipher) -> Resealed:
    renewed = lost = 0
    with database.writing() as connection:
        for table, column in _SEALED:
            for (sealed,) in connection.execute(select(column).where(column.is_not(None))).all():
                if _can_open(seals, sealed):
                    continue
                if not _can_open(opens, sealed):
                    lost += 1
                    continue
                change = update(table).where(column == sealed)
                connection.execute(change.values({column: seals.seal(opens.open(sealed))}))
                renewed += 1
    return Resealed(renewed=renewed, lost=lost)


def _can_open(cipher: Cipher, sealed: bytes) -> bool:
    try:
        cipher.open(sealed)
    except SecretKeyWrong:
        return False
    return True
