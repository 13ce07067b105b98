"""What the warehouse remembers of published lists: the playlist's tracks, and the history.

Tracks in the history rest before they are recommended again. Writing to Spotify is ``publish``'s;
what was considered and not chosen is ``edition_record``'s.
"""

from __future__ import annotations

from datetime import datetime

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.records import ChosenTrack
from vibe_pipeline.warehouse import Slice, Warehouse


def slice_of(edition: Edition) -> Slice:
    """Which rows of the warehouse are this edition's."""
    return Slice(
        user_id=edition.user_id,
        vibe_date=edition.vibe_date,
        edition_id=edition.edition_id,
        in_ledger=True,
    )


def record_publication(
    warehouse: Warehouse, edition: Edition, *, now: datetime
) -> list[ChosenTrack]:
    """Keep the list as it was written, and remember its tracks; may be repeated.

    Gives the tracks as the warehouse has them now.
    """
    with warehouse.open() as tables:
        tables.playlists.replace_published(
            slice_of(edition),
            edition.tracks,
            playlist_id=edition.playlist_id or "",
            playlist_url=edition.playlist_url,
            snapshot_id=edition.snapshot_id,
            published_at=now,
        )
        tables.playlists.replace_history(slice_of(edition), edition.tracks, recorded_at=now)
        return tables.playlists.published(slice_of(edition))


def remember(warehouse: Warehouse, edition: Edition, *, now: datetime) -> None:
    """Count the edition's tracks as recommended again; may be repeated."""
    with warehouse.open() as tables:
        tables.playlists.replace_history(slice_of(edition), edition.tracks, recorded_at=now)


def unremember(warehouse: Warehouse, edition: Edition) -> None:
    """Count the edition's tracks as never recommended; may be repeated."""
    with warehouse.open() as tables:
        tables.playlists.unrecommend(slice_of(edition))


def published(warehouse: Warehouse, edition: Edition) -> list[ChosenTrack]:
    """The edition's tracks as the warehouse has them, in the order of the list."""
    with warehouse.open() as tables:
        return tables.playlists.published(slice_of(edition))


def published_before(warehouse: Warehouse, edition: Edition) -> tuple[ChosenTrack, ...]:
    """The edition's tracks as they were last written and count as recommended; none otherwise."""
    with warehouse.open() as tables:
        lines = tables.playlists.recommended(edition.user_id)
        if all(line.edition_id != edition.edition_id for line in lines):
            return ()
        return tuple(tables.playlists.published(slice_of(edition)))
