"""A world made of real listening, read from a directory."""

from __future__ import annotations

from pathlib import Path

from vibe_pipeline.simulator.catalogue import World


class WorldUnreadable(Exception):
    """A directory that no world can be made from; the text says why, in one sentence."""


def real_world(directory: Path, *, seed: int = 1) -> World:
    """The world that a directory describes."""
    if not directory.is_dir():
        raise WorldUnreadable(f"{directory} is not a directory")
    raise WorldUnreadable(f"{directory} holds neither listens.csv nor plays.csv")
