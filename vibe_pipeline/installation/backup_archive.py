"""The file format of backups: a compressed tar of named files, with a manifest of their digests.

Written whole or not at all, closed to other accounts, and believed only after every digest agrees.
What belongs into a backup, and where it goes on restoring, is ``commands``'.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 50_000_000
_CHUNK = 1 << 20
_COMPRESSION = 1
_NO_ARCHIVE = (
    *(tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError),
    *(FileExistsError, NotADirectoryError),
)
"""What reading raises that is none of ours, or damaged; the last two, where a name comes twice."""


class ArchiveUnfit(Exception):
    """This is no backup of ours, or not as it was written; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive says of itself; ``digests`` are SHA-256 by name in the archive."""

    made_at: str
    version: str
    key_fingerprint: str | None
    digests: Mapping[str, str]
    format: int = FORMAT


def write_archive(path: Path, files: Mapping[str, Path], manifest: Manifest, *, room: Path) -> None:
    """Write these files, by their names in the archive; nothing stands there until all does.

    ``room``: a folder on the same disk for what is not whole yet; it goes with whatever is there.

    Raises:
        FileExistsError: there is something already; it stays as it is.
        OSError: there is no room, or no right to write there.
    """
    if path.exists():
        raise FileExistsError(path)
    draft = room / f"{secrets.token_hex(6)}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_COMPRESSION) as archive:
                _add(archive, _MANIFEST, json.dumps(asdict(manifest)).encode())
                for name, source in files.items():
                    archive.add(source, name, recursive=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_archive(path: Path, folder: Path) -> Manifest:
    """Unpack into this folder what the manifest names, and nothing else.

    Raises:
        ArchiveUnfit: it is damaged, cut off, made by a newer version, or no backup at all.
        OSError: it cannot be read, or there is no room to unpack it.
    """
    try:
        with tarfile.open(path, mode="r|gz") as archive:
            manifest = _manifest(archive)
            found = {
                head.name: _unpacked(archive, head, manifest, folder)
                for head in iter(archive.next, None)
            }
    except _NO_ARCHIVE as error:
        raise ArchiveUnfit(f"{path} is no backup, or it is damaged.") from error
    if not found:
        raise ArchiveUnfit(f"{path} is no backup: it holds no store.")
    if found != dict(manifest.digests):
        raise ArchiveUnfit(f"{path} is damaged: some of its files are not what was written.")
    return manifest


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    head = tarfile.TarInfo(name)
    head.size, head.mode = len(content), 0o600
    archive.addfile(head, io.BytesIO(content))


def _manifest(archive: tarfile.TarFile) -> Manifest:
    head = archive.next()
    if head is None or head.name != _MANIFEST or head.size > _MOST_MANIFEST_BYTES:
        raise ValueError("no manifest at its beginning")
    content: Any = json.loads(_content(archive, head).read())
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArchiveUnfit("This backup was made by another version of Vibe that we cannot read.")
    try:
        return Manifest(**{**content, "digests": dict(content["digests"])})
    except (KeyError, TypeError) as error:
        raise ValueError("a manifest of another kind") from error


def _unpacked(
    archive: tarfile.TarFile, head: tarfile.TarInfo, manifest: Manifest, folder: Path
) -> str:
    """Write one file where its name says, inside the folder; gives its digest."""
    name = PurePosixPath(head.name)
    if head.name not in manifest.digests or name.is_absolute() or ".." in name.parts:
        raise ValueError("a file that the manifest does not name")
    target, hashed = folder / name, hashlib.sha256()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = _content(archive, head)
    if head.size > shutil.disk_usage(target.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := content.read(_CHUNK):
            hashed.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return hashed.hexdigest()


def _content(archive: tarfile.TarFile, head: tarfile.TarInfo) -> IO[bytes]:
    plain = head.isfile() and not head.issparse()  # which would be terabytes out of nothing
    content = archive.extractfile(head) if plain else None
    if content is None:
        raise ValueError("not a plain file")
    return content
