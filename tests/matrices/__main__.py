"""Plays every crash and prints the table: ``python -m tests.matrices [WORDS]`` for some of them."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.matrices.crashes import POINTS, CrashPoint, Outcome, site
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation


async def play(installation: DemoInstallation, points: tuple[CrashPoint, ...]) -> list[Outcome]:
    """Each of them in one installation, one after the other."""
    outcomes = []
    async with site(installation) as here:
        for point in points:
            outcome = await here.supervisor.alongside(here.crash(point))
            outcomes.append(outcome)
            say(line(outcome))
    return outcomes


def line(outcome: Outcome) -> str:
    """One row of the table."""
    verdict = ", ".join(f"not: {trouble}" for trouble in outcome.troubles) or "holds"
    lists = f"playlists {list(outcome.playlists)}, history {outcome.remembered}"
    return (
        f"{outcome.point.name:<42} {outcome.seconds:6.1f} s  {lists:<32}"
        f" told {outcome.told}  {verdict}"
    )


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
