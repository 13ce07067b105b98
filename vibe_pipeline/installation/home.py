"""The home folder: one installation at a time (a lock), and nobody else's business (permissions).

Where it is says ``settings``; what lies in it belongs to each store.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vibe_pipeline.errors import CommandFailed, ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
PRIVATE_UMASK = 0o077
RESTORING = "restore.unfinished"
"""A file that stands while a backup's stores take the place of the former ones."""
RESTORED = "restored"
"""A file that says when a backup's stores took the place of the former ones."""
ROOM_FOR_A_LIST = 20_000_000
"""Bytes: what a run writes into all stores, with some to spare."""


class HomeInUse(ConfigurationError):
    """Another installation runs on this home folder; the text says which, and what to do."""


class HomeNotOurs(ConfigurationError):
    """The home folder or its lock is another user's; the text says whose, and what to do."""


class RestoreCutOff(CommandFailed):
    """The stores do not belong together; only another restore mends that."""


def make_private(home: Path) -> None:
    """Keep other accounts of this machine out of the home folder, whatever lies in it already.

    Also sets the umask of this process, which its children inherit. Best effort: what belongs to
    somebody else stays as it is, and a folder that cannot be made is told where it is needed.
    """
    os.umask(PRIVATE_UMASK)
    with suppress(OSError):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder, _, files in os.walk(home):
            _close(Path(folder))
            for name in files:
                _close(Path(folder) / name)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold the home folder for one installation; the system lets go however we end.

    Raises:
        HomeInUse: another ``vibe up`` holds it. Nothing has been changed then.
        HomeNotOurs: nobody can tell, since its lock is another user's.
    """
    with suppress(OSError):  # a folder that cannot be made is told by who writes into it
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not home.is_dir():
        yield
        return
    # A file of its own: opening a lock file may empty it, also for whoever does not get the lock.
    pid_file, lock = home / "vibe.pid", FileLock(home / "vibe.lock", mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise HomeInUse(
            f"An installation already runs on {home} (process {_holder(pid_file)}); stop it first,"
            " or name another folder in VIBE_HOME."
        ) from None
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _not_ours(home / "vibe.lock") from None
        yield  # a file system without locks, or one that is read-only
        return
    try:
        with suppress(OSError):
            pid_file.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        with suppress(OSError):
            pid_file.unlink()
        lock.release()


def cannot_be_written(home: Path) -> bool:
    """Whether there is no room to keep a list in the home folder, or it is read-only."""
    if not home.exists():
        return False  # nothing was kept yet: who writes first makes it, or says why not
    try:
        return shutil.disk_usage(home).free < ROOM_FOR_A_LIST or not os.access(home, os.W_OK)
    except OSError:
        return True


def stop_while_restoring(home: Path) -> None:
    """Refuse to touch stores of which some are a backup's and some the former ones.

    Raises:
        RestoreCutOff: a restore was cut off, or is under way.
    """
    if (home / RESTORING).exists():
        raise RestoreCutOff("A restore was cut off here; run vibe restore again first.")


def note_restoring(home: Path, aside: Path) -> None:
    """Put up the mark of a restore under way, and in it where the former stores go meanwhile."""
    mark = home / RESTORING
    begun = "" if mark.exists() else "A restore is under way; run it again if it was cut off.\n"
    with mark.open("a", encoding="utf-8") as lines:
        lines.write(f"{begun}{aside.name}\n")


def set_aside_by_cut_off(home: Path) -> list[Path]:
    """Where restores that were cut off have put former stores, the first of them first."""
    try:
        _, *names = (home / RESTORING).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    return [home / name for name in names]


def note_restored(home: Path, now: datetime) -> None:
    """Remember that the stores are older than what was done with them."""
    (home / RESTORED).write_text(now.isoformat(timespec="seconds"), encoding="ascii")


def restored_at(home: Path) -> datetime | None:
    """When a backup was restored here last; ``None`` when none ever was, or nobody can tell."""
    try:
        return datetime.fromisoformat((home / RESTORED).read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def _not_ours(lock: Path) -> HomeNotOurs:
    place = lock if lock.exists() else lock.parent
    return HomeNotOurs(
        f"{place} may not be written by this user, so nobody can tell whether an installation runs"
        f" on {lock.parent}: run this as its owner ({_owner(place)}), or have root give the folder"
        f" with all that lies in it to this user (chown -R {os.geteuid()} {lock.parent})."
    )


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (OSError, KeyError):
        return "another user"


def _holder(pid_file: Path) -> str:
    try:
        return pid_file.read_text(encoding="ascii", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def _close(path: Path) -> None:
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
