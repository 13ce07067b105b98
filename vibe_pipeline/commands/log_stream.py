"""What all parts write, as one stream with each part's name; and their log files kept small.

Follows the files that the parts append to, so a part needs to know nothing of it. A file that has
grown is copied aside and emptied (log rotation): a fixed size and number for each part. Not here:
what a part writes (``logs`` for our own programs).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

MOST_BYTES = 5_000_000
KEPT_FILES = 3
"""Older copies beside each log file: ``.1`` is the youngest."""
LOOK_EVERY_SECONDS = 1.0
LONGEST_LINE = 20_000
_READ_AT_ONCE = 1_000_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


@dataclass(slots=True)
class FollowedFile:
    """One part's log file, and how far it has been read."""

    part: str
    path: Path
    offset: int = 0
    _rest: bytes = b""

    def skip_what_is_there(self) -> None:
        """Leave out what was written before."""
        with suppress(OSError):
            self.offset = self.path.stat().st_size

    def new_lines(self) -> Iterator[str]:
        """Every whole line since the last look; a file that was emptied is read from its start.

        Of one that was deleted a line says so, once: whoever writes goes on writing to it unseen.
        """
        try:
            with self.path.open("rb") as log:
                if log.seek(0, 2) < self.offset:
                    self.offset, self._rest = 0, b""
                log.seek(self.offset)
                written = log.read(_READ_AT_ONCE)
        except FileNotFoundError:
            if self.offset:
                self.offset, self._rest = 0, b""
                yield f"{self.path} was deleted; what this part says now is lost until it restarts."
            return
        except OSError:
            return
        self.offset += len(written)
        *lines, self._rest = (self._rest + written).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if text := line.decode(errors="replace").strip("\r"):
                yield text

    def rotate(self, *, most_bytes: int = MOST_BYTES, kept: int = KEPT_FILES) -> bool:
        """Copy a file that has grown aside and empty it; says whether it did.

        Whoever writes goes on writing at the end, which is the beginning then. Of what has grown
        to more than twice its bounds, or fits no second time on the disk, only the end is kept.
        Where there is no room for that either, all stays as it is, unless emptying makes room.
        """
        draft = self.path.with_name(f".{self.path.name}.new")
        try:
            size = self.path.stat().st_size
            room = shutil.disk_usage(self.path.parent).free
            overgrown = size > 2 * most_bytes
            if size <= most_bytes or (room < most_bytes and not overgrown):
                return False
            if size <= room and not overgrown:
                shutil.copy(self.path, draft)
            else:
                self._keep_end(draft, most_bytes, emptied_first=room < most_bytes)
            for number in range(kept, 1, -1):
                with suppress(FileNotFoundError):
                    _numbered(self.path, number - 1).replace(_numbered(self.path, number))
            draft.replace(_numbered(self.path, 1))
            self._empty()
        except OSError:
            with suppress(OSError):
                draft.unlink()
            return False
        return True

    def _keep_end(self, draft: Path, most_bytes: int, *, emptied_first: bool) -> None:
        with self.path.open("rb") as log:
            log.seek(-most_bytes, os.SEEK_END)
            end = log.read(most_bytes)
        if emptied_first:
            self._empty()
        draft.touch(mode=0o600)
        draft.write_bytes(end)

    def _empty(self) -> None:
        with self.path.open("r+b") as log:
            log.truncate(0)


@dataclass(slots=True)
class LogStream:
    """Writes the lines of all parts to one place: text for people, or a JSON object a line.

    ``colours``: only where a person reads it on a terminal.
    """

    files: Sequence[FollowedFile]
    write: Callable[[str], None]
    log_format: Literal["text", "json"] = "text"
    colours: bool = False
    kept_small: Sequence[FollowedFile] = ()
    """Files whose lines come another way."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def follow(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def look(self) -> None:
        """Write what is new, and keep the files small."""
        for file in self.files:
            for line in file.new_lines():
                self.line(file.part, line)
        for file in (*self.files, *self.kept_small):
            file.rotate()

    def line(self, part: str, line: str) -> None:
        """One line of one part."""
        with suppress(OSError, ValueError):  # nobody reads it any more: nothing ends for that
            self.write(self._written(part, line))

    def _written(self, part: str, line: str) -> str:
        if self.log_format == "json":
            record = _record(part, line, self.now())
            return json.dumps(record, ensure_ascii=False, default=str)
        label = f"{part:<{self._width()}} |"
        if self.colours:
            colour = _COLOURS[self._number(part) % len(_COLOURS)]
            return f"\x1b[{colour}m{label}\x1b[0m {line}"
        return f"{label} {_ESCAPES.sub('', line)}"

    def _width(self) -> int:
        return max((len(file.part) for file in self.files), default=0)

    def _number(self, part: str) -> int:
        names = [file.part for file in self.files]
        return names.index(part) if part in names else len(names)


def _record(part: str, line: str, now: datetime) -> dict[str, Any]:
    """The part's own record with its name; a line that is none becomes the event of one."""
    plain = _ESCAPES.sub("", line)
    try:
        told = json.loads(plain)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return {"part": part, **told}
    return {"part": part, "timestamp": now.isoformat(), "event": plain}


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
