"""What a bot does to messages: send, edit, delete, answer a tap, show that it is typing."""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vibe_pipeline.simulator.telegram.entities import CAPTION_LIMIT, Formatted, read_text
from vibe_pipeline.simulator.telegram.keyboards import read_markup
from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.records import Chat, StoredFile, StoredMessage
from vibe_pipeline.simulator.telegram.state import ACTION_SECONDS, TAP_LIFETIME, TelegramState
from vibe_pipeline.simulator.telegram.wire import Json, Parameters, Refused, Upload, bad_request

_UPLOAD_LIMIT = 50 * 1024 * 1024
_PHOTO_LIMIT = 10 * 1024 * 1024
_ACTIONS = frozenset(
    {"typing", "choose_sticker", "find_location", "upload_photo", "upload_document"}
    | {f"{verb}_{thing}" for verb in ("record", "upload") for thing in ("video", "voice")}
    | {"record_video_note", "upload_video_note"}
)
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly"
    " the same as a current content and reply markup of the message"
)
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


def send_message(state: TelegramState, parameters: Parameters) -> Json:
    """``sendMessage``: a text, with or without buttons."""
    return _send(state, parameters, read_text(parameters))


def send_document(state: TelegramState, parameters: Parameters) -> Json:
    """``sendDocument``: a file, uploaded or sent before."""
    stored = _file(state, parameters, "document", _as_document)
    return _send(state, parameters, _caption(parameters), stored)


def send_photo(state: TelegramState, parameters: Parameters) -> Json:
    """``sendPhoto``: a picture, uploaded or sent before."""
    stored = _file(state, parameters, "photo", _as_photo)
    return _send(state, parameters, _caption(parameters), stored)


def edit_text(state: TelegramState, parameters: Parameters) -> Json:
    """``editMessageText``: another text in place; buttons go unless they are given again."""
    if parameters.decoded("rich_message", "rich message") is not None:
        raise bad_request("rich messages are not simulated")
    body = read_text(parameters)
    markup = read_markup(parameters, inline_only=True)
    message = _editable(state, parameters)
    if message.file is not None:
        raise bad_request("there is no text in the message to edit")
    preview = _link_preview(parameters)
    return _edit(state, message, replace(message, body=body, markup=markup, link_preview=preview))


def edit_caption(state: TelegramState, parameters: Parameters) -> Json:
    """``editMessageCaption``: another text under a file."""
    body = _caption(parameters)
    markup = read_markup(parameters, inline_only=True)
    message = _editable(state, parameters)
    if message.file is None:
        raise bad_request("there is no caption in the message to edit")
    return _edit(state, message, replace(message, body=body, markup=markup))


def edit_markup(state: TelegramState, parameters: Parameters) -> Json:
    """``editMessageReplyMarkup``: other buttons under the same text."""
    markup = read_markup(parameters, inline_only=True)
    message = _editable(state, parameters)
    return _edit(state, message, replace(message, markup=markup))


def delete_message(state: TelegramState, parameters: Parameters) -> bool:
    """``deleteMessage``: gone for both sides."""
    chat = open_chat(state, parameters)
    message = chat.messages.get(_message_id(parameters))
    if message is None or message.deleted:
        raise bad_request("message to delete not found")
    if (state.clock() - message.sent_at).total_seconds() > 48 * 3600:
        raise bad_request("message can't be deleted for everyone")
    state.put_message(chat, replace(message, deleted=True))
    return True


