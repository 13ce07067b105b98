"""Plays that Spotify's last fifty never told of: scrobbles and imported files, and their sums.

Storage alone, with what is told twice kept once. What to read, and what it says of a taste, is
decided in ``taste``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from vibe_pipeline.records import Play, Track, UserId
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.library_cache import DatedPlay
from vibe_pipeline.warehouse.rows import EncodedRows, Row, insert, moment, select, select_later

SAME_LISTENING = timedelta(minutes=10)
"""One service dates a play by its beginning, another by its end: so far apart it is still one."""
LONGEST_LISTENING = timedelta(hours=2)
"""A longer track is one as far apart as it lasts, but for lengths that are a player's mistake."""
RECENT = timedelta(days=120)
"""What was that young when we learned of it counts among the plays that lists are made from."""
_DOUBT_SECONDS = 120
"""Pauses, and what a service takes to notice."""
_HALF_A_QUARTER = 45 * 86_400

_STAGED = (
    (
        "CREATE OR REPLACE TEMP TABLE staged_recordings (number INTEGER, artist VARCHAR,"
        " title VARCHAR, album VARCHAR, artist_key VARCHAR, recording_key VARCHAR,"
        " spotify_id VARCHAR, mbid VARCHAR)"
    ),
    "CREATE OR REPLACE TEMP TABLE staged_plays (second BIGINT, number INTEGER, ms_played INTEGER)",
    (
        "CREATE OR REPLACE TEMP TABLE told_plays"
        " (recording_key VARCHAR, second BIGINT, ms_played BIGINT)"
    ),
)
_NEW = """
    SELECT make_timestamp(p.second * 1000000) AS played_at, r.*, p.ms_played, p.second
    FROM temp.staged_plays p JOIN temp.staged_recordings r USING (number)
    QUALIFY row_number() OVER (PARTITION BY p.second, r.recording_key ORDER BY r.number) = 1
"""


def _same_listening(second: str, length: str, other_second: str, other_length: str) -> str:
    """Whether two plays of a recording are one, in SQL; lengths in milliseconds may be unknown."""
    longer = f"greatest(coalesce({length}, 0), coalesce({other_length}, 0)) / 1000"
    least, most = (int(one.total_seconds()) for one in (SAME_LISTENING, LONGEST_LISTENING))
    apart = f"greatest({least}, least({longer} + {_DOUBT_SECONDS}, {most}))"
    return f"abs({second} - {other_second}) <= {apart}"


_KEPT_ALREADY = _same_listening("epoch(h.played_at)", "h.ms_played", "n.second", "n.ms_played")
_TOLD_ALREADY = _same_listening("t.second", "t.ms_played", "n.second", "n.ms_played")
_TOLD_NOW = _same_listening("t.second", "t.ms_played", "epoch(h.played_at)", "h.ms_played")
_ADD = f"""
    INSERT INTO listening_history
    SELECT $user_id, $source, $account, n.played_at, n.artist, n.title, n.album, n.artist_key,
        n.recording_key, n.spotify_id, n.mbid, n.ms_played, $collected_at::TIMESTAMP, NULL
    FROM ({_NEW}) n
    WHERE NOT EXISTS (
        SELECT 1 FROM listening_history h WHERE h.user_id = $user_id AND h.gone_at IS NULL
        AND h.recording_key = n.recording_key
        AND (CASE WHEN h.source = $source AND h.account = $account THEN h.played_at = n.played_at
            ELSE {_KEPT_ALREADY} END))
    AND NOT EXISTS (
        SELECT 1 FROM temp.told_plays t WHERE t.recording_key = n.recording_key
        AND {_TOLD_ALREADY})
    ORDER BY n.played_at
"""  # noqa: S608 - our names
_NAME_BY_ID = """
    UPDATE listening_history h SET spotify_id = s.spotify_id
    FROM (SELECT recording_key, min(spotify_id) AS spotify_id FROM temp.staged_recordings
        WHERE spotify_id IS NOT NULL GROUP BY recording_key) s
    WHERE h.user_id = ? AND h.spotify_id IS NULL AND h.recording_key = s.recording_key
"""
_COUNT = """
    INSERT INTO heard_recordings
    WITH by_year AS (
        SELECT recording_key, year(played_at) AS year, count(*) AS plays,
            min(played_at) AS first_at, max(played_at) AS last_at,
            any_value(artist_key) AS artist_key, arg_max(artist, played_at) AS artist,
            arg_max(title, played_at) AS title, min(spotify_id) AS spotify_id, min(mbid) AS mbid
        FROM listening_history WHERE user_id = $user_id AND gone_at IS NULL GROUP BY ALL)
    SELECT $user_id, recording_key, any_value(artist_key), arg_max(artist, last_at),
        arg_max(title, last_at), min(spotify_id), min(mbid), sum(plays), min(first_at),
        max(last_at), to_json(map_from_entries(list(
            struct_pack(k := year::VARCHAR, v := plays) ORDER BY year)))
    FROM by_year GROUP BY recording_key ORDER BY sum(plays) DESC, recording_key
"""


