"""What was published, what was ever recommended, and what became of it.

History for resting and learning. How far a publication has come is the ledger's
(``accounts.editions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import duckdb

from vibe_pipeline.records import ChosenTrack, EditionId, PastRecommendation, Source, UserId
from vibe_pipeline.warehouse.rows import Row, Slice, insert, replace_slice, select, up_to


class Fate(StrEnum):
    """What a person did with a recommendation."""

    LIKED = "liked"
    REPLAYED = "replayed"
    SKIPPED = "skipped"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A line of a past list, as the history keeps it."""

    edition_id: EditionId
    vibe_date: date
    position: int
    key: str
    artist_key: str
    artist: str
    title: str
    spotify_id: str
    isrc: str | None
    source: Source
    is_new: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a line of a past list so far."""

    line: Recommended
    fate: Fate
    liked_at: datetime | None
    plays: int
    first_played_at: datetime | None


_CHOSEN = (
    "position",
    "artist",
    "title",
    "spotify_id",
    "uri",
    "isrc",
    "is_new",
    "seed",
    "reason",
    "key",
    "artist_key",
)


class Playlists:
    """The tables of the playlist and learning groups, inside one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def replace_published(
        self,
        place: Slice,
        tracks: Sequence[ChosenTrack],
        *,
        playlist_id: str,
        playlist_url: str | None,
        snapshot_id: str | None,
        published_at: datetime,
    ) -> int:
        """Keep the list as it now stands on Spotify."""
        return replace_slice(
            self._connection,
            "published_playlist",
            place,
            [
                {
                    **{name: getattr(track, name) for name in _CHOSEN},
                    "source": str(track.source),
                    "playlist_id": playlist_id,
                    "playlist_url": playlist_url,
                    "snapshot_id": snapshot_id,
                    "published_at": published_at,
                }
                for track in tracks
            ],
        )

    def published(self, place: Slice) -> list[ChosenTrack]:
        """A published list, in its order."""
        rows = select(
            self._connection,
            "SELECT * FROM published_playlist WHERE vibe_date = ? AND user_id = ?"
            " AND edition_id = ? ORDER BY position",
            [place.vibe_date, place.user_id, place.edition_id],
        )
        return [_chosen(row) for row in rows]

    def own_lists(self, user_id: UserId) -> frozenset[str]:
        """The Spotify ids of all playlists that we ever wrote for this person."""
        rows = select(
            self._connection,
            "SELECT DISTINCT playlist_id FROM published_playlist WHERE user_id = ?",
            [user_id],
        )
        return frozenset(row["playlist_id"] for row in rows)

    def replace_history(
        self, place: Slice, tracks: Sequence[ChosenTrack], *, recorded_at: datetime
    ) -> int:
        """Remember that these were recommended; running again adds nothing."""
        return replace_slice(
            self._connection,
            "recommendation_history",
            place,
            [
                {
                    "position": track.position,
                    "key": track.key,
                    "artist_key": track.artist_key,
                    "artist": track.artist,
                    "title": track.title,
                    "spotify_id": track.spotify_id,
                    "isrc": track.isrc,
                    "source": str(track.source),
                    "is_new": track.is_new,
                    "recorded_at": recorded_at,
                }
                for track in tracks
            ],
        )

    def unrecommend(self, place: Slice) -> int:
        """The edition was taken back: its tracks no longer count as recommended."""
        lost = replace_slice(self._connection, "recommendation_history", place, [])
        replace_slice(self._connection, "recommendation_outcomes", place, [])
        return lost

    def past(
        self, user_id: UserId, *, besides: EditionId | None, as_of: datetime | None = None
    ) -> list[PastRecommendation]:
        """What was recommended in other editions, up to a moment; latest first."""
        rows = select(
            self._connection,
            "SELECT key, artist_key, vibe_date, edition_id, artist, title"
            " FROM recommendation_history"
            " WHERE user_id = ? AND edition_id <> ? AND recorded_at <= ?"
            " ORDER BY vibe_date DESC, edition_id, position",
            [user_id, besides or "", up_to(as_of)],
        )
        return [PastRecommendation(**row) for row in rows]

    def recorded_editions(self) -> frozenset[EditionId]:
        """Everybody's editions whose tracks count as recommended."""
        rows = self._connection.execute(
            "SELECT DISTINCT edition_id FROM recommendation_history"
        ).fetchall()
        return frozenset(EditionId(row[0]) for row in rows)

    def recommended(self, user_id: UserId) -> list[Recommended]:
        """Every line of every past list, latest first."""
        rows = select(
            self._connection,
            "SELECT * EXCLUDE (user_id) FROM recommendation_history WHERE user_id = ?"
            " ORDER BY vibe_date DESC, edition_id, position",
            [user_id],
        )
        return [Recommended(**(row | {"source": Source(row["source"])})) for row in rows]

    def replace_outcomes(
        self,
        user_id: UserId,
        outcomes: Sequence[Outcome],
        *,
        looked_at: datetime,
        settled_days: int,
    ) -> int:
        """Keep what became of every past line of this person, as seen now; says how many lines.

        A line whose fate is the same as before is not written again, unless it was last looked at
        less than ``settled_days`` after its list: sixty lists stay as they are, and today's is new.
        """
        before = {
            _line(row): row
            for row in select(
                self._connection,
                "SELECT * FROM recommendation_outcomes WHERE user_id = ?",
                [user_id],
            )
        }
        rows = [_outcome_row(user_id, outcome, looked_at) for outcome in outcomes]
        settled = {
            _line(row) for row in rows if _settled(row, before.get(_line(row)), settled_days)
        }
        self._remove_outcomes(user_id, [row for line, row in before.items() if line not in settled])
        insert(
            self._connection,
            "recommendation_outcomes",
            [row for row in rows if _line(row) not in settled],
        )
        return len(rows)

    def _remove_outcomes(self, user_id: UserId, rows: Sequence[Row]) -> None:
        """Those of these lines; lists of other days are passed by without being read."""
        if rows:
            days = [row["vibe_date"] for row in rows]
            self._connection.execute(
                "DELETE FROM recommendation_outcomes WHERE vibe_date BETWEEN ? AND ?"
                " AND user_id = ?"
                " AND list_contains(?::VARCHAR[], edition_id || chr(10) || position)",
                [
                    min(days),
                    max(days),
                    user_id,
                    [_line(row) for row in rows],
                ],
            )

    def lists_by_policy(self, *, ripe_days: int) -> list[Row]:
        """Everybody's lists with the policy that made them and what became of their new tracks.

        Only lists whose outcomes were last looked at so many days after them.
        """
        return select(
            self._connection,
            "SELECT o.user_id, o.vibe_date, i.policy->>'$.name' AS policy, count(*) AS offered,"
            " count(*) FILTER (outcome = 'liked') AS liked,"
            " count(*) FILTER (outcome = 'replayed') AS replayed,"
            " count(*) FILTER (outcome = 'skipped') AS skipped"
            " FROM recommendation_outcomes o JOIN edition_inputs i"
            " ON i.user_id = o.user_id AND i.edition_id = o.edition_id"
            " WHERE o.is_new AND o.looked_at >= o.vibe_date + to_days(?)"
            " GROUP BY o.user_id, o.vibe_date, o.edition_id, i.policy->>'$.name'"
            " ORDER BY o.user_id, o.vibe_date, o.edition_id",
            [ripe_days],
        )


def _line(row: Row) -> str:
    return f"{row['edition_id']}\n{row['position']}"


def _settled(row: Row, before: Row | None, days: int) -> bool:
    """Whether the line was kept just so when its list was old enough to be judged."""
    if before is None or before["looked_at"].date() < row["vibe_date"] + timedelta(days=days):
        return False
    return all(before[name] == value for name, value in row.items() if name != "looked_at")


def _outcome_row(user_id: UserId, outcome: Outcome, looked_at: datetime) -> Row:
    return {
        "user_id": user_id,
        "vibe_date": outcome.line.vibe_date,
        "edition_id": outcome.line.edition_id,
        "position": outcome.line.position,
        "key": outcome.line.key,
        "source": str(outcome.line.source),
        "is_new": outcome.line.is_new,
        "outcome": str(outcome.fate),
        "liked_at": outcome.liked_at,
        "plays": outcome.plays,
        "first_played_at": outcome.first_played_at,
        "looked_at": looked_at,
    }


def _chosen(row: Row) -> ChosenTrack:
    return ChosenTrack(source=Source(row["source"]), **{name: row[name] for name in _CHOSEN})
