"""The small things all of Telegram's text reading shares: UTF-16 lengths, entities, cleaning."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vibe_pipeline.simulator.telegram.wire import Json

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_REMOVED = re.compile("[\r\u2028-\u202e]")


class Unparsable(Exception):
    """Why a marked-up text is refused, in Telegram's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A stretch of text with a meaning; offsets count UTF-16 units, as Telegram's do."""

    kind: str
    offset: int
    length: int
    detail: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        """The ``MessageEntity`` of the Bot API."""
        return {"type": self.kind, "offset": self.offset, "length": self.length, **self.detail}

    def overlaps(self, other: "Entity") -> bool:
        """Whether both cover a character in common."""
        return (
            self.offset < other.offset + other.length and other.offset < self.offset + self.length
        )

    def within(self, end: int) -> "Entity":
        """The part that lies before ``end``."""
        return replace(self, length=min(self.offset + self.length, end) - self.offset)


def utf16_length(text: str) -> int:
    """How long Telegram counts a text when it speaks of offsets."""
    return len(text) + sum(character > "\uffff" for character in text)


def byte_offset(text: str, position: int) -> int:
    """Where a character stands in bytes, which is how Telegram words parse errors."""
    return len(text[:position].encode())


def cleaned(text: str) -> str:
    """Without the control characters that Telegram drops or turns into blanks."""
    return _CONTROL.sub(" ", _REMOVED.sub("", text))


def shifted(entities: Iterable[Entity], removed: int) -> list[Entity]:
    """The entities after ``removed`` units were taken off the beginning of the text."""
    moved: list[Entity] = []
    for entity in entities:
        start = max(0, entity.offset - removed)
        end = max(0, entity.offset + entity.length - removed)
        moved.append(replace(entity, offset=start, length=end - start))
    return moved
