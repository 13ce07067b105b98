"""Trouble on order: what a service should answer instead of the truth, and how late."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FaultKind = Literal[
    "status",
    "timeout",
    "html",
    "empty",
    "garbage",
    "error200",
    "quota",
    "rate",
    "drop",
    "drip",
    "wrong_types",
    "nested",
    "huge",
    "redirect",
]


class FaultUnknown(ValueError):
    """An order for trouble that nobody here can make."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of trouble, for a service or one endpoint of it, for a while or for ever.

    With ``applied`` the request does its work first and only the answer is lost, as happens when a
    connection breaks on the way back.
    """

    service: str
    kind: FaultKind
    endpoint: str | None = None
    status: int | None = None
    retry_after: float | None = None
    times: int | None = None
    probability: float = 1.0
    delay: float | None = None
    body: str | None = None
    for_user: str | None = None
    applied: bool = False

    def fits(self, service: str, endpoint: str, user: str | None) -> bool:
        """Whether it is meant for this request."""
        return (
            self.times != 0
            and self.service in {service, "*"}
            and self._names(endpoint)
            and self.for_user in {None, user}
        )

    def _names(self, endpoint: str) -> bool:
        return self.endpoint is None or self.endpoint in {endpoint, endpoint.partition(" ")[2]}

    def as_json(self) -> dict[str, Any]:
        """The order as it was given."""
        return {name: getattr(self, name) for name in self.__slots__}


def fault_from_json(order: dict[str, Any]) -> Fault:
    """The fault that a JSON order asks for."""
    known = set(Fault.__slots__)
    strange = sorted(set(order) - known)
    if strange:
        raise FaultUnknown(
            f"a fault has no {', '.join(strange)}; it has {', '.join(sorted(known))}"
        )
    if order.get("kind") not in get_args(FaultKind):
        raise FaultUnknown(f"kind must be one of {', '.join(get_args(FaultKind))}")
    if not isinstance(order.get("service"), str):
        raise FaultUnknown("service must be named, or * for all")
    if order.get("for_user") is not None:
        order = {**order, "for_user": str(order["for_user"])}
    return Fault(**order)


@dataclass(slots=True)
class Faults:
    """The trouble that is on order now."""

    rng: random.Random
    orders: list[Fault] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    jitter: dict[str, float] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        """From now on, until it is used up or cleared."""
        self.orders.append(fault)

    def clear(self, service: str | None = None) -> None:
        """Back to good weather, for one service or for all."""
        self.orders[:] = [fault for fault in self.orders if service not in {None, fault.service}]
        if service is None:
            self.latency.clear()
            self.jitter.clear()

    def take(self, service: str, endpoint: str, user: str | None) -> Fault | None:
        """The first fault that hits this request; one with ``times`` is used up by it."""
        for fault in self.orders:
            if fault.fits(service, endpoint, user) and self.rng.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def delay(self, service: str) -> float:
        """Seconds this answer of the service takes: its latency, give or take its jitter."""
        seconds = self.latency.get(service, self.latency.get("*", 0.0))
        jitter = self.jitter.get(service, self.jitter.get("*", 0.0))
        return max(0.0, seconds + self.rng.uniform(-jitter, jitter)) if jitter else seconds
