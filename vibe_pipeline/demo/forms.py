"""Just enough of a browser: the forms of a page, and what pressing one of their buttons sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class Form:
    """One form: where it goes, what it holds, and the buttons that send it."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def pressed(self, value: str | None = None) -> dict[str, str]:
        """The fields, with the button of this value pressed."""
        named = {button_value: name for name, button_value in self.buttons if name}
        return self.fields if value is None else {**self.fields, named[value]: value}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = found.get("method", "get").lower()
            self.forms.append(Form(action=found.get("action", ""), method=method))
        elif self.forms and tag == "button":
            self.forms[-1].buttons.append((found.get("name", ""), found.get("value", "")))
        elif self.forms and tag == "input" and found.get("name"):
            chosen = dict(attrs).keys() & {"checked"}
            if found.get("type") not in {"radio", "checkbox"} or chosen:
                self.forms[-1].fields[found["name"]] = found.get("value", "")


def forms_of(page: str) -> list[Form]:
    """Every form of a page, in order."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms
