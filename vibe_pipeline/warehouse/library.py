"""What a person has: liked tracks with their comings and goings, plays, top items.

Storage alone; what to ask Spotify for, and how a change is found, is decided in ``taste``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vibe_pipeline.records import LikedTrack, Play, TopItem, UserId
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.library_cache import DatedLike, DatedPlay, LibraryCache, Stamp
from vibe_pipeline.warehouse.listening_history import ListeningHistory
from vibe_pipeline.warehouse.rows import (
    Deferred,
    Row,
    insert,
    moment,
    select,
    select_later,
    track_columns,
    track_from,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryState:
    """When each part was last asked for, and how far we came.

    ``likes_total`` is Spotify's own count, which also counts what cannot be kept (local files);
    ``likes_walked`` is how many likes the first walk has passed, while it is not finished;
    ``likes_unkept`` how many could not be kept when a whole walk was made last, which ended at
    ``likes_walked_at``.
    Between ``likes_searched`` and ``likes_search_end`` something un-liked is still looked for.
    ``likes_doubted_at``: since then the library has looked implausibly small.
    ``likes_untold_since`` and ``plays_untold_since``: since then Spotify has not told what is new.
    ``history_read_at``: when plays from elsewhere last changed; ``None`` without any.
    """

    likes_total: int | None = None
    likes_walked: int | None = None
    likes_synced_at: datetime | None = None
    plays_cursor: datetime | None = None
    plays_collected_at: datetime | None = None
    top_fetched_at: datetime | None = None
    likes_searched: int | None = None
    likes_search_end: int | None = None
    likes_doubted_at: datetime | None = None
    likes_untold_since: datetime | None = None
    plays_untold_since: datetime | None = None
    history_read_at: datetime | None = None
    likes_unkept: int | None = None
    likes_walked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeChange:
    """What a sync changed in the cache; a like that is no longer the same counts as both."""

    added: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayCollection:
    """One asking for recent plays; ``gap``: more was played than Spotify still remembers."""

    collected_at: datetime
    after: datetime | None
    returned: int
    added: int
    gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayGap:
    """A stretch whose plays Spotify had forgotten when we asked, all of them or some."""

    noticed_at: datetime
    since: datetime | None
    until: datetime | None


class Library:
    """The tables of the library group, inside one transaction."""

    def __init__(
        self,
        connection: Connection,
        cache: LibraryCache | None = None,
        states: dict[UserId, LibraryState] | None = None,
    ) -> None:
        self._connection = connection
        self._cache = LibraryCache() if cache is None else cache
        self._states = {} if states is None else states

    def state(self, user_id: UserId) -> LibraryState:
        """How far we came; all ``None`` for somebody new. Read once in a transaction."""
        if user_id not in self._states:
            self._states[user_id] = self._read_state(user_id)
        return self._states[user_id]

    def _read_state(self, user_id: UserId) -> LibraryState:
        rows = select(self._connection, "SELECT * FROM library_state WHERE user_id = ?", [user_id])
        if not rows:
            return LibraryState()
        return LibraryState(**{name: rows[0][name] for name in LibraryState.__slots__})

    def likes(self, user_id: UserId, *, as_of: datetime | None = None) -> Sequence[LikedTrack]:
        """What is liked now, or was at a past moment; newest first."""
        likes = self._dated_likes(user_id)
        return Deferred(lambda: [dated.like for dated in likes if dated.holds(as_of)])

    def _dated_likes(self, user_id: UserId) -> Sequence[DatedLike]:
        stamp = self._likes_stamp(user_id)
        known = self._cache.likes(stamp)
        if known is None:
            known = self._read_likes(user_id)
            self._cache.keep_likes(stamp, known)
        return known

    def _read_likes(self, user_id: UserId) -> Sequence[DatedLike]:
        return select_later(
            self._connection,
            "SELECT * EXCLUDE (user_id) FROM liked_tracks WHERE user_id = ?"
            " ORDER BY added_at DESC, spotify_id, seen_at",
            [user_id],
            _dated_like,
        )

    def _likes_stamp(self, user_id: UserId) -> Stamp:
        state = self.state(user_id)
        return user_id, state.likes_synced_at, state.likes_total, state.likes_walked

    def change_likes(
        self,
        user_id: UserId,
        *,
        added: Sequence[LikedTrack],
        gone: Collection[str],
        total: int,
        seen_at: datetime,
        walked: int | None = None,
        search: tuple[int | None, int | None] = (None, None),
        unkept: int | None = None,
        walk_ended: bool = False,
    ) -> LikeChange:
        """Keep new likes and mark the gone ones; what is already as told stays untouched.

        ``search``: the positions between which something un-liked is still to be found.
        ``unkept``: how many of ``total`` a whole walk could not keep; ``walk_ended``: this one.
        """
        before = self._dated_likes(user_id)
        change = self._change_rows(user_id, added=added, gone=gone, seen_at=seen_at)
        self._note(
            user_id,
            likes_total=total,
            likes_walked=walked,
            likes_synced_at=moment(seen_at),
            likes_searched=search[0],
            likes_search_end=search[1],
            likes_unkept=unkept,
            likes_doubted_at=None,
            likes_untold_since=None,
            **({"likes_walked_at": moment(seen_at)} if walk_ended else {}),
        )
        unchanged = not change.added and not change.removed
        self._cache.keep_likes(self._likes_stamp(user_id), before if unchanged else None)
        return change

    def add_likes(self, user_id: UserId, likes: Sequence[LikedTrack], *, seen_at: datetime) -> None:
        """Keep likes that no look at the library told of: how far the last one came stays as it is,
        and so does any doubt of it.
        """
        self._change_rows(user_id, added=likes, gone=(), seen_at=seen_at)
        self._make_others_read_again(user_id)

    def doubt_likes(self, user_id: UserId, *, since: datetime) -> None:
        """Note that the library looked implausibly small; the first time counts."""
        before = self.state(user_id).likes_doubted_at
        self._note(user_id, likes_doubted_at=moment(before or since))

    def note_untold(self, user_id: UserId, *, likes: bool, plays: bool, since: datetime) -> None:
        """Note what Spotify did not tell; the first time counts."""
        before = self.state(user_id)
        if likes:
            self._note(user_id, likes_untold_since=moment(before.likes_untold_since or since))
        if plays:
            self._note(user_id, plays_untold_since=moment(before.plays_untold_since or since))

    def grey_out(self, user_id: UserId, spotify_ids: Collection[str], *, seen_at: datetime) -> int:
        """Note that likes cannot be played any more; says how many are liked and could be."""
        greyed = [
            like
            for like in self.likes(user_id)
            if like.playable and like.track.spotify_id in spotify_ids
        ]
        if not greyed:
            return 0
        ids = [like.track.spotify_id for like in greyed]
        added = [replace(like, playable=False) for like in greyed]
        self._change_rows(user_id, added=added, gone=ids, seen_at=seen_at)
        self._make_others_read_again(user_id)
        return len(greyed)

    def _make_others_read_again(self, user_id: UserId) -> None:
        """Move the state of the likes on by next to nothing: what was read at it is outdated."""
        self._cache.keep_likes((), None)
        synced_at = self.state(user_id).likes_synced_at
        if synced_at is not None:
            self._note(user_id, likes_synced_at=moment(synced_at + timedelta(microseconds=1)))

    def liked_twice(self, user_id: UserId) -> int:
        """How many tracks count as liked more than once now; anything but 0 is our mistake."""
        times = Counter(like.track.spotify_id for like in self.likes(user_id))
        return sum(count > 1 for count in times.values())

    def plays(self, user_id: UserId, *, until: datetime | None = None) -> Sequence[Play]:
        """Every play we know of, also long past Spotify's last fifty; newest first.

        What a wrong clock dated later than we learned of it counts as heard when we did. Of what
        others told, that which was months old by then is left to ``ListeningHistory``.
        """
        plays = self._dated_plays(user_id)
        return Deferred(lambda: [dated.play for dated in plays if dated.holds(until)])

    def _dated_plays(self, user_id: UserId) -> Sequence[DatedPlay]:
        stamp = self._plays_stamp(user_id)
        known = self._cache.plays(stamp)
        if known is None:
            known = self._read_plays(user_id)
            self._cache.keep_plays(stamp, known)
        return known

    def _read_plays(self, user_id: UserId) -> Sequence[DatedPlay]:
        spotifys = self._read_plays_on_spotify(user_id)
        if self.state(user_id).history_read_at is None:
            return spotifys
        others = ListeningHistory(self._connection).recent(user_id)
        return Deferred(
            lambda: sorted([*spotifys, *others], key=lambda one: one.play.played_at, reverse=True)
        )

    def _read_plays_on_spotify(self, user_id: UserId) -> Sequence[DatedPlay]:
        return select_later(
            self._connection,
            "SELECT * EXCLUDE (user_id) REPLACE (least(played_at, collected_at) AS played_at)"
            " FROM recent_plays WHERE user_id = ? ORDER BY played_at DESC",
            [user_id],
            _dated_play,
        )

    def _plays_stamp(self, user_id: UserId) -> Stamp:
        state = self.state(user_id)
        return user_id, state.plays_collected_at, state.plays_cursor, state.history_read_at

    def plays_on_spotify(
        self, user_id: UserId, since: datetime, until: datetime
    ) -> list[tuple[str, str, int, int | None]]:
        """What Spotify told was played between two moments.

        Artist, title, Unix second and the track's length in milliseconds of each.
        """
        rows = self._connection.execute(
            "SELECT coalesce(artists[1], ''), title, epoch(played_at)::BIGINT, duration_ms"
            " FROM recent_plays WHERE user_id = ? AND played_at BETWEEN ? AND ?",
            [user_id, moment(since), moment(until)],
        ).fetchall()
        return [
            (str(artist), str(title), int(second), None if length is None else int(length))
            for artist, title, second, length in rows
        ]

    def note_history(self, user_id: UserId, *, changed_at: datetime) -> None:
        """Plays from elsewhere came or went: what was read of plays before is outdated."""
        self._note(user_id, history_read_at=moment(changed_at))
        self._cache.keep_plays((), None)

    def knows_play(self, user_id: UserId, play: Play) -> bool:
        """Whether something is known to have been played at this very moment."""
        known = "SELECT count(*) FROM recent_plays WHERE user_id = ? AND played_at = ?"
        return _count(self._connection, known, [user_id, moment(play.played_at)]) > 0

    def add_plays(
        self, user_id: UserId, plays: Sequence[Play], *, collected_at: datetime, gap: bool
    ) -> int:
        """Keep the plays that are new to us, each moment of each track once; says how many.

        A track is known by its id and by its names: Spotify moves tracks to other ids.
        """
        oldest = min((play.played_at for play in plays), default=collected_at)
        known = self._plays_known(user_id, since=oldest)
        fresh: list[Play] = []
        for play in plays:
            played_at = moment(play.played_at)
            by_id = (played_at, play.track.spotify_id)
            by_name = (played_at, play.track.artist, play.track.title)
            if known.isdisjoint((by_id, by_name)):
                fresh.append(play)
            known |= {by_id, by_name}
        before = self._dated_plays(user_id)
        added = insert(
            self._connection,
            "recent_plays",
            [
                {
                    "user_id": user_id,
                    "played_at": play.played_at,
                    **track_columns(play.track),
                    "context_uri": play.context_uri,
                    "collected_at": collected_at,
                }
                for play in fresh
            ],
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO play_collections VALUES (?, ?, NULL, ?, ?, ?)",
            [user_id, moment(collected_at), len(plays), added, gap],
        )
        reached_before = self.state(user_id).plays_cursor
        reached = [play.played_at for play in plays] + ([reached_before] if reached_before else [])
        cursor = max(reached, default=None)
        self._note(
            user_id,
            plays_collected_at=moment(collected_at),
            plays_cursor=moment(min(cursor, collected_at)) if cursor else None,
            plays_untold_since=None,
        )
        self._cache.keep_plays(self._plays_stamp(user_id), None if added else before)
        return added

    def _plays_known(self, user_id: UserId, *, since: datetime) -> set[tuple[object, ...]]:
        """Moment and id, and moment and names, of what Spotify told before."""
        rows = self._connection.execute(
            "SELECT played_at, spotify_id, coalesce(artists[1], ''), title FROM recent_plays"
            " WHERE user_id = ? AND played_at >= ?",
            [user_id, moment(since)],
        ).fetchall()
        by_id = {(played_at, spotify_id) for played_at, spotify_id, _, _ in rows}
        return by_id | {(played_at, artist, title) for played_at, _, artist, title in rows}

    def collections(self, user_id: UserId, *, limit: int = 10) -> list[PlayCollection]:
        """The latest askings for plays, newest first."""
        rows = select(
            self._connection,
            "SELECT collected_at, after, returned, added, gap FROM play_collections"
            " WHERE user_id = ? ORDER BY collected_at DESC LIMIT ?",
            [user_id, limit],
        )
        return [PlayCollection(**row) for row in rows]

    def gaps(self, user_id: UserId) -> list[PlayGap]:
        """The stretches of which plays are missing, latest first."""
        rows = select(
            self._connection,
            "WITH told AS (SELECT c.user_id, c.collected_at, min(p.played_at) AS until"
            " FROM play_collections c LEFT JOIN recent_plays p USING (user_id, collected_at)"
            " WHERE c.user_id = ? AND c.gap GROUP BY ALL)"
            " SELECT collected_at AS noticed_at, (SELECT max(p.played_at) FROM recent_plays p"
            " WHERE p.user_id = told.user_id AND p.collected_at < told.collected_at"
            " AND (told.until IS NULL OR p.played_at < told.until)) AS since, until"
            " FROM told ORDER BY collected_at DESC",
            [user_id],
        )
        return [PlayGap(**row) for row in rows]

    def top_items(self, user_id: UserId) -> list[TopItem]:
        """What Spotify counted as most played when we last asked."""
        rows = select(
            self._connection,
            "SELECT kind, time_range, rank, name, artist, spotify_id, isrc FROM top_items"
            " WHERE user_id = ? ORDER BY kind, time_range, rank",
            [user_id],
        )
        return [TopItem(**row) for row in rows]

    def replace_top_items(
        self, user_id: UserId, items: Sequence[TopItem], *, fetched_at: datetime
    ) -> int:
        """Put these in the place of the earlier ones; nothing at all is an answer too."""
        self._connection.execute("DELETE FROM top_items WHERE user_id = ?", [user_id])
        self._note(user_id, top_fetched_at=moment(fetched_at))
        return insert(
            self._connection,
            "top_items",
            [
                {
                    "user_id": user_id,
                    **{name: getattr(item, name) for name in TopItem.__slots__},
                    "fetched_at": fetched_at,
                }
                for item in items
            ],
        )

    def _change_rows(
        self,
        user_id: UserId,
        *,
        added: Sequence[LikedTrack],
        gone: Collection[str],
        seen_at: datetime,
    ) -> LikeChange:
        present = {like.track.spotify_id for like in self.likes(user_id)}
        leaving = sorted(set(gone) & set(present))
        if leaving:
            self._connection.execute(
                "UPDATE liked_tracks SET gone_at = ? WHERE user_id = ? AND gone_at IS NULL"
                " AND list_contains(?::VARCHAR[], spotify_id)",
                [moment(seen_at), user_id, leaving],
            )
        fresh = {like.track.spotify_id: like for like in added}
        rows: list[Row] = [
            {
                "user_id": user_id,
                **track_columns(like.track),
                "added_at": like.added_at,
                "playable": like.playable,
                "explicit": like.track.explicit,
                "seen_at": seen_at,
            }
            for spotify_id, like in fresh.items()
            if spotify_id not in present or spotify_id in leaving
        ]
        self._forget_twins(user_id, rows)
        insert(self._connection, "liked_tracks", rows)
        return LikeChange(added=len(rows), removed=len(leaving))

    def _forget_twins(self, user_id: UserId, rows: Sequence[Row]) -> None:
        """Two syncs at one moment would claim one key; the later tells the truth."""
        if rows:
            self._connection.execute(
                "DELETE FROM liked_tracks WHERE user_id = ? AND seen_at = ?"
                " AND list_contains(?::VARCHAR[], spotify_id)",
                [user_id, moment(rows[0]["seen_at"]), [row["spotify_id"] for row in rows]],
            )

    def _note(self, user_id: UserId, **facts: object) -> None:
        self._states.pop(user_id, None)
        changes = ", ".join(f"{name} = ?" for name in facts)
        change = f"UPDATE library_state SET {changes} WHERE user_id = ?"  # noqa: S608 - our names
        changed = self._connection.execute(change, [*facts.values(), user_id]).fetchone()
        if changed == (0,):
            insert(self._connection, "library_state", [{"user_id": user_id}])
            self._connection.execute(change, [*facts.values(), user_id])


def _dated_like(row: Row) -> DatedLike:
    return DatedLike(
        like=LikedTrack(
            track=track_from(row),
            added_at=row["added_at"],
            playable=row["playable"],
        ),
        seen_at=row["seen_at"],
        gone_at=row["gone_at"],
    )


def _dated_play(row: Row) -> DatedPlay:
    return DatedPlay(
        play=Play(
            track=track_from(row), played_at=row["played_at"], context_uri=row["context_uri"]
        ),
        collected_at=row["collected_at"],
    )


def _count(connection: Connection, query: str, parameters: Sequence[object]) -> int:
    row = connection.execute(query, list(parameters)).fetchone()
    return int(row[0]) if row else 0
