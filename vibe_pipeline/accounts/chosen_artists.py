"""Artists a person named to start from, before there was listening to go by.

As stored. How long they count is ``taste.seed_profile``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import required_rows
from vibe_pipeline.accounts.records import ChosenArtist
from vibe_pipeline.accounts.tables import chosen_artists
from vibe_pipeline.records import UserId

MOST_CHOSEN = 10
"""Nobody starts from more; the one named first gives way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenArtists:
    """The artists of each person, one for each key (``ranking.identity.artist_key``)."""

    database: Database
    now: Callable[[], datetime]

    def add(self, user_id: UserId, key: str, name: str, *, spotify_id: str | None = None) -> None:
        """Start from this artist too; named twice is named once."""
        artist = ChosenArtist(key=key, name=name, spotify_id=spotify_id, created_at=self.now())
        here = (chosen_artists.c.user_id == user_id, chosen_artists.c.key == key)
        try:
            with self.database.writing() as connection:
                connection.execute(delete(chosen_artists).where(*here))
                connection.execute(
                    insert(chosen_artists).values(asdict(artist) | {"user_id": user_id})
                )
        except IntegrityError:
            raise UnknownPerson(user_id) from None
        for old in self.list(user_id)[:-MOST_CHOSEN]:
            self.remove(user_id, old.key)

    def remove(self, user_id: UserId, key: str) -> bool:
        """Start from it no more; false when it was not named."""
        here = (chosen_artists.c.user_id == user_id, chosen_artists.c.key == key)
        with self.database.writing() as connection:
            return connection.execute(delete(chosen_artists).where(*here)).rowcount == 1

    def clear(self, user_id: UserId) -> None:
        """Start from none of them."""
        with self.database.writing() as connection:
            connection.execute(delete(chosen_artists).where(chosen_artists.c.user_id == user_id))

    def list(self, user_id: UserId) -> list[ChosenArtist]:
        """All the person named, in the order they did."""
        columns = [column for column in chosen_artists.c if column.name != "user_id"]
        query = select(*columns).where(chosen_artists.c.user_id == user_id)
        query = query.order_by(chosen_artists.c.created_at, chosen_artists.c.key)
        with self.database.reading() as connection:
            return required_rows(connection, query, _artist, table=chosen_artists.name)


def _artist(row: RowMapping) -> ChosenArtist:
    return ChosenArtist(**row)
