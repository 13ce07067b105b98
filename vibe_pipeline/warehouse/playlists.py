"""What was published, what was ever recommended, and what became of it.

History for resting and learning. How far a publication has come is the ledger's
(``accounts.editions``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from vibe_pipeline.records import ChosenTrack, EditionId, PastRecommendation, Source, UserId
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.history_cache import HistoryCache, Recommended
from vibe_pipeline.warehouse.rows import (
    Deferred,
    EncodedRows,
    Row,
    Slice,
    insert,
    replace_slice,
    select,
    select_later,
)


class Fate(StrEnum):
    """What a person did with a recommendation."""

    LIKED = "liked"
    REPLAYED = "replayed"
    SKIPPED = "skipped"
    NOTHING = "nothing"


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


_REMEMBERED = (
    *("position", "key", "artist_key", "artist", "title", "spotify_id", "isrc", "is_new"),
)


class Playlists:
    """The tables of the playlist and learning groups, inside one transaction."""

    def __init__(self, connection: Connection, history: HistoryCache | None = None) -> None:
        self._connection = connection
        self._history = HistoryCache() if history is None else history

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
        lines = [
            Recommended(
                edition_id=place.edition_id,
                vibe_date=place.vibe_date,
                recorded_at=recorded_at.astimezone(UTC),
                source=track.source,
                **{name: getattr(track, name) for name in _REMEMBERED},
            )
            for track in tracks
        ]
        rows = [{name: getattr(line, name) for name in Recommended.__slots__} for line in lines]
        written = replace_slice(self._connection, "recommendation_history", place, rows)
        self._history.replace(place.user_id, place.edition_id, lines)
        return written

    def unrecommend(self, place: Slice) -> int:
        """The edition was taken back: its tracks no longer count as recommended."""
        lost = replace_slice(self._connection, "recommendation_history", place, [])
        self._history.replace(place.user_id, place.edition_id, [])
        replace_slice(self._connection, "recommendation_outcomes", place, [])
        return lost

    def past(
        self, user_id: UserId, *, besides: EditionId | None, as_of: datetime | None = None
    ) -> Sequence[PastRecommendation]:
        """What was recommended in other editions, up to a moment; latest first."""
        lines = self._lines(user_id)
        return Deferred(
            lambda: [
                _past(line)
                for line in lines
                if line.edition_id != besides and (as_of is None or line.recorded_at <= as_of)
            ]
        )

    def recorded_editions(self) -> frozenset[EditionId]:
        """Everybody's editions whose tracks count as recommended."""
        rows = self._connection.execute(
            "SELECT DISTINCT edition_id FROM recommendation_history"
        ).fetchall()
        return frozenset(EditionId(row[0]) for row in rows)

    def recommended(self, user_id: UserId) -> Sequence[Recommended]:
        """Every line of every past list, latest first."""
        return self._lines(user_id)

    def _lines(self, user_id: UserId) -> Sequence[Recommended]:
        known = self._history.lines(user_id)
        if known is None:
            known = self._read_lines(user_id)
            self._history.keep(user_id, known)
        return known

    def _read_lines(self, user_id: UserId) -> Sequence[Recommended]:
        return select_later(
            self._connection,
            "SELECT * EXCLUDE (user_id) FROM recommendation_history WHERE user_id = ?"
            " ORDER BY vibe_date DESC, edition_id, position",
            [user_id],
            _recommended,
        )

    def kept_outcomes(self, user_id: UserId) -> KeptOutcomes:
        """What became of every past line of this person when they were last looked at."""
        rows = select_later(self._connection, _KEPT_OUTCOMES, [user_id], lambda row: row)
        return KeptOutcomes(user_id=user_id, rows=rows)

    def change_outcomes(self, changes: OutcomeChanges) -> None:
        """Keep what is different from what was kept."""
        self._remove_outcomes(changes.user_id, changes.outdated, changes.days)
        insert(self._connection, "recommendation_outcomes", changes.rows)

    def _remove_outcomes(
        self, user_id: UserId, lines: AbstractSet[str], days: Mapping[str, date]
    ) -> None:
        """Remove these lines; of those without a day all days have to be read."""
        dated = days.keys() & lines
        removed = "DELETE FROM recommendation_outcomes WHERE user_id = ?"
        removed += " AND list_contains(?::VARCHAR[], edition_id || chr(10) || position)"
        if dated:
            first, last = min(days[line] for line in dated), max(days[line] for line in dated)
            self._connection.execute(
                f"{removed} AND vibe_date BETWEEN ? AND ?", [user_id, sorted(dated), first, last]
            )
        if undated := lines - dated:
            self._connection.execute(removed, [user_id, sorted(undated)])

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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeChanges:
    """What to write of a person's outcomes, and which lines to remove before.

    ``days``: the day of every line there is, by the line.
    """

    user_id: UserId
    rows: EncodedRows
    outdated: AbstractSet[str]
    days: Mapping[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOutcomes:
    """A person's outcomes as they lie in the warehouse."""

    user_id: UserId
    rows: Sequence[Row]

    def changed_to(
        self, outcomes: Sequence[Outcome], *, looked_at: datetime, settled_days: int
    ) -> OutcomeChanges:
        """What is to be written so that these are kept, as seen now; done with the file closed.

        A line whose fate is the same as before is not written again, unless it was last looked at
        less than ``settled_days`` after its list: sixty lists stay as they are, and today's is new.
        """
        before = {_line(row): row for row in self.rows}
        rows = (_outcome_row(self.user_id, outcome, looked_at) for outcome in outcomes)
        now = {_line(row): row for row in rows}
        settled = {
            line for line, row in now.items() if _settled(row, before.get(line), settled_days)
        }
        return OutcomeChanges(
            user_id=self.user_id,
            rows=EncodedRows.of([row for line, row in now.items() if line not in settled]),
            outdated=(before.keys() | now.keys()) - settled,
            days={line: row["vibe_date"] for line, row in now.items()},
        )


_KEPT_OUTCOMES = (
    "SELECT edition_id, position, outcome, liked_at, plays, first_played_at, looked_at"
    " FROM recommendation_outcomes WHERE user_id = ?"
)
"""What may change of a line; what its list is known by does not, and need not be read."""


def _recommended(row: Row) -> Recommended:
    return Recommended(**(row | {"source": Source(row["source"])}))


def _past(line: Recommended) -> PastRecommendation:
    return PastRecommendation(
        key=line.key,
        artist_key=line.artist_key,
        vibe_date=line.vibe_date,
        edition_id=line.edition_id,
        artist=line.artist,
        title=line.title,
    )


def _line(row: Row) -> str:
    return f"{row['edition_id']}\n{row['position']}"


def _settled(row: Row, before: Row | None, days: int) -> bool:
    """Whether the line was kept just so when its list was old enough to be judged."""
    if before is None or before["looked_at"].date() < row["vibe_date"] + timedelta(days=days):
        return False
    return all(value == row[name] for name, value in before.items() if name != "looked_at")


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