class ToldPlay(NamedTuple):
    """A play that Spotify told of itself: what, the Unix second, and how long it lasts."""

    recording_key: str
    second: int
    ms_played: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTrack:
    """A track as a history names it, with the keys it is compared by."""

    artist: str
    title: str
    artist_key: str
    recording_key: str
    album: str | None = None
    spotify_id: str | None = None
    mbid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRows:
    """Plays of one origin: each track once, and the plays by its number in ``tracks``.

    ``seconds`` are Unix time, ``ms_played`` how long each lasted, where that is known.
    """

    tracks: Sequence[HeardTrack]
    seconds: Sequence[int]
    numbers: Sequence[int]
    ms_played: Sequence[int | None]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The moments of the first and the last play; ``None`` without any."""
        if not self.seconds:
            return None
        first, last = min(self.seconds), max(self.seconds)
        return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)

    def encoded(self) -> tuple[EncodedRows, EncodedRows]:
        """Both tables' rows, made while the file may still be closed."""
        tracks: list[Row] = [
            {"number": number, **asdict(track)} for number, track in enumerate(self.tracks)
        ]
        plays = EncodedRows(
            columns={
                "second": json.dumps(list(self.seconds)),
                "number": json.dumps(list(self.numbers)),
                "ms_played": json.dumps(list(self.ms_played)),
            },
            count=len(self.seconds),
        )
        return EncodedRows.of(tracks), plays


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRecording:
    """How often a recording was played in all the years, and in each of them."""

    key: str
    artist_key: str
    artist: str
    title: str
    spotify_id: str | None
    mbid: str | None
    plays: int
    first_at: datetime
    last_at: datetime
    years: Mapping[int, int]

    @property
    def best_year(self) -> int:
        """The year in which it was played most; the later of two."""
        return max(self.years, key=lambda year: (self.years[year], year))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastListening:
    """A recording and when, in Unix seconds, it was played how many ``times``, all long ago."""

    artist: str
    title: str
    spotify_id: str | None
    seconds: Sequence[int]
    times: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A file that was read: ``entries`` stood in it, ``plays`` count, ``added`` were new to us."""

    digest: str
    file_name: str
    shape: str
    imported_at: datetime
    entries: int
    plays: int
    added: int
    first_at: datetime | None
    last_at: datetime | None


class ListeningHistory:
    """The tables of plays from elsewhere, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        user_id: UserId,
        rows: tuple[EncodedRows, EncodedRows],
        *,
        source: str,
        account: str,
        collected_at: datetime,
        told: Sequence[ToldPlay] = (),
    ) -> int:
        """Keep the plays that nobody told of yet; says how many.

        The same from the same origin is the same moment of the same recording; from another, the
        same recording within ten minutes, or as long as it lasts. ``told`` are Spotify's own.
        """
        recordings, plays = rows
        for table in _STAGED:
            self._connection.execute(table)
        insert(self._connection, "temp.staged_recordings", recordings)
        insert(self._connection, "temp.staged_plays", plays)
        self._stage_told(told)
        row = self._connection.execute(
            _ADD,
            {
                "user_id": user_id,
                "source": source,
                "account": account,
                "collected_at": moment(collected_at),
            },
        ).fetchone()
        self._connection.execute(_NAME_BY_ID, [user_id])
        return int(row[0]) if row else 0

    def let_go(self, user_id: UserId, *, source: str, account: str, at: datetime) -> int:
        """From this moment on what one origin told counts no more; says how many plays."""
        return self._changed(
            "UPDATE listening_history SET gone_at = ? WHERE user_id = ? AND source = ?"
            " AND account = ? AND gone_at IS NULL",
            [moment(at), user_id, source, account],
        )

    def told_by_spotify(
        self, user_id: UserId, told: Sequence[ToldPlay], *, collected_at: datetime
    ) -> int:
        """What Spotify tells now counts once: others' word of it is gone; says how many."""
        self._connection.execute(_STAGED[-1])
        self._stage_told(told)
        return self._changed(
            "UPDATE listening_history h SET gone_at = ? WHERE h.user_id = ? AND h.gone_at IS NULL"  # noqa: S608
            " AND EXISTS (SELECT 1 FROM temp.told_plays t WHERE t.recording_key = h.recording_key"
            f" AND {_TOLD_NOW})",
            [moment(collected_at), user_id],
        )

    def recent(self, user_id: UserId) -> Sequence[DatedPlay]:
        """What was young when we learned of it, as plays without any id of Spotify's."""
        return select_later(
            self._connection,
            "SELECT artist, title, album, least(played_at, collected_at) AS played_at,"  # noqa: S608
            " collected_at, gone_at FROM listening_history"
            f" WHERE user_id = ? AND played_at >= collected_at - INTERVAL {RECENT.days} DAY"
            " ORDER BY played_at DESC, recording_key, collected_at",
            [user_id],
            _dated_play,
        )

    def count_up(self, user_id: UserId) -> int:
        """Count every recording anew; says how many there are."""
        self._connection.execute("DELETE FROM heard_recordings WHERE user_id = ?", [user_id])
        row = self._connection.execute(_COUNT, {"user_id": user_id}).fetchone()
        return int(row[0]) if row else 0

    def most_heard(
        self,
        user_id: UserId,
        *,
        most: int,
        at_least: int = 1,
        not_since: datetime | None = None,
    ) -> list[HeardRecording]:
        """The recordings played most in all the years, the most often played first."""
        since = "" if not_since is None else " AND last_at < ?"
        rows = select(
            self._connection,
            "SELECT * EXCLUDE (user_id, recording_key), recording_key AS key FROM heard_recordings"  # noqa: S608
            f" WHERE user_id = ? AND plays >= ?{since} ORDER BY plays DESC, recording_key LIMIT ?",
            [
                user_id,
                at_least,
                *([] if not_since is None else [moment(not_since)]),
                most,
            ],
        )
        return [
            HeardRecording(
                **{
                    **row,
                    "years": {int(y): int(n) for y, n in json.loads(row["years"]).items()},
                }
            )
            for row in rows
        ]

    def long_ago(
        self, user_id: UserId, *, before: datetime, most: int, exact: bool
    ) -> Sequence[PastListening]:
        """The plays before this moment of the recordings played most in all the years.

        By quarter of a year, or each for itself where it must be ``exact``. Of a history of
        200,000 plays those of ``most`` recordings are looked at, never all.
        """
        moment_of = "h.played_at" if exact else "date_trunc('quarter', h.played_at)"
        middle = 0 if exact else _HALF_A_QUARTER
        return select_later(
            self._connection,
            f"""
            SELECT artist, title, spotify_id, list(second ORDER BY second) AS seconds,
                list(times ORDER BY second) AS times
            FROM (SELECT r.*, epoch({moment_of})::BIGINT + {middle} AS second, count(*) AS times
                FROM (SELECT recording_key, artist, title, spotify_id, plays
                    FROM heard_recordings WHERE user_id = $1
                    ORDER BY plays DESC, recording_key LIMIT $2) r
                JOIN listening_history h ON h.recording_key = r.recording_key
                WHERE h.user_id = $1 AND h.gone_at IS NULL AND h.played_at < $3
                GROUP BY ALL)
            GROUP BY recording_key, artist, title, spotify_id, plays
            ORDER BY plays DESC, recording_key
            """,  # noqa: S608
            [user_id, most, moment(before)],
            lambda row: PastListening(**row),
        )

    def is_counted(self, user_id: UserId) -> bool:
        """Whether the recordings were counted since plays last came or went."""
        row = self._connection.execute(
            "SELECT (SELECT coalesce(sum(plays), 0) FROM heard_recordings WHERE user_id = $user_id)"
            " = (SELECT count(*) FROM listening_history"
            " WHERE user_id = $user_id AND gone_at IS NULL)",
            {"user_id": user_id},
        ).fetchone()
        return bool(row and row[0])

    def recordings(self, user_id: UserId) -> int:
        """How many recordings were counted."""
        row = self._connection.execute(
            "SELECT count(*) FROM heard_recordings WHERE user_id = ?", [user_id]
        ).fetchone()
        return int(row[0]) if row else 0

    def counted(self, user_id: UserId) -> dict[str, int]:
        """How many plays count, by who told of them."""
        rows = self._connection.execute(
            "SELECT source, count(*) FROM listening_history WHERE user_id = ? AND gone_at IS NULL"
            " GROUP BY source ORDER BY source",
            [user_id],
        ).fetchall()
        return {str(source): int(plays) for source, plays in rows}

    def plays_per_year(self, user_id: UserId) -> dict[int, int]:
        """How many plays count in each year."""
        rows = self._connection.execute(
            "SELECT year(played_at), count(*) FROM listening_history WHERE user_id = ?"
            " AND gone_at IS NULL GROUP BY ALL ORDER BY ALL",
            [user_id],
        ).fetchall()
        return {int(year): int(plays) for year, plays in rows}

    def imports(self, user_id: UserId) -> list[ImportedFile]:
        """The files that were read, the latest first."""
        rows = select(
            self._connection,
            "SELECT * EXCLUDE (user_id) FROM history_imports WHERE user_id = ?"
            " ORDER BY imported_at DESC, file_name",
            [user_id],
        )
        return [ImportedFile(**row) for row in rows]

    def imported_at(self, user_id: UserId) -> datetime | None:
        """When a file last told of plays that were new to us; ``None`` if none ever did."""
        (row,) = select(
            self._connection,
            "SELECT max(imported_at) AS at FROM history_imports WHERE user_id = ? AND added > 0",
            [user_id],
        )
        at: datetime | None = row["at"]
        return at

    def note_import(self, user_id: UserId, file: ImportedFile) -> None:
        """Remember that this file was read."""
        insert(self._connection, "history_imports", [{"user_id": user_id, **asdict(file)}])

    def _stage_told(self, told: Sequence[ToldPlay]) -> None:
        rows: list[Row] = [one._asdict() for one in told]
        insert(self._connection, "temp.told_plays", rows)

    def _changed(self, statement: str, values: Collection[object]) -> int:
        row = self._connection.execute(statement, list(values)).fetchone()
        return int(row[0]) if row else 0


def _dated_play(row: Row) -> DatedPlay:
    track = Track(
        spotify_id="", uri="", title=row["title"], artists=(row["artist"],), album=row["album"]
    )
    return DatedPlay(
        play=Play(track=track, played_at=row["played_at"]),
        collected_at=row["collected_at"],
        gone_at=row["gone_at"],
    )
