"""What can be told of an installation by looking: settings against each other, folders, stores.

Changes and makes nothing, before the first start as well as beside a running installation. Asking
services is ``commands.service_checks``'; what a start itself looks at and mends is
``commands.checks``'.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from packaging.requirements import Requirement

from vibe_pipeline import runs
from vibe_pipeline.accounts.cipher import SecretKeyInvalid, existing_key
from vibe_pipeline.accounts.errors import AccountsUnreadable, SecretKeyWrong
from vibe_pipeline.accounts.lost_accounts import lists_of_nobody, nobody_left
from vibe_pipeline.accounts.records import Account, EditionKind, FailureCause
from vibe_pipeline.accounts.row_check import damaged_rows
from vibe_pipeline.accounts.store import AccountStore, open_existing, utc_now
from vibe_pipeline.commands.checks import Finding, contact_names_nobody, port_trouble
from vibe_pipeline.commands.dagster_files import damaged_files, trouble_writing
from vibe_pipeline.commands.processes import Ports
from vibe_pipeline.installation.home import cannot_be_written
from vibe_pipeline.installation.process_status import ProcessState, StatusFile
from vibe_pipeline.settings import (
    ENV_FILE,
    FILE,
    Settings,
    shown_address,
    sqlite_address,
    warehouse_form,
)
from vibe_pipeline.warehouse import Warehouse, WarehouseError
from vibe_pipeline.warehouse.damage import trouble_with
from vibe_pipeline.warehouse.extensions import ExtensionMissing
from vibe_pipeline.warehouse.list_count import readable_lists_in

FREE_BYTES = 500_000_000
"""Less than this fills up within days: logs, runs and the warehouse grow."""
LEAST_TOKEN = 16
ERASED_WITHIN = timedelta(hours=1)
"""A run that is under way is waited for; its deadline is far below this."""
_NAMED = 8
"""So many damaged rows are named; what an operator does about them is one thing."""
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_STAND_INS_ONLY = "SERVICE_PACE"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OUR_PATHS = ("/connect", "/confirm", "/decline", "/health", "/internal", "/metrics")
_EXTRAS = ("pipeline", "bot", "oauth")


def wrong_values(wrong: Mapping[str, str]) -> Iterator[Finding]:
    """Each setting that cannot be used as it is written."""
    for name, message in wrong.items():
        yield Finding(what=name, trouble=f"{name} {message}; mend it in .env or the environment.")


def addresses(settings: Settings) -> Iterator[Finding]:
    """Whether the addresses fit together: where Spotify sends people, and where we listen."""
    public = _public_trouble(settings)
    yield Finding(what="PUBLIC_URL", trouble=public, advice=_near(settings))
    if public is None:
        yield Finding(what="SPOTIFY_REDIRECT_URI", trouble=_redirect_trouble(settings))
    yield Finding(what="DAGSTER_GRAPHQL_URL", trouble=_dagster_trouble(settings))
    if {":", "/"} & set(settings.dagster_hosts or ""):
        sentence = (
            "DAGSTER_HOSTS takes names alone; write dagster.example.org, without https:// and"
            " without a port."
        )
        yield Finding(what="DAGSTER_HOSTS", trouble=sentence)


def other_settings(settings: Settings) -> Iterator[Finding]:
    """Values that are allowed and still do harm."""
    yield from guessable(settings)
    sentence = (
        "METABRAINZ_CONTACT names nobody; write a mail or web address where you can be reached."
    )
    if contact_names_nobody(settings):
        yield Finding(what="METABRAINZ_CONTACT", trouble=sentence)
    real = urlsplit(settings.spotify_api_url).hostname == "api.spotify.com"
    sentence = f"{_STAND_INS_ONLY} hurries the real services, which would block us; set it to 1."
    if real and settings.service_pace > 1:
        yield Finding(what=_STAND_INS_ONLY, trouble=sentence)


def guessable(settings: Settings) -> Iterator[Finding]:
    """Whether the operator's token can be found by trying: its length alone prevents that."""
    token = settings.internal_job_token
    if token is None or len(token.get_secret_value().strip()) >= LEAST_TOKEN:
        return
    sentence = (
        f"INTERNAL_JOB_TOKEN can be guessed; write {LEAST_TOKEN} characters or more (openssl rand"
        " -hex 24)."
    )
    yield Finding(what="INTERNAL_JOB_TOKEN", trouble=sentence)


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether we may listen where the settings say; while we run, we do."""
    if StatusFile(settings.home).read():
        return
    chosen = Ports.of(settings)
    for name, port in (("DAGSTER_GRAPHQL_URL", chosen.webserver), ("PUBLIC_URL", chosen.oauth)):
        yield Finding(what=f"port {port}", trouble=port_trouble(name, port))


def folders(settings: Settings) -> Iterator[Finding]:
    """Whether we may write where the state is to be, and whether others can read it."""
    home, warehouse = settings.home, settings.warehouse_path
    yield Finding(
        what=f"folder {home}", trouble=_folder_trouble(home, "VIBE_HOME"), advice=_open(home)
    )
    if warehouse_form(warehouse) == FILE and warehouse.parent != home:
        trouble = _folder_trouble(warehouse.parent, "DB_PATH")
        yield Finding(what=f"folder {warehouse.parent}", trouble=trouble)
    if settings.accounts_address == sqlite_address(warehouse):
        sentence = f"DB_PATH and ACCOUNTS_URL both name {warehouse}; leave one of them empty."
        yield Finding(what="DB_PATH", trouble=sentence)
    if ENV_FILE.exists():
        yield Finding(what=ENV_FILE.name, advice=_open(ENV_FILE))


def disk(
    home: Path, *, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> Iterator[Finding]:
    """Whether there is room for the next weeks."""
    free = free_bytes(_nearest(home))
    trouble = None
    if free < FREE_BYTES:
        trouble = (
            f"Only {free / 1e6:.0f} MB are free where {home} lies; make room, or name another"
            " folder in VIBE_HOME."
        )
    yield Finding(what="disk", trouble=trouble)


def stores(settings: Settings) -> Iterator[Finding]:
    """Whether the account store and the warehouse can be used, if they are there already."""
    trouble = key = advice = store = None
    try:
        existing_key(settings)
        store = open_existing(settings)
        if store is None:
            advice = "not there yet; `vibe up` makes it"
        else:
            store.check_whole()
            trouble = _damaged_rows(store)
    except (SecretKeyWrong, SecretKeyInvalid) as error:
        key = str(error)
    except AccountsUnreadable as error:
        trouble = str(error)
    yield Finding(what="account store", trouble=trouble, advice=advice)
    yield Finding(what="secret key", trouble=key, stops=False)
    warehouse = _warehouse(settings.warehouse_path)
    yield warehouse
    yield _runs(settings)
    if trouble is None and key is None and warehouse.trouble is None:
        path = settings.warehouse_path
        lists = lists_of_nobody(store, path, readable_lists_in)
        lost = nobody_left(str(path), lists) if lists else None
        yield Finding(what="everybody's accounts", trouble=lost)


def _damaged_rows(store: AccountStore) -> str | None:
    """What is read without them, or ends in words, and comes back with a backup alone."""
    damaged = list(damaged_rows(store))
    if not damaged:
        return None
    more = f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
    return (
        f"Rows of the account store are damaged: {', '.join(damaged[:_NAMED])}{more}. All others"
        " are served as before; to have these back, stop Vibe and run vibe restore with a backup."
    )


def people(settings: Settings) -> Iterator[Finding]:
    """What Spotify last said about the app and those who use it, from their lists."""
    try:
        store = open_existing(settings)
        if store is None:
            return
        accounts = store.people.all(active_only=True)
        causes = {account.user_id: _last_cause(store, account) for account in accounts}
        blocks, absent = store.budget.blocks(), store.capabilities.list()
    except AccountsUnreadable:
        return
    if FailureCause.OWNER_NOT_PREMIUM in causes.values():
        sentence = (
            "Spotify refuses the app because its owner has no Premium; subscribe with the account"
            " that owns the app in the developer dashboard."
        )
        yield Finding(what="Spotify Premium", trouble=sentence)
    for user_id, cause in causes.items():
        if cause is FailureCause.NOT_ALLOWLISTED:
            sentence = (
                f"Spotify does not let {user_id} use the app; add the name and mail of their"
                " Spotify account under User Management in the developer dashboard (`vibe people`"
                " says who it is)."
            )
            yield Finding(what=user_id, trouble=sentence)
    for block in blocks:
        rests = f"left alone until {block.until:%Y-%m-%d %H:%M} UTC ({block.reason})"
        yield Finding(what=block.service, advice=rests)
    for capability in absent:
        rests = f"not tried until {capability.until:%Y-%m-%d %H:%M} UTC ({capability.reason})"
        yield Finding(what=capability.name, advice=rests)


def promises(settings: Settings) -> Iterator[Finding]:
    """Whether everybody who asked for it was erased; that is tried every minute until it is."""
    try:
        store = open_existing(settings)
        waiting = [] if store is None else store.erasures.waiting()
    except AccountsUnreadable:
        return
    late = [note for note in waiting if utc_now() - note.asked_at > ERASED_WITHIN]
    if late:
        first = min(note.asked_at for note in late)
        sentence = (
            f"Promises to erase that are not kept yet: {len(late)}, the first of"
            f" {first:%Y-%m-%d %H:%M} UTC; the runs of {runs.FORGET_PERSON} in Dagster say why."
        )
        yield Finding(what="promises to erase", trouble=sentence)


def versions(
    requirements: list[str] | None = None, installed: Callable[[str], str] = version
) -> Iterator[Finding]:
    """Whether Python and the packages are those this version was made for."""
    yield Finding(what=f"Python {'.'.join(map(str, sys.version_info[:3]))}")
    declared = requirements if requirements is not None else requires("vibe") or []
    for requirement in map(Requirement, declared):
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in _EXTRAS
        ):
            continue
        if (trouble := _version_trouble(requirement, installed)) is not None:
            yield Finding(what=requirement.name, trouble=trouble)


def parts(settings: Settings) -> Iterator[Finding]:
    """How each part of a running installation does."""
    running = StatusFile(settings.home).read()
    if not running:
        yield Finding(what="parts", advice="nothing runs here now; `vibe up` starts it")
    for name, status in running.items():
        trouble = None
        if status.state is ProcessState.FAILING:
            trouble = (
                f"{name} {status.reason}, again and again; read its last lines in"
                f" {settings.home / 'logs'}."
            )
        if status.state is ProcessState.SILENT:
            trouble = (
                f"{name} does not answer; it is ended and started again if that lasts. See whether"
                " somebody stopped it (kill -STOP), or what this machine is short of."
            )
        since = (
            f"{status.state} since {status.since:%Y-%m-%d %H:%M} UTC, {status.restarts} restarts"
        )
        yield Finding(what=f"{name} ({since})", trouble=trouble)


def _public_trouble(settings: Settings) -> str | None:
    public, ours = urlsplit(settings.public_url), shown_address(settings.public_url)
    if public.path and settings.public_url == settings.spotify_redirect_uri:
        return (
            f"PUBLIC_URL is the redirect itself; cut off {public.path}, and leave"
            " SPOTIFY_REDIRECT_URI as it is."
        )
    if public.query or public.fragment:
        return (
            f"PUBLIC_URL holds more than an address; cut it off after {public.path or 'the host'}."
        )
    if public.scheme == "http" and public.hostname not in _LOOPBACK:
        return (
            f"PUBLIC_URL is {ours}, which nobody protects on its way; write an"
            " https:// address, or http://127.0.0.1:8000 for yourself alone."
        )
    if public.scheme == "https" and public.hostname in _LOOPBACK:
        return "PUBLIC_URL asks for https on this machine, where we speak http; write http://."
    return None


def _near(settings: Settings) -> str | None:
    if urlsplit(settings.public_url).hostname in _LOOPBACK:
        return "browsers on this machine only; phones need a public https address"
    return None


def _redirect_trouble(settings: Settings) -> str | None:
    public, redirect = urlsplit(settings.public_url), urlsplit(settings.spotify_redirect_uri)
    ours, theirs = (shown_address(one.geturl()) for one in (public, redirect))
    if redirect.query or redirect.fragment:
        return "SPOTIFY_REDIRECT_URI must end with its path; take off what follows ? or #."
    if _origin(public) != _origin(redirect):
        return (
            f"Spotify would send people back to {theirs}, but PUBLIC_URL is"
            f" {ours}; make both begin alike, and register the same"
            " SPOTIFY_REDIRECT_URI in the developer dashboard."
        )
    if not redirect.path:
        return (
            f"SPOTIFY_REDIRECT_URI has no path; write {ours}/callback, and register"
            " it in the developer dashboard."
        )
    prefix = public.path.rstrip("/")
    if prefix and not redirect.path.startswith(f"{prefix}/"):
        return (
            f"SPOTIFY_REDIRECT_URI leaves out PUBLIC_URL's path {prefix}; write"
            f" {ours}/callback, and register it in the developer dashboard."
        )
    path = redirect.path.removeprefix(prefix)
    if any(path == one or path.startswith(f"{one}/") for one in _OUR_PATHS):
        return (
            f"SPOTIFY_REDIRECT_URI ends with {path}, an address of ours for something else; end it"
            " with /callback."
        )
    return None


def _dagster_trouble(settings: Settings) -> str | None:
    dagster = urlsplit(settings.dagster_graphql_url)
    if dagster.path != "/graphql":
        return "DAGSTER_GRAPHQL_URL must end with /graphql; write http://127.0.0.1:3000/graphql."
    if dagster.scheme == "https" and dagster.hostname in _LOOPBACK:
        return "DAGSTER_GRAPHQL_URL asks for https, and Dagster speaks http here; write http://."
    chosen = Ports.of(settings)
    if dagster.hostname in _LOOPBACK and chosen.webserver == chosen.oauth:
        return (
            f"DAGSTER_GRAPHQL_URL and PUBLIC_URL both name port {chosen.oauth}; give one of them"
            " another."
        )
    return None


def _origin(address: SplitResult) -> tuple[str, str | None, int]:
    usual = 443 if address.scheme == "https" else 80
    return address.scheme, address.hostname, address.port or usual


def _folder_trouble(folder: Path, setting: str) -> str | None:
    there = _nearest(folder)
    if not there.is_dir():
        return f"{there} is a file where a folder should be; name another folder in {setting}."
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            f"{there} cannot be written by this user; give yourself the right to it, or name"
            f" another folder in {setting}."
        )
    if folder.exists() and cannot_be_written(folder):
        return f"{folder} cannot be written: the disk is full or read-only; make room there."
    return None


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def _open(path: Path) -> str | None:
    """Whether other accounts of this machine can read what is ours."""
    if not path.exists() or not path.stat().st_mode & _OTHERS:
        return None
    mode = "700" if path.is_dir() else "600"
    return f"other accounts of this machine can read it; chmod {mode} {path}"


def _warehouse(path: Path) -> Finding:
    what = f"warehouse {path}"
    if warehouse_form(path) != FILE:
        return Finding(what=what, trouble=_server_trouble(path))
    if path.is_dir():
        sentence = f"{path} is a folder, and DB_PATH must name a file; add a name to it."
        return Finding(what=what, trouble=sentence)
    if not path.exists() or path.stat().st_size == 0:
        return Finding(what=what, advice="not there yet; `vibe up` makes it")
    lock = Path(f"{path}.lock")
    if lock.exists() and not (lock.is_file() and os.access(lock, os.W_OK)):
        sentence = f"{lock} must be a file that this user may write; move it away."
        return Finding(what=what, trouble=sentence)
    trouble = trouble_with(path)
    return Finding(what=what, trouble=None if trouble is None else str(trouble))


def _runs(settings: Settings) -> Finding:
    """Whether Dagster's own databases can be read and written."""
    damaged = [path.name for path in damaged_files(settings)]
    trouble = trouble_writing(settings)
    if damaged:
        trouble = (
            f"Of Dagster's storage in {settings.home / 'dagster'} these files are damaged:"
            f" {', '.join(damaged)}. Stop Vibe and start it again, which sets them aside and begins"
            " them anew; or run vibe restore with a backup."
        )
    return Finding(what="Dagster's storage", trouble=trouble)


def _server_trouble(place: Path) -> str | None:
    """Whether a warehouse that others keep lets us in."""
    try:
        with Warehouse(place, patience=5.0).open():
            return None
    except (WarehouseError, ExtensionMissing) as error:
        return str(error)


def _last_cause(store: AccountStore, account: Account) -> FailureCause | None:
    begun = store.editions.history(account.user_id, limit=10)
    return next((one.cause for one in begun if one.kind is EditionKind.DAILY), None)


def _version_trouble(requirement: Requirement, installed: Callable[[str], str]) -> str | None:
    remedy = f"run: pip install 'vibe[{','.join(_EXTRAS)}]'"
    try:
        found = installed(requirement.name)
    except PackageNotFoundError:
        return f"The package {requirement.name} is not installed; {remedy}."
    if requirement.specifier.contains(found, prereleases=True):
        return None
    wanted = str(requirement.specifier)
    return f"{requirement.name} is {found} here, and Vibe needs {wanted}; {remedy}."