def answer_tap(state: TelegramState, parameters: Parameters) -> bool:
    """``answerCallbackQuery``: ends the spinner; once, and not too late."""
    text = parameters.text("text")
    if len(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    tap = state.taps.get(parameters.text("callback_query_id"))
    if tap is None or tap.answered or state.clock() - tap.tapped_at > TAP_LIFETIME:
        raise bad_request(_TOO_OLD)
    url = parameters.text("url") or None
    if url is not None and not url.startswith(f"https://t.me/{state.profile.username}?start="):
        raise bad_request("URL_INVALID")
    state.notice(tap, text=text, alert=parameters.flag("show_alert"), url=url)
    return True


def send_action(state: TelegramState, parameters: Parameters) -> bool:
    """``sendChatAction``: seen for five seconds or until the next message."""
    action = parameters.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = open_chat(state, parameters)
    chat.action = action
    chat.action_until = state.monotonic() + ACTION_SECONDS
    state.touch(chat)
    return True


def find_chat(state: TelegramState, parameters: Parameters) -> Chat:
    """The chat a call names, whoever may write there."""
    text = parameters.text("chat_id").strip()
    if not text:
        raise bad_request("chat_id is empty")
    number = text.removeprefix("-")
    chat = state.find_chat(int(text)) if number.isascii() and number.isdigit() else None
    if chat is None:
        raise bad_request("chat not found")
    return chat


def open_chat(state: TelegramState, parameters: Parameters) -> Chat:
    """The chat a call names, if the person lets the bot in."""
    chat = find_chat(state, parameters)
    if chat.deactivated:
        raise Refused(403, "Forbidden: user is deactivated")
    if chat.blocked:
        raise Refused(403, "Forbidden: bot was blocked by the user")
    if not chat.started:
        raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
    return chat


def _send(
    state: TelegramState,
    parameters: Parameters,
    body: Formatted,
    stored: StoredFile | None = None,
) -> Json:
    markup = read_markup(parameters)
    chat = open_chat(state, parameters)
    _refuse_what_is_elsewhere(parameters)
    reply_to = _reply_to(chat, parameters)
    preview = _link_preview(parameters)
    state.flood.pass_one(chat.person.telegram_id)
    message = state.add_message(
        chat,
        StoredMessage(
            message_id=0,
            chat_id=chat.person.telegram_id,
            from_bot=True,
            sent_at=state.clock(),
            body=body,
            markup=markup,
            file=stored,
            reply_to=reply_to,
            silent=parameters.flag("disable_notification"),
            protected=parameters.flag("protect_content"),
            link_preview=preview,
            effect_id=parameters.text("message_effect_id") or None,
        ),
    )
    if stored is not None:
        state.files[stored.file_id] = stored
    chat.action = None
    _change_keyboard(chat, markup)
    return state.message_json(message)


def _change_keyboard(chat: Chat, markup: Json | None) -> None:
    """A reply keyboard stays under the chat until another one, or its removal, comes."""
    if markup is None or "inline_keyboard" in markup:
        return
    chat.keyboard = None if "remove_keyboard" in markup else markup


def _refuse_what_is_elsewhere(parameters: Parameters) -> None:
    """Things that do not exist in a private chat with a plain bot."""
    for name, refusal in {
        "business_connection_id": "business connection not found",
        "message_thread_id": "message thread not found",
        "suggested_post_parameters": "suggested posts can be sent only to channel direct messages",
    }.items():
        if parameters.text(name) or parameters.values.get(name):
            raise bad_request(refusal)
    if parameters.flag("allow_paid_broadcast"):
        raise bad_request("FLOODSKIP_NOT_ALLOWED")
    effect = parameters.text("message_effect_id")
    if effect and not (effect.isascii() and effect.isdigit() and int(effect) < 2**63):
        raise bad_request("EFFECT_ID_INVALID")


def _reply_to(chat: Chat, parameters: Parameters) -> int | None:
    wanted = parameters.decoded("reply_parameters", "reply parameters")
    if not wanted:
        return None
    if not isinstance(wanted, dict) or "message_id" not in wanted:
        raise bad_request('can\'t find field "message_id"')
    message = chat.messages.get(wanted["message_id"])
    if message is not None and not message.deleted:
        return message.message_id
    if wanted.get("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")


def _link_preview(parameters: Parameters) -> Json | None:
    options = parameters.decoded("link_preview_options", "link preview options")
    if not options:
        return None
    if not isinstance(options, dict):
        raise bad_request("object expected as link preview options")
    for name, value in options.items():
        if name != "url" and not isinstance(value, bool):
            raise bad_request(f'field "{name}" must be of type Boolean')
    if options.get("url"):
        try:
            checked_link(str(options["url"]))
        except WrongLink:
            raise bad_request("WEBPAGE_URL_INVALID") from None
    return dict(options)


def _caption(parameters: Parameters) -> Formatted:
    return read_text(parameters, name="caption", entities="caption_entities", limit=CAPTION_LIMIT)


def _message_id(parameters: Parameters) -> int:
    number = parameters.integer("message_id")
    if number == 0:
        raise bad_request("message identifier is not specified")
    return number


def _editable(state: TelegramState, parameters: Parameters) -> StoredMessage:
    if parameters.text("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    chat = open_chat(state, parameters)
    message = chat.messages.get(_message_id(parameters))
    if message is None or message.deleted:
        raise bad_request("message to edit not found")
    if not message.from_bot or (message.markup is not None and not message.inline_keyboard):
        raise bad_request("message can't be edited")
    return message


def _edit(state: TelegramState, before: StoredMessage, after: StoredMessage) -> Json:
    if (before.body, before.markup) == (after.body, after.markup):
        raise bad_request(_NOT_MODIFIED)
    state.flood.pass_one(before.chat_id)
    chat = state.chat(before.chat_id)
    edited = replace(after, edited_at=state.clock(), versions=(*before.versions, before.body))
    return state.message_json(state.put_message(chat, edited))


def _file(
    state: TelegramState,
    parameters: Parameters,
    name: str,
    make: Callable[[str, Upload], StoredFile],
) -> StoredFile:
    reference = parameters.text(name)
    upload = parameters.uploads.get(reference.removeprefix("attach://") or name)
    if upload is None and reference in state.files:
        return state.files[reference]
    if upload is None:
        missing = f"there is no {name} in the request"
        raise bad_request("wrong file identifier/HTTP URL specified" if reference else missing)
    if not upload.content:
        raise bad_request("file must be non-empty")
    if len(upload.content) > _UPLOAD_LIMIT:
        raise Refused(413, "Request Entity Too Large")
    digest = hashlib.sha256(upload.content + upload.name.encode() + name.encode()).hexdigest()
    return make(digest[:24], upload)


def _as_document(digest: str, upload: Upload) -> StoredFile:
    return StoredFile(
        file_id=f"BQAC{digest}",
        unique_id=digest[:16],
        name=upload.name,
        mime_type=upload.mime_type,
        content=upload.content,
    )


def _as_photo(digest: str, upload: Upload) -> StoredFile:
    if len(upload.content) > _PHOTO_LIMIT:
        raise bad_request("file is too big")
    size = picture_size(upload.content)
    if size is None or sum(size) > 10_000:
        raise bad_request("IMAGE_PROCESS_FAILED" if size is None else "PHOTO_INVALID_DIMENSIONS")
    return StoredFile(
        file_id=f"AgAC{digest}",
        unique_id=digest[:16],
        name=upload.name,
        mime_type=upload.mime_type,
        content=upload.content,
        width=size[0],
        height=size[1],
    )


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG, or ``None`` for anything else."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return (width, height)
    if content[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            return (width, height)
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return None


METHODS: dict[str, Callable[[TelegramState, Parameters], Any]] = {
    "sendMessage": send_message,
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "editMessageText": edit_text,
    "editMessageCaption": edit_caption,
    "editMessageReplyMarkup": edit_markup,
    "deleteMessage": delete_message,
    "answerCallbackQuery": answer_tap,
    "sendChatAction": send_action,
}
