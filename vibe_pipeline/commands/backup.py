"""The operator's commands against loss: ``vibe backup`` and ``vibe restore``.

Arguments, words and the order of things; what is copied is ``commands.snapshots``', the file's
format ``installation.backup_archive``'s.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from vibe_pipeline.accounts.cipher import existing_key, fingerprint, kept_key, key_file
from vibe_pipeline.accounts.database import connect, sqlite_path
from vibe_pipeline.accounts.errors import AccountsTooNew, AccountsUnreadable
from vibe_pipeline.accounts.schema import check_tables
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.commands import snapshots
from vibe_pipeline.commands.departures import Departures, repeat_departures
from vibe_pipeline.commands.snapshots import StoreDamaged
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.backup_archive import (
    ArchiveUnfit,
    Manifest,
    digest,
    read_archive,
    write_archive,
)
from vibe_pipeline.installation.home import (
    RESTORING,
    held,
    make_private,
    note_restored,
    note_restoring,
    stop_while_restoring,
)
from vibe_pipeline.installation.set_aside import before_restore
from vibe_pipeline.settings import FILE, Settings, read_settings, sqlite_address, warehouse_form
from vibe_pipeline.warehouse import Warehouse, WarehouseError

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_COPIES = ".vibe-copies-"
"""How a folder of plain copies begins, while a backup is made or restored."""


@click.command()
@click.option(
    "--to", type=click.Path(path_type=Path), help="The file; default vibe-DATE-TIME.tar.gz here."
)
@click.option("--with-key", is_flag=True, help="Put the key that opens the tokens in as well.")
def backup(to: Path | None, *, with_key: bool) -> None:
    """Copy all stores into one file; Vibe may go on running.

    Accounts, warehouse and Dagster's storage. Without the key nobody can use the tokens in it:
    keep secret.key, or VIBE_SECRET_KEY, in another place, or say --with-key.
    """
    settings, now = read_settings(), datetime.now(UTC)
    path = (to or Path(f"vibe-{now:%Y%m%d-%H%M%S}.tar.gz")).absolute()
    if not settings.home.is_dir():
        raise ConfigurationError(f"There is nothing to back up: {settings.home} does not exist.")
    stop_while_restoring(settings.home)
    try:
        files = _backed_up(settings, path, now, with_key=with_key)
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; name another file.") from None
    except (StoreDamaged, AccountsUnreadable) as error:
        raise CommandFailed(f"{error} Run vibe doctor.") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise CommandFailed(f"There is no room for the backup at {path.parent}.") from error
        raise CommandFailed(f"The backup could not be written: {error}.") from error
    click.echo(f"{path}: {files} files, {path.stat().st_size / 1e6:.1f} MB")
    click.echo(_about_key(settings, with_key=with_key))
    for left_out in _not_in_it(settings):
        click.echo(left_out)


def _not_in_it(settings: Settings) -> Iterator[str]:
    if sqlite_path(settings.accounts_address) is None:
        yield "The account store is a server's (ACCOUNTS_URL): dump it with its own tools."
    if settings.dagster_postgres_url is not None:
        yield "Dagster's storage is a server's (DAGSTER_POSTGRES_URL): dump it with its own tools."
    if warehouse_form(settings.warehouse_path) == snapshots.MOTHERDUCK:
        yield "The warehouse is MotherDuck's (DB_PATH): make a snapshot there."
    elif not Warehouse(settings.warehouse_path).exists():
        yield "The warehouse is not in it: there is none yet."


def _backed_up(settings: Settings, path: Path, now: datetime, *, with_key: bool) -> int:
    with _room_beside(path) as folder:
        files = snapshots.take(settings, folder, with_key=with_key)
        manifest = Manifest(
            made_at=now.isoformat(timespec="seconds"),
            version=version("vibe"),
            key_fingerprint=_fingerprint(settings),
            digests={name: digest(copy) for name, copy in files.items()},
        )
        write_archive(path, files, manifest, room=folder)
        return len(files)


def _about_key(settings: Settings, *, with_key: bool) -> str:
    if settings.vibe_secret_key is not None:
        return "The key is not in it: VIBE_SECRET_KEY names it. Keep it in another place."
    if with_key:
        return "The key is in it: whoever has this file can use people's Spotify tokens."
    return f"The key is not in it. Keep a copy of {key_file(settings.home)} in another place."


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--without-key",
    is_flag=True,
    help="Restore although the key that opens the tokens is lost; people connect again.",
)
def restore(archive: Path, *, without_key: bool) -> None:
    """Put the stores in ARCHIVE in the place of this home's; Vibe must not be running.

    Everything is unpacked and read before anything is replaced; what was there is kept in the
    home, in a folder of its own.
    """
    settings, now = read_settings(), datetime.now(UTC)
    with held(settings.home):
        make_private(settings.home)
        try:
            with _room_beside(settings.home / "restored") as folder:
                manifest = read_archive(archive, folder)
                snapshots.check(folder)
                _look_for_version(folder, manifest)
                _look_for_place(settings, folder)
                _look_for_key(settings, folder, without_key=without_key)
                key_stays = _left_out_key(settings, folder)
                left = repeat_departures(settings, folder, now=utc_now)
                snapshots.use_write_ahead_log(folder)
                aside = _swapped(settings, folder, now)
        except (ArchiveUnfit, StoreDamaged, AccountsUnreadable, WarehouseError) as error:
            raise CommandFailed(f"{error} Nothing was changed.") from error
        except OSError as error:
            raise CommandFailed(f"{archive} could not be restored: {error}.") from error
    click.echo(f"{settings.home} is as it was at {manifest.made_at}.")
    if aside is not None:
        click.echo(
            f"What was there before is kept in {aside} for {settings.set_aside_days} days; delete"
            " it when all is well."
        )
    if snapshots.ACCOUNTS in manifest.digests:
        _tell_departures(left)
    else:
        click.echo("The account store is not in this backup; the one that is here stays.")
    if key_stays:
        click.echo(
            "The key in this backup is another than the one here, which opens the accounts that"
            f" stay: {key_file(settings.home)} stays as it is."
        )
    if warehouse_form(settings.warehouse_path) != FILE:
        click.echo("The warehouse is a server's (DB_PATH): restore it on the server's machine.")
    if settings.dagster_postgres_url is not None:
        click.echo(
            "Dagster's storage is a server's (DAGSTER_POSTGRES_URL): it stays as it is there;"
            " restore its own dump of that day."
        )
    click.echo("A playlist that was made since is found again by what it says of itself.")
    click.echo("Start Vibe with vibe up: whoever has no list of this night yet gets it then.")


def _tell_departures(left: Departures | None) -> None:
    """Nobody who asked to be forgotten comes back without the operator's knowing."""
    if left is None:
        click.echo(
            "Whoever asked to be forgotten or disconnected since is here again: no account store"
            " that was here tells who. Erase them with vibe erase USER before you start."
        )
        return
    if left.forgotten or left.disconnected:
        click.echo(
            f"Since then {len(left.forgotten)} were forgotten and {len(left.disconnected)}"
            " disconnected; that was done again."
        )
    elif not left.unsure:
        click.echo("Nobody was forgotten or disconnected since.")
    if left.unsure:
        click.echo(
            "Forgotten since, or only missing because an older backup was restored:"
            f" {', '.join(sorted(left.unsure))}. They are here again; see vibe erase."
        )


