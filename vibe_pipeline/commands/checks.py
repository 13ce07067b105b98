"""Preflight checks: what could be wrong with an installation, looked at before anything is started.

What ``vibe up`` and the demo stop at. The doctor's looks, which make nothing, are
``commands.diagnosis``'; a running installation's health is ``/health``.
"""

from __future__ import annotations

import asyncio
import errno
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from vibe_pipeline.accounts.damaged_index import mend_indexes
from vibe_pipeline.accounts.errors import AccountsUnreadable, IndexContradicts, SecretKeyWrong
from vibe_pipeline.accounts.lost_accounts import nobody_left
from vibe_pipeline.accounts.store import AccountStore, migrate, open_for, utc_now
from vibe_pipeline.commands.dagster_files import (
    RUNS,
    damaged_files,
    storage_folder,
    trouble_writing,
)
from vibe_pipeline.commands.processes import Ports
from vibe_pipeline.commands.supervisor import listening_error
from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.installation.home import RESTORING
from vibe_pipeline.installation.set_aside import set_aside
from vibe_pipeline.installation.sqlite_file import BESIDE
from vibe_pipeline.playlists.warehouse_recovery import recover
from vibe_pipeline.settings import Settings, shown_address
from vibe_pipeline.warehouse import Warehouse, WarehouseError

SERVICES = {
    "SPOTIFY_API_URL": "Spotify's Web API",
    "SPOTIFY_ACCOUNTS_URL": "Spotify's accounts service",
    "LASTFM_API_URL": "Last.fm",
    "LISTENBRAINZ_LABS_URL": "ListenBrainz labs",
    "LISTENBRAINZ_API_URL": "ListenBrainz",
    "MUSICBRAINZ_API_URL": "MusicBrainz",
    "TELEGRAM_API_URL": "Telegram",
}
"""The settings that say where the outside world is, and who should answer there."""

_NEEDED = {
    "telegram_bot_token": "get one from @BotFather in Telegram",
    "spotify_client_id": "copy it from your app in Spotify's developer dashboard",
    "spotify_client_secret": "copy it from your app in Spotify's developer dashboard",
}
_RECOMMENDED = {
    "lastfm_api_key": "without it both Last.fm sources stay silent; a key is free",
    "metabrainz_contact": "without it ListenBrainz and MusicBrainz are left alone",
    "internal_job_token": "without it /internal/jobs refuses everybody",
}


class NotReady(ConfigurationError):
    """Something must be put right first; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: ``trouble`` stops a start if it ``stops``, ``advice`` never.

    ``passing``: it may end without anybody doing anything.
    """

    what: str
    trouble: str | None = None
    advice: str | None = None
    stops: bool = True
    passing: bool = False


def stop_on_trouble(findings: Iterable[Finding]) -> list[str]:
    """Raise ``NotReady`` with every trouble that stops a start, at once; gives the others."""
    stopping: list[str] = []
    others: list[str] = []
    for finding in findings:
        if finding.trouble is not None:
            (stopping if finding.stops else others).append(finding.trouble)
    if len(stopping) == 1:
        raise NotReady(stopping[0])
    if stopping:
        lines = "\n".join(f"  {number}. {line}" for number, line in enumerate(stopping, 1))
        raise NotReady(f"{len(stopping)} things have to be put right first:\n{lines}")
    return others


def keys(settings: Settings) -> Iterator[Finding]:
    """Whether everything that must be set is set."""
    for name, way in _NEEDED.items():
        missing = getattr(settings, name) is None
        trouble = f"{name.upper()} is not set; {way} and put it into .env." if missing else None
        yield Finding(what=name.upper(), trouble=trouble)
    for name, loss in _RECOMMENDED.items():
        missing = getattr(settings, name) is None
        yield Finding(what=name.upper(), advice=f"not set; {loss}" if missing else None)


def contact_names_nobody(settings: Settings) -> bool:
    """Whether METABRAINZ_CONTACT is there, and nobody could write to it."""
    contact = settings.metabrainz_contact
    return contact is not None and not re.search(r"\S+@\S+\.\S+|https?://\S+\.\S+", contact)


def state(settings: Settings) -> Iterator[Finding]:
    """Whether all that we keep can be read and written."""
    yield Finding(what=f"folder {settings.home}", trouble=_folder_trouble(settings.home))
    yield Finding(what=f"warehouse {settings.warehouse_path}", trouble=_warehouse_trouble(settings))
    yield Finding(what="Dagster's storage", trouble=trouble_writing(settings))
    yield from _accounts(settings)


def restoring(settings: Settings) -> Iterator[Finding]:
    """Whether the stores belong together, or a restore was cut off between them."""
    yield Finding(what="restoring", trouble=_cut_off(settings.home))


def recovery(settings: Settings) -> Iterator[Finding]:
    """Rebuild a warehouse that was damaged or has lost lists; says what was done.

    The one look that changes something, so only for a start. What else is wrong with the stores
    says ``state``.
    """
    warehouse = Warehouse(settings.warehouse_path, patience=5.0)
    damaged = list(_damaged_runs(settings))
    yield from damaged
    yield from _mended_accounts(settings)
    try:
        migrate(settings.accounts_address)
        store = open_for(settings)
        done = recover(warehouse, store, now=utc_now())
        lost = list(_lost_accounts(settings, store, warehouse))
        lost += [] if damaged else _lost_runs(settings, store)
    except (WarehouseError, AccountsUnreadable, OSError):
        return
    for sentence in lost:
        yield Finding(what="recovery", trouble=sentence, stops=False)
    if done is not None:
        sentence = done.in_words(settings.warehouse_path)
        yield Finding(what="recovery", trouble=sentence, stops=False)


