"""What a bot asks about itself and changes of itself: card, commands, menu, webhook, files."""

from collections.abc import Callable
from typing import Any

from vibe_pipeline.simulator.telegram.commands import read_commands, read_language, read_scope
from vibe_pipeline.simulator.telegram.sending import find_chat
from vibe_pipeline.simulator.telegram.state import TelegramState
from vibe_pipeline.simulator.telegram.wire import Json, Parameters, bad_request

LARGEST_DOWNLOAD = 20 * 1024**2
"""What the cloud server hands to a bot."""
_WEBHOOK_PORTS = frozenset({80, 88, 443, 8443})


def get_me(state: TelegramState, _: Parameters) -> Json:
    """``getMe``: who the bot is."""
    return state.profile.as_me()


def set_commands(state: TelegramState, parameters: Parameters) -> bool:
    """``setMyCommands``: the menu of one scope in one language."""
    key = (read_scope(parameters), read_language(parameters))
    commands = read_commands(parameters)
    if commands:
        state.profile.commands[key] = commands
    else:
        state.profile.commands.pop(key, None)
    _touch_all(state)
    return True


def get_commands(state: TelegramState, parameters: Parameters) -> list[Json]:
    """``getMyCommands``: what was set for exactly this scope and language."""
    key = (read_scope(parameters), read_language(parameters))
    return list(state.profile.commands.get(key, ()))


def delete_commands(state: TelegramState, parameters: Parameters) -> bool:
    """``deleteMyCommands``: the wider list counts again."""
    state.profile.commands.pop((read_scope(parameters), read_language(parameters)), None)
    _touch_all(state)
    return True


def _texts(state: TelegramState) -> dict[str, tuple[dict[str, str], int]]:
    profile = state.profile
    return {
        "name": (profile.names, 64),
        "description": (profile.descriptions, 512),
        "short_description": (profile.short_descriptions, 120),
    }


def _setter(name: str) -> Callable[[TelegramState, Parameters], bool]:
    def set_text(state: TelegramState, parameters: Parameters) -> bool:
        texts, limit = _texts(state)[name]
        text, language = parameters.text(name).strip(), read_language(parameters)
        if len(text) > limit:
            raise bad_request(f"bot {name.replace('_', ' ')} is too long")
        if text:
            texts[language] = text
        else:
            texts.pop(language, None)
        _touch_all(state)
        return True

    return set_text


def _getter(name: str) -> Callable[[TelegramState, Parameters], Json]:
    def get_text(state: TelegramState, parameters: Parameters) -> Json:
        texts, _ = _texts(state)[name]
        return {name: texts.get(read_language(parameters), texts.get("", ""))}

    return get_text


def set_menu_button(state: TelegramState, parameters: Parameters) -> bool:
    """``setChatMenuButton``: for one chat, or for all that have none of their own."""
    button = parameters.decoded("menu_button", "MenuButton") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in {"commands", "web_app", "default"}:
        raise bad_request("can't parse menu button: Unsupported type specified")
    if button["type"] == "web_app":
        url = str((button.get("web_app") or {}).get("url", ""))
        if not url.startswith("https://"):
            raise bad_request(
                f"menu button Web App URL '{url}' is invalid: Only HTTPS links are allowed"
            )
    if parameters.text("chat_id"):
        find_chat(state, parameters).menu_button = dict(button)
    else:
        state.profile.menu_button = dict(button)
    _touch_all(state)
    return True


def get_menu_button(state: TelegramState, parameters: Parameters) -> Json:
    """``getChatMenuButton``: what stands left of the text field."""
    if parameters.text("chat_id"):
        return find_chat(state, parameters).menu_button or state.profile.menu_button
    return state.profile.menu_button


def get_file(state: TelegramState, parameters: Parameters) -> Json:
    """``getFile``: where a file can be fetched."""
    stored = state.files.get(parameters.text("file_id"))
    if stored is None:
        raise bad_request("invalid file_id")
    if len(stored.content) > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": len(stored.content),
        "file_path": stored.path,
    }


def get_chat(state: TelegramState, parameters: Parameters) -> Json:
    """``getChat``: all about a private chat."""
    chat = find_chat(state, parameters)
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    return chat.person.as_chat() | {
        "accent_color_id": chat.person.telegram_id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, True),
    }


def set_webhook(state: TelegramState, parameters: Parameters) -> bool:
    """``setWebhook``: remembered, so that polling is refused; nothing is delivered there."""
    url = parameters.text("url")
    if url:
        host, _, port = url.removeprefix("https://").partition("/")[0].partition(":")
        if not url.startswith("https://") or "." not in host:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if port and int(port if port.isdigit() else "0") not in _WEBHOOK_PORTS:
            raise bad_request(
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"
            )
    _remember_webhook(state, parameters, url)
    kinds = parameters.decoded("allowed_updates", "allowed updates")
    if isinstance(kinds, list):
        state.updates.allow([str(kind) for kind in kinds])
    return True


def delete_webhook(state: TelegramState, parameters: Parameters) -> bool:
    """``deleteWebhook``: polling is possible again."""
    _remember_webhook(state, parameters, "")
    return True


def _remember_webhook(state: TelegramState, parameters: Parameters, url: str) -> None:
    state.webhook_url = url
    if parameters.flag("drop_pending_updates"):
        state.updates.drop()


def webhook_info(state: TelegramState, _: Parameters) -> Json:
    """``getWebhookInfo``: the address, or an empty one, and how many updates wait."""
    info: Json = {
        "url": state.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(state.updates),
    }
    if state.updates.allowed:
        info["allowed_updates"] = state.updates.allowed
    return info


def log_out(state: TelegramState, _: Parameters) -> bool:
    """``logOut``: the cloud server answers this bot no longer."""
    state.logged_out = True
    return True


def close(_: TelegramState, __: Parameters) -> bool:
    """``close``: the bot may be moved to another server."""
    return True


def _touch_all(state: TelegramState) -> None:
    for person in state.people():
        state.touch(state.chat(person.telegram_id))


METHODS: dict[str, Callable[[TelegramState, Parameters], Any]] = {
    "getMe": get_me,
    "setMyCommands": set_commands,
    "getMyCommands": get_commands,
    "deleteMyCommands": delete_commands,
    "setMyName": _setter("name"),
    "getMyName": _getter("name"),
    "setMyDescription": _setter("description"),
    "getMyDescription": _getter("description"),
    "setMyShortDescription": _setter("short_description"),
    "getMyShortDescription": _getter("short_description"),
    "setChatMenuButton": set_menu_button,
    "getChatMenuButton": get_menu_button,
    "getFile": get_file,
    "getChat": get_chat,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": webhook_info,
    "logOut": log_out,
    "close": close,
}
