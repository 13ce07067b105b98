"""Remembered answers: what former builds stored is read and written the same; the rest is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_examples import former_file
from vibe_pipeline.lookup_cache import AnswerCodec, InMemoryLookups
from vibe_pipeline.records import Track
from vibe_pipeline.sources import answers
from vibe_pipeline.sources.answers import (
    LASTFM_SIMILAR_ARTISTS,
    LASTFM_SIMILAR_TRACKS,
    SPOTIFY_TRACKS,
    SimilarArtist,
    SimilarTrack,
)
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceLimits
from vibe_pipeline.warehouse import Warehouse

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

A_TRACK = (
    '{"spotify_id": "0ZzcSglfD5", "uri": "spotify:track:0ZzcSglfD5", "title": "Diary",'
    ' "artists": ["Red Wolves"], "artist_ids": ["3PnPsja25m"], "album": "Diary",'
    ' "album_id": "3MMAE9F7i4", "isrc": "QZMD90600152", "duration_ms": 308618,'
    ' "release_date": "2008", "popularity": 14}'
)
A_BARE_TRACK = (
    '{"spotify_id": "1", "uri": "spotify:track:1", "title": "Diary", "artists": ["Red Wolves"]}'
)
STORED = {
    "spotify_track": (90, 14, [A_TRACK, A_BARE_TRACK]),
    "spotify_isrc": (90, 14, [A_TRACK]),
    "spotify_explicit": (365, 7, ["true", "false"]),
    "spotify_artist_page": (60, 7, [f"[{A_TRACK}, {A_BARE_TRACK}]"]),
    "spotify_top_tracks": (60, 7, [f"[{A_TRACK}]"]),
    "labs_spotify_id": (90, 14, ['"4n04W9TPFXP6BpqETlobZk"']),
    "labs_recording": (90, 90, ['"94ad1f51-96ec-4848-b773-fd04168ea914"']),
    "lastfm_similar_artists": (28, 7, ['[["Thread & Harbour", 1.0], ["Łukasz", 0.9927]]']),
    "listenbrainz_similar_artists": (28, 7, ['[["The Soft Cinema", 7952.0]]']),
    "lastfm_similar_tracks": (
        *(28, 7),
        ['[["Choir", "Pilot", 1.0, null, 192000, 25584], ["W", "E", 0.9, "7ef", null, null]]'],
    ),
    "listenbrainz_similar_recordings": (28, 7, ['[["Weather", "Message", 637.0, "217fb734"]]']),
    "lastfm_top_tracks": (28, 7, ['[["Radio", 787, null, null], ["Sleep", null, "9d6", 1000]]']),
    "lastfm_tags": (28, 7, ['["dream pop", "shoegaze"]', "[]"]),
    "lastfm_artists": (28, 7, ['[1106, ["dream pop", "shoegaze"]]', "[null, []]"]),
    "listenbrainz_recordings": (28, 7, ['["81a0719f", "2116891b"]', '["81a0719f", null]']),
    "spotify_unusable_id": (3650, 7, ['"gone"', '"greyed out"']),
    "musicbrainz_aliases": (3650, 365, ['["Jay Chou", "周杰伦"]', "[]"]),
    "musicbrainz_isrcs": (28, 7, ['["be706b21", "1b1297eb"]']),
}
"""By name in the cache: days for what is there, days for what is not, and rows as release 0.1.0
stored them."""

KINDS: dict[str, AnswerCodec[Any]] = {
    kind.name: kind for kind in vars(answers).values() if isinstance(kind, AnswerCodec)
}

TRACK = {"spotify_id": "t1", "uri": "spotify:track:t1", "title": "Song", "artists": ["A"]}


def test_every_kind_has_rows_here_and_a_name_of_its_own() -> None:
    kinds = [kind for kind in vars(answers).values() if isinstance(kind, AnswerCodec)]

    assert sorted(kind.name for kind in kinds) == sorted(STORED)


@pytest.mark.parametrize("name", STORED)
def test_a_stored_row_is_read_and_written_back_as_it_was(name: str) -> None:
    for row in STORED[name][2]:
        kind = KINDS[name]

        again = kind.encode(kind.decode(json.loads(row)))

        assert json.dumps(again, ensure_ascii=False) == row


@pytest.mark.parametrize("name", STORED)
def test_an_answer_is_good_for_as_long_as_ever(name: str) -> None:
    days, days_missing, _ = STORED[name]

    assert (KINDS[name].days, KINDS[name].days_missing) == (days, days_missing)


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("row", [7, "[]", {"title": 1}, [["a", "b"]], [1, 2, 3], [None], True])
def test_a_row_of_another_form_counts_as_never_asked(name: str, row: object) -> None:
    lookups = InMemoryLookups(now=lambda: NOON)
    texts = ("labs_spotify_id", "labs_recording", "spotify_unusable_id")
    yes_or_no = row is True and name == "spotify_explicit"
    readable = yes_or_no or (isinstance(row, str) and name in texts)
    lookups.remember(name, {"a": row, "b": None}, days=1)

    known = KINDS[name].known(lookups, ["a", "b", "c"])

    assert known == ({"a": row, "b": None} if readable else {"b": None})


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("lastfm_similar_tracks", [["A", "Song", 0.5, None, 2_148_000_000, 5]]),
        ("lastfm_similar_tracks", [["A", "Song", 0.5, None, 1, 10**19]]),
        ("lastfm_top_tracks", [["Song", 10**19, None, None]]),
        ("lastfm_artists", [10**19, ["dub"]]),
        ("spotify_track", {**TRACK, "duration_ms": 3_000_000_000}),
        ("spotify_track", {**TRACK, "popularity": 10**300}),
        ("lastfm_artists", [-7, ["dub"]]),
        ("lastfm_top_tracks", [["Song", -7, None, None]]),
        ("lastfm_similar_tracks", [["A", "Song", -0.5, None, 1, 5]]),
        ("listenbrainz_similar_artists", [["A", 12.0], ["B", -3.0]]),
        ("listenbrainz_similar_artists", [["A", float("nan")]]),
    ],
)
def test_a_number_that_counts_nothing_or_fits_no_column_makes_an_answer_count_as_never_asked(
    name: str, row: object
) -> None:
    lookups = InMemoryLookups(now=lambda: NOON)
    lookups.remember(name, {"a": row}, days=1)

    assert KINDS[name].known(lookups, ["a"]) == {}


def test_a_field_that_a_later_build_adds_to_a_track_does_no_harm() -> None:
    stored = {**json.loads(A_BARE_TRACK), "label": "Ours"}

    track = SPOTIFY_TRACKS.decode(stored)

    assert track == Track(
        spotify_id="1", uri="spotify:track:1", title="Diary", artists=("Red Wolves",)
    )


def test_a_warehouse_of_a_former_build_answers_in_records(tmp_path: Path) -> None:
    with former_file(tmp_path / "w.duckdb", steps=7) as connection:
        connection.execute(
            "INSERT INTO lookups (service, key, answer, asked_at, stale_at) VALUES"
            " ('lastfm_similar_tracks', 'a|t',"
            """ '[["Choir", "Pilot", 1.0, null, 192000, 25584]]', '2026-11-01', '2026-12-01')"""
        )

    warehouse = Warehouse(tmp_path / "w.duckdb")
    known = LASTFM_SIMILAR_TRACKS.known(warehouse.lookups(now=lambda: NOON), ["a|t"])

    assert known == {
        "a|t": (
            SimilarTrack(
                artist="Choir",
                title="Pilot",
                match=1.0,
                mbid=None,
                duration_ms=192000,
                playcount=25584,
            ),
        )
    }


async def test_an_unreadable_answer_is_asked_again_and_mended() -> None:
    moment = [NOON]
    lookups = InMemoryLookups(now=lambda: moment[0])
    lookups.remember("lastfm_similar_artists", {"a": [["Near"]]}, days=1)
    near = (SimilarArtist(name="Near", match=0.5),)

    async def ask() -> Sequence[SimilarArtist]:
        return near

    for _ in range(2):
        known = await look_up(
            lookups,
            LASTFM_SIMILAR_ARTISTS,
            [WantedAnswer(key="a", ask=ask)],
            limits=SourceLimits(),
            calls=1,
        )

    assert (known.get("a"), known.asked) == (near, 0)
    moment[0] += timedelta(days=27)
    assert LASTFM_SIMILAR_ARTISTS.known(lookups, ["a"]) == {"a": near}
    moment[0] += timedelta(days=1)
    assert LASTFM_SIMILAR_ARTISTS.known(lookups, ["a"]) == {}
