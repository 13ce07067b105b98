"""Notices to an address of the person's own: ntfy, Gotify, or any webhook.

An address people type is somebody else's choice of whom we talk to (SSRF): only hosts on the public
internet are talked to, at the very address that was looked at, unless the operator allows others.
No redirect is followed. An address may hold a secret: it is in no ``repr``, log or error here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import httpx

LONGEST_ADDRESS = 500
LONGEST_SECONDS = 10.0
LONGEST_NOTICE = 3500
"""Characters; ntfy makes a file of what is longer than 4,096 bytes."""
_PLAIN, _SEALED = "http", "https"
_SCHEMES: Mapping[str, tuple[str, str]] = {
    "ntfy": ("ntfy", _PLAIN),
    "ntfys": ("ntfy", _SEALED),
    "gotify": ("gotify", _PLAIN),
    "gotifys": ("gotify", _SEALED),
    "json": ("webhook", _PLAIN),
    "jsons": ("webhook", _SEALED),
    "http": ("webhook", _PLAIN),
    "https": ("webhook", _SEALED),
}
"""As Apprise spells them; a plain address is a webhook, or what its host says it is."""
_TUNNELS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that hold another one inside."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Iterable[str]]


class NoticeKind(StrEnum):
    """What listens at an address."""

    NTFY = "ntfy"
    GOTIFY = "gotify"
    WEBHOOK = "webhook"


class NoticeRefused(Exception):
    """The address is none we talk to: not public, or without encryption."""


class NoticeNotTaken(Exception):
    """Whoever listens there did not take the notice; the text says why, and names no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTarget:
    """An address that takes notices; ``secret`` opens it, where it needs one."""

    kind: NoticeKind
    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    query: str = field(default="", repr=False)
    topic: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    @classmethod
    def read(cls, text: str) -> NoticeTarget | None:
        """What somebody wrote as an address; ``None`` for what is none of ours."""
        try:
            parts = urlsplit(text.strip())
            kind, scheme = _SCHEMES[parts.scheme.lower()]
            host, port = parts.hostname, parts.port or (443 if scheme == _SEALED else 80)
        except (KeyError, ValueError):
            return None
        if not host or len(text) > LONGEST_ADDRESS or not text.strip().isprintable():
            return None
        secret = unquote(parts.password or parts.username or "")
        told = cls(
            kind=NoticeKind(kind),
            scheme=scheme,
            host=host,
            port=port,
            path=parts.path,
            query=parts.query,
            secret=secret,
        )
        return told._as_its_host_says()

    def _as_its_host_says(self) -> NoticeTarget | None:
        """The last part of an ntfy address is its topic, of a Gotify address its token."""
        kind = self.kind
        if kind is NoticeKind.WEBHOOK and self.host.split(".")[0] == "ntfy" and not self.query:
            kind = NoticeKind.NTFY
        if kind is NoticeKind.WEBHOOK:
            return self
        before, _, last = self.path.rstrip("/").rpartition("/")
        if kind is NoticeKind.GOTIFY and not last:
            last = parse_qs(self.query).get("token", [""])[0]
        if not last:
            return None
        mine = {"topic": unquote(last)} if kind is NoticeKind.NTFY else {"secret": unquote(last)}
        return NoticeTarget(
            kind=kind,
            scheme=self.scheme,
            host=self.host,
            port=self.port,
            path=f"{before}/" if kind is NoticeKind.NTFY else f"{before}/message",
            **{"secret": self.secret} | mine,
        )

    def request(self, title: str, message: str) -> tuple[Mapping[str, str], Mapping[str, object]]:
        """The headers and the body that carry a notice."""
        words = message if len(message) <= LONGEST_NOTICE else message[:LONGEST_NOTICE] + "…"
        body: dict[str, object] = {"title": title, "message": words}
        if self.kind is NoticeKind.NTFY:
            body["topic"] = self.topic
        if not self.secret:
            return {}, body
        if self.kind is NoticeKind.GOTIFY:
            return {"X-Gotify-Key": self.secret}, body
        return {"Authorization": f"Bearer {self.secret}"}, body


def _resolved(host: str, port: int) -> list[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Sends notices; ``private_too``: also to this machine and its own network, unencrypted.

    ``resolve`` gives the addresses of a host; it may block.
    """

    private_too: bool = False
    resolve: Resolve = _resolved

    async def send(self, target: NoticeTarget, title: str, message: str) -> None:
        """One attempt.

        Raises:
            NoticeRefused: the address is none we talk to.
            NoticeNotTaken: nobody is there, or they said no.
        """
        address = await self._address(target)
        headers, body = target.request(title, message)
        host = f"[{target.host}]" if ":" in target.host else target.host
        port = "" if target.port in {80, 443} else f":{target.port}"
        literal = f"[{address}]" if address.version == 6 else str(address)
        there = urlunsplit(
            (target.scheme, f"{literal}:{target.port}", target.path, target.query, "")
        )
        try:
            async with (
                asyncio.timeout(LONGEST_SECONDS),
                httpx.AsyncClient(trust_env=False, timeout=LONGEST_SECONDS) as http,
                http.stream(
                    "POST",
                    there,
                    json=body,
                    headers={**headers, "Host": f"{host}{port}"},
                    extensions={"sni_hostname": target.host},
                ) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as error:
            raise NoticeNotTaken(type(error).__name__) from None
        if not 200 <= status < 300:
            raise NoticeNotTaken(f"status {status}")

    async def _address(self, target: NoticeTarget) -> Address:
        """Where the host is; every address it has must be one we talk to."""
        if target.scheme != _SEALED and not self.private_too:
            raise NoticeRefused("not encrypted")
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                found = await asyncio.to_thread(self.resolve, target.host, target.port)
                addresses = [ip_address(one.partition("%")[0]) for one in found]
        except (OSError, TimeoutError, UnicodeError, ValueError):
            raise NoticeNotTaken("unknown host") from None
        if not addresses:
            raise NoticeNotTaken("unknown host")
        if not self.private_too and not all(map(is_public, addresses)):
            raise NoticeRefused("not public")
        return addresses[0]


def is_public(address: Address) -> bool:
    """Whether an address is somewhere on the internet, and no other is hidden in it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
