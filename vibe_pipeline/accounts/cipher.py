"""Encryption at rest of what must not be readable in the file: tokens, verifiers; and its key.

Whatever is sealed is sealed here. What is only compared (OAuth states) is hashed, not sealed.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vibe_pipeline.accounts.errors import (
    AccountsNotPermitted,
    SecretKeyInvalid,
    SecretKeyWrong,
)
from vibe_pipeline.settings import Settings

__all__ = ["Cipher", "SecretKeyInvalid", "SecretKeyWrong", "existing_key", "kept_key", "secret_key"]

KEY_FILE = "secret.key"


class Cipher:
    """Seals with the first key and opens with any of them, so that keys can be changed."""

    __slots__ = ("_fernet",)

    def __init__(self, keys: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
        except ValueError:
            raise SecretKeyInvalid(
                "VIBE_SECRET_KEY must be a Fernet key (44 characters), or several with commas"
                " between them, newest first; leave it empty to have one made and kept for you."
            ) from None

    def seal(self, text: str) -> bytes:
        """The text, readable only with the key."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed; raises ``SecretKeyWrong`` when another key did it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise SecretKeyWrong(
                "The stored tokens were sealed with another key; put the former VIBE_SECRET_KEY"
                " (or secret.key) back, or ask everybody to /connect again."
            ) from None


def secret_key(settings: Settings) -> str:
    """``VIBE_SECRET_KEY``, else the key kept in the home folder, made now when there is none."""
    if settings.vibe_secret_key is not None:
        key = settings.vibe_secret_key.get_secret_value()
    else:
        key = kept_key(settings.home)
    Cipher(key)
    return key


def existing_key(settings: Settings) -> str | None:
    """The key as ``secret_key`` would find it; ``None`` where it would have to make one."""
    if settings.vibe_secret_key is None and not (settings.home / KEY_FILE).exists():
        return None
    return secret_key(settings)


def kept_key(home: Path) -> str:
    """The key in ``secret.key``; of several processes that make it at once, one wins for all."""
    path = home / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        return path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise AccountsNotPermitted(
            f"The secret key {path} can be neither read nor made ({error.strerror}); give the user"
            " who runs this program the right to this folder, or set VIBE_SECRET_KEY."
        ) from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
