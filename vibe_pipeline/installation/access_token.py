"""The secret by which our own programs know each other at Dagster's webserver (a bearer token).

A file of the home folder, closed to other accounts. Who has to show it is decided in
``launcher.webserver_guard``; the operator's token for ``/internal/jobs`` is a setting.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

GUARD_HEADER = "X-Vibe-Guard"
OAUTH_HEADER = "X-Vibe-OAuth"
"""Every answer through the guard carries it, so that one can see that the guard is in place."""
_FILE = "webserver.token"


def kept_token(home: Path) -> str:
    """The token of this installation, made now when there is none yet."""
    path = home / _FILE
    if (token := read_token(home)) is not None:
        return token
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f".{_FILE}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            if read_token(home) is None:  # what a power cut left of one; nobody can show it
                draft.replace(path)
            # else another process was first, and its token is everybody's
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()


def lasting_token(home: Path) -> str | None:
    """The token, made anew if somebody deleted or emptied it while we run.

    ``None`` where the home folder cannot be written, of which health and doctor tell.
    """
    try:
        return kept_token(home)
    except OSError:
        return None


def read_token(home: Path) -> str | None:
    """The token of this installation, if it has one that we may read."""
    try:
        return (home / _FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def bearer(token: str | None) -> dict[str, str]:
    """The header that shows it; none without a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}
