"""Searches everything an installation leaves behind for the secrets it was used with.

Every line of every file below the home folder, every row of every SQLite and DuckDB store (runs,
events, tags, configuration and metadata among them), and the pages and chats that are handed in;
each secret as it is, in percent signs, in base64 at any offset (as in a Basic authorization),
in hex and as JSON writes it. What may hold a secret by its purpose is named by the caller.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb

SHORTEST = 8
"""A shorter one would be met by chance."""
_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"


@dataclass(slots=True)
class SecretSearch:
    """What was looked through, and where which secret was met, by the secret's name."""

    ways: Mapping[str, frozenset[bytes]]
    files: int = 0
    lines: int = 0
    rows: int = 0
    met: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, secrets: Mapping[str, str]) -> SecretSearch:
        """A search for these, each by a name that may be shown."""
        return cls({name: frozenset(ways_of(secret)) for name, secret in secrets.items()})

    def in_words(self) -> str:
        """How much was searched."""
        return (
            f"{len(self.ways)} secrets looked for in {self.files} files: {self.lines} lines and"
            f" {self.rows} rows, met {len(self.met)} times"
        )

    def home(self, home: Path, *, leaving_out: Collection[str] = ()) -> None:
        """Everything below this folder; ``leaving_out`` are names of files."""
        for path in sorted(home.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name not in leaving_out:
                self._file(path)

    def text(self, where: str, text: str) -> None:
        """A page, an answer, a chat."""
        for line in text.splitlines() or [""]:
            self.lines += 1
            self._look(where, line.encode("utf-8", errors="replace"))

    def _file(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:
            return
        self.files += 1
        self.lines += content.count(b"\n") + 1
        self._look(path.name, content)
        if content.startswith(_SQLITE):
            self._rows(path.name, _sqlite_rows(path))
        elif content[8:12] == _DUCKDB:
            self._rows(path.name, _duckdb_rows(path))

    def _rows(self, where: str, rows: Iterable[tuple[str, tuple[object, ...]]]) -> None:
        for table, row in rows:
            self.rows += 1
            written = b"\0".join(_bytes(value) for value in row)
            self._look(f"{where} {table}", written)

    def _look(self, where: str, content: bytes) -> None:
        for name, ways in self.ways.items():
            if any(way in content for way in ways):
                self.met.add((name, where))


def ways_of(secret: str) -> Iterator[bytes]:
    """Each way in which a secret may be written."""
    if len(secret) < SHORTEST:
        raise ValueError("a secret as short as this is met by chance")
    plain = secret.encode()
    yield plain
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    yield json.dumps(secret)[1:-1].encode()
    yield plain.hex().encode()
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + plain)
        # What stands at the edges depends on the neighbours.
        inner = whole[(0, 2, 3)[offset] : len(whole) - (4 if (offset + len(plain)) % 3 else 0)]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def _sqlite_rows(path: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in names:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - its own names
                yield str(table), row


def _duckdb_rows(path: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """From a copy: one who reads would shut out those who write."""
    with tempfile.TemporaryDirectory() as folder:
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, folder)
        with closing(duckdb.connect(str(Path(folder) / path.name))) as database:
            for (table,) in database.execute("SHOW TABLES").fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"').fetchall():  # noqa: S608
                    yield str(table), row


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", errors="replace")