def _lost_accounts(settings: Settings, store: AccountStore, warehouse: Warehouse) -> Iterator[str]:
    """A warehouse with people's lists and not one account: whoever was forgotten left none."""
    if store.people.ids() or not warehouse.exists():
        return
    with warehouse.open() as tables:
        lists = len(tables.playlists.recorded_editions())
    if lists:
        yield nobody_left(str(settings.warehouse_path), lists)


def _mended_accounts(settings: Settings) -> Iterator[Finding]:
    """An account store of which only indexes were damaged, with all of its rows in a new file."""
    try:
        aside = mend_indexes(settings.accounts_address, now=utc_now())
    except (AccountsUnreadable, OSError):
        return
    if aside is not None:
        sentence = (
            "The account store was damaged, and all of its rows could be read: they are in a new"
            f" one, and the former is kept as {aside.name}."
        )
        yield Finding(what="recovery", trouble=sentence, stops=False)


def _damaged_runs(settings: Settings) -> Iterator[Finding]:
    """Dagster's own databases that cannot be read, set aside so that it can start without them."""
    for path in damaged_files(settings):
        try:
            aside, stops = set_aside(path, now=utc_now(), beside=BESIDE), False
        except OSError as error:
            sentence = (
                f"{path} is damaged and cannot be set aside ({error.strerror}); move it away."
            )
            stops = True
        else:
            sentence = (
                f"{path} was damaged and is kept as {aside.name}: what Dagster knew of runs there"
                " begins anew. Lists, accounts and what was recommended are not touched, and nights"
                " go on; vibe restore brings it back from a backup."
            )
        yield Finding(what=str(path), trouble=sentence, stops=stops)


def _lost_runs(settings: Settings, store: AccountStore) -> Iterator[str]:
    """People with lists, and no run was ever noted, here or on a server."""
    folder = storage_folder(settings)
    if folder is None:
        return
    if not (folder / RUNS).exists() and store.editions.recorded():
        yield (
            f"Dagster's storage in {folder} is gone: its history of runs begins anew."
            " Lists, accounts and what was recommended are not touched, and nights go on; vibe"
            " restore brings the former history back from a backup."
        )


def ports(chosen: Ports) -> Iterator[Finding]:
    """Whether the places where people expect us are free."""
    places = {
        "DAGSTER_GRAPHQL_URL": chosen.webserver,
        "PUBLIC_URL": chosen.oauth,
    }
    for name, port in places.items():
        yield Finding(what=f"port {port}", trouble=port_trouble(name, port))


def port_trouble(setting: str, port: int) -> str | None:
    """Why we could not listen on this port of the loopback, which that setting names."""
    error = listening_error("127.0.0.1", port)
    if error is None:
        return None
    if error == errno.EACCES:
        return (
            f"Port {port} is kept for the system; name one above 1023 in {setting}, and put a proxy"
            " in front of it."
        )
    return f"Port {port} is in use; stop what listens there, or name another in {setting}."


def services(settings: Settings, names: Iterable[str] = tuple(SERVICES)) -> Iterator[Finding]:
    """Whether the outside world answers at all; whatever it says is good enough."""
    addresses = {name: str(getattr(settings, name.lower())) for name in names}
    failures = asyncio.run(_unreachable(addresses))
    for name, asked in addresses.items():
        address = shown_address(asked)
        failure = failures[name]
        trouble = (
            f"{SERVICES[name]} does not answer at {address} ({failure}); check the network, or"
            f" {name}."
            if failure
            else None
        )
        yield Finding(what=f"{SERVICES[name]} at {address}", trouble=trouble)


async def _unreachable(addresses: dict[str, str]) -> dict[str, str | None]:
    async with httpx.AsyncClient(timeout=5) as http:

        async def trouble(address: str) -> str | None:
            try:
                await http.get(address)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return type(error).__name__
            return None

        failures = await asyncio.gather(*(trouble(address) for address in addresses.values()))
    return dict(zip(addresses, failures, strict=True))


def _cut_off(home: Path) -> str | None:
    if not (home / RESTORING).exists():
        return None
    return (
        "A restore was cut off, so the stores do not belong together: run vibe restore with the"
        " same file again; the former ones are in the before-restore folders of the home."
    )


def _folder_trouble(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return (
            f"{folder} cannot be written ({error.strerror}); give yourself the right to it, or"
            " name another folder in VIBE_HOME."
        )


def _warehouse_trouble(settings: Settings) -> str | None:
    try:
        with Warehouse(settings.warehouse_path, patience=5.0).open():
            return None
    except WarehouseError as error:
        return str(error)


def _accounts(settings: Settings) -> Iterator[Finding]:
    """The account store, and whether our key opens what is sealed in it.

    A lost key stops no start: people can connect again, and it may be put back later. Neither does
    an index that contradicts its rows: those it finds are served.
    """
    trouble = lost_key = None
    stops = True
    try:
        migrate(settings.accounts_address)
        open_for(settings).check_whole()
    except SecretKeyWrong as error:
        lost_key = str(error)
    except AccountsUnreadable as error:
        trouble, stops = str(error), not isinstance(error, IndexContradicts)
    yield Finding(what="account store", trouble=trouble, stops=stops)
    yield Finding(what="secret key", trouble=lost_key, stops=False)
