"""The account store's tables as they are now; ``migrations`` leads every older file here."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
)

from vibe_pipeline.accounts.database import Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _person(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "user_id",
        String(40),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


accounts = Table(
    "accounts",
    metadata,
    Column("user_id", String(40), primary_key=True),
    Column("chat_id", BigInteger, nullable=False, unique=True),
    Column("telegram_name", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("nightly_at", Time),
    Column("playlist_size", Integer, nullable=False),
    Column("min_new_ratio", Float, nullable=False),
    Column("adventure", Integer, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("spotify_account_id", Text),
    Column("spotify_name", Text),
    Column("market", String(8)),
    Column("consented_at", Moment),
    Column("playlist_id", Text),
    Column("playlist_url", Text),
    Column("likes_cached", Integer),
    Column("likes_total", Integer),
    Column("likes_synced_at", Moment),
    Column("sources_off", JSON, nullable=False),
    Column("own_title", Text),
    Column("covers", Boolean, nullable=False, server_default=false()),
    Column("covered_on", Date),
    Column("leaves_out_explicit", Boolean, nullable=False, server_default=false()),
    Column("nightly_set_at", Moment),
    Index("ix_accounts_spotify_account_id", "spotify_account_id"),
)

tokens = Table(
    "tokens",
    metadata,
    _person(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("consented_at", Moment, nullable=False),
    Column("renewal_leased_until", Moment),
    Column("refused_at", Moment),
)

oauth_states = Table(
    "oauth_states",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    _person(),
    Column("kind", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_oauth_states_expires_at", "expires_at"),
)

editions = Table(
    "editions",
    metadata,
    Column("edition_id", String(64), primary_key=True),
    _person(),
    Column("vibe_date", Date, nullable=False),
    Column("occasion", String(120), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("title", Text),
    Column("description", Text),
    Column("tracks", JSON, nullable=False),
    Column("summary", JSON),
    Column("playlist_id", Text),
    Column("playlist_url", Text),
    Column("snapshot_id", Text),
    Column("marker", Text),
    Column("attempt", String(16), nullable=False, server_default="first"),
    Column("attempted_at", Moment),
    Column("cause", String(32)),
    Column("cause_until", Moment),
    Column("detail", Text),
    Column("undone_at", Moment),
    Column("restored_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("user_id", "occasion"),
    Index("ix_editions_user_id_created_at", "user_id", "created_at"),
    Index("ix_editions_user_id_vibe_date", "user_id", "vibe_date"),
)

services = Table(
    "services",
    metadata,
    Column("service", String(40), primary_key=True),
    Column("blocked_until", Moment),
    Column("reason", Text),
)

paces = Table(
    "paces",
    metadata,
    Column("service", String(40), primary_key=True),
    Column("arrival", Double, nullable=False),
)

service_calls = Table(
    "service_calls",
    metadata,
    Column("service", String(40), primary_key=True),
    Column("minute", Moment, primary_key=True),
    Column("edition_id", String(64), primary_key=True, default=""),
    Column("calls", Integer, nullable=False),
    Column("share", String(16), nullable=False, server_default=""),
)

capabilities = Table(
    "capabilities",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("until", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("times", Integer, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _person(),
    Column("key", String(120), nullable=False),
    Column("params", JSON, nullable=False),
    Column("dedupe_key", String(200), nullable=False, unique=True),
    Column("not_before", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("sent_as", BigInteger),
    Index("ix_outbox_closed_at_not_before", "closed_at", "not_before"),
)

watches = Table(
    "watches",
    metadata,
    Column("run_id", String(64), primary_key=True),
    _person(),
    Column("chat_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("job", String(64), nullable=False),
    Column("done", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_watches_user_id_done", "user_id", "done"),
)

pending_launches = Table(
    "pending_launches",
    metadata,
    Column("request_id", String(64), primary_key=True),
    _person(),
    Column("message_id", BigInteger),
    Column("job", String(64), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("postponed_until", Moment),
    Column("begun_at", Moment),
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("ix_pending_launches_user_id_done", "user_id", "done"),
    Index("ix_pending_launches_done_not_before", "done", "not_before"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("payload", LargeBinary),
    Column("received_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("ix_inbox_received_at", "received_at"),
)
"""``payload`` is sealed, and gone as soon as the update was handled."""

open_questions = Table(
    "open_questions",
    metadata,
    _person(primary_key=True),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("command", String(80), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("answered", Boolean, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    _person(primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

exclusions = Table(
    "exclusions",
    metadata,
    _person(primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

steering = Table(
    "steering",
    metadata,
    _person(primary_key=True),
    Column("key", String(80), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("only_on", Date),
    Column("created_at", Moment, nullable=False),
)

chosen_artists = Table(
    "chosen_artists",
    metadata,
    _person(primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("name", Text, nullable=False),
    Column("spotify_id", Text),
    Column("created_at", Moment, nullable=False),
)

notice_targets = Table(
    "notice_targets",
    metadata,
    _person(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
)

thumbs = Table(
    "thumbs",
    metadata,
    _person(primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("artist_key", String(400), nullable=False),
    Column("artist", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("value IN (-1, 1)", name="up_or_down"),
)

considered = Table(
    "considered",
    metadata,
    Column("edition_id", String(64), primary_key=True),
    _person(),
    Column("vibe_date", Date, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_considered_user_id_created_at", "user_id", "created_at"),
)

source_outcomes = Table(
    "source_outcomes",
    metadata,
    _person(primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("chosen", Integer, nullable=False),
    Column("liked", Integer, nullable=False),
    Column("replayed", Integer, nullable=False),
    Column("looked_at", Moment, nullable=False),
)

history_sources = Table(
    "history_sources",
    metadata,
    _person(primary_key=True),
    Column("service", String(16), primary_key=True),
    Column("name", String(120), primary_key=True),
    Column("added_at", Moment, nullable=False),
    Column("unread", JSON, nullable=False),
    Column("plays", Integer, nullable=False),
    Column("total", Integer),
    Column("counted_before", Moment),
    Column("read_at", Moment),
    Column("tried_at", Moment),
    Column("trouble", String(16)),
    Column("leaving", Boolean, nullable=False),
)

# No foreign key: what is still to be erased outlives the account.
erasures = Table(
    "erasures",
    metadata,
    Column("receipt", String(16), primary_key=True),
    Column("user_id", String(40), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("language", String(8), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("swept_at", Moment),
)
