"""What the simulated Telegram keeps: people, messages, taps on buttons, files."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from vibe_pipeline.simulator.telegram.entities import Formatted
from vibe_pipeline.simulator.telegram.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a Telegram account; the private chat with the bot has the same id."""

    telegram_id: int
    name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None

    def as_user(self) -> Json:
        """The ``User`` of the Bot API."""
        user: Json = {"id": self.telegram_id, "is_bot": False, **self._names()}
        if self.language_code is not None:
            user["language_code"] = self.language_code
        return user

    def as_chat(self) -> Json:
        """The private ``Chat`` of the Bot API."""
        return {"id": self.telegram_id, "type": "private", **self._names()}

    def _names(self) -> Json:
        names = {
            "first_name": self.name,
            "last_name": self.last_name,
            "username": self.username,
        }
        return {key: value for key, value in names.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that the bot sent, or a person."""

    file_id: str
    unique_id: str
    name: str
    mime_type: str
    content: bytes = field(repr=False)
    width: int | None = None
    height: int | None = None

    @property
    def path(self) -> str:
        """Where the Bot API serves it."""
        folder = "documents" if self.width is None else "photos"
        return f"{folder}/{self.unique_id}{PurePosixPath(self.name).suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message of a private chat, as it stands now."""

    message_id: int
    chat_id: int
    from_bot: bool
    sent_at: datetime
    body: Formatted
    edited_at: datetime | None = None
    markup: Json | None = None
    file: StoredFile | None = None
    reply_to: int | None = None
    forwarded_from: str | None = None
    silent: bool = False
    protected: bool = False
    link_preview: Json | None = None
    effect_id: str | None = None
    update_id: int | None = None
    versions: tuple[Formatted, ...] = ()
    deleted: bool = False
    revision: int = 0

    @property
    def inline_keyboard(self) -> list[list[Json]]:
        """The rows of buttons under the message."""
        rows: list[list[Json]] = (self.markup or {}).get("inline_keyboard", [])
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """Somebody pressed an inline button; the spinner turns until the bot answers."""

    query_id: str
    telegram_id: int
    message_id: int
    data: str
    tapped_at: datetime
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What answering a tap showed: a passing line, or an alert to be closed."""

    query_id: str
    text: str
    alert: bool
    url: str | None
    revision: int


@dataclass(slots=True, kw_only=True)
class Chat:
    """The private chat of one person with the bot."""

    person: Person
    started: bool = False
    blocked: bool = False
    deactivated: bool = False
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    action: str | None = None
    action_until: float = 0.0
    revision: int = 0
    keyboard: Json | None = None
    menu_button: Json | None = None
