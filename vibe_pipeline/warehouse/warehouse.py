"""The warehouse: one DuckDB database, opened for the milliseconds of a transaction.

What concerns all tables (erasing, exporting, trimming) stands here; SQL about one of them, in the
module of its subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse.candidates import Candidates
from vibe_pipeline.warehouse.clustering import CLUSTERED_TABLES, Clustering
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.engines import engine_at
from vibe_pipeline.warehouse.history_cache import HistoryCache
from vibe_pipeline.warehouse.library import Library, LibraryState
from vibe_pipeline.warehouse.library_cache import LibraryCache
from vibe_pipeline.warehouse.listening_history import ListeningHistory
from vibe_pipeline.warehouse.lookups import LookupTable, WarehouseLookups
from vibe_pipeline.warehouse.playlists import Playlists
from vibe_pipeline.warehouse.rows import Row, select
from vibe_pipeline.warehouse.selection import Selections
from vibe_pipeline.warehouse.taste import Taste

_OUR_LISTS = frozenset({"published_playlist", "recommendation_history"})

_EDITIONS_IN_USE = """
    SELECT user_id, profile_edition FROM edition_inputs
    UNION
    SELECT user_id, unnest(json_extract_string(pool_editions, '$.*')) FROM edition_inputs
    UNION
    SELECT user_id, edition_id FROM candidate_pools
    QUALIFY row_number() OVER (PARTITION BY user_id, source
        ORDER BY asked_at DESC, edition_id) = 1
    UNION
    SELECT user_id, arg_max(edition_id, rowid) FROM seed_profile GROUP BY user_id
"""
"""The person and edition of each profile and pool that some list needs, or the next one may."""


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables, inside one transaction: everything or nothing of what is written is kept.

    Rows go in and out as records; moments are aware and in UTC, durations in milliseconds. What an
    edition writes replaces that edition's slice (``Slice``: person, local date, edition) and no
    other. Good until the ``with`` that gave it ends.
    """

    connection: Connection
    library_cache: LibraryCache
    history_cache: HistoryCache
    _library_states: dict[UserId, LibraryState] = field(default_factory=dict, init=False)

    @property
    def library(self) -> Library:
        """Likes, plays, top items."""
        return Library(self.connection, self.library_cache, self._library_states)

    @property
    def history(self) -> ListeningHistory:
        """Plays from elsewhere than Spotify's last fifty, and their sums."""
        return ListeningHistory(self.connection)

    @property
    def taste(self) -> Taste:
        """Seed profiles."""
        return Taste(self.connection)

    @property
    def candidates(self) -> Candidates:
        """Pools and proposals."""
        return Candidates(self.connection)

    @property
    def selections(self) -> Selections:
        """Ranked candidates and the inputs of editions."""
        return Selections(self.connection)

    @property
    def playlists(self) -> Playlists:
        """Published lists, history, outcomes."""
        return Playlists(self.connection, self.history_cache)

    @property
    def lookups(self) -> LookupTable:
        """Answers of other services."""
        return LookupTable(self.connection)

    def cached_lookups(self, *, now: Callable[[], datetime]) -> WarehouseLookups:
        """Those answers as whoever asks services takes them, without another opening.

        What it is told to remember is written by its ``keep``.
        """
        return WarehouseLookups(lambda: nullcontext(self.lookups), now=now)

    @property
    def clustering(self) -> Clustering:
        """Whose rows lie together."""
        return Clustering(self.connection)

    def everything_of(self, user_id: UserId) -> dict[str, list[Row]]:
        """All rows about a person, table by table, for their export."""
        return {
            table: select(
                self.connection,
                f"SELECT * FROM {table} WHERE user_id = ? ORDER BY ALL",  # noqa: S608 - our names
                [user_id],
            )
            for table in self._about_people()
        }

    def forget(self, user_id: UserId) -> dict[str, int]:
        """Erase a person from every table; says how many rows each one lost."""
        self.history_cache.clear()
        return self._erase(user_id, self._about_people())

    def forget_listening(self, user_id: UserId) -> dict[str, int]:
        """Erase what came from a person's Spotify account, and what was concluded from it.

        The lists we made stay, so that nothing of them is offered again too soon.
        """
        return self._erase(user_id, self._about_listening())

    def rows_of(self, user_id: UserId) -> int:
        """How many rows there are about a person."""
        return self._count(user_id, self._about_people())

    def rows_of_listening(self, user_id: UserId) -> int:
        """How many of them came from their Spotify account."""
        return self._count(user_id, self._about_listening())

    def trim(self, *, before: date) -> dict[str, int]:
        """Let go of what lists older than this day were made from; says how many rows went.

        Likes, plays, lists, history and outcomes stay, but for plays from elsewhere that have not
        counted since that day. So do profiles and pools, however old,
        that a younger edition was made from, or that are the newest a person has.
        """
        old = "WHERE vibe_date < ?"
        unused = f"{old} AND (user_id, edition_id) NOT IN ({_EDITIONS_IN_USE})"
        lost: dict[str, int] = {}
        for table, rows in (
            ("edition_inputs", old),  # first: what they name is in use while they are there
            ("ranked_selection", old),
            ("proposals", unused),
            ("artist_votes", unused),
            ("candidate_pools", unused),
            ("seed_profile", unused),
            ("listening_history", "WHERE gone_at < ?"),
        ):
            row = self.connection.execute(
                f"DELETE FROM {table} {rows}",  # noqa: S608 - our names
                [before],
            ).fetchone()
            lost[table] = int(row[0]) if row else 0
        return lost

    def _erase(self, user_id: UserId, names: Sequence[str]) -> dict[str, int]:
        self._library_states.pop(user_id, None)
        lost: dict[str, int] = {}
        for table in names:
            row = self.connection.execute(
                f"DELETE FROM {table} WHERE user_id = ?",  # noqa: S608 - our names
                [user_id],
            ).fetchone()
            lost[table] = int(row[0]) if row else 0
        return lost

    def _count(self, user_id: UserId, names: Sequence[str]) -> int:
        found = 0
        for table in names:
            row = self.connection.execute(
                f"SELECT count(*) FROM {table} WHERE user_id = ?",  # noqa: S608 - our names
                [user_id],
            ).fetchone()
            found += int(row[0]) if row else 0
        return found

    def _about_listening(self) -> list[str]:
        return [table for table in self._about_people() if table not in _OUR_LISTS]

    def _about_people(self) -> list[str]:
        rows = self.connection.execute(
            "SELECT c.table_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
            " WHERE c.column_name = 'user_id' AND t.database_name = current_database()"
            " ORDER BY c.table_name"
        ).fetchall()
        return [str(row[0]) for row in rows]


