"""Plays the matrices and keeps their tables.

``python -m tests.matrices [crashes|faults|stores|shared] [WORDS]``: one of them, and the cells
whose names hold all these words; ``open`` in the place of words: those that were not played or did
not hold.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.matrices import crashes, faults, shared, stores
from tests.matrices.crash_site import CrashPoint, Site, site
from tests.matrices.fault_kinds import KINDS
from tests.matrices.outcomes import HOLDS, Outcome, Page
from tests.matrices.store_harm import on_a_small_disk
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation

Told = Callable[[Outcome], None]
Wanted = Callable[[str], bool]
"""Whether the cell of this name is to be played."""
OPEN = "open"
PEOPLE_OF_A_WORLD = 35
"""So many newcomers find a listener of the built-in world to be; each point takes one."""


def play_crashes(wanted: Wanted, tell: Told) -> None:
    """Each crash in one installation, one after the other."""
    _play_points(crashes.POINTS, wanted, tell)


def play_shared(wanted: Wanted, tell: Told) -> None:
    """The core of them with every store on a server."""
    with tempfile.TemporaryDirectory(prefix="vibe-shared-") as folder:
        Path(folder).chmod(0o755)  # where we are root, Postgres is another user
        with (
            demo_installation(None) as plain,
            shared.on_servers(plain, Path(folder)) as (installation, postgres),
        ):
            dying = {shared.POSTGRES: lambda: shared.checkpointer_of(postgres)}
            points = [point for point in shared.POINTS if wanted(point.name)]
            asyncio.run(_all(points, installation, tell, dying))


def play_stores(wanted: Wanted, tell: Told) -> None:
    """Each loss likewise, on a disk that may be filled."""
    on_a_small_disk()
    _play_points(stores.POINTS, wanted, tell)


def _play_points(everything: Sequence[CrashPoint], wanted: Wanted, tell: Told) -> None:
    points = [point for point in everything if wanted(point.name)]
    for start in range(0, len(points), PEOPLE_OF_A_WORLD):
        with demo_installation(None) as installation:
            asyncio.run(_all(points[start : start + PEOPLE_OF_A_WORLD], installation, tell))


async def _all(
    points: Sequence[CrashPoint],
    installation: DemoInstallation,
    tell: Told,
    elsewhere: Mapping[str, Callable[[], int]] | None = None,
) -> None:
    async with site(installation, elsewhere) as here:
        for point in points:
            tell(await here.supervisor.alongside(_played(point, here)))


async def _played(point: CrashPoint, here: Site) -> Outcome:
    try:
        return await point.play(here)
    except (LookupError, TimeoutError) as error:
        await here.release()
        return Outcome(name=point.name, seen={}, troubles=[f"not played: {error!r}"])


def play_faults(wanted: Wanted, tell: Told) -> None:
    """Each bad answer in one world, one after the other."""
    with faults.fault_site() as here:
        for cell in faults.CELLS:
            kinds = [kind for kind in KINDS if any(map(wanted, faults.names(cell, [kind])))]
            if kinds:
                faults.play_cell(here, cell, kinds, tell)


MATRICES: dict[str, tuple[Page, Callable[[Wanted, Told], None]]] = {
    "crashes": (crashes.PAGE, play_crashes),
    "faults": (faults.PAGE, play_faults),
    "stores": (stores.PAGE, play_stores),
    "shared": (shared.PAGE, play_shared),
}


def main() -> int:
    """0 when every cell holds."""
    name, *words = [*sys.argv[1:], ""]
    if name in MATRICES:
        return played(name, [word for word in words if word])
    again = [sys.executable, "-m", "tests.matrices"]
    each = [subprocess.run([*again, one, *sys.argv[1:]], check=False) for one in MATRICES]
    return max(one.returncode for one in each)


def played(name: str, words: Sequence[str]) -> int:
    """One matrix, or some of its cells; 0 when all of them hold."""
    page, play = MATRICES[name]
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        page.update([outcome])
        say(line(outcome))

    began = time.monotonic()
    play(_wanted(page, words), tell)
    wrong = sum(bool(outcome.troubles) for outcome in outcomes)
    say(f"{len(outcomes)} {name}, {wrong} not as wanted, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _wanted(page: Page, words: Sequence[str]) -> Wanted:
    if list(words) != [OPEN]:
        return lambda name: all(word in name for word in words)
    holding = {name for name, cells in page.rows().items() if cells[-1] == HOLDS}
    return lambda name: name not in holding


def line(outcome: Outcome) -> str:
    """One row of the table."""
    seen = "; ".join(f"{what.lower()} {value[:60]}" for what, value in outcome.seen.items())
    return f"{outcome.name:<66} {outcome.verdict}; {seen}"


def say(words: str) -> None:
    """To whoever watches."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
