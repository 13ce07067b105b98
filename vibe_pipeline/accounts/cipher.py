"""Encryption at rest of what must not be readable in the file: tokens, verifiers; and its key.

Whatever is sealed is sealed here. What is only compared (OAuth states) is hashed, not sealed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vibe_pipeline.accounts.errors import (
    AccountsNotPermitted,
    SecretKeyGone,
    SecretKeyInvalid,
    SecretKeyWrong,
)
from vibe_pipeline.settings import Settings

__all__ = [
    "Cipher",
    "MissingKey",
    "SecretKeyInvalid",
    "SecretKeyWrong",
    "cipher_for",
    "existing_key",
    "fingerprint",
    "give_to_owner_of",
    "keep_keys",
    "kept_key",
    "key_file",
    "new_key",
    "secret_key",
    "usable_key",
]

KEY_FILE = "secret.key"
_ENCODING = "utf-8-sig"
"""Editors of other systems put a byte order mark before what they keep."""


class Cipher:
    """Seals with the first key and opens with any of them, so that keys can be changed.

    With a file that it is ``kept_in``, a key that is changed there holds from the next text on, in
    every process; a file that is gone or unfit changes nothing for whoever runs already.
    """

    __slots__ = ("_fernet", "_kept_in", "_stamp")

    def __init__(self, keys: str, *, kept_in: Path | None = None) -> None:
        self._kept_in = kept_in
        self._stamp: tuple[int, int, int] | None = None
        self._fernet = _fernet(keys)

    def seal(self, text: str) -> bytes:
        """The text, readable only with the key."""
        self._read_again()
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed; raises ``SecretKeyWrong`` when another key did it."""
        self._read_again()
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise SecretKeyWrong(
                "The stored tokens were sealed with another key; put the former VIBE_SECRET_KEY"
                " (or secret.key) back, or ask everybody to /connect again."
            ) from None

    def opens(self, sealed: bytes) -> bool:
        """Whether it was sealed with one of our keys, and is whole."""
        try:
            self.open(sealed)
        except SecretKeyWrong:
            return False
        return True

    def _read_again(self) -> None:
        stamp = _stamp(self._kept_in)
        if self._kept_in is None or stamp is None or stamp == self._stamp:
            return
        with suppress(OSError, ValueError, SecretKeyInvalid):
            self._fernet = _fernet(self._kept_in.read_text(encoding=_ENCODING))
            self._stamp = stamp


class MissingKey(Cipher):
    """Where the key is gone: what needs none goes on, and what is sealed stays so.

    Nor is anything sealed, with a key that nobody would have afterwards.
    """

    __slots__ = ("_sentence",)

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def seal(self, text: str) -> bytes:
        """Raises ``SecretKeyGone``."""
        raise SecretKeyGone(self._sentence)

    def open(self, sealed: bytes) -> str:
        """Raises ``SecretKeyGone``."""
        raise SecretKeyGone(self._sentence)


def _fernet(keys: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise SecretKeyInvalid(
            "VIBE_SECRET_KEY must be a Fernet key (44 characters), or several with commas"
            " between them, newest first; leave it empty to have one made and kept for you."
        ) from None


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """What tells one state of a file from another; ``None`` when there is nothing to tell."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)


def cipher_for(settings: Settings) -> Cipher:
    """The cipher of these settings; where a file keeps the key, whatever it keeps by then."""
    key = secret_key(settings)
    kept_in = key_file(settings.home) if settings.vibe_secret_key is None else None
    return Cipher(key, kept_in=kept_in)


def key_file(home: Path) -> Path:
    """Where the key lies, when no setting names it."""
    return home / KEY_FILE


def keep_keys(home: Path, keys: Sequence[str]) -> None:
    """Put these in the place of what the file holds, whole or not at all; the first one seals."""
    path = key_file(home)
    draft = _draft(path, ",".join(keys))
    draft.replace(path)
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def fingerprint(keys: str) -> str:
    """A name for the key that seals, by which nobody can find it."""
    first = keys.partition(",")[0].strip()
    return hashlib.sha256(f"vibe key {first}".encode()).hexdigest()[:16]


def secret_key(settings: Settings) -> str:
    """``VIBE_SECRET_KEY``, else the key kept in the home folder, made now when there is none."""
    if settings.vibe_secret_key is not None:
        key = settings.vibe_secret_key.get_secret_value()
        Cipher(key)
    else:
        key = usable_key(settings.home)
    return key


def existing_key(settings: Settings) -> str | None:
    """The key as ``secret_key`` would find it; ``None`` where it would have to make one."""
    if settings.vibe_secret_key is None and not (settings.home / KEY_FILE).exists():
        return None
    return secret_key(settings)


def usable_key(home: Path) -> str:
    """The key in ``secret.key``, made now when there is none.

    Raises:
        SecretKeyInvalid: what the file holds is no key; it stays as it is.
        AccountsNotPermitted: the file can be neither read nor made.
    """
    key = kept_key(home)
    try:
        Cipher(key)
    except SecretKeyInvalid:
        raise SecretKeyInvalid(
            f"What {key_file(home)} holds is no key: put the former one back, as plain text of 44"
            " characters; where it is lost, move the file aside and ask everybody to /connect"
            " again."
        ) from None
    return key


def kept_key(home: Path) -> str:
    """What ``secret.key`` holds, fit or not, empty where it is no text.

    Of several processes that make it at once, one wins for all.
    """
    path = home / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        return path.read_text(encoding=_ENCODING).strip()
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise AccountsNotPermitted(
            f"The secret key {path} can be neither read nor made ({error.strerror}); give the user"
            " who runs this program the right to this folder, or set VIBE_SECRET_KEY."
        ) from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, new_key())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def new_key() -> str:
    """A key that nobody has."""
    return Fernet.generate_key().decode()


def _draft(path: Path, content: str) -> Path:
    """A file beside it with this content, on the disk, closed to all but the key's owner."""
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            give_to_owner_of(path, descriptor)
            file.write(f"{content}\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def give_to_owner_of(path: Path, file: Path | int) -> None:
    """Let whoever has the key, or its folder, have this file too, where we may decide that.

    What root leaves in the home of a service that runs as another user is read by that service.
    """
    with suppress(OSError):
        owner = (path if path.exists() else path.parent).stat()
        os.chown(file, owner.st_uid, owner.st_gid)
