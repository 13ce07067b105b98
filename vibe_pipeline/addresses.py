"""Addresses (URLs) read with care: what of them may be shown, and what in them is a password.

Which address is for what says ``settings``; databases' are read as SQLAlchemy reads them, so that
a password it takes as it stands is one for us too.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

UNREADABLE = "an address that cannot be read"
_PASSWORDS = frozenset({"password", "sslpassword", "token", "motherduck_token"})
"""Options whose values are nobody's to read."""
_DATABASE = re.compile(
    r"[\w+]+://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<name>[^?]*))?"
    r"(?:\?(?P<options>.*))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """Which database it is; who enters it, and how, is left out."""

    host: str | None
    port: int
    name: str
    options: str

    @classmethod
    def of(cls, address: str) -> Self | None:
        """``None`` for what is no address, or one whose password was not escaped."""
        found = _DATABASE.fullmatch(address)
        if found is None:
            return None
        host, port = found["ipv6"] or found["host"], found["port"] or "5432"
        if "@" in (host or "") or not re.fullmatch(r"[0-9]{1,5}", port):
            return None
        name, options = found["name"] or "", found["options"] or ""
        return cls(host=host, port=int(port), name=name, options=options)


def shown_address(address: str) -> str:
    """The address without a user, a password or what follows a question mark."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return UNREADABLE
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def passwords_in(address: str) -> set[str]:
    """Every password in an address, as written and as meant: a driver may put either into words."""
    database = _DATABASE.fullmatch(address)
    written = {database["password"]} if database is not None else set()
    with suppress(ValueError):  # what cannot be read so has been read as a database's
        written.add(urlsplit(address).password)
    options = parse_qsl(address.partition("?")[2])
    written |= {value for name, value in options if name.lower() in _PASSWORDS}
    known = {one for one in written if one}
    return known | {unquote(one) for one in known}
