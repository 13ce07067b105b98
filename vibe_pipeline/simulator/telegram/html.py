"""Telegram's HTML parse mode: few tags, strict nesting, errors by byte offset."""

import re
from dataclasses import dataclass

from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.text import Entity, Unparsable, byte_offset, utf16_length
from vibe_pipeline.simulator.telegram.wire import Json

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#[xX]([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([A-Za-z]+));?")
_ATTRIBUTE = re.compile(
    r"\s*(?P<name>[^\s=>]*)\s*(?:(?P<equals>=)\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<token>[A-Za-z0-9.\-]*)))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    offset: int
    begins: int


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of a text in HTML parse mode."""
    return _Reading(source).finished()


class _Reading:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._plain: list[str] = []
        self._length = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def finished(self) -> tuple[str, list[Entity]]:
        while self._position < len(self._source):
            character = self._source[self._position]
            if character == "<":
                if self._source.startswith("</", self._position):
                    self._end_tag()
                else:
                    self._start_tag()
            elif character == "&":
                shown, self._position = _reference(self._source, self._position)
                self._say(shown)
            else:
                self._say(character)
                self._position += 1
        if self._open:
            raise Unparsable(
                f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"'
            )
        return "".join(self._plain), self._entities

    def _say(self, text: str) -> None:
        self._plain.append(text)
        self._length += utf16_length(text)

    def _start_tag(self) -> None:
        begins = self._position
        at = f"at byte offset {byte_offset(self._source, begins)}"
        name = re.compile(r"[^\s>]*").match(self._source, begins + 1)
        position = name.end() if name else begins + 1
        tag = self._source[begins + 1 : position].lower()
        if position >= len(self._source):
            raise Unparsable(f"Unclosed start tag {at}")
        if tag not in _KINDS:
            raise Unparsable(f'Unsupported start tag "{tag}" {at}')
        attributes, self._position = self._attributes(tag, position, at)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise Unparsable(f'Tag "span" must have class "tg-spoiler" {at}')
        self._open.append(
            _Open(tag=tag, attributes=attributes, offset=self._length, begins=len(self._plain))
        )

    def _attributes(self, tag: str, position: int, at: str) -> tuple[dict[str, str], int]:
        found: dict[str, str] = {}
        while True:
            while position < len(self._source) and self._source[position].isspace():
                position += 1
            if position >= len(self._source):
                raise Unparsable(f"Unclosed start tag {at}")
            if self._source[position] == ">":
                return found, position + 1
            match = _ATTRIBUTE.match(self._source, position)
            name = match["name"] if match else ""
            if match is None or not name:
                raise Unparsable(f'Empty attribute name in the tag "{tag}" {at}')
            position = match.end()
            if match["equals"] is None:
                if (tag, name) != ("blockquote", "expandable"):
                    raise Unparsable(
                        "Expected equal sign in declaration of an attribute of the tag"
                        f' "{tag}" {at}'
                    )
                found[name] = ""
                continue
            found[name] = self._value(match, position)

    def _value(self, match: re.Match[str], position: int) -> str:
        for quoted in ("double", "single"):
            if match[quoted] is not None:
                return _unescaped(match[quoted])
        after = self._source[position : position + 1]
        if after and after != ">" and not after.isspace():
            begins = byte_offset(self._source, match.start("token"))
            raise Unparsable(f"Unexpected end of name token at byte offset {begins}")
        return str(match["token"]).lower()

    def _end_tag(self) -> None:
        begins = self._position
        at = f"at byte offset {byte_offset(self._source, begins)}"
        if not self._open:
            raise Unparsable(f"Unexpected end tag {at}")
        match = re.compile(r"</([^\s>]*)\s*(>?)").match(self._source, begins)
        if match is None or not match[2]:
            raise Unparsable(f"Unclosed end tag {at}")
        opened, name = self._open.pop(), match[1].lower()
        if name and name != opened.tag:
            raise Unparsable(
                f'Unmatched end tag {at}, expected "</{opened.tag}>", found "</{name}>"'
            )
        self._position = match.end()
        if self._length > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        kind, detail = _KINDS[opened.tag], {}
        if opened.tag == "a":
            url = opened.attributes.get("href") or "".join(self._plain[opened.begins :])
            detail = _link(url)
            if not detail:
                return
            kind = "text_mention" if "user" in detail else kind
        elif opened.tag == "tg-emoji":
            detail = _emoji(opened.attributes.get("emoji-id", ""))
        elif opened.tag == "blockquote" and "expandable" in opened.attributes:
            kind = "expandable_blockquote"
        elif opened.tag == "pre" and self._joined_code(opened):
            return
        elif opened.tag == "code" and self._open and self._open[-1].tag == "pre":
            language = opened.attributes.get("class", "").removeprefix("language-")
            detail = {"language": language} if language else {}
        self._entities.append(
            Entity(
                kind=kind,
                offset=opened.offset,
                length=self._length - opened.offset,
                detail=detail,
            )
        )

    def _joined_code(self, pre: _Open) -> bool:
        """``<pre><code class="language-x">`` is one entity, not two."""
        if not self._entities:
            return False
        last = self._entities[-1]
        length = self._length - pre.offset
        if (last.kind, last.offset, last.length) != ("code", pre.offset, length):
            return False
        self._entities[-1] = Entity(
            kind="pre", offset=last.offset, length=length, detail=last.detail
        )
        return True


def _link(url: str) -> Json:
    mention = re.fullmatch(r"tg://user\?id=(\d+)", url)
    if mention is not None:
        return {"user": {"id": int(mention[1]), "is_bot": False, "first_name": ""}}
    try:
        return {"url": checked_link(url)}
    except WrongLink:
        return {}


def _emoji(identifier: str) -> Json:
    number = int(identifier) if identifier.isascii() and identifier.isdigit() else 0
    if not 0 < number < 2**63:
        raise Unparsable("Invalid custom emoji identifier specified")
    return {"custom_emoji_id": identifier}


def _reference(source: str, position: int) -> tuple[str, int]:
    """What a character reference stands for; an unknown one stands for itself."""
    match = _REFERENCE.match(source, position)
    if match is None:
        return "&", position + 1
    hexadecimal, decimal, name = match.groups()
    if name is not None:
        return (_NAMED[name], match.end()) if name in _NAMED else ("&", position + 1)
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code >= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "&", position + 1
    return chr(code), match.end()


def _unescaped(text: str) -> str:
    shown: list[str] = []
    position = 0
    while position < len(text):
        if text[position] == "&":
            piece, position = _reference(text, position)
        else:
            piece, position = text[position], position + 1
        shown.append(piece)
    return "".join(shown)
