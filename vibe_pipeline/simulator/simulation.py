"""Everything the simulated services share: the world, its people, the clock, rules, trouble."""

from __future__ import annotations

import random
from typing import Protocol, TypeVar

from vibe_pipeline.simulator.clock import Clock
from vibe_pipeline.simulator.credentials import Credentials, demo_credentials
from vibe_pipeline.simulator.faults import Faults
from vibe_pipeline.simulator.people import People, Person
from vibe_pipeline.simulator.request_log import RequestLog
from vibe_pipeline.simulator.rules import Rules
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.simulator.worlds.catalogue import World

PartType = TypeVar("PartType", bound="Part")


class Part(Protocol):
    """State that one service keeps for itself."""

    def __init__(self, simulation: Simulation) -> None: ...


class Simulation:
    """One outside world. Services keep what is theirs in a part: ``simulation.part(Accounts)``."""

    def __init__(
        self,
        world: World | None = None,
        *,
        seed: int = 1,
        clock: Clock | None = None,
        rules: Rules | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.world = world if world is not None else BuiltInWorld(seed)
        self.seed = seed
        self.clock = clock if clock is not None else Clock()
        self.rules = rules if rules is not None else Rules()
        self.credentials = credentials if credentials is not None else demo_credentials()
        self.rng = random.Random(seed)
        self.log = RequestLog()
        self.faults = Faults(rng=random.Random(seed + 1))
        self.people = People(self.world.listeners)
        self._parts: dict[type[Part], Part] = {}

    def part(self, kind: type[PartType]) -> PartType:
        """The one state of this kind, made when first asked for."""
        made = self._parts.get(kind)
        if made is None:
            made = self._parts[kind] = kind(self)
        if not isinstance(made, kind):  # pragma: no cover - the key is the type
            raise TypeError(f"{made!r} is no {kind.__name__}")
        return made

    def create_person(
        self,
        telegram_id: int,
        *,
        name: str = "Newcomer",
        username: str | None = None,
        language_code: str | None = "en",
        listener: str | None = None,
    ) -> Person:
        """A person with a Telegram and a Spotify account, for tests in the same process."""
        return self.people.create(
            telegram_id,
            name=name,
            username=username,
            language_code=language_code,
            listener=listener,
        )
