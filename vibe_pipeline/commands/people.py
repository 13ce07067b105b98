"""``vibe people``: who is who, for the operator's own eyes; and a person found by name.

In the shell only: Dagster, logs and figures know people by their opaque id. Not here: what is kept
about a person (``commands.personal_data``).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import click

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_existing
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.nightly import next_night
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings


class NobodyKnown(ConfigurationError):
    """The name given is nobody's."""


class NameAmbiguous(ConfigurationError):
    """The name given is that of several people; the text names their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One person as the operator reads about them; moments are ISO 8601 in their own zone."""

    user_id: UserId
    telegram_name: str
    spotify_name: str | None
    language: str
    timezone: str
    active: bool
    connected: bool
    consent_ends: str | None
    last_list: str | None
    last_list_state: str | None
    next_night: str | None


@click.command()
@click.argument("who", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one record a line and nothing else.")
def people(who: str | None, *, as_json: bool) -> None:
    """Say who is behind each id: everybody, or WHO (an id or a name).

    Language, time zone, when their consent to Spotify ends, their last list and their next night.
    """
    with _store() as store:
        accounts = store.people.all() if store is not None else []
        if who is not None:
            user_id = None if store is None else person_called(store, who)
            accounts = [account for account in accounts if account.user_id == user_id]
            if not accounts:
                raise nobody(who)
        lines = [] if store is None else [_line(store, account) for account in accounts]
    if as_json:
        for line in lines:
            click.echo(json.dumps(asdict(line), ensure_ascii=False))
    elif not lines:
        click.echo("Nobody has written to the bot yet.")
    else:
        click.echo("\n\n".join(_in_words(line) for line in lines))


def person_called(store: AccountStore, name: str) -> UserId:
    """The person with this id, or else with this name in Telegram or at Spotify, letter case aside.

    Only whole names count: whoever erases by name must not meet somebody else. What is nobody's
    name is given back as an id, since the warehouse may still know it.

    Raises:
        NameAmbiguous: several people bear this name.
    """
    if store.people.get(UserId(name)) is not None:
        return UserId(name)
    wanted = _folded(name)
    bearers = [account for account in store.people.all() if wanted and wanted in _names(account)]
    if len(bearers) > 1:
        ids = ", ".join(account.user_id for account in bearers)
        raise NameAmbiguous(
            f"{len(bearers)} people are called {name}: {ids}. Give the id instead; `vibe people`"
            " shows who is who."
        )
    return bearers[0].user_id if bearers else UserId(name)


def nobody(name: str) -> NobodyKnown:
    """The refusal of a name that nobody bears."""
    return NobodyKnown(f"Nobody is known as {name}. `vibe people` lists everybody, by id and name.")


@contextmanager
def _store() -> Iterator[AccountStore | None]:
    """The store as it stands, for a look; none where nothing was set up yet."""
    try:
        yield open_existing(read_settings())
    except AccountsUnreadable as error:
        raise CommandFailed(str(error)) from error


def _line(store: AccountStore, account: Account) -> PersonLine:
    begun = store.editions.history(account.user_id)
    edition = next((one for one in begun if one.kind is EditionKind.DAILY), None)
    night = None
    if _gets_lists(account):
        night = next_night(account, store.editions.now(), store.editions.of_day)
    return PersonLine(
        user_id=account.user_id,
        telegram_name=account.telegram_name,
        spotify_name=account.spotify_name,
        language=account.language,
        timezone=account.timezone,
        active=account.active,
        connected=account.connected,
        consent_ends=_there(account, account.consent_ends_at),
        last_list=None if edition is None else edition.vibe_date.isoformat(),
        last_list_state=None if edition is None else _state(edition),
        next_night=_there(account, night),
    )


def _gets_lists(account: Account) -> bool:
    return account.active and account.connected


def _state(edition: Edition) -> str:
    if edition.state is EditionState.RECORDED:
        return "made"
    if edition.cause is not None:
        return f"failed ({edition.cause.value})"
    return f"under way ({edition.state.value})"


def _there(account: Account, moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(account.zone).isoformat(timespec="minutes")


def _in_words(line: PersonLine) -> str:
    facts = {
        "language": line.language,
        "time zone": line.timezone,
        "Spotify": line.spotify_name or ("connected" if line.connected else "not connected"),
        "consent ends": line.consent_ends or "no consent",
        "last list": f"{line.last_list}, {line.last_list_state}" if line.last_list else "none yet",
        "next night": line.next_night or "nightly lists are off",
    }
    away = "" if line.active else "  (has left the chat)"
    rows = [f"  {name:<13} {fact}" for name, fact in facts.items()]
    return "\n".join([f"{line.user_id}  {line.telegram_name}{away}", *rows])


def _names(account: Account) -> set[str]:
    names = {_folded(account.telegram_name), _folded(account.spotify_name or "")}
    return names - {""}


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(plain.split()).removeprefix("@")
