"""The simulated Telegram: its people, their chats with the bot, and what they do there."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from mimetypes import guess_type
from time import monotonic as real_monotonic

from vibe_pipeline.simulator.telegram.commands import BotProfile
from vibe_pipeline.simulator.telegram.entities import Formatted, typed
from vibe_pipeline.simulator.telegram.flood import FloodGate, FloodLimits
from vibe_pipeline.simulator.telegram.records import (
    Chat,
    Notice,
    Person,
    StoredFile,
    StoredMessage,
    Tap,
)
from vibe_pipeline.simulator.telegram.signal import Signal
from vibe_pipeline.simulator.telegram.updates import UpdateQueue
from vibe_pipeline.simulator.telegram.wire import Json

DEFAULT_TOKEN = "1234567:SIMULATED-TELEGRAM-TOKEN-0123456789"  # noqa: S105
TAP_LIFETIME = timedelta(minutes=2)
ACTION_SECONDS = 5.0
_FIRST_PERSON = 100_000_001
_CALLS_KEPT = 20_000


class NotPossible(Exception):
    """A person cannot do this in Telegram, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCall:
    """One call of the bot as it was answered; ``unknown`` are names the Bot API does not have."""

    method: str
    chat_id: int | None
    thread_id: int | None
    code: int
    description: str
    unknown: tuple[str, ...]


