"""Plays the matrices and keeps their tables: ``python -m tests.matrices [WORDS]`` for some."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.matrices.crash_site import CrashPoint, site
from tests.matrices.crashes import PAGE, POINTS
from tests.matrices.outcomes import Outcome
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation


async def play(installation: DemoInstallation, points: tuple[CrashPoint, ...]) -> list[Outcome]:
    """Each of them in one installation, one after the other."""
    outcomes = []
    async with site(installation) as here:
        for point in points:
            try:
                outcome = await here.supervisor.alongside(point.play(here))
            except (LookupError, TimeoutError) as error:
                outcome = Outcome(name=point.name, seen={}, troubles=[f"not played: {error!r}"])
                await here.release()
            outcomes.append(outcome)
            PAGE.update([outcome])
            say(line(outcome))
    return outcomes


def line(outcome: Outcome) -> str:
    """One row of the table."""
    seen = ", ".join(f"{what.lower()} {value}" for what, value in outcome.seen.items())
    return f"{outcome.name:<66} {seen:<62} {outcome.verdict}"


def say(words: str) -> None:
    """To whoever watches."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """0 when every cell holds."""
    wanted = sys.argv[1:]
    points = tuple(point for point in POINTS if all(word in point.name for word in wanted))
    began = time.monotonic()
    with demo_installation(None) as installation:
        outcomes = asyncio.run(play(installation, points))
    bad = sum(bool(outcome.troubles) for outcome in outcomes)
    say(f"{len(outcomes)} kills, {bad} not as wanted, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
