"""Which tracks a refused write is refused for: group testing by writing halves (bisection).

Spotify takes a list as a whole or not at all, and does not say which track it stumbled over. What
is done about those found is ``second_choice``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vibe_pipeline.clients.errors import WriteRefused

MOST_PROBES = 60
"""Writes to find out with: enough for every track of a list of thirty, one by one."""


class Writes(Protocol):
    """The way to one playlist."""

    async def write(self, uris: Sequence[str]) -> str: ...


async def write_existing(
    writes: Writes, uris: Sequence[str], *, stood: Sequence[str] = ()
) -> list[str]:
    """Write these, without those that no longer exist; gives what was written.

    Where none is left the playlist is in disorder: nothing is written any more.
    """
    try:
        await writes.write(uris)
    except WriteRefused as refusal:
        tried = RefusedTracks(writes, stood=stood)
        await tried.look_among(uris, refusal)
        left = [uri for uri in uris if uri in tried.good]
        if left:
            await writes.write(left)
        return left
    return list(uris)


class RefusedTracks:
    """Tells good tracks from bad in one playlist, whose content it leaves in disorder.

    ``good``, ``bad`` and ``untold`` are addresses; the untold were not tried one by one any more.
    What was found out holds for later lists too. ``stood`` was taken before, and is tried in the
    place of an empty list.
    """

    def __init__(self, writes: Writes, *, stood: Sequence[str] = ()) -> None:
        self.good: set[str] = set()
        self.bad: set[str] = set()
        self.untold: set[str] = set()
        self._writes = writes
        self._stood = stood
        self._probes = 0
        self._to_blame = False

    async def look_among(self, uris: Sequence[str], refusal: WriteRefused) -> None:
        """Sort out the tracks of a refused write; one bad of thirty takes about nine writes.

        Raises ``refusal`` itself when the tracks are not to blame: nothing at all can be written.
        """
        suspects = [uri for uri in dict.fromkeys(uris) if uri not in self.good]
        await self._search(suspects, refusal, certain=True, seen=True)
        await self._see_that_tracks_are_to_blame(refusal)

    async def _search(
        self,
        suspects: Sequence[str],
        refusal: WriteRefused,
        *,
        certain: bool,
        seen: bool = False,
    ) -> None:
        """``certain``: one of them at least is bad, so that the whole need not be tried.

        ``seen``: that was found out twice. Who is left over as the only one to blame is otherwise
        tried by itself: the refusal that says so may have passed.
        """
        if not suspects:
            return
        if certain and seen and len(suspects) == 1:
            await self._found(suspects[0], refusal)
        elif self._probes >= MOST_PROBES:
            self.untold.update(suspects)
        elif (certain and len(suspects) > 1) or not await self._taken(suspects):
            middle, before = len(suspects) // 2, len(self.bad)
            if not middle:
                await self._found(suspects[0], refusal)
                return
            await self._search(suspects[:middle], refusal, certain=False)
            none_so_far = len(self.bad) == before and self.untold.isdisjoint(suspects)
            await self._search(suspects[middle:], refusal, certain=none_so_far)

    async def _found(self, uri: str, refusal: WriteRefused) -> None:
        """The first is blamed only where something else is taken: the endpoint may refuse all."""
        self.bad.add(uri)
        await self._see_that_tracks_are_to_blame(refusal)

    async def _taken(self, uris: Sequence[str]) -> bool:
        self._probes += 1
        try:
            await self._writes.write(uris)
        except WriteRefused:
            return False
        self.good.update(uris)
        return True

    async def _see_that_tracks_are_to_blame(self, refusal: WriteRefused) -> None:
        """Something else must be taken, unless some track was."""
        if not self._to_blame and not self.good and not await self._anything_else_taken():
            raise refusal
        self._to_blame = True

    async def _anything_else_taken(self) -> bool:
        stood = [uri for uri in self._stood if uri not in self.bad]
        if not stood:
            return await self._taken(())
        middle = (len(stood) + 1) // 2
        parts = (part for part in (stood, stood[:middle], stood[middle:]) if part)
        for part in parts:
            if await self._taken(part):
                return True
        return False
