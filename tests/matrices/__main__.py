"""Plays the matrices and keeps their tables.

``python -m tests.matrices [crashes|faults|stores] [WORDS]``: one of them, and the cells whose names
hold all these words.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from tests.matrices import crashes, faults, stores
from tests.matrices.crash_site import CrashPoint, Site, site
from tests.matrices.fault_kinds import KINDS
from tests.matrices.outcomes import Outcome, Page
from tests.matrices.store_harm import on_a_small_disk
from vibe_pipeline.demo.installation import demo_installation

Told = Callable[[Outcome], None]


def play_crashes(words: Sequence[str], tell: Told) -> None:
    """Each crash in one installation, one after the other."""
    _play_points(crashes.POINTS, words, tell)


def play_stores(words: Sequence[str], tell: Told) -> None:
    """Each loss likewise, on a disk that may be filled."""
    on_a_small_disk()
    _play_points(stores.POINTS, words, tell)


def _play_points(everything: Sequence[CrashPoint], words: Sequence[str], tell: Told) -> None:
    points = [point for point in everything if all(word in point.name for word in words)]
    if not points:
        return
    with demo_installation(None) as installation:

        async def all_of_them() -> None:
            async with site(installation) as here:
                for point in points:
                    tell(await here.supervisor.alongside(_played(point, here)))

        asyncio.run(all_of_them())


async def _played(point: CrashPoint, here: Site) -> Outcome:
    try:
        return await point.play(here)
    except (LookupError, TimeoutError) as error:
        await here.release()
        return Outcome(name=point.name, seen={}, troubles=[f"not played: {error!r}"])


def play_faults(words: Sequence[str], tell: Told) -> None:
    """Each bad answer in one world, one after the other."""
    with faults.fault_site() as here:
        for cell in faults.CELLS:
            kinds = [
                kind
                for kind in KINDS
                if any(all(word in name for word in words) for name in faults.names(cell, [kind]))
            ]
            if kinds:
                faults.play_cell(here, cell, kinds, tell)


MATRICES: dict[str, tuple[Page, Callable[[Sequence[str], Told], None]]] = {
    "crashes": (crashes.PAGE, play_crashes),
    "faults": (faults.PAGE, play_faults),
    "stores": (stores.PAGE, play_stores),
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
    play(words, tell)
    wrong = sum(bool(outcome.troubles) for outcome in outcomes)
    say(f"{len(outcomes)} {name}, {wrong} not as wanted, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


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