class TelegramState:
    """All that Telegram would know: in memory, deterministic, safe from any thread."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        token: str = DEFAULT_TOKEN,
        monotonic: Callable[[], float] = real_monotonic,
        limits: FloodLimits | None = None,
    ) -> None:
        self.token = token
        self.clock = clock
        self.monotonic = monotonic
        self.lock = threading.RLock()
        self.changed = Signal()
        self.updates = UpdateQueue(clock)
        self.profile = BotProfile(bot_id=int(token.partition(":")[0]))
        self.flood = FloodGate(monotonic, limits)
        self.files: dict[str, StoredFile] = {}
        self.taps: dict[str, Tap] = {}
        self.calls: deque[BotCall] = deque(maxlen=_CALLS_KEPT)
        self.webhook_url = ""
        self.logged_out = False
        self._chats: dict[int, Chat] = {}
        self._messages = 0
        self._queries = 0
        self._uploads = 0
        self._revision = 0

    def add_person(
        self,
        *,
        name: str,
        telegram_id: int | None = None,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = "en",
    ) -> Person:
        """A new person, or the changed names of a known one. The chat is theirs to open."""
        with self.lock:
            number = telegram_id if telegram_id is not None else _FIRST_PERSON + len(self._chats)
            person = Person(
                telegram_id=number,
                name=name,
                last_name=last_name,
                username=username,
                language_code=language_code,
            )
            if number in self._chats:
                self._chats[number].person = person
            else:
                self._chats[number] = Chat(person=person)
            self.touch(self._chats[number])
            return person

    def newcomer(self, *, name: str, language_code: str) -> Person:
        """Somebody who comes by the chat page."""
        return self.add_person(name=name, language_code=language_code)

    def people(self) -> list[Person]:
        """Everybody who has an account here, in the order they came."""
        with self.lock:
            return [chat.person for chat in self._chats.values()]

    def chat(self, telegram_id: int) -> Chat:
        """The chat of a person; ``NotPossible`` for an id nobody has."""
        chat = self.find_chat(telegram_id)
        if chat is None:
            raise NotPossible(f"nobody has the Telegram id {telegram_id}")
        return chat

    def find_chat(self, telegram_id: int) -> Chat | None:
        """The chat of a person, if there is such a person."""
        return self._chats.get(telegram_id)

    def type_text(
        self,
        telegram_id: int,
        text: str,
        *,
        reply_to: int | None = None,
        forwarded_from: str | None = None,
    ) -> StoredMessage:
        """A person types and sends, or forwards from somebody; the bot gets an update."""
        body = typed(text)
        with self.lock:
            chat = self._open_chat(telegram_id)
            if not body.text or len(body.text) > 4096:
                raise NotPossible("a message has 1 to 4096 characters")
            chat.started = True
            message = self.add_message(
                chat,
                StoredMessage(
                    message_id=0,
                    chat_id=telegram_id,
                    from_bot=False,
                    sent_at=self.clock(),
                    body=body,
                    reply_to=reply_to,
                    forwarded_from=forwarded_from,
                ),
            )
            if chat.keyboard is not None and chat.keyboard.get("force_reply"):
                chat.keyboard = None
            update_id = self.updates.put("message", self.message_json(message))
            message = self.put_message(chat, replace(message, update_id=update_id))
        self.changed.notify()
        return message

    def send_file(
        self, telegram_id: int, name: str, content: bytes, *, mime_type: str = ""
    ) -> StoredMessage:
        """A person sends a file; the bot gets an update and may fetch it, up to a size."""
        with self.lock:
            chat = self._open_chat(telegram_id)
            chat.started = True
            self._uploads += 1
            stored = StoredFile(
                file_id=f"BQACAgIAAxkBAAI{self._uploads:06d}",
                unique_id=f"AgAD{self._uploads:06d}",
                name=name,
                mime_type=mime_type or guess_type(name)[0] or "application/octet-stream",
                content=content,
            )
            self.files[stored.file_id] = stored
            message = self.add_message(
                chat,
                StoredMessage(
                    message_id=0,
                    chat_id=telegram_id,
                    from_bot=False,
                    sent_at=self.clock(),
                    body=typed(""),
                    file=stored,
                ),
            )
            update_id = self.updates.put("message", self.message_json(message))
            message = self.put_message(chat, replace(message, update_id=update_id))
        self.changed.notify()
        return message

    def tap(self, telegram_id: int, message_id: int, data: str) -> Tap:
        """A person presses an inline button of a message."""
        with self.lock:
            chat = self._open_chat(telegram_id)
            message = chat.messages.get(message_id)
            if message is None or message.deleted:
                raise NotPossible(f"there is no message {message_id} in this chat")
            if not any(
                b.get("callback_data") == data for row in message.inline_keyboard for b in row
            ):
                raise NotPossible(f"message {message_id} has no button with the data {data!r}")
            self._queries += 1
            tap = Tap(
                query_id=str(telegram_id * 1_000_000 + self._queries),
                telegram_id=telegram_id,
                message_id=message_id,
                data=data,
                tapped_at=self.clock(),
            )
            self.taps[tap.query_id] = tap
            self.updates.put(
                "callback_query",
                {
                    "id": tap.query_id,
                    "from": chat.person.as_user(),
                    "message": self.message_json(message),
                    "chat_instance": str(-telegram_id * 7),
                    "data": data,
                },
            )
            self.touch(chat)
        self.changed.notify()
        return tap

    def block(self, telegram_id: int) -> None:
        """A person blocks the bot: what is sent to them is refused from now on."""
        self._change_membership(telegram_id, blocked=True)

    def unblock(self, telegram_id: int) -> None:
        """A person lets the bot in again."""
        self._change_membership(telegram_id, blocked=False)

    def deactivate(self, telegram_id: int) -> None:
        """A person deletes their Telegram account."""
        with self.lock:
            chat = self.chat(telegram_id)
            chat.deactivated = True
            self.touch(chat)
        self.changed.notify()

    def confirm(self, offset: int) -> None:
        """The bot has taken the updates before this offset; people see their messages read."""
        for update in self.updates.confirm(offset):
            if "message" in update:
                self.touch(self.chat(update["message"]["chat"]["id"]))

    def close(self) -> None:
        """Let nobody wait any longer; for the server's end."""
        self.changed.close()

    def message_json(self, message: StoredMessage) -> Json:
        """The ``Message`` of the Bot API."""
        chat = self.chat(message.chat_id)
        sender = self.profile.as_user() if message.from_bot else chat.person.as_user()
        shown: Json = {
            "message_id": message.message_id,
            "from": sender,
            "chat": chat.person.as_chat(),
            "date": int(message.sent_at.timestamp()),
        }
        if message.edited_at is not None:
            shown["edit_date"] = int(message.edited_at.timestamp())
        if message.forwarded_from is not None:
            shown["forward_origin"] = {
                "type": "hidden_user",
                "date": int(message.sent_at.timestamp()),
                "sender_user_name": message.forwarded_from,
            }
        replied = chat.messages.get(message.reply_to) if message.reply_to is not None else None
        if replied is not None and not replied.deleted:
            shown["reply_to_message"] = self.message_json(replace(replied, reply_to=None))
        shown |= _content(message)
        if message.inline_keyboard:
            shown["reply_markup"] = message.markup
        return shown

    def add_message(self, chat: Chat, message: StoredMessage) -> StoredMessage:
        """Give a message its number and put it at the end of its chat."""
        self._messages += 1
        return self.put_message(chat, replace(message, message_id=self._messages))

    def put_message(self, chat: Chat, message: StoredMessage) -> StoredMessage:
        """Keep a message as it stands now."""
        kept = replace(message, revision=self.touch(chat))
        chat.messages[kept.message_id] = kept
        return kept

    def touch(self, chat: Chat) -> int:
        """Note that a chat changed; the number grows with every change anywhere."""
        self._revision += 1
        chat.revision = self._revision
        return self._revision

    def notice(self, tap: Tap, *, text: str, alert: bool, url: str | None) -> None:
        """Stop the spinner of a tap and show what the bot answered to it."""
        chat = self.chat(tap.telegram_id)
        self.taps[tap.query_id] = replace(tap, answered=True)
        revision = self.touch(chat)
        if text or url:
            chat.notices.append(
                Notice(query_id=tap.query_id, text=text, alert=alert, url=url, revision=revision)
            )

    def _open_chat(self, telegram_id: int) -> Chat:
        chat = self.chat(telegram_id)
        if chat.deactivated:
            raise NotPossible(f"{chat.person.name} has deleted the Telegram account")
        if chat.blocked:
            raise NotPossible(f"{chat.person.name} has blocked the bot and must unblock it first")
        return chat

    def _change_membership(self, telegram_id: int, *, blocked: bool) -> None:
        with self.lock:
            chat = self.chat(telegram_id)
            if chat.blocked == blocked:
                return
            chat.blocked = blocked
            bot = self.profile.as_user()
            member: Json = {"status": "member", "user": bot}
            kicked: Json = {"status": "kicked", "user": bot, "until_date": 0}
            self.updates.put(
                "my_chat_member",
                {
                    "chat": chat.person.as_chat(),
                    "from": chat.person.as_user(),
                    "date": int(self.clock().timestamp()),
                    "old_chat_member": member if blocked else kicked,
                    "new_chat_member": kicked if blocked else member,
                },
            )
            self.touch(chat)
        self.changed.notify()


def _content(message: StoredMessage) -> Json:
    body, stored = message.body, message.file
    shown: Json = {}
    if message.protected:
        shown["has_protected_content"] = True
    if message.effect_id is not None:
        shown["effect_id"] = message.effect_id
    if stored is None:
        return shown | _text_fields("text", "entities", body) | _preview(message)
    reference = {"file_id": stored.file_id, "file_unique_id": stored.unique_id}
    size = {"file_size": len(stored.content)}
    if stored.width is None:
        named = {"file_name": stored.name, "mime_type": stored.mime_type}
        shown["document"] = reference | named | size
    else:
        shape = {"width": stored.width, "height": stored.height}
        shown["photo"] = [reference | shape | size]
    return shown | (_text_fields("caption", "caption_entities", body) if body.text else {})


def _text_fields(text: str, entities: str, body: Formatted) -> Json:
    fields: Json = {text: body.text}
    if body.entities:
        fields[entities] = list(body.entities)
    return fields


def _preview(message: StoredMessage) -> Json:
    return {} if message.link_preview is None else {"link_preview_options": message.link_preview}
