"""Spotify's own archive of what somebody streamed, read piece by piece: zip or JSON, every shape.

A streaming parser with bounded memory, and refusals in words for what is no archive. Known by
their content and not by their names: the extended history (``Streaming_History_Audio_*.json``,
formerly ``endsong_*.json``) and the short one (``StreamingHistory*.json``), which has no ids.
What becomes of the plays is ``import_history``'s.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from vibe_pipeline.clients.json_fields import integer
from vibe_pipeline.clients.text_cleaning import clean
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.warehouse.listening_history import HeardTrack, HistoryRows

COUNTS_AFTER_MS = 30_000
"""As Spotify and Last.fm have it: what was heard for less is no play."""
LARGEST_FILE = 200 * 1024**2
"""What is taken at all; an archive of ten years has about twenty megabytes."""
LARGEST_INSIDE = 1024**3
"""All that may come out of it: JSON of this kind shrinks to a fifteenth or so."""
MOST_SHRUNK = 150
"""Nobody's plays shrink to less than that part; a zip bomb does."""
MOST_ENTRIES = 5_000
MOST_PLAYS = 1_000_000
"""In one file: a minute each, day and night, for two years."""
_LOOKED_AT = 100
"""So many entries of no known shape begin a file of something else."""
_CHUNK = 256 * 1024
_LONGEST_ENTRY = 64 * 1024
_EARLIEST = datetime(2006, 1, 1, tzinfo=UTC)
_PREFIX = "spotify:track:"
_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


class ArchiveTrouble(StrEnum):
    """Why a file is refused; each has its sentence under ``bot.import``."""

    NOT_AN_ARCHIVE = "not_an_archive"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    LOCKED = "locked"
    NESTED = "nested"
    NO_PLAYS = "no_plays"


class ArchiveRefused(Exception):
    """A file that cannot be read as somebody's plays; ``name`` is the part that is to blame."""

    def __init__(self, trouble: ArchiveTrouble, name: str) -> None:
        super().__init__(f"{name}: {_WORDS[trouble]}")
        self.trouble = trouble
        self.name = name


_WORDS: Mapping[ArchiveTrouble, str] = {
    ArchiveTrouble.NOT_AN_ARCHIVE: "is neither a zip nor a JSON file of Spotify's",
    ArchiveTrouble.DAMAGED: "is damaged or only half there; download it once more",
    ArchiveTrouble.TOO_LARGE: "is larger than anybody's plays can be",
    ArchiveTrouble.LOCKED: "is locked with a password; unpack it and send the JSON files",
    ArchiveTrouble.NESTED: "holds another zip; unpack that and send what is inside",
    ArchiveTrouble.NO_PLAYS: "holds no plays: ask Spotify for your extended streaming history",
}


class HistoryShape(StrEnum):
    """How a file of plays is written."""

    EXTENDED = "extended"
    SHORT = "short"


@dataclass(slots=True, kw_only=True)
class HistoryFile:
    """One file's plays: those that count, and how many entries there were besides.

    ``digest`` is of the content: the same file is known again under any name.
    """

    name: str
    shape: HistoryShape
    digest: str
    rows: HistoryRows
    entries: int

    @property
    def plays(self) -> int:
        """How many plays count."""
        return len(self.rows.seconds)


def history_files(path: Path, *, now: datetime) -> Iterator[HistoryFile]:
    """Every file of plays in an archive, one after the other; others in it are passed by.

    Raises:
        ArchiveRefused: it is no such archive, or not all of it can be read; what is damaged is
            told once all others were given.
        OSError: the file itself cannot be opened.
    """
    with path.open("rb") as file:
        beginning = file.read(4)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ArchiveRefused(ArchiveTrouble.TOO_LARGE, path.name)
    if beginning[:2] == b"PK":
        yield from _in_zip(path, now)
    elif beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        with path.open("rb") as stream:
            found = _read(path.name, _Metered(stream, path.name, LARGEST_FILE), now)
        if found is None:
            raise ArchiveRefused(ArchiveTrouble.NO_PLAYS, path.name)
        yield found
    else:
        raise ArchiveRefused(ArchiveTrouble.NOT_AN_ARCHIVE, path.name)


