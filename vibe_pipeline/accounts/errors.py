"""Everything that can be wrong with the account store, one sentence each.

A service's troubles are ``clients.errors``'; a command's bad end, ``vibe_pipeline.errors``'.
"""

from __future__ import annotations


class AccountsUnreadable(Exception):
    """The account store cannot be used; the text says why and what to do.

    ``for_strangers`` says it without naming where anything lies.
    """

    for_strangers = "The account store cannot be used; `vibe doctor` says why."


class AccountsNotADatabase(AccountsUnreadable):
    """What lies at the address is something else, or damaged."""

    for_strangers = "What lies at ACCOUNTS_URL is not an account store, or it is damaged."


class IndexContradicts(AccountsNotADatabase):
    """All pages can be read, but an index finds other rows than there are."""

    for_strangers = "An index of the account store is damaged; start Vibe again, which mends it."


class RowUnreadable(AccountsNotADatabase):
    """What lies there is an account store, and one row in it does not hold what it should."""

    for_strangers = "A row of the account store is damaged; `vibe doctor` says whose."


class AccountsNotPermitted(AccountsUnreadable):
    """The file or its folder may not be read or written by us."""


class AccountsNotSetUp(AccountsUnreadable):
    """The tables are missing or older than this version expects."""

    for_strangers = "The account store is not set up for this version; run `vibe up` once."


class AccountsGone(AccountsNotSetUp):
    """There is no store at all: it was never made, or it is away."""

    for_strangers = "The account store is not there: bring back the disk it lies on, or a backup."


class AccountsTooNew(AccountsUnreadable):
    """A newer version of this program has already changed the tables."""


class AccountsBusy(AccountsUnreadable):
    """Somebody held the store for longer than we wait."""

    for_strangers = "Another process held the account store for too long."


class AccountsUnreachable(AccountsUnreadable):
    """The database server does not answer, the disk is full, or the like."""

    for_strangers = "The account store cannot be reached; `vibe doctor` says why."


class SecretKeyWrong(AccountsUnreadable):
    """The tokens were sealed with another key."""

    for_strangers = "The stored tokens were sealed with another key; `vibe doctor` says more."


class SecretKeyGone(SecretKeyWrong):
    """There is no key at all, though there is a store."""


class SecretKeyInvalid(AccountsUnreadable):
    """The key is not one that can seal."""


class UnknownPerson(LookupError):
    """Nobody has this user id; they may have asked to be forgotten."""


class ConsentWithdrawn(LookupError):
    """The person disconnected, or was forgotten, while Spotify was still being asked."""


class SpotifyAccountTaken(Exception):
    """This Spotify account is already connected to another chat."""
