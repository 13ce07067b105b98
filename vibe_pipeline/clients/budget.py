"""What the clients ask before they call: may I, is this endpoint open, who may speak for whom.

Protocols only: the account store fulfils them for the product, a few lines for a test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from vibe_pipeline.clients.errors import RateLimited
from vibe_pipeline.clients.rate_limiter import SlotBook


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePause:
    """Until when something is left alone: one bucket of a service, or the ``whole``.

    ``doubted``: so short that it cannot be the day's quota, whatever was said.
    """

    until: datetime
    whole: bool = True
    doubted: bool = False


class Budget(Protocol):
    """How many calls a service still takes from all of us; kept by the account store.

    A ``bucket`` is a group of endpoints that the service limits on its own.
    """

    def ask(self, service: str, *, asked_for: bool, bucket: str | None = None) -> None:
        """Count one call; raise ``RateLimited`` when it is blocked or used up."""

    def block(
        self,
        service: str,
        until: datetime,
        reason: str,
        *,
        bucket: str | None = None,
        certain: bool = True,
    ) -> ServicePause:
        """Tell every process to leave the bucket alone until then, or the service without one.

        What is not ``certain`` is believed in full when it is said again after a shorter pause.
        """

    def blocked_until(self, service: str) -> datetime | None:
        """Until when the service is to be left alone."""

    def turns(self, service: str) -> SlotBook | None:
        """Its pace, where all of us keep that together; ``None``: each machine keeps its own."""


class Capabilities(Protocol):
    """What this app may not call; kept by the account store for all processes."""

    def absent(self, name: str) -> bool:
        """Whether the capability is known to be closed now."""

    def switch_off(self, name: str, until: datetime, reason: str) -> None:
        """Nobody need try again before then."""

    def times_closed(self, name: str) -> int:
        """How often in a row it was found closed."""

    def switch_on(self, name: str) -> None:
        """It is open; its closings are forgotten."""


class Access(Protocol):
    """One person's key to Spotify."""

    async def token(self, *, force_refresh: bool = False) -> str:
        """An access token that should be good; ``force_refresh``: the last one was refused."""


@dataclass(frozen=True, slots=True)
class UnlimitedBudget:
    """A budget without end, for services that cost nothing and for the first look at a person."""

    def ask(self, service: str, *, asked_for: bool, bucket: str | None = None) -> None:
        """Always yes."""

    def block(
        self,
        service: str,
        until: datetime,
        reason: str,
        *,
        bucket: str | None = None,
        certain: bool = True,
    ) -> ServicePause:
        """Forgotten at once."""
        return ServicePause(until=until, whole=bucket is None)

    def blocked_until(self, service: str) -> datetime | None:
        """Never."""
        return None

    def turns(self, service: str) -> SlotBook | None:
        """Each machine keeps its own."""
        return None


@dataclass(frozen=True, slots=True)
class UncountedBudget:
    """Keeps a service's pauses in another budget, where its calls themselves count for nothing."""

    pauses: Budget

    def ask(self, service: str, *, asked_for: bool, bucket: str | None = None) -> None:
        """Raise ``RateLimited`` while the service is to be left alone."""
        until = self.pauses.blocked_until(service)
        if until is not None:
            raise RateLimited(service, "resting until its limit ends", until=until)

    def block(
        self,
        service: str,
        until: datetime,
        reason: str,
        *,
        bucket: str | None = None,
        certain: bool = True,
    ) -> ServicePause:
        """Kept for every process."""
        return self.pauses.block(service, until, reason, bucket=bucket, certain=certain)

    def blocked_until(self, service: str) -> datetime | None:
        """As the other budget knows it."""
        return self.pauses.blocked_until(service)

    def turns(self, service: str) -> SlotBook | None:
        """Each machine keeps its own."""
        return None


@dataclass(frozen=True, slots=True)
class InMemoryCapabilities:
    """Everything may be tried; remembers closings for as long as it lives."""

    closed: dict[str, datetime] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def absent(self, name: str) -> bool:
        """Whether it was switched off here."""
        return name in self.closed

    def switch_off(self, name: str, until: datetime, reason: str) -> None:
        """Remember the closing."""
        self.closed[name] = until
        self.times[name] = self.times_closed(name) + 1

    def times_closed(self, name: str) -> int:
        """How often it was switched off here."""
        return self.times.get(name, 0)

    def switch_on(self, name: str) -> None:
        """Forget its closings."""
        self.closed.pop(name, None)
        self.times.pop(name, None)


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token in hand, without a way to renew it: the moment right after a consent."""

    access_token: str = field(repr=False)

    async def token(self, *, force_refresh: bool = False) -> str:
        """The same token, always."""
        return self.access_token