def _look_for_version(folder: Path, manifest: Manifest) -> None:
    """Refuse accounts that this version could not start on."""
    copy = folder / snapshots.ACCOUNTS
    if not copy.exists():
        return
    try:
        check_tables(connect(sqlite_address(copy)))
    except AccountsTooNew:
        raise ArchiveUnfit(
            f"The accounts in this backup are a newer version's (Vibe {manifest.version}, perhaps"
            " an unreleased one): restore it with that."
        ) from None


def _look_for_place(settings: Settings, folder: Path) -> None:
    """Refuse to leave everybody out: a server's account store is not ours to replace."""
    if not (folder / snapshots.ACCOUNTS).exists() or sqlite_path(settings.accounts_address):
        return
    raise ConfigurationError(
        "This backup holds the accounts as a file, but ACCOUNTS_URL names a server: they would be"
        " left out. Take ACCOUNTS_URL out and restore again, to go on with the file; or restore"
        " the server's own dump, and a backup made while ACCOUNTS_URL named it. Nothing was"
        " changed."
    )


def _look_for_key(settings: Settings, folder: Path, *, without_key: bool) -> None:
    """Refuse a home in which people's tokens could not be opened, unless that is wanted.

    The key is tried: which of several sealed the tokens, no note of it could tell.
    """
    if without_key or not (folder / snapshots.ACCOUNTS).exists():
        return
    accounts = sqlite_address(folder / snapshots.ACCOUNTS)
    closed = snapshots.closed_tokens(accounts, _key_afterwards(settings, folder))
    if not closed:
        return
    raise ConfigurationError(
        f"The key that sealed this backup's tokens is not here (those of {closed} people stay"
        f" closed): put it into {key_file(settings.home)} (or VIBE_SECRET_KEY) first, or say"
        " --without-key and have them connect again. Nothing was changed."
    )


