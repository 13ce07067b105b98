"""What a bot says about itself: its commands by scope and language, names and descriptions."""

import re
from dataclasses import dataclass, field

from vibe_pipeline.simulator.telegram.wire import Json, Parameters, bad_request

COMMANDS_LIMIT = 100
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_SCOPES = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
_CHAT_SCOPES = frozenset({"chat", "chat_administrators", "chat_member"})
_PRIVATE_SCOPES = ("all_private_chats", "default")

ScopeKey = tuple[str, int | None]


@dataclass(slots=True, kw_only=True)
class BotProfile:
    """The bot's own card; every text may differ by language."""

    bot_id: int
    username: str = "daily_vibe_bot"
    names: dict[str, str] = field(default_factory=lambda: {"": "Daily Vibe"})
    descriptions: dict[str, str] = field(default_factory=dict)
    short_descriptions: dict[str, str] = field(default_factory=dict)
    commands: dict[tuple[ScopeKey, str], tuple[Json, ...]] = field(default_factory=dict)
    menu_button: Json = field(default_factory=lambda: {"type": "commands"})

    def as_user(self) -> Json:
        """The bot as a ``User``."""
        return {
            "id": self.bot_id,
            "is_bot": True,
            "first_name": self.names.get("", "Daily Vibe"),
            "username": self.username,
        }

    def as_me(self) -> Json:
        """The answer of ``getMe``."""
        return self.as_user() | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def commands_for(self, telegram_id: int, language: str | None) -> list[Json]:
        """The command menu of a private chat: narrowest scope first, own language before none."""
        scopes: list[ScopeKey] = [
            ("chat", telegram_id),
            *((name, None) for name in _PRIVATE_SCOPES),
        ]
        short = (language or "").split("-")[0].lower()
        for scope in scopes:
            for code in dict.fromkeys((short, "")):
                found = self.commands.get((scope, code))
                if found:
                    return list(found)
        return []


def read_scope(parameters: Parameters) -> ScopeKey:
    """The scope of a call about commands; absent means everywhere."""
    scope = parameters.decoded("scope", "BotCommandScope")
    if scope is None:
        return ("default", None)
    if not isinstance(scope, dict) or not isinstance(scope.get("type"), str):
        raise bad_request("can't parse BotCommandScope: Can't find field \"type\"")
    if scope["type"] in _SCOPES:
        return (scope["type"], None)
    if scope["type"] not in _CHAT_SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if not str(scope.get("chat_id", "")).lstrip("-").isdigit():
        raise bad_request("chat not found")
    return (scope["type"], int(scope["chat_id"]))


def read_language(parameters: Parameters) -> str:
    """A two-letter language, or nothing for all the others."""
    language = parameters.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    return language


def read_commands(parameters: Parameters) -> tuple[Json, ...]:
    """The list of commands, checked as BotFather's would be."""
    found = parameters.decoded("commands", "commands")
    if not isinstance(found, list):
        raise bad_request("expected an Array of BotCommand")
    if len(found) > COMMANDS_LIMIT:
        raise bad_request(f"there can be at most {COMMANDS_LIMIT} bot commands")
    return tuple(_command(item) for item in found)


def _command(item: object) -> Json:
    if not isinstance(item, dict):
        raise bad_request("expected an Object as BotCommand")
    for name in ("command", "description"):
        if not isinstance(item.get(name), str):
            raise bad_request(f"can't parse BotCommand: Can't find field \"{name}\"")
    command = item["command"].strip().removeprefix("/")
    description = item["description"].strip()
    if not command:
        raise bad_request("command must be non-empty")
    if len(command) > 32:
        raise bad_request("command length must not exceed 32")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > 256:
        raise bad_request("command description length must not exceed 256")
    if not _NAME.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": command, "description": description}
