"""Seed profiles, one slice per edition. How one is made is ``taste.seed_profile``'s."""

from __future__ import annotations

import json
from datetime import date

from vibe_pipeline.records import EditionId, SeedArtist, SeedProfile, SeedTrack, UserId
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.rows import Row, Slice, replace_slice, select


class Taste:
    """The seed_profile table, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, place: Slice, profile: SeedProfile) -> int:
        """Put this profile where the edition's earlier one was; says how many rows."""
        artists: list[Row] = [
            {
                "kind": "artist",
                "position": position,
                "name": seed.name,
                "artist": seed.name,
                "key": seed.key,
                "weight": seed.weight,
                "spotify_id": seed.spotify_id,
                "isrc": None,
                "mbid": seed.mbid,
                "why": dict(seed.why),
                "loved_in": seed.loved_in,
            }
            for position, seed in enumerate(profile.artists, start=1)
        ]
        tracks: list[Row] = [
            {
                "kind": "track",
                "position": position,
                "name": seed.title,
                "artist": seed.artist,
                "key": seed.key,
                "weight": seed.weight,
                "spotify_id": seed.spotify_id,
                "isrc": seed.isrc,
                "mbid": seed.mbid,
                "why": dict(seed.why),
                "loved_in": seed.loved_in,
            }
            for position, seed in enumerate(profile.tracks, start=1)
        ]
        rows = [row | {"play_decay": profile.play_decay} for row in artists + tracks]
        return replace_slice(self._connection, "seed_profile", place, rows)

    def profile(
        self, user_id: UserId, edition_id: EditionId, *, on: date | None = None
    ) -> SeedProfile:
        """The profile of an edition, strongest first; empty for one that has none.

        ``on``: where to look first.
        """
        whole = "SELECT * FROM seed_profile WHERE user_id = ? AND edition_id = ?"
        day = f"{whole} AND vibe_date = ? ORDER BY position"
        rows = select(self._connection, day, [user_id, edition_id, on]) if on else []
        rows = rows or select(self._connection, f"{whole} ORDER BY position", [user_id, edition_id])
        return SeedProfile(
            artists=tuple(_artist(row) for row in rows if row["kind"] == "artist"),
            tracks=tuple(_track(row) for row in rows if row["kind"] == "track"),
            play_decay=rows[0]["play_decay"] if rows else None,
        )

    def edition_for(
        self, user_id: UserId, edition_id: EditionId, *, on: date | None = None
    ) -> EditionId | None:
        """The edition's own profile if it has one, else the person's newest.

        ``on``: where to look first; a day is read much faster than all days.
        """
        own = "SELECT 1 FROM seed_profile WHERE vibe_date = ? AND user_id = ? AND edition_id = ?"
        if on is not None and select(self._connection, f"{own} LIMIT 1", [on, user_id, edition_id]):
            return edition_id
        rows = select(
            self._connection,
            "SELECT edition_id FROM seed_profile WHERE user_id = ? GROUP BY edition_id"
            " ORDER BY edition_id = ? DESC, max(rowid) DESC LIMIT 1",
            [user_id, edition_id],
        )
        return EditionId(rows[0]["edition_id"]) if rows else None


def _artist(row: Row) -> SeedArtist:
    return SeedArtist(
        name=row["name"],
        key=row["key"],
        weight=row["weight"],
        spotify_id=row["spotify_id"],
        mbid=row["mbid"],
        why=json.loads(row["why"]),
        loved_in=row["loved_in"],
    )


def _track(row: Row) -> SeedTrack:
    return SeedTrack(
        title=row["name"],
        artist=row["artist"],
        key=row["key"],
        weight=row["weight"],
        spotify_id=row["spotify_id"],
        isrc=row["isrc"],
        mbid=row["mbid"],
        why=json.loads(row["why"]),
        loved_in=row["loved_in"],
    )
