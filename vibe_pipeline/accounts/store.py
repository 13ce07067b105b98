"""The account store's front door: one record with a repository for each thing it keeps.

Opening and putting together; what is asked of the database stands in each repository.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.fernet import Fernet
from sqlalchemy import text

from vibe_pipeline.accounts.budget import CEILINGS, StoredBudget
from vibe_pipeline.accounts.budget_shares import Ceiling
from vibe_pipeline.accounts.capabilities import Capabilities
from vibe_pipeline.accounts.chosen_artists import ChosenArtists
from vibe_pipeline.accounts.cipher import (
    Cipher,
    MissingKey,
    cipher_for,
    existing_key,
    key_file,
    secret_key,
)
from vibe_pipeline.accounts.considered import ConsideredLists
from vibe_pipeline.accounts.database import Database, connect, sqlite_path
from vibe_pipeline.accounts.editions import Editions
from vibe_pipeline.accounts.erasure_notes import new_receipt
from vibe_pipeline.accounts.erasures import Erasures
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.feedback import Blocks, Exclusions, Thumbs
from vibe_pipeline.accounts.history_sources import HistorySources
from vibe_pipeline.accounts.inbox import Inbox
from vibe_pipeline.accounts.notice_targets import NoticeTargets
from vibe_pipeline.accounts.oauth_states import OAuthStates
from vibe_pipeline.accounts.open_questions import OpenQuestions
from vibe_pipeline.accounts.outbox import Outbox
from vibe_pipeline.accounts.pending_launches import PendingLaunches
from vibe_pipeline.accounts.people import People
from vibe_pipeline.accounts.records import Defaults
from vibe_pipeline.accounts.schema import check_tables, migrate, upgrade_existing
from vibe_pipeline.accounts.source_outcomes import SourceOutcomes
from vibe_pipeline.accounts.steering import SteeringWishes
from vibe_pipeline.accounts.tokens import TokenVault
from vibe_pipeline.accounts.tracked_runs import TrackedRuns
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import Settings

__all__ = [
    "AccountStore",
    "AccountsUnreadable",
    "migrate",
    "open_existing",
    "open_for",
    "open_set_up",
    "open_store",
    "secret_key",
    "set_up",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStore:
    """Everything small that all processes share, a repository for each thing.

    A call takes milliseconds and one short transaction of its own; any process or thread may make
    it, async code too. Moments are aware and in UTC; what changes by compare-and-set answers with a
    bool: false when another process was first.

    Raises:
        AccountsUnreadable: from every method, with a sentence that says what to do. An empty answer
            therefore means: looked, and nothing is there.
        UnknownPerson: where somebody is changed whom no account names any more.
    """

    database: Database
    people: People
    tokens: TokenVault
    oauth_states: OAuthStates
    editions: Editions
    budget: StoredBudget
    capabilities: Capabilities
    inbox: Inbox
    outbox: Outbox
    pending_launches: PendingLaunches
    watches: TrackedRuns
    blocks: Blocks
    thumbs: Thumbs
    exclusions: Exclusions
    steering: SteeringWishes
    chosen_artists: ChosenArtists
    notice_targets: NoticeTargets
    history_sources: HistorySources
    open_questions: OpenQuestions
    considered: ConsideredLists
    source_outcomes: SourceOutcomes
    erasures: Erasures

    def check(self, key: str | None = None) -> None:
        """Touch the store; raises ``AccountsUnreadable`` with the reason when it is no use.

        Also when the key is not the one that sealed the tokens: ``key``, else the one we hold.
        """
        with self.database.reading() as connection:
            connection.execute(text("SELECT user_id FROM accounts LIMIT 1"))
        self.tokens.check(None if key is None else Cipher(key))

    def check_whole(self) -> None:
        """The same, whether every table is there, and every page of an SQLite file.

        Damage in its middle shows only so.
        """
        check_tables(self.database)
        self.check()
        self.database.look_through()


def utc_now() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


def new_user_id() -> UserId:
    """A fresh opaque id; it goes into logs and partition keys, so it says nothing."""
    return UserId(f"u{secrets.token_hex(6)}")


def new_state() -> str:
    """256 bits nobody can guess, fit for an address."""
    return secrets.token_urlsafe(32)


def open_store(
    url: str,
    key: str,
    *,
    now: Callable[[], datetime] = utc_now,
    defaults: Defaults | None = None,
    new_id: Callable[[], UserId] = new_user_id,
) -> AccountStore:
    """The store at this address (SQLAlchemy's), as it stands; ``migrate`` sets it up.

    Nothing is opened yet: only a wrong address or an unfit ``key`` raises ``AccountsUnreadable``.
    """
    return _assembled(connect(url), Cipher(key), now, defaults or Defaults(), new_id)


def open_for(
    settings: Settings, *, now: Callable[[], datetime] = utc_now, cipher: Cipher | None = None
) -> AccountStore:
    """The store these settings name, with their defaults for newcomers.

    A wrong address is refused before a key is made for it, where no other cipher is given.
    """
    defaults = Defaults(
        timezone=settings.default_timezone,
        playlist_size=settings.default_playlist_size,
        min_new_ratio=settings.min_new_ratio,
    )
    database = connect(settings.accounts_address)
    ceilings = {**CEILINGS, "spotify": Ceiling.of(settings.spotify_daily_calls)}
    sealer = cipher or cipher_for(settings)
    return _assembled(database, sealer, now, defaults, new_user_id, ceilings=ceilings)


def set_up(settings: Settings) -> None:
    """Make the store of a first start; later bring it to this version, and make none anew.

    The key is made after the store: where it lies there was one, and it is away.

    Raises:
        AccountsGone: there is a key and no store.
        SecretKeyInvalid: the key is none; nothing is made then.
    """
    key = existing_key(settings)
    if key is not None and settings.vibe_secret_key is None:
        upgrade_existing(settings.accounts_address)
    else:
        migrate(settings.accounts_address)


def open_set_up(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> AccountStore:
    """The store of an installation that was set up: neither a file nor a key is made here.

    For runs and for commands about people: what is gone must not come back empty. Without a key it
    opens all the same, so that who waits for a list is told why none comes; whoever needs what is
    sealed gets ``SecretKeyGone``.

    Raises:
        AccountsGone: there is no store.
    """
    upgrade_existing(settings.accounts_address)
    if existing_key(settings) is not None:
        return open_for(settings, now=now)
    missing = MissingKey(
        f"The key {key_file(settings.home)} is not there: put it back, or set VIBE_SECRET_KEY;"
        " where it is lost, `vibe up` makes a new one, and everybody has to /connect again."
    )
    return open_for(settings, now=now, cipher=missing)


def open_existing(
    settings: Settings, *, now: Callable[[], datetime] = utc_now
) -> AccountStore | None:
    """The store these settings name, for a look: neither a file nor a key is made.

    ``None`` when there is no store yet; a link that leads nowhere is one that is away. Without a
    key it opens all the same; what is sealed stays so then, and ``check`` raises.
    """
    database = connect(settings.accounts_address)
    path = sqlite_path(settings.accounts_address)
    if path is not None and not path.exists() and not path.is_symlink():
        return None
    sealer = Cipher(existing_key(settings) or Fernet.generate_key().decode())
    return _assembled(database, sealer, now, Defaults(), new_user_id)


def _assembled(
    database: Database,
    sealer: Cipher,
    now: Callable[[], datetime],
    defaults: Defaults,
    new_id: Callable[[], UserId],
    *,
    ceilings: Mapping[str, Ceiling] = CEILINGS,
) -> AccountStore:
    return AccountStore(
        database=database,
        people=People(database, sealer, defaults, now, new_id),
        tokens=TokenVault(database, sealer, now),
        oauth_states=OAuthStates(database, sealer, now, new_state),
        editions=Editions(database, now),
        budget=StoredBudget(database, now, ceilings),
        capabilities=Capabilities(database, now),
        inbox=Inbox(database, sealer, now),
        outbox=Outbox(database, now),
        pending_launches=PendingLaunches(database, now),
        watches=TrackedRuns(database, now),
        blocks=Blocks(database, now),
        thumbs=Thumbs(database, now),
        considered=ConsideredLists(database, now),
        source_outcomes=SourceOutcomes(database, now),
        erasures=Erasures(database, now, new_receipt),
        exclusions=Exclusions(database, now),
        steering=SteeringWishes(database=database, now=now),
        chosen_artists=ChosenArtists(database=database, now=now),
        notice_targets=NoticeTargets(database=database, sealer=sealer, now=now),
        history_sources=HistorySources(database=database, now=now),
        open_questions=OpenQuestions(database=database, now=now),
    )
