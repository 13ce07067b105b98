"""One run at a time for each piece of a person's work (single flight); a second one joins it.

When somebody asks for a list while what connecting began is under way, both runs come to the same
steps. Whoever comes second waits here, for a few seconds at most, and then takes what the first
has found out instead of asking for it again. Not here: one run per person (``runs.PERSON``), and
what a step does when it has waited.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from vibe_pipeline.defs.run_context import RunContext
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings


class SharedWork(StrEnum):
    """What one run of a person's does at a time."""

    LIBRARY = "library"
    SOURCES = "sources"
    LOOKUPS = "lookups"


PATIENCE_SECONDS = {SharedWork.LIBRARY: 5.0, SharedWork.SOURCES: 4.0, SharedWork.LOOKUPS: 3.0}
"""About as long as doing it oneself would take."""
_FILES = 1024
"""People share so many files, so that none is named after anybody or left behind by them."""
_LOOKS_EVERY_SECONDS = 0.02


@contextmanager
def one_at_a_time(run: RunContext, work: SharedWork) -> Iterator[bool]:
    """Do this work of the run's; gives whether another run had it in hand and was waited for.

    Only for what somebody waits for, or soon will: what is done ahead of time or at night takes
    its time, and nobody is to wait for that.
    """
    if not run.asked_for:
        yield False
        return
    folder = read_settings().home / "under_way"
    with single_flight(folder, run.user_id, work, seconds=PATIENCE_SECONDS[work]) as waited:
        yield waited


@contextmanager
def single_flight(
    folder: Path, user_id: UserId, work: SharedWork, *, seconds: float
) -> Iterator[bool]:
    """Hold this person's work of this kind; gives whether another run was doing it before.

    After ``seconds`` the work is begun beside the other: two that ask are better than one that
    waits. The lock is a file's, so it ends with its process however that ends; on another machine
    it is not seen, and then both ask.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{work}-{zlib.crc32(user_id.encode()) % _FILES}.lock")
    try:
        lock.acquire(blocking=False)
        waited = False
    except Timeout:
        waited = True
        try:
            lock.acquire(timeout=seconds, poll_interval=_LOOKS_EVERY_SECONDS)
        except Timeout:
            yield True
            return
    try:
        yield waited
    finally:
        lock.release()