def _in_zip(path: Path, now: datetime) -> Iterator[HistoryFile]:
    seen, damaged = False, None
    with _damage_told(path.name), zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _refuse_bad(path.name, entries)
        for entry in sorted(entries, key=lambda one: one.filename):
            if entry.is_dir() or not entry.filename.lower().endswith(".json"):
                continue
            name = entry.filename.rpartition("/")[2]
            most = MOST_SHRUNK * max(entry.compress_size, 1024)
            try:
                with _damage_told(name), archive.open(entry) as stream:
                    found = _read(name, _Metered(stream, name, most), now)
            except ArchiveRefused as refused:
                if refused.trouble is not ArchiveTrouble.DAMAGED:
                    raise
                found, damaged = None, damaged or refused
            if found is not None:
                seen = True
                yield found
    if damaged is not None:
        raise damaged
    if not seen:
        raise ArchiveRefused(ArchiveTrouble.NO_PLAYS, path.name)


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)
"""What reading a broken zip raises, besides errors of files that no file made: damaged bzip2 has
no number, and a length that leads before the beginning is an invalid argument."""


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    """What a zip, or a file in it, raises that cannot be read, as ``ArchiveRefused``."""
    try:
        yield
    except _DAMAGE as error:
        raise ArchiveRefused(ArchiveTrouble.DAMAGED, name) from error
    except OSError as error:
        if error.errno not in {None, errno.EINVAL}:
            raise
        raise ArchiveRefused(ArchiveTrouble.DAMAGED, name) from error
    except RuntimeError as error:  # zipfile's way of asking for a password
        raise ArchiveRefused(ArchiveTrouble.LOCKED, name) from error