def _key_afterwards(settings: Settings, folder: Path) -> str | None:
    """The key that will hold: the setting's, else the one in the archive, else the one here."""
    if settings.vibe_secret_key is None and (folder / snapshots.KEY).exists():
        return _key_in(folder)
    return existing_key(settings)


def _key_in(folder: Path) -> str:
    return (folder / snapshots.KEY).read_text(encoding="ascii", errors="replace").strip()


def _left_out_key(settings: Settings, folder: Path) -> bool:
    """Take a key out of what was unpacked that would open less of the accounts that stay here.

    A backup without accounts says nothing of what became of their key since.
    """
    key = folder / snapshots.KEY
    if (folder / snapshots.ACCOUNTS).exists() or not key.exists():
        return False
    here = existing_key(settings)
    if here is None or here == _key_in(folder) or _opens_more(settings, _key_in(folder), here):
        return False
    key.unlink()
    return True


def _opens_more(settings: Settings, keys: str, than: str) -> bool:
    address = settings.accounts_address
    return snapshots.closed_tokens(address, keys) < snapshots.closed_tokens(address, than)


def _fingerprint(settings: Settings) -> str | None:
    if settings.vibe_secret_key is not None:
        return fingerprint(settings.vibe_secret_key.get_secret_value())
    if not key_file(settings.home).exists():
        return None
    return fingerprint(kept_key(settings.home))


def _swapped(settings: Settings, folder: Path, now: datetime) -> Path | None:
    """Replace store by store; a mark stands while that goes on, and no start gets past it.

    Gives where the former ones are, by their names in a backup, if there were any.
    """
    mark, aside = settings.home / RESTORING, before_restore(settings.home, now)
    note_restoring(settings.home, aside)
    for source, place in snapshots.targets(settings, folder):
        for suffix in snapshots.BESIDE:
            former = Path(f"{place}{suffix}")
            if former.exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                shutil.move(former, aside / f"{source.name}{suffix}")
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix in ("", ".wal"):
            if Path(f"{source}{suffix}").exists():
                shutil.move(f"{source}{suffix}", f"{place}{suffix}")
    note_restored(settings.home, now)
    mark.unlink()
    return aside if aside.exists() else None


@contextmanager
def _room_beside(path: Path) -> Iterator[Path]:
    """A folder of our own on the disk of what it becomes, closed to others, gone afterwards.

    Also when we are asked to end (a plain ``kill``, a terminal that is gone); what a killed process
    left goes with the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(path.parent)
    with _ends_in_order():
        folder = Path(tempfile.mkdtemp(prefix=_COPIES, dir=path.parent))
        try:
            with _locked(folder):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear_stale(parent: Path) -> None:
    """Remove such folders that no process holds: every store lies open in them."""
    for folder in parent.glob(f"{_COPIES}*"):
        if folder.is_dir() and not folder.is_symlink():
            with suppress(OSError), _locked(folder) as ours:
                if ours:
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold a folder until the process ends, however; false where another does, or no lock works."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        ours = False
    else:
        ours = True
    try:
        yield ours
    finally:
        os.close(descriptor)


@contextmanager
def _ends_in_order() -> Iterator[None]:
    """Let what would end us where we stand unwind what is open; what is outlived stays so."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    ending = [one for one in _ENDING if signal.getsignal(one) is not signal.SIG_IGN]
    former = {number: signal.signal(number, end) for number in ending}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
