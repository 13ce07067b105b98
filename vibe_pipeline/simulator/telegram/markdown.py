"""Telegram's MarkdownV2 parse mode, strict about the characters that must be escaped."""

import re

from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.text import Entity, Unparsable, byte_offset, utf16_length

_RESERVED = "_*[]()~`>#+-=|{}.!"
_SPANS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "[": "text_link",
}
_NAMES = {
    "*": "Bold",
    "_": "Italic",
    "__": "Underline",
    "~": "Strikethrough",
    "||": "Spoiler",
    "[": "TextUrl",
    "`": "Code",
    "```": "Pre",
}


def parse_markdown(source: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of a text in MarkdownV2 parse mode."""
    return _Reading(source).finished()


class _Reading:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._plain = ""
        self._open: list[tuple[str, int, int]] = []
        self._entities: list[Entity] = []

    def finished(self) -> tuple[str, list[Entity]]:
        while self._position < len(self._source):
            self._step()
        if self._open:
            sign, _, begins = self._open[-1]
            raise self._unended(sign, begins)
        return self._plain, self._entities

    def _step(self) -> None:
        source, position = self._source, self._position
        if source[position] == "\\" and position + 1 < len(source):
            self._plain += source[position + 1]
            self._position += 2
            return
        sign = self._sign()
        if sign in {"`", "```"}:
            self._code(sign)
        elif sign == "]" and self._open and self._open[-1][0] == "[":
            self._link()
        elif sign in _SPANS:
            self._toggle(sign)
        elif sign in _RESERVED:
            raise Unparsable(
                f"Character '{sign}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            self._plain += sign
            self._position += 1

    def _sign(self) -> str:
        for sign in ("```", "__", "||"):
            if self._source.startswith(sign, self._position):
                return sign
        return self._source[self._position]

    def _toggle(self, sign: str) -> None:
        begins = self._position
        self._position += len(sign)
        if self._open and self._open[-1][0] == sign:
            _, offset, _ = self._open.pop()
            self._add(_SPANS[sign], offset)
        else:
            self._open.append((sign, utf16_length(self._plain), begins))

    def _code(self, sign: str) -> None:
        begins = self._position
        inside = re.compile(rf"((?:\\.|(?!{sign}).)*){sign}", re.DOTALL).match(
            self._source, begins + len(sign)
        )
        if inside is None:
            raise self._unended(sign, begins)
        text, language = re.sub(r"\\(.)", r"\1", inside[1], flags=re.DOTALL), ""
        if sign == "```":
            language, newline, rest = text.partition("\n")
            if newline and re.fullmatch(r"\S*", language):
                text = rest
            else:
                language = ""
        offset = utf16_length(self._plain)
        self._plain += text
        self._add("code" if sign == "`" else "pre", offset, language=language)
        self._position = inside.end()

    def _link(self) -> None:
        _, offset, begins = self._open.pop()
        match = re.compile(r"\]\(((?:\\.|[^)\\])*)\)").match(self._source, self._position)
        if match is None:
            raise self._unended("[", begins)
        url = re.sub(r"\\(.)", r"\1", match[1])
        self._position = match.end()
        try:
            self._add("text_link", offset, url=checked_link(url))
        except WrongLink:
            return

    def _add(self, kind: str, offset: int, **detail: str) -> None:
        length = utf16_length(self._plain) - offset
        if length > 0:
            kept = {name: value for name, value in detail.items() if value}
            self._entities.append(Entity(kind=kind, offset=offset, length=length, detail=kept))

    def _unended(self, sign: str, begins: int) -> Unparsable:
        return Unparsable(
            f"Can't find end of {_NAMES[sign]} entity at byte offset"
            f" {byte_offset(self._source, begins)}"
        )
