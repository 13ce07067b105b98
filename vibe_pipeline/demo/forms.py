"""Just enough of a browser: the buttons of a page's forms, and what pressing one sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button that sends a form: where to, and with which fields."""

    action: str
    value: str
    fields: Mapping[str, str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[Button] = []
        self._action = ""
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action, self._fields = found.get("action", ""), {}
        elif tag == "input" and found.get("name"):
            if found.get("type") not in {"radio", "checkbox"} or "checked" in found:
                self._fields[found["name"]] = found.get("value", "")
        elif tag == "button":
            self._add_button(found)

    def _add_button(self, found: Mapping[str, str]) -> None:
        name, value = found.get("name", ""), found.get("value", "")
        pressed = {name: value} if name else {}
        action = found.get("formaction", self._action)
        self.buttons.append(Button(action=action, value=value, fields=self._fields | pressed))


def buttons_of(page: str) -> list[Button]:
    """Every button of a page, in order; fields below a button are not seen by it."""
    reader = _Reader()
    reader.feed(page)
    return reader.buttons
