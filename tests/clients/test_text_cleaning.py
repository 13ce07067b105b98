"""Unclean text from services and chats: cleaned where it comes in, so that it hurts nowhere."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.warehouse_examples import ANNA, NOON
from vibe_pipeline.clients.json_fields import text
from vibe_pipeline.clients.lastfm import SimilarArtist
from vibe_pipeline.clients.listenbrainz import SimilarRecording
from vibe_pipeline.clients.musicbrainz import Recording
from vibe_pipeline.clients.spotify_records import LikedPage, SpotifyProfile
from vibe_pipeline.clients.text_cleaning import clean
from vibe_pipeline.warehouse import Warehouse

UNCLEAN = "\x00\x01\x1b\x7f\x85\ud800\udfff\u200b\u200e\u202e\u2066\u2069\ufeff\ufffe\n\t\u2028"
ANYTHING = st.text(st.characters(exclude_categories=()) | st.sampled_from(UNCLEAN), max_size=40)


@given(written=ANYTHING)
@settings(max_examples=500)
def test_what_is_left_can_be_written_is_on_one_line_and_stays(written: str) -> None:
    left = clean(written)

    assert left.encode("utf-8").decode("utf-8") == left
    assert len(left.splitlines()) <= 1
    assert not {unicodedata.category(sign) for sign in left} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(sign) for sign in left} & {
        "RLO",
        "LRO",
        "RLE",
        "LRE",
        "PDF",
        "RLI",
        "LRI",
        "FSI",
        "PDI",
    }
    assert clean(left) == left


@given(written=st.text(st.characters(exclude_categories=("C", "Z")), max_size=40))
def test_clean_text_stays_as_it_is(written: str) -> None:
    assert clean(written) == written


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Bj\x00\u00f6rk", "Bj\u00f6rk"),
        ("\ud83d Half a pair", "Half a pair"),
        ("Half\udc00", "Half"),
        ("\u202eevil\u202c name", "evil name"),
        ("two\r\nlines", "two lines"),
        ("\ufeffSigur R\u00f3s\u200b", "Sigur R\u00f3s"),
        ("\u200c\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),
        ("\U0001f469\u200d\U0001f3a4", None),
    ],
)
def test_names_keep_what_belongs_to_them(written: str, left: str | None) -> None:
    assert clean(written) == (written if left is None else left)


@pytest.mark.parametrize("nothing", ["", " ", "\x00", "\ud800", "\u202e\u200b", None, 7, ["a"]])
def test_where_nothing_is_left_there_is_no_text(nothing: object) -> None:
    assert text(nothing) is None


def as_service_tells(value: object) -> object:
    """Through JSON, where half a pair may be written."""
    return json.loads(json.dumps(value))


@given(title=ANYTHING, artist=ANYTHING, album=ANYTHING)
@settings(max_examples=40, deadline=None)
def test_likes_with_any_names_are_kept_and_come_back_as_they_were_read(
    tmp_path_factory: pytest.TempPathFactory, title: str, artist: str, album: str
) -> None:
    entry = {
        "added_at": "2026-11-01T00:00:00Z",
        "track": {
            "id": "a" * 22,
            "name": f"Song{title}",
            "artists": [{"name": f"Somebody{artist}", "id": "b" * 22}],
            "album": {"name": album},
        },
    }
    page = as_service_tells({"items": [entry], "total": 1})
    assert isinstance(page, dict)
    likes = LikedPage.from_api(page).likes
    warehouse = Warehouse(Path(tmp_path_factory.mktemp("home")) / "w.duckdb")

    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=likes, gone=(), total=1, seen_at=NOON)
    with warehouse.open() as tables:
        back = tables.library.likes(ANNA)

    assert back == list(likes)
    assert len(back) == 1


@given(name=ANYTHING)
def test_every_service_s_names_are_clean(name: str) -> None:
    mbid = {"id": "m", "recording_mbid": "m", "artist_mbid": "m"}
    told: dict[str, object] = {**mbid, "name": name, "title": f"x{name}", "recording_name": name}
    told |= {"artist_credit_name": name, "display_name": name, "artist-credit": [{"name": name}]}

    records = (
        SimilarArtist.from_api(told),
        SimilarRecording.from_api(told),
        Recording.from_api(told),
        SpotifyProfile.from_api(told),
    )

    for record in records:
        names = [] if record is None else [getattr(record, n) for n in record.__slots__]
        for written in (value for value in names if isinstance(value, str)):
            assert clean(written) == written
