"""What all reads and writes of one warm list cost, in a new warehouse and in a full one.

Full: 1,000 people with 2,000 likes and 60 past lists each. Every opening of the file while a list
is made counts, from asking for the lock until it is free again: waiting, attaching, queries and
what is counted between them, commit, checkpoint. What a step counts while the file is closed does
not, nor does preparing the next list, which nobody waits for. Services answer at once.
``python -m tests.benchmarks.warehouse_growth``.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType

import pytest

from tests.support.full_warehouse import Crowd, fill
from tests.support.vibe_world import ROOMY, VibeWorld, vibe_world
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import Saved
from vibe_pipeline.warehouse import Tables, Warehouse

PEOPLE = int(os.environ.get("VIBE_BENCH_PEOPLE", "1000"))
LISTS = int(os.environ.get("VIBE_BENCH_LISTS", "5"))
LIKES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One opening of the file: who asked, and its milliseconds to open, inside, to close."""

    caller: str
    opening: float
    inside: float
    closing: float

    @property
    def total(self) -> float:
        """From asking for the lock until it is free again."""
        return self.opening + self.inside + self.closing


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmList:
    """One list: its openings of the warehouse, and the processor's milliseconds for all of it."""

    openings: tuple[Opening, ...]
    cpu: float

    @property
    def milliseconds(self) -> float:
        """All reads and writes."""
        return sum(opening.total for opening in self.openings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Warm lists in a file with one person and in a full one; sizes in bytes."""

    alone: Sequence[WarmList]
    full: Sequence[WarmList]
    bytes_alone: int
    bytes_full: int
    build_seconds: float

    @property
    def medians(self) -> tuple[float, float]:
        """Milliseconds of all reads and writes of one list: alone, and in the full file."""
        return _median(self.alone), _median(self.full)


def measure(lists: int = LISTS, crowd: Crowd | None = None) -> Growth:
    """So many warm lists in a file of one person's, then as many beside everybody else."""
    logging.disable(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory() as folder,
        vibe_world(Path(folder), simulation=Simulation(rules=ROOMY)) as world,
    ):
        anna = _warm(world)
        path = world.settings.warehouse_path
        alone = [_warm_list(world, anna) for _ in range(lists)]
        bytes_alone, began = path.stat().st_size, time.perf_counter()
        fill(world.warehouse, anna.user_id, crowd or Crowd(people=PEOPLE))
        built = time.perf_counter() - began
        full = [_warm_list(world, anna) for _ in range(lists)]
        return Growth(
            alone=alone,
            full=full,
            bytes_alone=bytes_alone,
            bytes_full=path.stat().st_size,
            build_seconds=built,
        )


def _warm(world: VibeWorld) -> Account:
    """Somebody with many likes whose library is known and whose first list was made."""
    anna = world.connected()
    saved = world.listener_of(anna).saved
    known = {entry.uri for entry in saved}
    catalogue = world.simulator.simulation.world
    tracks = (
        track for artist in catalogue.artists for track in catalogue.discography(artist).tracks
    )
    oldest = min(entry.added_at for entry in saved)
    for track in tracks:
        if len(saved) >= LIKES:
            break
        if track.uri not in known:
            saved.append(Saved(track=track, added_at=oldest - timedelta(hours=len(saved))))
    world.run(runs.DAILY_VIBE, anna.user_id)
    for _ in range(LIKES // 500 + 1):
        world.run(runs.SYNC_LIBRARY, anna.user_id)
    return anna


def _warm_list(world: VibeWorld, person: Account) -> WarmList:
    world.run(runs.PREPARE_VIBE, person.user_id)
    openings: list[Opening] = []
    with _as_in_a_worker(), _watched(openings):
        began = time.process_time()
        world.run(runs.DAILY_VIBE, person.user_id)
        cpu = 1000 * (time.process_time() - began)
    return WarmList(openings=tuple(openings), cpu=cpu)


@contextmanager
def _as_in_a_worker() -> Iterator[None]:
    """What lives already is not looked through for garbage: the simulator and Dagster's instance
    live in other processes than a run, and a worker freezes what it was forked with.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _watched(openings: list[Opening]) -> Iterator[None]:
    """Each opening of a warehouse meanwhile is noted."""
    original = Warehouse.open

    @contextmanager
    def timed(self: Warehouse, *, compacting: bool = False) -> Iterator[Tables]:
        caller, asked = _caller(sys._getframe()), time.perf_counter()
        with original(self, compacting=compacting) as tables:
            opened = time.perf_counter()
            yield tables
            finished = time.perf_counter()
        openings.append(
            Opening(
                caller=caller,
                opening=1000 * (opened - asked),
                inside=1000 * (finished - opened),
                closing=1000 * (time.perf_counter() - finished),
            )
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "open", timed)
        yield


def _caller(frame: FrameType | None) -> str:
    """Who opens it: the first of our own that is no part of the warehouse."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("vibe_pipeline.") and "warehouse" not in module:
            return f"{module.removeprefix('vibe_pipeline.')} {frame.f_code.co_name}"
        frame = frame.f_back
    return "somebody"


def _median(lists: Sequence[WarmList]) -> float:
    return statistics.median(one.milliseconds for one in lists)


def by_caller(lists: Sequence[WarmList]) -> Mapping[str, tuple[float, float, float, float]]:
    """Openings a list, and their median milliseconds to open, inside and to close."""
    callers = dict.fromkeys(opening.caller for one in lists for opening in one.openings)
    table = {}
    for caller in callers:
        own = [opening for one in lists for opening in one.openings if opening.caller == caller]
        table[caller] = (
            len(own) / len(lists),
            statistics.median(opening.opening for opening in own),
            statistics.median(opening.inside for opening in own),
            statistics.median(opening.closing for opening in own),
        )
    return table


def main() -> int:
    """Print the figures, and everything as one line of JSON; 1 if a full file costs too much."""
    growth = measure()
    for name, lists, size in (
        ("alone", growth.alone, growth.bytes_alone),
        ("full", growth.full, growth.bytes_full),
    ):
        cpu = statistics.median(one.cpu for one in lists)
        sys.stdout.write(
            f"{name}: {_median(lists):.0f} ms in {len(lists[0].openings)} openings,"
            f" {cpu:.0f} ms of processor for the list, {size / 1e6:.0f} MB\n"
        )
        for caller, (count, *spent) in by_caller(lists).items():
            times = " ".join(f"{one:6.1f}" for one in spent)
            sys.stdout.write(f"  {caller:48s} {count:4.1f} x {times}\n")
    sys.stdout.write(f"built in {growth.build_seconds:.0f} s\n{json.dumps(asdict(growth))}\n")
    alone, full = growth.medians
    return int(full > 300 or full > 1.5 * alone)


if __name__ == "__main__":
    sys.exit(main())
