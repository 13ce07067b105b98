"""What can happen to the stores of a running installation, and how an operator puts it right.

Each harm is done to real files. A disk that is full needs a small one of its own, and a home that
is read-only somebody who may not overrule that: ``on_a_small_disk`` gives both, where it can.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.matrices.crash_site import Site

Mend = Callable[[], None]

SMALL_DISK = "VIBE_SMALL_DISK"
"""Names the folder that ``on_a_small_disk`` has made."""
_ROOM = "1500m"
_LARGEST_TO_FILL = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """``do`` gives what an operator does about it later; ``by_itself``: nobody need do anything.

    ``told``: the catalogue's sentences of which the person reads one meanwhile.
    """

    name: str
    do: Callable[[Site], Mend]
    by_itself: bool = False
    told: tuple[str, ...] = ()
    small_disk: bool = False


def on_a_small_disk() -> None:
    """Begin this program anew on a small disk of its own, seen by nobody else, if we may.

    As root without root's right to overrule permissions.
    """
    tools = all(map(shutil.which, ("unshare", "setpriv", "mount")))
    if SMALL_DISK in os.environ or os.geteuid() != 0 or not tools:
        return
    folder = tempfile.mkdtemp(prefix="vibe-small-disk-")
    mount = f"mount -t tmpfs -o size={_ROOM},mode=0700 none {folder}"
    weaker = "setpriv --bounding-set=-dac_override,-dac_read_search --"
    again = ["sh", "-c", f'{mount} && exec {weaker} "$@"', "sh", sys.executable, *sys.orig_argv[1:]]
    os.environ |= {SMALL_DISK: folder, "TMPDIR": folder}
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", *again])  # noqa: S606


def _nothing() -> None:
    """There is nothing to put right."""


def _warehouse(site: Site) -> Path:
    return site.installation.settings.warehouse_path


def _accounts(site: Site) -> Path:
    return site.installation.home / "accounts.sqlite"


def _deleted(path: Path) -> None:
    for name in path.parent.glob(f"{path.name}*"):
        if not name.name.endswith(".lock"):
            name.unlink()


def _zeros_inside(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(bytes(size // 3))


def delete_warehouse(site: Site) -> Mend:
    """Nobody notices at once: it is opened again with the next step."""
    _deleted(_warehouse(site))
    return _nothing


def cut_warehouse(site: Site) -> Mend:
    """Half of it is gone, as after a copy that was cut off."""
    path = _warehouse(site)
    os.truncate(path, path.stat().st_size // 2)
    return _nothing


def empty_warehouse(site: Site) -> Mend:
    """The file is there, and nothing in it."""
    os.truncate(_warehouse(site), 0)
    return _nothing


def spoil_warehouse(site: Site) -> Mend:
    """A third of it reads as zeros, as after a bad disk."""
    _zeros_inside(_warehouse(site))
    return _nothing


def other_file(site: Site) -> Mend:
    """Somebody else's file lies there; it is not ours to set aside."""
    path = _warehouse(site)
    ours = path.with_name("ours")
    path.rename(ours)
    path.write_bytes(b"notes of somebody else\n" * 2000)

    def mend() -> None:
        ours.replace(path)

    return mend


def delete_key(site: Site) -> Mend:
    """Whoever runs already knows the key; whoever starts does not."""
    path = site.installation.home / "secret.key"
    key = path.read_bytes()
    path.unlink()

    def mend() -> None:
        path.write_bytes(key)
        path.chmod(0o600)

    return mend


def _kept(path: Path, kept: Path) -> None:
    with closing(sqlite3.connect(path)) as store, closing(sqlite3.connect(kept)) as copy:
        store.backup(copy)


def _put_back(site: Site, kept: Path) -> None:
    """What a stop, ``vibe restore`` and a start do: no process goes on with the former file."""
    path = _accounts(site)
    _deleted(path)
    shutil.move(kept, path)
    for part in site.installation.managed_processes():
        if not part.essential and part.ready is not None:
            with suppress(ProcessLookupError):
                site.kill_part(part.name)


def delete_accounts(site: Site) -> Mend:
    """The account store is gone; its backup is not."""
    path = _accounts(site)
    kept = path.with_name("kept.sqlite")
    _kept(path, kept)
    _deleted(path)
    return lambda: _put_back(site, kept)


def spoil_accounts(site: Site) -> Mend:
    """A third of the account store reads as zeros."""
    path = _accounts(site)
    kept = path.with_name("kept.sqlite")
    _kept(path, kept)
    _zeros_inside(path)
    return lambda: _put_back(site, kept)


def fill_disk(site: Site) -> Mend:
    """Not one byte more."""
    home = site.installation.home
    if shutil.disk_usage(home).total > _LARGEST_TO_FILL:
        raise LookupError("no small disk of its own to fill")
    ballast = home / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = shutil.disk_usage(home).free
        while size > 0:
            try:
                file.write(bytes(min(size, 1_000_000)))
            except OSError:
                break
            size -= 1_000_000
    return ballast.unlink


def forbid_writing(site: Site) -> Mend:
    """Files and folders of the home belong to somebody else, as it were."""
    if SMALL_DISK not in os.environ and os.geteuid() == 0:
        raise LookupError("root may write everywhere")
    paths = [site.installation.home, *site.installation.home.rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)

    def mend() -> None:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)

    return mend


_FULL = ("store_full", "store_busy")
HARMS = (
    Harm(name="warehouse, deleted", do=delete_warehouse, by_itself=True),
    Harm(name="warehouse, emptied", do=empty_warehouse, by_itself=True),
    Harm(name="warehouse, cut in half", do=cut_warehouse, by_itself=True),
    Harm(name="warehouse, zeros inside", do=spoil_warehouse, by_itself=True),
    Harm(name="warehouse, somebody else's file", do=other_file, told=("store_damaged",)),
    Harm(name="secret.key, deleted", do=delete_key, told=("key_lost",)),
    Harm(name="account store, deleted", do=delete_accounts, told=("store_damaged",)),
    Harm(name="account store, zeros inside", do=spoil_accounts, told=("store_damaged",)),
    Harm(name="disk, full", do=fill_disk, told=_FULL, small_disk=True),
    Harm(name="home, read-only", do=forbid_writing, told=_FULL, small_disk=True),
)
