"""A world made of real listening, read from a directory."""

from __future__ import annotations

from pathlib import Path

from vibe_pipeline.simulator.worlds.catalogue import World
from vibe_pipeline.simulator.worlds.listens import ListensWorld
from vibe_pipeline.simulator.worlds.plays import PlaysWorld
from vibe_pipeline.simulator.worlds.real_files import WorldUnreadable

__all__ = ["WorldUnreadable", "real_world"]


def real_world(directory: Path, *, seed: int = 1) -> World:
    """The world of a ``listens.csv`` with its ``artists.csv``, or of a ``plays.csv``."""
    if not directory.is_dir():
        raise WorldUnreadable(f"{directory} is not a directory")
    if (directory / "listens.csv").is_file():
        if not (directory / "artists.csv").is_file():
            raise WorldUnreadable(f"{directory} has a listens.csv but no artists.csv with names")
        return ListensWorld(directory.resolve(), seed=seed)
    if (directory / "plays.csv").is_file():
        return PlaysWorld(directory.resolve(), seed=seed)
    raise WorldUnreadable(f"{directory} holds neither a listens.csv nor a plays.csv")