class Warehouse:
    """Where the DuckDB file or its server is, and how long to wait for whoever has it open.

    While a process has it open no other can open it, not even to read; so nothing that waits for a
    service may happen inside ``open``. What ``path`` may name besides a file: ``engines``.

    ``at_birth`` fills a file that was not there, within the first transaction: it may have been
    deleted at any moment, also between two steps of a run.
    """

    def __init__(
        self,
        path: Path,
        *,
        patience: float = 30.0,
        config: Mapping[str, Any] | None = None,
        at_birth: Callable[[Tables], object] | None = None,
    ) -> None:
        self.path = path
        self.patience = patience
        self._at_birth = at_birth
        self._engine = engine_at(path, config)
        self._library_cache = LibraryCache()
        self._history_cache = HistoryCache()

    @contextmanager
    def open(self, *, compacting: bool = False, frames: bool = False) -> Iterator[Tables]:
        """All tables in one transaction: kept at the end, undone after an error.

        ``compacting`` gives the room of deleted rows back, which takes longer. ``frames``: the
        rows may be asked for as a pandas frame, which costs its import.
        """
        try:
            with self._engine.transaction(
                patience=self.patience, compacting=compacting, frames=frames
            ) as connection:
                if not self._engine.undisturbed:
                    self._history_cache.clear()
                tables = Tables(connection, self._library_cache, self._history_cache)
                if self._engine.born and self._at_birth is not None:
                    self._library_cache.clear()
                    self._at_birth(tables)
                yield tables
        except BaseException:
            self._library_cache.clear()
            self._history_cache.clear()
            raise

    def exists(self) -> bool:
        """Whether it is there already; one that a server keeps always is."""
        return self._engine.exists()

    def copy_to(self, target: Path) -> None:
        """Write a whole DuckDB file as the warehouse is between two transactions, for a backup.

        Raises:
            TimeoutError: somebody kept it open for longer than the warehouse's patience.
            OSError: it cannot be read, or the copy cannot be written.
        """
        self._engine.copy_to(target, patience=self.patience)

    def cluster_by_person(self) -> int:
        """Lay each person's rows together where too many lie apart; says how many were moved.

        A part at a time, each in an opening of its own: others get their turn between two, and
        what a killed process has moved stays where it is.
        """
        return sum(self._cluster(table) for table in CLUSTERED_TABLES)

    def _cluster(self, table: str) -> int:
        with self.open() as tables:
            if not tables.clustering.is_loose(table):
                return 0
            ranges = tables.clustering.ranges(table)
        moved = 0
        for people in ranges:
            with self.open() as tables:
                moved += tables.clustering.bring_together(table, people)
        with self.open() as tables:
            tables.clustering.note_order(table)
        return moved

    def lookups(self, *, now: Callable[[], datetime]) -> WarehouseLookups:
        """The shared answers, for the length of a step."""

        @contextmanager
        def table() -> Iterator[LookupTable]:
            with self.open() as tables:
                yield tables.lookups

        return WarehouseLookups(table, now=now)