def _refuse_bad(name: str, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES or sum(one.file_size for one in entries) > LARGEST_INSIDE:
        raise ArchiveRefused(ArchiveTrouble.TOO_LARGE, name)
    if any(one.flag_bits & 0x1 for one in entries):
        raise ArchiveRefused(ArchiveTrouble.LOCKED, name)
    names = [one.filename.lower() for one in entries]
    if not any(one.endswith(".json") for one in names):
        nested = any(one.endswith(".zip") for one in names)
        raise ArchiveRefused(ArchiveTrouble.NESTED if nested else ArchiveTrouble.NO_PLAYS, name)


@dataclass(slots=True)
class _Metered:
    """A stream that says what it gave, and gives no more than it may."""

    stream: IO[bytes]
    name: str
    most: int
    read_bytes: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def chunks(self) -> Iterator[bytes]:
        while chunk := self.stream.read(_CHUNK):
            self.read_bytes += len(chunk)
            if self.read_bytes > self.most:
                raise ArchiveRefused(ArchiveTrouble.TOO_LARGE, self.name)
            self.digest.update(chunk)
            yield chunk


def _read(name: str, stream: _Metered, now: datetime) -> HistoryFile | None:
    """The plays of a file; ``None`` for a file of something else."""
    plays, shape, entries = _Plays(latest=now + timedelta(days=1)), None, 0
    for entry in _objects(name, stream):
        entries += 1
        if entries > MOST_PLAYS:
            raise ArchiveRefused(ArchiveTrouble.TOO_LARGE, name)
        shape = shape or _shape_of(entry)
        if shape is None:
            if entries >= _LOOKED_AT:
                return None
            continue
        plays.add(_extended(entry) if shape is HistoryShape.EXTENDED else _short(entry))
    if shape is None:
        return None
    return HistoryFile(
        name=name,
        shape=shape,
        digest=stream.digest.hexdigest(),
        rows=plays.rows(),
        entries=entries,
    )


class _Text:
    """What of a file is in hand: a piece of its text, and more of it when asked."""

    def __init__(self, name: str, stream: _Metered) -> None:
        self.name = name
        self.text = ""
        self.at = 0
        self.ended = False
        self._chunks = stream.chunks()
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def more(self) -> None:
        """Let go of what was read, and take up the next piece."""
        chunk = next(self._chunks, b"")
        self.ended = not chunk
        try:
            fresh = self._decoder.decode(chunk, final=self.ended)
        except UnicodeDecodeError:
            raise self.damaged() from None
        self.text, self.at = self.text[self.at :] + fresh, 0

    def sign(self, besides: str) -> str:
        """The next sign that is none of these; nothing at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in besides:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended:
                return ""
            self.more()

    def value(self) -> object:
        """The JSON that begins here."""
        while True:
            try:
                value, self.at = _DECODER.raw_decode(self.text, self.at)
            except RecursionError:
                raise self.damaged() from None
            except ValueError:
                if self.ended or len(self.text) - self.at > _CHUNK + _LONGEST_ENTRY:
                    raise self.damaged() from None
                self.more()
            else:
                return value

    def to_the_end(self) -> None:
        """Read what is left, for the digest."""
        for _ in self._chunks:
            pass

    def damaged(self) -> ArchiveRefused:
        return ArchiveRefused(ArchiveTrouble.DAMAGED, self.name)


def _objects(name: str, stream: _Metered) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, each made when it is its turn; nothing of a file that is no list.

    What is no object is one without anything in it.
    """
    text = _Text(name, stream)
    if text.sign(_SPACE) != "[":
        return
    text.at += 1
    while (sign := text.sign(_SPACE + ",")) != "]":
        if not sign:
            raise text.damaged()
        value = text.value()
        yield value if isinstance(value, dict) else {}
    text.to_the_end()


def _shape_of(entry: Mapping[str, Any]) -> HistoryShape | None:
    if "ts" in entry and "ms_played" in entry:
        return HistoryShape.EXTENDED
    if "endTime" in entry and "msPlayed" in entry and "trackName" in entry:
        return HistoryShape.SHORT
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A play as a file tells it; ``ended`` is ISO 8601, UTC."""

    artist: object
    title: object
    ended: object
    ms_played: object
    album: object = None
    uri: object = None


def _extended(entry: Mapping[str, Any]) -> _Entry | None:
    """``None`` for podcasts, audiobooks and private sessions."""
    if entry.get("incognito_mode") is True or entry.get("audiobook_uri"):
        return None
    if entry.get("spotify_episode_uri") or entry.get("episode_name"):
        return None
    return _Entry(
        artist=entry.get("master_metadata_album_artist_name"),
        title=entry.get("master_metadata_track_name"),
        ended=entry.get("ts"),
        ms_played=entry.get("ms_played"),
        album=entry.get("master_metadata_album_album_name"),
        uri=entry.get("spotify_track_uri"),
    )


def _short(entry: Mapping[str, Any]) -> _Entry:
    return _Entry(
        artist=entry.get("artistName"),
        title=entry.get("trackName"),
        ended=entry.get("endTime"),
        ms_played=entry.get("msPlayed"),
    )


class _Plays:
    """Plays gathered in little room: each track once, numbers for the rest."""

    def __init__(self, *, latest: datetime) -> None:
        self._latest = latest
        self._numbers: dict[tuple[str, str, str | None, str | None], int] = {}
        self._played: tuple[array[int], array[int], array[int]] = (
            array("q"),
            array("l"),
            array("l"),
        )

    def add(self, entry: _Entry | None) -> None:
        """Count it, if it counts: heard for half a minute, named, and dated within reason."""
        length = None if entry is None else integer(entry.ms_played)
        if entry is None or length is None or length < COUNTS_AFTER_MS:
            return
        ended = _moment(entry.ended)
        artist, title = _named(entry.artist), _named(entry.title)
        if ended is None or not _EARLIEST <= ended <= self._latest or not artist or not title:
            return
        known = (artist, title, _named(entry.album), _track_id(entry.uri))
        number = self._numbers.setdefault(known, len(self._numbers))
        for column, value in zip(
            self._played, (int(ended.timestamp()), number, length), strict=True
        ):
            column.append(value)

    def rows(self) -> HistoryRows:
        seconds, numbers, lengths = self._played
        return HistoryRows(
            tracks=[
                HeardTrack(
                    artist=artist,
                    title=title,
                    artist_key=artist_key(artist),
                    recording_key=recording_key(artist, title),
                    album=album,
                    spotify_id=spotify_id,
                )
                for artist, title, album, spotify_id in self._numbers
            ],
            seconds=seconds,
            numbers=numbers,
            ms_played=lengths,
        )


def _named(value: object) -> str | None:
    return clean(value)[:500] or None if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _track_id(uri: object) -> str | None:
    if not isinstance(uri, str) or not uri.startswith(_PREFIX):
        return None
    found = uri.removeprefix(_PREFIX)
    return found if len(found) == 22 and found.isascii() and found.isalnum() else None
