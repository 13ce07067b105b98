"""Spotify's archive in all its shapes, and what is refused with a reason."""

from __future__ import annotations

import errno
import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vibe_pipeline.records import UserId
from vibe_pipeline.taste.import_history import import_history
from vibe_pipeline.taste.streaming_archive import (
    ArchiveRefused,
    ArchiveTrouble,
    HistoryFile,
    HistoryShape,
    history_files,
)
from vibe_pipeline.warehouse import Warehouse

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANNA = UserId("u1")


def extended(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An entry of the extended history, with what no one here reads."""
    return {
        "ts": f"2019-03-{number % 28 + 1:02d}T10:05:13Z",
        "platform": "android",
        "ms_played": 180_000,
        "conn_country": "NL",
        "ip_addr": "203.0.113.7",
        "master_metadata_track_name": f"Song {number}",
        "master_metadata_album_artist_name": "Zoë & the Owls",
        "master_metadata_album_album_name": "Night",
        "spotify_track_uri": f"spotify:track:{number:022d}",
        "episode_name": None,
        "spotify_episode_uri": None,
        "audiobook_uri": None,
        "incognito_mode": False,
        **changes,
    }


def short(number: int = 1) -> dict[str, Any]:
    return {
        "endTime": f"2019-03-{number % 28 + 1:02d} 10:05",
        "artistName": "Zoë & the Owls",
        "trackName": f"Song {number}",
        "msPlayed": 180_000,
    }


def zipped(folder: Path, files: dict[str, str | bytes], name: str = "my_spotify_data.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
    return path


def read(path: Path) -> list[HistoryFile]:
    return list(history_files(path, now=NOW))


@pytest.mark.parametrize(
    ("name", "entry", "shape"),
    [
        (
            "Extended History/Streaming_History_Audio_2019_3.json",
            extended(),
            "extended",
        ),
        ("MyData/endsong_0.json", extended(), "extended"),
        ("MyData/StreamingHistory0.json", short(), "short"),
        ("Spotify Account Data/StreamingHistory_music_0.json", short(), "short"),
        ("Расширенная история/История_аудио_2019.json", extended(), "extended"),
        ("../../../etc/Streaming_History_Audio_2019.json", extended(), "extended"),
    ],
)
def test_every_shape_is_known_by_its_content_whatever_its_name(
    tmp_path: Path, name: str, entry: dict[str, Any], shape: str
) -> None:
    path = zipped(tmp_path, {name: "\ufeff" + json.dumps([entry]), "ReadMeFirst.pdf": b"%PDF"})

    (file,) = read(path)

    (track,) = file.rows.tracks
    assert (file.shape, file.plays) == (shape, 1)
    assert (track.artist, track.title) == ("Zoë & the Owls", "Song 1")
    assert track.spotify_id == (f"{1:022d}" if shape == HistoryShape.EXTENDED else None)


def test_only_music_heard_for_half_a_minute_and_in_the_open_counts(tmp_path: Path) -> None:
    entries = [
        extended(1),
        extended(2, ms_played=29_999),
        extended(3, incognito_mode=True),
        extended(4, master_metadata_track_name=None, episode_name="News", spotify_episode_uri="x"),
        extended(5, audiobook_uri="spotify:show:x", master_metadata_track_name="Chapter 1"),
        extended(6, ts="1970-01-01T00:00:00Z"),
        extended(7, ts="2099-01-01T00:00:00Z"),
        extended(8, ts="yesterday"),
        extended(9, master_metadata_album_artist_name="\u202e \u200b"),
        extended(10, ms_played="a while"),
    ]
    podcasts = [{"endTime": "2019-01-01 10:00", "podcastName": "P", "msPlayed": 90_000}]
    path = zipped(
        tmp_path,
        {
            "a/Streaming_History_Audio_1.json": json.dumps(entries, indent=2, ensure_ascii=False),
            "a/StreamingHistory_podcast_0.json": json.dumps(podcasts),
            "a/Userdata.json": json.dumps({"username": "anna"}),
            "a/Playlist1.json": "[]",
        },
    )

    (file,) = read(path)

    assert (file.entries, file.plays) == (10, 1)


def test_a_json_file_by_itself_is_read_however_it_is_cut_into_pieces(tmp_path: Path) -> None:
    path = tmp_path / "endsong.json"
    many = [
        extended(number, master_metadata_album_album_name='é"\\[]{},' * 30)
        for number in range(3000)
    ]
    path.write_text(json.dumps(many, ensure_ascii=False), encoding="utf-8")

    (file,) = read(path)

    assert path.stat().st_size > 3 * 256 * 1024
    assert (file.entries, file.plays, len(file.rows.tracks)) == (3000, 3000, 3000)


def _bomb() -> bytes:
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("endsong_0.json", "[" + " " * 40_000_000 + "]")
    return inside.getvalue()


def _zip_of(name: str, content: str | bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", method) as archive:
        archive.writestr(name, content)
    return inside.getvalue()


def _locked() -> bytes:
    content = bytearray(_zip_of("endsong_0.json", json.dumps([extended()])))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    return bytes(content)


WHOLE = _zip_of("endsong_0.json", json.dumps([extended(n) for n in range(500)]))


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", ArchiveTrouble.NOT_AN_ARCHIVE),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, ArchiveTrouble.NOT_AN_ARCHIVE),
        (b'{"a": 1}', ArchiveTrouble.NOT_AN_ARCHIVE),
        (b"[1, 2, 3]", ArchiveTrouble.NO_PLAYS),
        (b"[]", ArchiveTrouble.NO_PLAYS),
        (b"[" * 100_000, ArchiveTrouble.DAMAGED),
        (b'[{"ts": "2019-01-01T00:00:00Z", "ms_pl', ArchiveTrouble.DAMAGED),
        (json.dumps([extended()]).encode("utf-8")[:-1] + b",\xff\xfe]", ArchiveTrouble.DAMAGED),
        (WHOLE[: len(WHOLE) // 2], ArchiveTrouble.DAMAGED),
        (b"PK\x03\x04" + b"\0" * 200, ArchiveTrouble.DAMAGED),
        (_zip_of("photo.jpg", b"x" * 10), ArchiveTrouble.NO_PLAYS),
        (_zip_of("Userdata.json", '{"name": "anna"}'), ArchiveTrouble.NO_PLAYS),
        (_zip_of("my_spotify_data.zip", WHOLE), ArchiveTrouble.NESTED),
        (_bomb(), ArchiveTrouble.TOO_LARGE),
        (_locked(), ArchiveTrouble.LOCKED),
        (_zip_of("é.json", "[]").replace("é".encode(), b"\xff\xfe"), ArchiveTrouble.DAMAGED),
    ],
)
def test_what_is_no_archive_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, trouble: ArchiveTrouble
) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(content)

    with pytest.raises(ArchiveRefused) as refused:
        read(path)

    assert refused.value.trouble is trouble


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_with_any_bytes_changed_is_read_or_refused(tmp_path: Path, method: int) -> None:
    rng, path = random.Random(3), tmp_path / "file.zip"
    whole = _zip_of("endsong_0.json", json.dumps([extended(n) for n in range(40)]), method)

    for _ in range(150):
        content = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(b"PK" + content[2 : rng.choice((None, len(content) // 2))])
        with suppress(ArchiveRefused):
            read(path)


def test_a_disk_that_fails_is_not_taken_for_a_damaged_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(WHOLE)

    def failing(*_args: object) -> None:
        raise OSError(errno.EIO, "the disk fails")

    monkeypatch.setattr(zipfile.ZipFile, "infolist", failing)

    with pytest.raises(OSError, match="the disk fails"):
        read(path)


def test_importing_twice_adds_nothing_and_a_later_archive_only_what_is_new(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    first = [extended(number) for number in range(40)]
    path = zipped(tmp_path, {"x/endsong_0.json": json.dumps(first)}, "a.zip")
    later = zipped(
        tmp_path,
        {
            "y/Streaming_History_Audio_2019.json": json.dumps(first[:25]),
            "y/Streaming_History_Audio_2020.json": json.dumps([*first[25:], extended(99)]),
            "y/StreamingHistory0.json": json.dumps([short(number) for number in range(40)]),
        },
        "b.zip",
    )

    once = import_history(path, warehouse, ANNA, now=NOW)
    twice = import_history(path, warehouse, ANNA, now=NOW)
    more = import_history(later, warehouse, ANNA, now=NOW)

    assert (once.plays, once.added, once.years) == (40, 40, (2019, 2019))
    assert (twice.plays, twice.added) == (40, 0)
    assert more.added == 1
    with warehouse.open() as tables:
        assert tables.history.counted(ANNA) == {"spotify_archive": 41}
        assert len(tables.history.imports(ANNA)) == 4
        assert tables.history.is_counted(ANNA)
        assert list(tables.library.plays(ANNA)) == []
        assert tables.forget(ANNA)["listening_history"] == 41
        assert tables.rows_of(ANNA) == 0


def test_numbers_and_dates_in_another_writing_count_too(tmp_path: Path) -> None:
    entries = [
        extended(1, ms_played="180000"),
        extended(2, ms_played=180_000.0),
        extended(3, ts="2017-03-02 10:05:13 UTC"),
    ]
    path = zipped(tmp_path, {"endsong_0.json": json.dumps(entries)})

    (file,) = read(path)

    assert file.plays == 3


@pytest.mark.parametrize("place", [0, 2])
def test_an_entry_that_is_none_hides_no_other(tmp_path: Path, place: int) -> None:
    entries: list[object] = [extended(number) for number in range(5)]
    entries[place:place] = [None, {}, "?"]
    path = zipped(tmp_path, {"endsong_0.json": json.dumps(entries)})

    (file,) = read(path)

    assert file.plays == 5


def _cut_off(path: Path) -> None:
    _with_entries(path, damaged=json.dumps([extended(2)])[:-9])


def _changed_since_packed(path: Path) -> None:
    _with_entries(path, damaged=json.dumps([extended(2)]))
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("endsong_1.json")
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + 20] ^= 0xFF
    path.write_bytes(content)


def _with_entries(path: Path, *, damaged: str) -> None:
    whole = {f"endsong_{number}.json": json.dumps([extended(number)]) for number in (0, 2)}
    zipped(path.parent, {**whole, "endsong_1.json": damaged}, path.name)


@pytest.mark.parametrize("damage", [_cut_off, _changed_since_packed])
def test_files_beside_a_damaged_one_stay_and_are_counted(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    path = tmp_path / "history.zip"
    damage(path)

    with pytest.raises(ArchiveRefused) as refused:
        import_history(path, warehouse, ANNA, now=NOW)

    assert (refused.value.trouble, refused.value.name) == (ArchiveTrouble.DAMAGED, "endsong_1.json")
    with warehouse.open() as tables:
        assert tables.history.recordings(ANNA) == 2
