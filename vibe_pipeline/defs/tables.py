"""What the catalogue knows of each asset's table: its name, its columns, where it lies, its source.

Metadata of definitions, under the names that Dagster's catalogue gives a meaning (``dagster/...``).
What a single materialization shows is ``metadata``'s; the tables themselves are declared in
``warehouse/migrations``, and held against this page by a test.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import dagster as dg

from vibe_pipeline.records import Source
from vibe_pipeline.settings import FILE, warehouse_form

_PROPOSALS = (
    "user_id vibe_date edition_id position rank artist title seed match spotify_id isrc mbid"
    " duration_ms listeners tags"
)
COLUMNS_OF: Mapping[str, str] = {
    "main.liked_tracks": (
        "user_id spotify_id uri title artists artist_ids album album_id isrc duration_ms"
        " release_date popularity added_at seen_at gone_at playable explicit"
    ),
    "main.recent_plays": (
        "user_id played_at spotify_id uri title artists artist_ids album album_id isrc duration_ms"
        " release_date popularity context_uri collected_at"
    ),
    "main.top_items": "user_id kind time_range rank name artist spotify_id isrc fetched_at",
    "main.listening_history": (
        "user_id source account played_at artist title album artist_key recording_key spotify_id"
        " mbid ms_played collected_at gone_at"
    ),
    "main.seed_profile": (
        "user_id vibe_date edition_id kind position name artist key weight spotify_id isrc mbid why"
        " play_decay loved_in"
    ),
    **{f"candidates.{source}": _PROPOSALS for source in Source},
    "main.ranked_selection": (
        "user_id vibe_date edition_id rank key artist artist_key title aliases spotify_id isrc mbid"
        " duration_ms score terms is_new source seed position dropped reason proposals track"
    ),
    "main.published_playlist": (
        "user_id vibe_date edition_id position artist title spotify_id uri isrc is_new source seed"
        " reason key artist_key playlist_id playlist_url snapshot_id published_at"
    ),
    "main.recommendation_history": (
        "user_id vibe_date edition_id position key artist_key artist title spotify_id isrc source"
        " is_new recorded_at"
    ),
    "main.recommendation_outcomes": (
        "user_id vibe_date edition_id position key source is_new outcome liked_at plays"
        " first_played_at looked_at"
    ),
    "main.lookups": "service key digest answer asked_at stale_at",
}
"""Every table or view that an asset fills, and its columns in order."""

_TABLE_OF: Mapping[str, str] = {"track_reserve": "main.lookups"}
"""Assets that fill another table than the one of their own name."""
_WITHOUT_TABLE = frozenset({"policy_comparison"})
"""What is counted anew each time, and stands in its materializations alone."""

_COLUMNS: Mapping[str, tuple[str, str]] = {
    "added_at": ("TIMESTAMP", "When the person liked it, UTC."),
    "account": ("VARCHAR", "The person's name there; of a file, its shape."),
    "album": ("VARCHAR", "The album's name."),
    "album_id": ("VARCHAR", "The album's id on Spotify."),
    "aliases": ("VARCHAR[]", "Every key under which the same recording was proposed."),
    "answer": ("JSON", "What the service said; empty: it knows of no such thing."),
    "artist": ("VARCHAR", "The artist as people read it."),
    "artist_ids": ("VARCHAR[]", "The artists' ids on Spotify, in the order of their names."),
    "artist_key": ("VARCHAR", "The artist's name as it is compared: folded, without accents."),
    "artists": ("VARCHAR[]", "All artists' names, the main one first."),
    "asked_at": ("TIMESTAMP", "When the service was asked, UTC."),
    "collected_at": ("TIMESTAMP", "When we were told of it, UTC."),
    "context_uri": ("VARCHAR", "The playlist or album it was played from."),
    "digest": ("BIGINT", "The key's hash, by which rows are found."),
    "dropped": ("VARCHAR", "Why it is not in the list; empty where it is."),
    "duration_ms": ("INTEGER", "How long it plays, in milliseconds."),
    "edition_id": ("VARCHAR", "The list it belongs to: the id of the run that began it."),
    "explicit": ("BOOLEAN", "Whether Spotify marks it as explicit, where it told."),
    "fetched_at": ("TIMESTAMP", "When Spotify was asked, UTC."),
    "first_played_at": ("TIMESTAMP", "When it was first played after the list was made, UTC."),
    "gone_at": ("TIMESTAMP", "When it stopped to count, UTC; empty while it is liked, or counts."),
    "is_new": ("BOOLEAN", "Neither liked nor ever recommended by us when the list was made."),
    "isrc": ("VARCHAR", "The recording's international code."),
    "key": ("VARCHAR", "By which two names of one thing are known to be the same."),
    "kind": ("VARCHAR", "Artist or track."),
    "liked_at": ("TIMESTAMP", "When it was liked after the list was made, UTC."),
    "listeners": ("BIGINT", "How many people listen to it on Last.fm or ListenBrainz."),
    "looked_at": ("TIMESTAMP", "When we last looked what became of it, UTC."),
    "loved_in": ("INTEGER", "The year it was played most, where the past speaks loudest for it."),
    "match": ("DOUBLE", "How near the source calls it to the seed, 0 to 1."),
    "mbid": ("VARCHAR", "Its id at MusicBrainz."),
    "ms_played": ("INTEGER", "How long it was heard or lasts, in milliseconds."),
    "name": ("VARCHAR", "The artist's or the track's name."),
    "outcome": ("VARCHAR", "liked, replayed, skipped or nothing."),
    "play_decay": ("DOUBLE", "The power by which plays fade for this person."),
    "playable": ("BOOLEAN", "Whether Spotify can play it in the person's country."),
    "played_at": ("TIMESTAMP", "When the play ended, UTC."),
    "playlist_id": ("VARCHAR", "The playlist's id on Spotify."),
    "playlist_url": ("VARCHAR", "The playlist's address for people."),
    "plays": ("INTEGER", "How often it was played after the list was made."),
    "popularity": ("INTEGER", "Spotify's figure, 0 to 100, where this app still gets it."),
    "position": ("INTEGER", "Its place, from 1; empty where it is not in the list."),
    "proposals": ("JSON", "Who proposed it, at which place and because of what."),
    "published_at": ("TIMESTAMP", "When the list was written to Spotify, UTC."),
    "rank": ("INTEGER", "Its place by itself, 1 is the best."),
    "reason": ("VARCHAR", "Why it is there, or not: a word of the catalogues."),
    "recorded_at": ("TIMESTAMP", "When it was put into the history, UTC."),
    "recording_key": ("VARCHAR", "By which two names of one recording are the same."),
    "release_date": ("VARCHAR", "As exactly as Spotify says it: a day, a month or a year."),
    "score": ("DOUBLE", "The sum of its terms; the more, the better."),
    "seed": ("VARCHAR", "The artist or track it is there because of."),
    "seen_at": ("TIMESTAMP", "When we first saw the like, UTC."),
    "service": ("VARCHAR", "Who was asked."),
    "snapshot_id": ("VARCHAR", "Spotify's id of the playlist as it was just written."),
    "source": ("VARCHAR", "The source that proposed it, or who told of the play."),
    "spotify_id": ("VARCHAR", "Its id on Spotify."),
    "stale_at": ("TIMESTAMP", "Until when the answer is believed, UTC."),
    "tags": ("VARCHAR[]", "What people call this music."),
    "terms": ("JSON", "Each term of the score by its name."),
    "time_range": ("VARCHAR", "Over which time Spotify counted: four weeks or half a year."),
    "title": ("VARCHAR", "The track's title as people read it."),
    "track": ("JSON", "The track as Spotify knows it, where it was looked up."),
    "uri": ("VARCHAR", "Its address for Spotify's programs."),
    "user_id": ("VARCHAR", "Whose row it is: our own id, no name."),
    "vibe_date": ("DATE", "The day of the list, on the person's own clock."),
    "weight": ("DOUBLE", "How much the person leans to it now, above 0 and at most 1."),
    "why": ("JSON", "What speaks for it: plays, likes, top items, thumbs."),
}


def catalogued(
    assets: Iterable[dg.AssetsDefinition], *, warehouse: Path
) -> list[dg.AssetsDefinition]:
    """The assets, with what the catalogue shows of each one's table and of its code."""
    tabled = [
        definition.map_asset_specs(
            lambda spec: spec.merge_attributes(metadata=table_metadata(spec.key, warehouse))
        )
        for definition in assets
    ]
    with warnings.catch_warnings():
        # Dagster calls references to code a beta; that each asset has one is tested.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return cast(list[dg.AssetsDefinition], list(dg.with_source_code_references(tabled)))


def table_metadata(key: dg.AssetKey, warehouse: Path) -> dict[str, Any]:
    """Name, address and columns of the table that an asset fills; nothing where it fills none.

    The name is the one to use in a DuckDB shell that has opened the file: database, which is
    called as the file is, schema and table.
    """
    name = key.to_user_string()
    if name in _WITHOUT_TABLE:
        return {}
    table = _TABLE_OF.get(name, name.replace("/", ".") if "/" in name else f"main.{name}")
    is_file = warehouse_form(warehouse) == FILE
    database = warehouse.stem if is_file else "warehouse"
    return {
        "dagster/table_name": f"{database}.{table}",
        "dagster/storage_kind": "duckdb",
        "dagster/uri": f"{'duckdb://' if is_file else ''}{warehouse}#{table}",
        "dagster/column_schema": column_schema(table),
    }


def column_schema(table: str) -> dg.TableSchema:
    """The columns with their types and what they hold."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, type=_COLUMNS[name][0], description=_COLUMNS[name][1])
            for name in COLUMNS_OF[table].split()
        ]
    )
