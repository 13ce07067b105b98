"""Who is there: people with a Telegram account, each a listener of the world.

What they have on Spotify is kept in ``spotify.state``, their chats in ``telegram.state``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vibe_pipeline.simulator.worlds.catalogue import Listener


class PersonUnknown(LookupError):
    """Nobody here has this Telegram id, or no listener this name."""


class PersonTaken(ValueError):
    """That Telegram id or listener belongs to somebody already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on Telegram who listens to music on Spotify."""

    telegram_id: int
    name: str
    username: str | None
    language_code: str | None
    listener: str

    def as_json(self) -> dict[str, Any]:
        """The form the control endpoint tells it in."""
        return {name: getattr(self, name) for name in self.__slots__}


class People:
    """Everybody who was created, by Telegram id."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._people: dict[int, Person] = {}

    def create(
        self,
        telegram_id: int,
        *,
        name: str,
        username: str | None = None,
        language_code: str | None = "en",
        listener: str | None = None,
    ) -> Person:
        """A person, bound to a listener of the world: the named one, or the first that is free."""
        if telegram_id in self._people:
            raise PersonTaken(f"there is a person with the Telegram id {telegram_id} already")
        person = Person(
            telegram_id=telegram_id,
            name=name,
            username=username,
            language_code=language_code,
            listener=self._free_listener(listener),
        )
        self._people[telegram_id] = person
        return person

    def _free_listener(self, wanted: str | None) -> str:
        taken = {person.listener for person in self._people.values()}
        if wanted is not None:
            if wanted not in {listener.id for listener in self._listeners}:
                raise PersonUnknown(f"this world has no listener {wanted}")
            if wanted in taken:
                raise PersonTaken(f"the listener {wanted} belongs to somebody already")
            return wanted
        for listener in self._listeners:
            if listener.id not in taken:
                return listener.id
        raise PersonTaken("every listener of this world belongs to somebody already")

    def all(self) -> list[Person]:
        """Everybody, in the order of their coming."""
        return list(self._people.values())

    def get(self, telegram_id: int) -> Person:
        """The person with this Telegram id."""
        try:
            return self._people[telegram_id]
        except KeyError:
            raise PersonUnknown(f"nobody has the Telegram id {telegram_id}") from None

    def find(self, telegram_id: int) -> Person | None:
        """The person with this Telegram id, if there is one."""
        return self._people.get(telegram_id)

    def listening_as(self, listener_id: str) -> Person | None:
        """The person who is this listener."""
        for person in self._people.values():
            if person.listener == listener_id:
                return person
        return None
