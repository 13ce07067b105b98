"""Everything that can be wrong with the account store, one sentence each.

A service's troubles are ``clients.errors``'; a command's bad end, ``vibe_pipeline.errors``'.
"""

from __future__ import annotations


class AccountsUnreadable(Exception):
    """The account store cannot be used; the text says why and what to do."""


class AccountsNotADatabase(AccountsUnreadable):
    """What lies at the address is something else, or damaged."""


class AccountsNotPermitted(AccountsUnreadable):
    """The file or its folder may not be read or written by us."""


class AccountsNotSetUp(AccountsUnreadable):
    """The tables are missing or older than this version expects."""


class AccountsTooNew(AccountsUnreadable):
    """A newer version of this program has already changed the tables."""


class AccountsBusy(AccountsUnreadable):
    """Somebody held the store for longer than we wait."""


class AccountsUnreachable(AccountsUnreadable):
    """The database server does not answer, the disk is full, or the like."""


class SecretKeyWrong(AccountsUnreadable):
    """The tokens were sealed with another key."""


class SecretKeyInvalid(AccountsUnreadable):
    """The key is not one that can seal."""


class UnknownPerson(LookupError):
    """Nobody has this user id; they may have asked to be forgotten."""


class SpotifyAccountTaken(Exception):
    """This Spotify account is already connected to another chat."""
