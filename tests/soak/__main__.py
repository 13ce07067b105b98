"""``make soak``: sixty nights of thirty people; ``--people``, ``--nights``, ``--seed`` for others.

People are soaked in groups, each a town of its own in an interpreter of its own, as many at a time
as there are processors, so that a long soak can be played in pieces (``--town``). The larger a
town, the cheaper a night: what services answer is remembered for all who live there, as in any
installation. What came of each is kept in ``docs/soak.md``.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from tests.matrices.outcomes import DOCS, Outcome, Page
from tests.soak.totals import Totals, totals
from tests.soak.town import Town, posted, town

TOGETHER = 15
"""So many live in one town."""
CALM = timedelta(hours=30)
"""At the end nothing goes wrong for so long, and what was begun comes to its end."""
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it

PAGE = Page(
    path=DOCS / "soak.md",
    title="Nights in bad weather",
    introduction=(
        "Each line is a town of fifteen people and sixty nights, by an accelerated clock, with"
        " random faults of Spotify, sources and Telegram, workers killed, doubled triggers and"
        " hours in which nothing runs. A night is one person's. Wanted is a list each, or a"
        " sentence that says why not; nothing doubled, lost, silent or empty. Written by `make"
        " soak`; a town with fewer than 900 nights was cut off by `--within`."
    ),
    counted="towns",
    columns=(
        *("Nights", "Lists", "Told why not", "Runs", "Faults", "Kills"),
        *("Doubled", "Lost", "Silent", "Empty"),
    ),
    names=[f"town {number}" for number in range(1, 31)],
)


def soaked(
    here: Town, nights: int, *, within: float = float("inf"), calm: timedelta = CALM
) -> Totals:
    """So many nights, or as many as can be played ``within`` seconds; and the calm after them."""
    until = time.monotonic() + within
    began = here.clock.now()
    end, day = began + timedelta(days=nights), 0
    with posted(here) as deliver:
        while here.clock.now() < end + calm:
            here.troubles.calm = here.clock.now() > end
            here.tick()
            deliver()
            here.pass_on()
            if time.monotonic() > until:
                end = min(end, here.clock.now())
            if (here.clock.now() - began).days > day:
                day = (here.clock.now() - began).days
                here.live()
        here.finish()
        deliver()
    return totals(here, began, end)


def _fastest() -> Path | None:
    """Where a folder costs no disk, if there is such a place: a soak writes all the time."""
    return IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None


def soak(
    *,
    people: int,
    nights: int,
    seed: int,
    within: float = float("inf"),
    worse: float = 1.0,
    calm: timedelta = CALM,
    surely: bool = False,
) -> Totals:
    """One town from its first night to its last; ``surely``: its first run is killed."""
    logging.disable(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vibe-soak-", dir=_fastest()) as folder,
            town(Path(folder), people=people, seed=seed, worse=worse, surely=surely) as here,
        ):
            return soaked(here, nights, within=within, calm=calm)
    finally:
        logging.disable(logging.NOTSET)


def town_outcome(number: int, part: Totals) -> Outcome:
    """The row of the table."""
    return Outcome(
        name=f"town {number}",
        seen={
            "Nights": str(part.nights),
            "Lists": str(part.lists),
            "Told why not": str(part.nights_told_without_list),
            "Runs": str(part.runs),
            "Faults": str(part.faults),
            "Kills": str(part.kills),
            "Doubled": str(part.duplicates),
            "Lost": str(part.lost_rows),
            "Silent": str(part.silent_nights),
            "Empty": str(part.empty_playlists),
        },
        troubles=part.wrong,
    )


def one_town(number: int, chosen: argparse.Namespace) -> int:
    """Play it, keep what came of it, and say so."""
    began, cpu = time.monotonic(), time.process_time()
    people = min(chosen.together, chosen.people - chosen.together * (number - 1))
    part = soak(
        people=people,
        nights=chosen.nights,
        seed=chosen.seed + number,
        within=chosen.within,
        worse=chosen.worse,
    )
    PAGE.update([town_outcome(number, part)])
    seconds, spent = time.monotonic() - began, time.process_time() - cpu
    sys.stdout.write(f"town {number}: {seconds:.0f} s, {spent:.0f} s of processor here\n")
    sys.stdout.write(f"{part.in_words()}\n")
    return 0 if part.holds else 1


def several_towns(numbers: Sequence[int], at_once: int) -> int:
    """Each in an interpreter of its own, so many at a time; 0 when all of them hold."""
    again = [sys.executable, "-W", "ignore", "-m", "tests.soak", *sys.argv[1:]]

    def played(number: int) -> int:
        return subprocess.run([*again, "--town", str(number)], check=False).returncode

    with ThreadPoolExecutor(at_once) as pool:
        return max(pool.map(played, numbers))


def main() -> int:
    """0 when everything that must be zero is."""
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--together", type=int, default=TOGETHER, help="how many share a town")
    parser.add_argument("--within", type=float, default=float("inf"), help="seconds, for each")
    parser.add_argument("--worse", type=float, default=1.0, help="how often trouble comes")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="towns at a time")
    parser.add_argument("--town", type=int, help="only the town of this number")
    chosen = parser.parse_args()
    if chosen.town is not None:
        return one_town(chosen.town, chosen)
    return several_towns(range(1, -(-chosen.people // chosen.together) + 1), chosen.at_once)


if __name__ == "__main__":
    sys.exit(main())
