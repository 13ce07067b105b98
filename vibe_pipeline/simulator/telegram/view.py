"""A chat as a person sees it, told as JSON to the chat page and the control endpoint."""

from typing import Any

from vibe_pipeline.simulator.clock import written
from vibe_pipeline.simulator.telegram.records import Chat, Person, StoredMessage
from vibe_pipeline.simulator.telegram.state import TAP_LIFETIME, TelegramState
from vibe_pipeline.simulator.telegram.wire import Json


def person_view(person: Person) -> Json:
    """Who somebody is."""
    return {
        "telegram_id": person.telegram_id,
        "name": person.name,
        "last_name": person.last_name,
        "username": person.username,
        "language_code": person.language_code,
    }


def chat_view(state: TelegramState, telegram_id: int, *, after: int = 0) -> Json:
    """One chat with everything that changed after a revision; 0 means all of it."""
    with state.lock:
        chat = state.chat(telegram_id)
        messages = [
            _message_view(state, message)
            for message in chat.messages.values()
            if message.revision > after
        ]
        return {
            "revision": chat.revision,
            "person": person_view(chat.person),
            "started": chat.started,
            "blocked": chat.blocked,
            "deactivated": chat.deactivated,
            "bot": _bot_view(state, chat),
            "action": _action(state, chat),
            "keyboard": chat.keyboard,
            "read_up_to": _read_up_to(state, chat),
            "waiting_taps": _waiting_taps(state, chat),
            "notices": [
                {
                    "query_id": notice.query_id,
                    "text": notice.text,
                    "alert": notice.alert,
                    "url": notice.url,
                    "revision": notice.revision,
                }
                for notice in chat.notices
                if notice.revision > after
            ],
            "messages": messages,
        }


def _bot_view(state: TelegramState, chat: Chat) -> Json:
    profile, language = state.profile, (chat.person.language_code or "").split("-")[0]

    def own(texts: dict[str, str]) -> str:
        return texts.get(language) or texts.get("", "")

    return {
        "name": own(profile.names),
        "username": profile.username,
        "description": own(profile.descriptions),
        "commands": profile.commands_for(chat.person.telegram_id, chat.person.language_code),
        "menu_button": chat.menu_button or profile.menu_button,
    }


def _action(state: TelegramState, chat: Chat) -> Json | None:
    left = chat.action_until - state.monotonic()
    return {"name": chat.action, "seconds": round(left, 2)} if chat.action and left > 0 else None


def _read_up_to(state: TelegramState, chat: Chat) -> int:
    read = (
        message.message_id
        for message in reversed(chat.messages.values())
        if message.update_id is not None and state.updates.confirmed(message.update_id)
    )
    return next(read, 0)


def _waiting_taps(state: TelegramState, chat: Chat) -> list[Json]:
    oldest = state.clock() - TAP_LIFETIME
    return [
        {"query_id": tap.query_id, "message_id": tap.message_id, "data": tap.data}
        for tap in state.taps.values()
        if tap.telegram_id == chat.person.telegram_id
        and not tap.answered
        and tap.tapped_at > oldest
    ]


def _message_view(state: TelegramState, message: StoredMessage) -> Json:
    shown: dict[str, Any] = {
        "message_id": message.message_id,
        "from": "bot" if message.from_bot else "person",
        "at": written(message.sent_at),
        "edited_at": None if message.edited_at is None else written(message.edited_at),
        "text": message.body.text,
        "entities": list(message.body.entities),
        "buttons": message.inline_keyboard,
        "reply_markup": message.markup,
        "reply_to": message.reply_to,
        "silent": message.silent,
        "deleted": message.deleted,
        "revision": message.revision,
        "versions": [version.text for version in message.versions],
        "file": None,
    }
    if message.file is not None:
        shown["file"] = {
            "name": message.file.name,
            "mime_type": message.file.mime_type,
            "size": len(message.file.content),
            "url": f"chat/api/files/{message.file.file_id}",
            "width": message.file.width,
            "height": message.file.height,
        }
    return shown
