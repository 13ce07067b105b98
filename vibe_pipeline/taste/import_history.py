"""An archive of Spotify's into the warehouse: a transaction for each file, nothing twice.

From a shell or from a run alike. Reading the archive is ``streaming_archive``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from vibe_pipeline.records import UserId
from vibe_pipeline.taste.scrobble_reading import add_rows
from vibe_pipeline.taste.streaming_archive import HistoryFile, history_files
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.listening_history import ImportedFile

SOURCE = "spotify_archive"
"""Who told of these plays, as stored with each of them."""


@dataclass(slots=True, kw_only=True)
class ImportedHistory:
    """What came of an archive: its files, and how many recordings are known by now."""

    files: list[ImportedFile] = field(default_factory=list)
    recordings: int = 0

    @property
    def plays(self) -> int:
        """How many plays counted."""
        return sum(file.plays for file in self.files)

    @property
    def added(self) -> int:
        """How many of them were new to us."""
        return sum(file.added for file in self.files)

    @property
    def years(self) -> tuple[int, int] | None:
        """The years of the first and the last play."""
        first = min((file.first_at for file in self.files if file.first_at), default=None)
        last = max((file.last_at for file in self.files if file.last_at), default=None)
        return None if first is None or last is None else (first.year, last.year)


def nobody_watches(_: ImportedFile) -> None:
    """The progress of an import that nobody looks at."""


def import_history(
    path: Path,
    database: Warehouse,
    user_id: UserId,
    *,
    now: datetime,
    progress: Callable[[ImportedFile], None] = nobody_watches,
) -> ImportedHistory:
    """Read an archive's plays into a person's history; ``progress`` is told of each file.

    Killed in between, it goes on where it stood: files that were read add nothing again. What a
    later file is refused for leaves the earlier ones in place.

    Raises:
        ArchiveRefused: nothing of it, or not all of it, can be read.
    """
    imported = ImportedHistory()
    try:
        for file in history_files(path, now=now):
            noted = _keep(database, user_id, file, now)
            imported.files.append(noted)
            progress(noted)
    finally:
        imported.recordings = _count(database, user_id)
    return imported


def _keep(database: Warehouse, user_id: UserId, file: HistoryFile, now: datetime) -> ImportedFile:
    """One file in one transaction: its plays and that it was read."""
    encoded, span = file.rows.encoded(), file.rows.span
    with database.open() as tables:
        known = any(one.digest == file.digest for one in tables.history.imports(user_id))
        added = 0
        if not known:
            added = add_rows(
                tables,
                user_id,
                file.rows,
                source=SOURCE,
                account=file.shape,
                now=now,
                encoded=encoded,
            )
        noted = ImportedFile(
            digest=file.digest,
            file_name=file.name,
            shape=file.shape,
            imported_at=now,
            entries=file.entries,
            plays=file.plays,
            added=added,
            first_at=None if span is None else span[0],
            last_at=None if span is None else span[1],
        )
        if not known:
            tables.history.note_import(user_id, noted)
            tables.library.note_history(user_id, changed_at=now)
    return noted


def _count(database: Warehouse, user_id: UserId) -> int:
    """Count all recordings anew, where something was added since the last time."""
    with database.open() as tables:
        if tables.history.is_counted(user_id):
            return tables.history.recordings(user_id)
        return tables.history.count_up(user_id)
