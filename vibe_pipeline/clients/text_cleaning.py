"""Text as it may be kept and shown: what no store, log, page or reader can do with is taken out.

Done once, where text comes in from a service or a chat (input sanitization). Making names
comparable does not belong here (``ranking.text_normalization``), nor escaping for a page.
"""

from __future__ import annotations

import re

_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_UNCLEAN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, NUL among them
    "\ud800-\udfff"  # halves of surrogate pairs, which cannot be written in UTF-8
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible and of no meaning in a name
    "\ufdd0-\ufdef\ufffe\uffff]"  # no characters at all
)


def clean(text: str) -> str:
    """The text on one line, without what cannot be stored or is not seen.

    Joiners stay, for Persian, Indic scripts and emoji need them. Clean text comes back as it is,
    but for spaces around it.
    """
    if text.isprintable():
        return text.strip()
    return _UNCLEAN.sub("", _BREAKS.sub(" ", text)).strip()
