"""Recovery of the warehouse: what it lost of published lists is put back from the account store.

So that nothing already recommended counts as new. Likes and the last plays come back from Spotify
with the next run; what cannot come back is said in words.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.installation.warehouse_file import is_something_else
from vibe_pipeline.playlists.recommendation_history import slice_of
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import FILE, warehouse_form
from vibe_pipeline.warehouse import Tables, Warehouse
from vibe_pipeline.warehouse.damage import is_a_log, set_aside_if_damaged, write_anew

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was done: lists and tracks put back, and where a damaged file went.

    ``whole``: all rows of the damaged file are in the new one.
    """

    lists: int
    tracks: int
    aside: Path | None
    whole: bool = False

    def in_words(self, path: Path) -> str:
        """What happened, what is back, and what is gone for good."""
        if self.whole and self.aside is not None:
            return (
                f"The warehouse {path} was damaged, but in none of its rows: all of them are in a"
                f" new one, and the former is kept as {self.aside.name}."
            )
        if self.aside is not None and is_a_log(self.aside):
            return (
                f"The log that a crash left beside the warehouse {path} was damaged and is kept as"
                f" {self.aside.name}: what was written last is gone, but for {self.lists} lists"
                " that were put back from the account store."
            )
        what = f"The warehouse {path} had lost lists"
        if self.aside is not None:
            what = f"The warehouse {path} was damaged and is kept as {self.aside.name}"
        return (
            f"{what}: {self.lists} lists with {self.tracks} tracks were put back from the account"
            " store. Likes and the last plays come back from Spotify with each person's next list;"
            " older plays, what past lists were made from and what became of them are gone, unless"
            " a backup is restored."
        )


def recover(warehouse: Warehouse, store: AccountStore, *, now: datetime) -> Recovery | None:
    """Set a damaged file aside, and put back every list that is missing; ``None`` when none was.

    May be repeated, and by several processes at once. Reads the whole file.
    """
    aside = set_aside_if_damaged(warehouse, now=now)
    restored = put_back(warehouse, store)
    if aside is None and not restored:
        return None
    tracks = sum(len(edition.tracks) for edition in restored)
    return Recovery(lists=len(restored), tracks=tracks, aside=aside)


def mend(warehouse: Warehouse, store: AccountStore, *, now: datetime) -> Recovery | None:
    """The same for whoever DuckDB has just told that the file is damaged.

    A file whose rows can all be read is written anew. ``None`` where it is not ours to mend.

    Raises:
        WarehouseError: it could not be mended now.
    """
    path = warehouse.path
    if warehouse_form(path) != FILE or is_something_else(path):
        return None
    done = recover(warehouse, store, now=now)
    if done is not None and done.aside is not None:
        return done
    aside = write_anew(warehouse, now=now)
    return replace(done or Recovery(lists=0, tracks=0, aside=None), aside=aside, whole=True)


def put_back(warehouse: Warehouse, store: AccountStore) -> Sequence[Edition]:
    """Record again what the ledger calls recorded and the warehouse does not know; gives it."""
    recorded = store.editions.recorded()
    if not recorded:
        return ()
    with warehouse.open() as tables:
        return put_back_into(tables, recorded)


def put_back_into(tables: Tables, recorded: Sequence[Edition]) -> Sequence[Edition]:
    """The same, inside a transaction of the warehouse's."""
    known = tables.playlists.recorded_editions()
    missing = [edition for edition in recorded if edition.edition_id not in known]
    for edition in missing:
        _record(tables, edition)
    return missing


def put_back_if_older(tables: Tables, store: AccountStore, user_id: UserId) -> None:
    """The same, once an older copy took the file's place while runs go on.

    That copy lacks the person's last list, and nothing else is looked for: it is no birth of a
    file, and the look at all lists that a start has is too much for each list.
    """
    last = store.editions.last_recorded(user_id)
    if last is None:
        return
    if any(line.edition_id == last.edition_id for line in tables.playlists.recommended(user_id)):
        return
    restored = put_back_into(tables, store.editions.recorded())
    log.warning(
        "the warehouse is an older copy; %d lists were put back from the account store",
        len(restored),
    )


def _record(tables: Tables, edition: Edition) -> None:
    """As it was recorded then: at the moment the ledger last moved."""
    at, place = edition.updated_at, slice_of(edition)
    tables.playlists.replace_published(
        place,
        edition.tracks,
        playlist_id=edition.playlist_id or "",
        playlist_url=edition.playlist_url,
        snapshot_id=edition.snapshot_id,
        published_at=at,
    )
    tables.playlists.replace_history(place, edition.tracks, recorded_at=at)
