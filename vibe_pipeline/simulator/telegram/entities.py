"""Message text and its entities: parsing HTML as Telegram does, and finding commands and links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vibe_pipeline.simulator.telegram.html import parse_html
from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.markdown import parse_markdown
from vibe_pipeline.simulator.telegram.text import Entity, Unparsable, cleaned, shifted, utf16_length
from vibe_pipeline.simulator.telegram.wire import Json, Parameters, bad_request

ENTITIES_KEPT = 100
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_RAW_LIMIT = 35_000
_FOUND_BY_SERVER = frozenset(
    {"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"}
)
_PLAIN_TYPES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})
_BLOCK_TYPES = frozenset({"blockquote", "expandable_blockquote", "code", "pre"})
_DETAILED_TYPES = frozenset({"text_link", "text_mention", "custom_emoji", "date_time"})
_GIVEN_TYPES = _FOUND_BY_SERVER | _PLAIN_TYPES | _BLOCK_TYPES | _DETAILED_TYPES
_FOUND = (
    ("url", re.compile(r"(?i)\b(?:https?://|(?:www\.|t\.me/))[^\s<>\"'«»]*[^\s<>\"'«».,;:!?)\]]")),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    (
        "bot_command",
        re.compile(r"(?<![\w/<>@.])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@])"),
    ),
    ("mention", re.compile(r"(?<![\w@/.])@[A-Za-z][A-Za-z0-9_]{3,31}\b")),
    ("hashtag", re.compile(r"(?<![\w#&/])#\w*[^\W\d]\w*")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A text as it stands in a message."""

    text: str
    entities: tuple[Json, ...] = ()


def typed(text: str) -> Formatted:
    """What a person typed; Telegram marks the commands and links in it."""
    plain = cleaned(text)
    return _finished(plain, ())


def read_text(
    parameters: Parameters,
    *,
    name: str = "text",
    entities: str = "entities",
    limit: int = TEXT_LIMIT,
) -> Formatted:
    """The text of a call with its entities, or Telegram's refusal."""
    raw = parameters.text(name)
    if len(raw) > _RAW_LIMIT:
        raise bad_request("text is too long")
    if name == "text" and not raw:
        raise bad_request("message text is empty")
    text, marks = _parsed(parameters, cleaned(raw), entities)
    formatted = _finished(text, marks)
    if name == "text" and not formatted.text:
        raise bad_request("text must be non-empty")
    if len(formatted.text) > limit:
        what = "message" if name == "text" else "message caption"
        raise bad_request(f"{what} is too long")
    return formatted


def _parsed(parameters: Parameters, text: str, entities: str) -> tuple[str, Sequence[Entity]]:
    mode = parameters.text("parse_mode").lower()
    parsers = {"html": parse_html, "markdownv2": parse_markdown}
    if mode in parsers:
        try:
            return parsers[mode](text)
        except Unparsable as why:
            raise bad_request(f"can't parse entities: {why}") from None
    if mode == "markdown":
        raise bad_request("can't parse entities: legacy Markdown is not simulated, use HTML")
    if mode not in {"", "none"}:
        raise bad_request("unsupported parse_mode")
    return text, _given(parameters.decoded(entities, "message entities"), utf16_length(text))


def _given(found: object, length: int) -> list[Entity]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise bad_request("expected an Array of MessageEntity")
    return [
        entity
        for entity in (_given_entity(item, length) for item in found)
        if entity.kind not in _FOUND_BY_SERVER and entity.length > 0
    ]


def _given_entity(item: object, length: int) -> Entity:
    where = "can't parse MessageEntity: "
    if not isinstance(item, dict):
        raise bad_request(f"{where}expected an Object")
    for name in ("offset", "length"):
        if not isinstance(item.get(name), int):
            raise bad_request(f'{where}Can\'t find field "{name}"')
    if item.get("type") not in _GIVEN_TYPES:
        raise bad_request(f"{where}Unsupported type specified")
    offset, size = item["offset"], item["length"]
    if offset < 0:
        raise bad_request(f"receive an entity with incorrect offset {offset}")
    if offset > length:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {offset}")
    if offset + size > length:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} ends after the end of the text"
            f" at UTF-16 offset {offset + size}"
        )
    return Entity(kind=item["type"], offset=offset, length=size, detail=_given_detail(item, where))


def _given_detail(item: Json, where: str) -> Json:
    needed = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}
    name = needed.get(item["type"])
    if name is None:
        return {key: item[key] for key in ("language", "unix_time") if key in item}
    if name not in item:
        raise bad_request(f'{where}Can\'t find field "{name}"')
    if name != "url":
        return {name: item[name]}
    try:
        return {"url": checked_link(str(item["url"]))}
    except WrongLink as why:
        raise bad_request(f"entity URL '{item['url']}' is invalid: {why}") from None


def _finished(text: str, marks: Sequence[Entity]) -> Formatted:
    """Outer blanks go, commands and links are found, and a hundred entities are kept."""
    stripped = text.lstrip()
    marks = shifted(marks, utf16_length(text) - utf16_length(stripped))
    text = stripped.rstrip()
    end = utf16_length(text)
    marks = [mark.within(end) for mark in marks]
    marks = [mark for mark in marks if mark.length > 0]
    marks += _found(text, marks)
    marks.sort(key=lambda mark: (mark.offset, -mark.length, mark.kind))
    return Formatted(text=text, entities=tuple(m.as_json() for m in marks[:ENTITIES_KEPT]))


def _found(text: str, marks: Sequence[Entity]) -> list[Entity]:
    taken = [m for m in marks if m.kind in {"code", "pre", "text_link", "text_mention"}]
    found: list[Entity] = []
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            entity = Entity(
                kind=kind,
                offset=utf16_length(text[: match.start()]),
                length=utf16_length(match.group()),
            )
            if any(entity.overlaps(other) for other in (*taken, *found)):
                continue
            if kind == "url" and not _linkable(match.group()):
                continue
            found.append(entity)
    return found


def _linkable(url: str) -> bool:
    try:
        checked_link(url)
    except WrongLink:
        return False
    return True
