"""Who of a night of two machines is cut off, and where: drawn by seed, one stage of a list each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.matrices.crash_site import HELD_SECONDS
from tests.matrices.crashes import STAGES, Moment
from tests.support.vibe_world import VibeWorld
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.records import UserId
from vibe_pipeline.simulator.faults import Fault

_LOOK_SECONDS = 0.005
_ORDER = list(EditionState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A machine dies while this person's list is made, at this moment of it.

    ``held``: the call of theirs that hangs meanwhile, ordered from the simulated world.
    """

    person: UserId
    moment: Moment
    held: Fault | None

    def comes(self, world: VibeWorld, *, over: Callable[[], bool]) -> bool:
        """Wait for the moment; false where it was ``over`` before it came."""
        while not self._is_there(world):
            if over():
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _is_there(self, world: VibeWorld) -> bool:
        if self.held is not None:
            return self.held.times == 0
        state = stands_at(world, self.person)
        return state is not None and _ORDER.index(state) >= _ORDER.index(self.moment.state)

    def met(self, world: VibeWorld) -> str:
        """Where the list stood when its machine was dead: the moment's name, or what it was."""
        state = stands_at(world, self.person)
        return self.moment.name if state is self.moment.state else f"found {state or 'not begun'}"


def stands_at(world: VibeWorld, person: UserId) -> EditionState | None:
    """How far the person's newest list has come."""
    lists = world.store.editions.history(person, limit=1)
    return lists[0].state if lists else None


def deaths_among(
    world: VibeWorld, people: Sequence[Account], *, kills: int, rng: random.Random
) -> dict[UserId, Death]:
    """So many of these people's lists are cut off; every stage has its turn before one comes again.

    Their calls are made to hang from now on.
    """
    stages = [stage for _ in range(kills) for stage in rng.sample(STAGES, len(STAGES))]
    doomed = rng.sample(people, min(kills, len(people)))
    return {
        account.user_id: _ordered(world, account, stage)
        for account, stage in zip(doomed, stages, strict=False)
    }


def _ordered(world: VibeWorld, account: Account, moment: Moment) -> Death:
    held = None
    if moment.held is not None:
        held = Fault(
            service=moment.held.service,
            kind="timeout",
            endpoint=moment.held.endpoint,
            times=1,
            delay=HELD_SECONDS,
            for_user=world.listener_of(account).listener.id,
            applied=moment.held.applied,
        )
        world.simulator.simulation.faults.add(held)
    return Death(person=account.user_id, moment=moment, held=held)
