"""``make soak``: sixty nights of thirty people; ``--people``, ``--nights``, ``--seed`` for others.

People are soaked in groups, each a town of its own, so that a long soak can be played in pieces.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.soak.totals import Totals, totals
from tests.soak.town import Town, posted, town

CALM = timedelta(hours=30)
"""At the end nothing goes wrong for so long, and what was begun comes to its end."""
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


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


def main() -> int:
    """0 when everything that must be zero is."""
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--together", type=int, default=10, help="how many share a town")
    parser.add_argument("--within", type=float, default=float("inf"), help="seconds, for each")
    parser.add_argument("--worse", type=float, default=1.0, help="how often trouble comes")
    chosen = parser.parse_args()
    found, began = Totals(), time.monotonic()
    for first in range(0, chosen.people, chosen.together):
        some = min(chosen.together, chosen.people - first)
        part = soak(
            people=some, nights=chosen.nights, seed=chosen.seed + first, within=chosen.within
        )
        sys.stdout.write(f"{part.in_words()}\n")
        sys.stdout.flush()
        found.add(part)
    seconds = time.monotonic() - began
    sys.stdout.write(f"\nseed {chosen.seed}, {seconds:.0f} s: {found.in_words()}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
