"""Everything that can go wrong with a service, one leaf for each thing a caller can do about it.

An exception hierarchy, raised by clients alone. Why a list did not come about is a
``FailureCause`` of the account store's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime


class ServiceError(Exception):
    """A service did not give what was asked; ``service`` names it, the text is safe to show.

    ``endpoint`` is what was called, its ids left out, where that is known: ``endpoint_named``.
    """

    endpoint: str | None = None

    def __init__(self, service: str, sentence: str) -> None:
        super().__init__(f"{service}: {sentence}")
        self.service = service
        self.sentence = sentence


@contextmanager
def endpoint_named(endpoint: str) -> Iterator[None]:
    """Have an error that leaves here say which endpoint it comes from, unless it knows already."""
    try:
        yield
    except ServiceError as error:
        error.endpoint = error.endpoint or endpoint
        raise


class AuthorizationExpired(ServiceError):
    """The person's consent is gone: ask them to connect again."""


class GrantDoubted(AuthorizationExpired):
    """The grant was refused, and may be good all the same: nothing is thrown away before it is
    refused again, some time later.
    """


class PermissionMissing(ServiceError):
    """The consent is good, and one permission is not part of it: ask the person to agree to all."""


class NotAllowlisted(ServiceError):
    """Spotify knows the person but not as a user of this app: tell them and the operator."""


class OwnerNotPremium(ServiceError):
    """The app's owner has no Spotify Premium, so the whole app stands still: tell the operator."""


class CapabilityAbsent(ServiceError):
    """This app may not call this endpoint: switch it off for a day."""

    def __init__(self, service: str, sentence: str, *, capability: str) -> None:
        super().__init__(service, sentence)
        self.capability = capability


class RateLimited(ServiceError):
    """Too many calls; ask nothing before ``until``. ``quota``: the day's, not a moment's.

    ``bucket``: only these endpoints are to be left alone; ``None`` means all.
    """

    def __init__(
        self,
        service: str,
        sentence: str,
        *,
        until: datetime,
        quota: bool = False,
        bucket: str | None = None,
    ) -> None:
        super().__init__(service, sentence)
        self.until = until
        self.quota = quota
        self.bucket = bucket


class ServiceUnavailable(ServiceError):
    """Out of reach, or answering with its own trouble, after bounded retries: later.

    ``may_have_happened``: what was asked cannot be repeated safely, and nobody knows whether it
    was done; look before asking again.
    """

    def __init__(self, service: str, sentence: str, *, may_have_happened: bool = False) -> None:
        super().__init__(service, sentence)
        self.may_have_happened = may_have_happened


class PassinglyRefused(ServiceUnavailable):
    """Refused for a reason that is over by now: ask again, once it is seen that nothing was done.

    Only of what cannot be repeated safely; anything else was asked again already.
    """

    def __init__(self, service: str, sentence: str) -> None:
        super().__init__(service, sentence, may_have_happened=True)


class BrokenAnswer(ServiceUnavailable):
    """A success by its status whose body is not what its endpoint promises: nothing is believed,
    what is known stays, and later is the time to ask again.
    """


class Redirected(ServiceUnavailable):
    """We were sent elsewhere, where no token may go: something stands between us and the service.

    Of a write it is taken that nothing was done.
    """


class DeadlineReached(ServiceUnavailable):
    """We stopped waiting ourselves, because somebody waits for us: go on asking later."""


class AllowanceSpent(ServiceUnavailable):
    """What this piece of work may ask is spent, by our own count: go on with what is there.

    The service asked for nothing of the kind, and another piece of work may ask it. ``until``: when
    this may ask again, where that is known.
    """

    def __init__(self, service: str, sentence: str, *, until: datetime | None = None) -> None:
        super().__init__(service, sentence)
        self.until = until


class NotThere(ServiceError):
    """What was asked for does not exist: remember that, and go on without it."""

    def __init__(self, service: str, sentence: str, *, endpoint: str | None = None) -> None:
        super().__init__(service, sentence)
        self.endpoint = endpoint


class ListeningHidden(ServiceError):
    """Somebody keeps what they listen to to themselves: they can change that, we cannot."""


class WriteRefused(ServiceError):
    """Many things were to be written at once, and all are refused for one that does not exist.

    Find out which, and go on without.
    """


class KeyRefused(ServiceError):
    """Our own key or client id is refused: stop asking, tell the operator."""


class UnexpectedResponse(ServiceError):
    """An answer that fits no description: a bug here, or a change there. Tell us."""
