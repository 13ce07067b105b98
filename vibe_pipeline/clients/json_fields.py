"""JSON read with doubt: a field is what it should be, or it is absent.

Where types enter from outside; beyond the clients' ``from_api`` nobody handles loose JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from vibe_pipeline.clients.text_cleaning import clean

Fields = Mapping[str, object]

NAME_LENGTH = 500
"""So long a name may be: names are compared by patterns whose time grows faster than they do."""
_INTEGER_MOST = 2**31 - 1
_LARGE_MOST = 2**53
_TOKEN = re.compile("[!-~]{1,4096}")
_NO_TOKENS = frozenset({"null", "none", "undefined"})
_MBID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TRACK_ID = re.compile("[0-9A-Za-z]{22}")
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def fields(value: object) -> Fields:
    """An object's fields; none when it is no object."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> Iterator[Fields]:
    """The objects of a list; a bare object counts as a list of one, ``null`` entries as nothing."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def text(value: object) -> str | None:
    """Text with something in it, clean."""
    return clean(value) or None if isinstance(value, str) else None


def name_text(value: object) -> str | None:
    """What something is called, cut off where no song or artist goes on."""
    written = text(value)
    return None if written is None else written[:NAME_LENGTH].strip()


def token_text(value: object) -> str | None:
    """A token that a header can carry: visible ASCII in one word, of a length within reason.

    What some program wrote where it had none to give is none.
    """
    written = value.strip() if isinstance(value, str) else ""
    good = _TOKEN.fullmatch(written) is not None and written.lower() not in _NO_TOKENS
    return written if good else None


def musicbrainz_id(value: object) -> str | None:
    """An id of MusicBrainz', a UUID; what players submit under that name is sometimes none.

    One that is no UUID has a whole batch refused (ListenBrainz labs: 400).
    """
    written = (text(value) or "").lower()
    return written if _MBID.fullmatch(written) else None


def track_id(value: object) -> str | None:
    """A track's id of Spotify's: 22 letters and digits."""
    written = text(value) or ""
    return written if _TRACK_ID.fullmatch(written) else None


def number(value: object) -> float | None:
    """A number, also one written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            return None
        return found if abs(found) < float("inf") else None
    return None


def integer(value: object) -> int | None:
    """A whole number of 32 bits, as the tables' columns are, also one written as text."""
    return _whole(value, _INTEGER_MOST)


def count(value: object) -> int | None:
    """The same of what is counted or lasts: never less than nothing, of which no logarithm is."""
    return _not_negative(integer(value))


def large_count(value: object) -> int | None:
    """A count that may well be larger: seconds since 1970, everybody's plays of a track."""
    return _not_negative(_whole(value, _LARGE_MOST))


def measure(value: object) -> float | None:
    """A number that compares things and is not below 0, such as how near they are."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def truth(value: object) -> bool | None:
    """A plain yes or no."""
    return value if isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """An ISO 8601 moment, aware and in UTC; one without a zone is taken as UTC.

    What lies out of all reason, before 1970 or after 2099, is no date of anybody's listening.
    """
    written = text(value)
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST <= found < _LATEST else None


def _not_negative(found: int | None) -> int | None:
    return found if found is not None and found >= 0 else None


def _whole(value: object, most: int) -> int | None:
    found = number(value)
    return int(found) if found is not None and abs(found) <= most else None
