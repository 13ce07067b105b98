"""Stores set aside: damaged ones, and those that a restore replaced; kept for a while (quarantine).

Under a name that says since when, beside what takes their place. They hold what people may ask to
have erased, so nothing of it is kept for good. Whether a store is damaged, each knows its own.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path

log = logging.getLogger(__name__)

_BEFORE_RESTORE = "before-restore-"
_NAMED = re.compile(r"(?:\.damaged-|^before-restore-)(\d{8}-\d{6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A file, or a folder of them, and since when it is kept."""

    path: Path
    since: datetime


def set_aside(path: Path, *, now: datetime, beside: Sequence[str] = ()) -> Path:
    """Rename a damaged store, so that a new one can be made; gives its new name.

    ``beside``: how the names end of what its engine keeps beside it, which goes with it.

    Raises:
        OSError: the folder cannot be written.
    """
    aside = damaged_name(path, now)
    path.rename(aside)
    _move_beside(path, aside, beside)
    return aside


def replace_keeping(path: Path, anew: Path, *, now: datetime, beside: Sequence[str] = ()) -> Path:
    """Put another store in the place of a damaged one, which is set aside; gives its new name.

    One of the two is there at every moment, wherever this is cut off; where a disk knows no second
    name for a file, the damaged one is copied.

    Raises:
        OSError: the folder cannot be written.
    """
    aside = damaged_name(path, now)
    try:
        aside.hardlink_to(path)
    except OSError:
        shutil.copy2(path, aside)
    _move_beside(path, aside, beside)
    anew.replace(path)
    return aside


def damaged_name(path: Path, now: datetime) -> Path:
    """Where nothing lies yet: a rename would put one damaged store in another's place."""
    return _free(path.with_name(f"{path.name}.damaged-{_stamp(now)}"))


def before_restore(home: Path, now: datetime) -> Path:
    """A folder for what a restore replaces, which is not there yet."""
    return _free(home / f"{_BEFORE_RESTORE}{_stamp(now)}")


def all_set_aside(home: Path, stores: Iterable[Path] = ()) -> list[SetAside]:
    """What is set aside in the home folder, and beside stores that lie elsewhere; oldest first."""
    places = {*home.rglob("*.damaged-*"), *home.glob(f"{_BEFORE_RESTORE}*")}
    for store in stores:
        places.update(store.parent.glob(f"{store.name}.damaged-*"))
    return sorted(_dated(places), key=lambda one: (one.since, one.path))


def delete_old(kept: Iterable[SetAside], *, now: datetime, keep: timedelta) -> int:
    """Delete what was set aside longer ago; says how much. What cannot be is told in the log."""
    gone = 0
    for one in kept:
        if one.since > now - keep:
            continue
        try:
            if one.path.is_dir() and not one.path.is_symlink():
                shutil.rmtree(one.path)
            else:
                one.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s is to be deleted and cannot be: %s", one.path, error.strerror)
        else:
            gone += 1
    return gone


def _dated(places: Iterable[Path]) -> Iterator[SetAside]:
    """Those whose names are ours; what lies in a folder set aside goes with that."""
    for path in places:
        if any(parent.name.startswith(_BEFORE_RESTORE) for parent in path.parents):
            continue
        if named := _NAMED.search(path.name):
            with suppress(ValueError):  # digits that are no date
                since = datetime.strptime(named[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
                yield SetAside(path=path, since=since)


def _stamp(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}"


def _free(first: Path) -> Path:
    names = chain([first], (first.with_name(f"{first.name}-{again}") for again in count(2)))
    return next(name for name in names if not name.exists())


def _move_beside(path: Path, aside: Path, beside: Sequence[str]) -> None:
    for suffix in beside:
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
