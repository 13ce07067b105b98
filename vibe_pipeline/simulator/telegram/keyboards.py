"""What Telegram checks in a reply markup before it takes a message."""

from typing import Any

from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.wire import Json, Parameters, bad_request

_KINDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")
_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
_FLAGS = (
    "is_persistent",
    "resize_keyboard",
    "one_time_keyboard",
    "selective",
    "remove_keyboard",
    "force_reply",
)
_BUTTONS_LIMIT = 100


def read_markup(parameters: Parameters, *, inline_only: bool = False) -> Json | None:
    """The reply markup of a call as it will be shown, or ``None`` when there is none."""
    markup = parameters.decoded("reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    kind = next((name for name in _KINDS if name in markup), None)
    if kind is None or (inline_only and kind != "inline_keyboard"):
        if inline_only and kind is not None:
            raise bad_request("inline keyboard expected")
        return None
    for flag in _FLAGS:
        if flag in markup and not isinstance(markup[flag], bool):
            raise bad_request(f'field "{flag}" must be of type Boolean')
    if kind == "inline_keyboard":
        return _inline_keyboard(markup)
    if kind == "keyboard":
        return _reply_keyboard(markup)
    return dict(markup) if markup[kind] else None


def _inline_keyboard(markup: Json) -> Json | None:
    rows = [
        [_inline_button(button) for button in row]
        for row in _rows(markup, "inline_keyboard")
        if row
    ]
    return {"inline_keyboard": rows} if rows else None


def _reply_keyboard(markup: Json) -> Json | None:
    placeholder = markup.get("input_field_placeholder", "")
    if not isinstance(placeholder, str):
        raise bad_request('field "input_field_placeholder" must be of type String')
    if len(placeholder) > 64:
        raise bad_request("REPLY_MARKUP_PLACEHOLDER_INVALID")
    rows = [[_reply_button(button) for button in row] for row in _rows(markup, "keyboard") if row]
    return {**markup, "keyboard": rows} if rows else None


def _rows(markup: Json, name: str) -> list[list[Any]]:
    rows = markup[name]
    if not isinstance(rows, list):
        raise bad_request(f'field "{name}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(f'field "{name}" must be an Array of Arrays')
    if sum(len(row) for row in rows) > _BUTTONS_LIMIT:
        raise bad_request("reply markup is too long")
    return rows


def _inline_button(button: object) -> Json:
    where = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(f"{where}InlineKeyboardButton must be an Object")
    _button_text(button, where)
    actions = [name for name in _ACTIONS if button.get(name) not in (None, "", False)]
    # An empty query is a real one: it offers the bot's inline mode without a word typed.
    actions += [
        name
        for name in _ACTIONS
        if name.startswith("switch_inline_query") and button.get(name) == ""
    ]
    if not actions:
        raise bad_request(f"{where}Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1 or actions[0] in {"pay", "callback_game"}:
        raise bad_request("BUTTON_TYPE_INVALID")
    return {**button, **_checked_action(actions[0], button[actions[0]])}


def _checked_action(name: str, value: object) -> Json:
    if name == "url":
        return {"url": _button_url(value)}
    if name == "callback_data" and (
        not isinstance(value, str) or not 1 <= len(value.encode()) <= 64
    ):
        raise bad_request("BUTTON_DATA_INVALID")
    if name == "copy_text":
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(text, str) or not 1 <= len(text) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if name == "web_app":
        _web_app_url(value, "inline keyboard button")
    if name == "login_url":
        raise bad_request("BOT_DOMAIN_INVALID")
    return {name: value}


def _button_url(value: object) -> str:
    if not isinstance(value, str):
        raise bad_request('field "url" must be of type String')
    try:
        return checked_link(value)
    except WrongLink as why:
        raise bad_request(f"inline keyboard button URL '{value}' is invalid: {why}") from None


def _reply_button(button: object) -> Json:
    where = "can't parse keyboard button: "
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad_request(f"{where}KeyboardButton must be a String or an Object")
    _button_text(button, where)
    if "web_app" in button:
        _web_app_url(button["web_app"], "keyboard button")
    return dict(button)


def _button_text(button: Json, where: str) -> None:
    if "text" not in button:
        raise bad_request(f'{where}Can\'t find field "text"')
    if not isinstance(button["text"], str):
        raise bad_request(f'{where}Field "text" must be of type String')
    if not button["text"].strip():
        raise bad_request(f"{where}Button text must be non-empty")


def _web_app_url(web_app: object, where: str) -> None:
    url = web_app.get("url", "") if isinstance(web_app, dict) else ""
    if not isinstance(url, str) or not url.startswith("https://"):
        raise bad_request(f"{where} Web App URL '{url}' is invalid: Only HTTPS links are allowed")
