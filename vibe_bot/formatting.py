"""How we put words into a Telegram chat: escaping, splitting, inline keyboards.

Everything is sent as HTML. Sentences come from the catalogues and may hold tags; whatever fills
their blanks is escaped here and nowhere else. Sending is ``vibe_bot.sending``'s.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from telegram import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup

from vibe_pipeline.locales import say

MESSAGE_LIMIT = 4096
"""Telegram's limit, in UTF-16 units to be safe whichever way a server counts."""
BLANK_LIMIT = 300
CALLBACK_BYTES = 64

_BIDI_CONTROLS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


class Html(str):
    """Text that is HTML already: made here, from catalogue sentences only."""

    __slots__ = ()


def tell(language: str, key: str, /, **blanks: object) -> Html:
    """The sentence as HTML, every blank escaped, shortened and kept from disturbing its line."""
    return Html(say(language, key, **{name: _filling(blank) for name, blank in blanks.items()}))


def escaped(text: str) -> Html:
    """Somebody else's words, harmless inside a line of HTML."""
    clean = "".join(" " if character in "\r\n\t" else character for character in text)
    clean = "".join(character for character in clean if _shows(character)).strip()
    if len(clean) > BLANK_LIMIT:
        clean = clean[: BLANK_LIMIT - 1].rstrip() + "…"
    escaped_text = html.escape(clean)
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in clean):
        escaped_text = f"{_ISOLATE}{escaped_text}{_END_ISOLATE}"
    return Html(escaped_text)


def link(address: str, words: str) -> Html:
    """Words that lead to an address."""
    return Html(f'<a href="{html.escape(address)}">{escaped(words)}</a>')


def together(*parts: str | None, between: str = "\n") -> Html:
    """Several pieces of HTML as one, absent ones left out."""
    return Html(between.join(part for part in parts if part is not None))


def pages(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """A long text as messages Telegram accepts, cut between lines so that no tag is torn."""
    cut: list[str] = []
    current = ""
    for line in text.split("\n"):
        joined = f"{current}\n{line}" if current else line
        if _units(joined) <= limit:
            current = joined
            continue
        if current:
            cut.append(current)
        current = line if _units(line) <= limit else _plain_start(line, limit)
    return [*cut, current] if current.strip() else cut


def listing(
    language: str, title: str, lines: Sequence[str], last: str | None, *, most: int
) -> tuple[Html, int]:
    """A list in one message, and how many of its lines that holds; of any others it says so."""
    around = [title, "", "", *(() if last is None else (last,))]
    cut = tell(language, "bot.list_cut", count=len(lines))
    left = MESSAGE_LIMIT - _units("\n".join([*around, cut]))
    shown = 0
    for line in lines[:most]:
        left -= _units(line) + 1
        if left < 0:
            break
        shown += 1
    rest = len(lines) - shown
    more = tell(language, "bot.list_cut", count=rest) if rest else None
    return together(title, "", *lines[:shown], more, "" if last else None, last), shown


def plain(text: str) -> str:
    """The same words without tags, for when a server will not read our HTML."""
    kept, inside = [], False
    for character in text:
        if character == "<":
            inside = True
        elif character == ">" and inside:
            inside = False
        elif not inside:
            kept.append(character)
    return html.unescape("".join(kept))


def button(words: str, data: str) -> InlineKeyboardButton:
    """A button that tells us it was tapped."""
    if len(data.encode()) > CALLBACK_BYTES:
        raise ValueError(f"callback data of more than {CALLBACK_BYTES} bytes: {data!r}")
    return InlineKeyboardButton(words, callback_data=data)


def opening(words: str, address: str) -> InlineKeyboardButton | None:
    """A button that opens an address, if Telegram takes this address in a button."""
    return InlineKeyboardButton(words, url=address) if fits_a_button(address) else None


def copying(words: str, text: str) -> InlineKeyboardButton | None:
    """A button that copies a text, if Telegram takes one this long."""
    return InlineKeyboardButton(words, copy_text=CopyTextButton(text)) if len(text) <= 256 else None


def keyboard(
    *rows: Iterable[InlineKeyboardButton | None],
) -> InlineKeyboardMarkup | None:
    """Rows of buttons, absent ones left out; nothing at all when none is left."""
    kept = [[one for one in row if one is not None] for row in rows]
    kept = [row for row in kept if row]
    return InlineKeyboardMarkup(kept) if kept else None


def with_button(
    markup: InlineKeyboardMarkup | None, *more: InlineKeyboardButton
) -> InlineKeyboardMarkup:
    """The same buttons with more in a row below them."""
    rows = [] if markup is None else list(markup.inline_keyboard)
    return InlineKeyboardMarkup([*rows, more])


def in_rows(
    buttons: Sequence[InlineKeyboardButton], width: int
) -> list[Sequence[InlineKeyboardButton]]:
    """Buttons in rows of so many."""
    return [buttons[start : start + width] for start in range(0, len(buttons), width)]


def fits_a_button(address: str) -> bool:
    """Whether a URL button may hold it: a host with a dot that is not this very machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme in {"http", "https"} and "." in host and not leads_to_this_machine(address)


def leads_to_this_machine(address: str) -> bool:
    """Whether only a browser on the same machine can open it."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _filling(blank: object) -> object:
    if isinstance(blank, str) and not isinstance(blank, Html):
        return escaped(blank)
    return blank


def _shows(character: str) -> bool:
    if ord(character) in _BIDI_CONTROLS:
        return False
    return unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _plain_start(line: str, limit: int) -> str:
    words = plain(line)
    while _units(html.escape(words)) > limit - 1:
        words = words[: len(words) * 9 // 10]
    return html.escape(words) + "…"
