"""How a command may end badly: asked or set up wrongly, or tried and failed.

Nothing else: a service's errors are ``clients.errors``', each store has its own beside it.
"""

from __future__ import annotations


class ConfigurationError(Exception):
    """Nothing was started; the text is one sentence that says what to put right. Exit code 2."""


class CommandFailed(Exception):
    """It was tried and failed; the text says why. Exit code 1."""
