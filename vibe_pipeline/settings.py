"""The environment, read once into one frozen record.

``.env`` in the working folder is read too; what is really set wins. Nothing else in the project
reads a setting from the environment; what starts processes (``commands``, ``demo``) hands it on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.records import POLICY_NAMES, zone_names

NOT_PLAIN_TEXT = ".env is not plain text in UTF-8; save it as that."
_PASSWORDS = frozenset({"password", "sslpassword", "token", "motherduck_token"})
"""Options whose values are nobody's to read."""
_DATABASE = re.compile(
    r"[\w+]+://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<name>[^?]*))?"
    r"(?:\?(?P<options>.*))?"
)


class SettingsInvalid(ConfigurationError):
    """The environment holds something we cannot work with; the text says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """Which database an address names, read as SQLAlchemy reads it; who enters it is left out."""

    host: str | None
    port: int
    name: str
    options: str

    @classmethod
    def of(cls, address: str) -> Self | None:
        """``None`` for what is no address, or one whose password was not escaped."""
        found = _DATABASE.fullmatch(address)
        if found is None:
            return None
        host, port = found["ipv6"] or found["host"], found["port"] or "5432"
        if "@" in (host or "") or not re.fullmatch(r"[0-9]{1,5}", port):
            return None
        name, options = found["name"] or "", found["options"] or ""
        return cls(host=host, port=int(port), name=name, options=options)


def shown_address(address: str) -> str:
    """The address without a user, a password or what follows a question mark."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def passwords_in(address: str) -> set[str]:
    """Every password in an address, as written and as meant: a driver may put either into words."""
    database = _DATABASE.fullmatch(address)
    written = {database["password"]} if database is not None else set()
    with suppress(ValueError):  # what cannot be read so has been read as a database's
        written.add(urlsplit(address).password)
    options = parse_qsl(address.partition("?")[2])
    written |= {value for name, value in options if name.lower() in _PASSWORDS}
    known = {one for one in written if one}
    return known | {unquote(one) for one in known}


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:  # whose words may hold a part of the address
        raise ValueError("must be an address; something in it has no place there") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an address that starts with http:// or https://")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must name a port between 1 and 65535, or none")
    return value.rstrip("/")


def _zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError("must be a time zone such as Europe/Amsterdam or UTC")
    return value


def _market(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", value, re.ASCII):
        raise ValueError("must be two capital letters such as DE")
    return value


def sqlite_address(path: Path) -> str:
    """The SQLAlchemy URL of a file; what means something else in an address is written so."""
    written = str(path)
    return f"sqlite:///{quote(written, safe='/ ') if '%' in written else written}"


def _folder(value: Path) -> Path:
    try:
        value.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and a name that nobody has on this machine") from None
    return value


def _share(value: object) -> object:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip()[:-1].replace(",", ".")) / 100
    return value


def _two_policies(value: str) -> str:
    names = [name.strip() for name in value.split(",")]
    if len(set(names)) != 2 or len(names) != 2 or not set(names) <= set(POLICY_NAMES):
        known = ", ".join(sorted(POLICY_NAMES))
        raise ValueError(f"must be two of these names with a comma between: {known}")
    return ",".join(names)


def _absent_when_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


_HANDED_ON = "VIBE_SETTINGS_HANDED_ON"
"""Set for whoever is told all settings by its environment."""

ENV_FILE = Path(".env")
"""In the working folder; whoever starts Vibe there is told what is wrong with it."""
DAGSTER_DRIVER = "postgresql+psycopg2://"

FILE = "file"
_FORMS = {"quack": "quack", "md": "md", "motherduck": "md", "ducklake": "ducklake"}
"""What ``DB_PATH`` may begin with, and the form of warehouse it means; all else is a file."""


def warehouse_form(place: Path) -> str:
    """How ``DB_PATH`` reaches the warehouse: a ``file``, or ``quack``, ``md`` or ``ducklake``."""
    scheme, colon, _ = str(place).partition(":")
    return _FORMS.get(scheme, FILE) if colon else FILE


def _warehouse(value: object) -> object:
    if isinstance(value, str) and warehouse_form(Path(value)) == "ducklake":
        raise ValueError(
            "cannot be DuckLake: it has no primary keys, and our tables rest on them; use"
            " quack:HOST:PORT"
        )
    return value


def _database(value: SecretStr) -> SecretStr:
    if DatabaseAddress.of(value.get_secret_value()) is None:
        raise ValueError(
            "is not an address of a database; write something like"
            " postgresql+psycopg://name@host/base, and in a password %40 for @, %3A for :, %2F for"
            " /, %23 for #"
        )
    return value


def _dagster_database(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(DAGSTER_DRIVER):
        raise ValueError(f"must begin with {DAGSTER_DRIVER}: Dagster speaks to no other driver")
    return value


Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr | None, BeforeValidator(_absent_when_blank)]
Database = Annotated[
    Annotated[SecretStr, AfterValidator(_database)] | None, BeforeValidator(_absent_when_blank)
]
DagsterDatabase = Annotated[
    Annotated[SecretStr, AfterValidator(_dagster_database), AfterValidator(_database)] | None,
    BeforeValidator(_absent_when_blank),
]
Folder = Annotated[Path, AfterValidator(_folder)]
OptionalText = Annotated[str | None, BeforeValidator(_absent_when_blank)]


class Settings(BaseSettings):
    """Everything the environment may say; a secret is never part of a ``repr``."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    telegram_bot_token: Secret = None
    spotify_client_id: OptionalText = None
    spotify_client_secret: Secret = None
    spotify_redirect_uri: Address = "http://127.0.0.1:8000/callback"
    spotify_default_market: Annotated[
        Annotated[str, AfterValidator(_market)] | None, BeforeValidator(_absent_when_blank)
    ] = None
    lastfm_api_key: Secret = None
    internal_job_token: Secret = None
    db_path: Annotated[Folder | None, BeforeValidator(_warehouse)] = None
    default_playlist_size: Annotated[int, Field(ge=10, le=100)] = 30
    min_new_ratio: Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)] = 0.8
    recent_days_window: Annotated[int, Field(ge=1, le=365)] = 5
    retention_days: Annotated[int, Field(ge=90, le=3650)] = 365
    set_aside_days: Annotated[int, Field(ge=1, le=365)] = 30
    playlist_visibility: Literal["public", "private"] = "private"
    vibe_home: Folder = Path(".vibe")
    warehouse_token: Secret = None
    warehouse_tls: bool = True
    accounts_url: Database = None
    vibe_secret_key: Secret = None
    public_url: Address = "http://127.0.0.1:8000"
    dagster_postgres_url: DagsterDatabase = None
    dagster_graphql_url: Address = "http://127.0.0.1:3000/graphql"
    dagster_hosts: OptionalText = None
    metabrainz_contact: OptionalText = None
    default_timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    vibe_compare_policies: Annotated[
        Annotated[str, AfterValidator(_two_policies)] | None, BeforeValidator(_absent_when_blank)
    ] = None
    log_format: Literal["text", "json"] = "text"
    asking_seconds: Annotated[float, Field(gt=0, le=60)] = 3
    asking_seconds_at_night: Annotated[float, Field(gt=0, le=300)] = 45
    notify_private_addresses: bool = False
    wish_minutes: Annotated[float, Field(gt=0, le=1440)] = 30
    lastfm_burst: Annotated[int, Field(ge=1, le=25)] = 10
    labs_burst: Annotated[int, Field(ge=1, le=10)] = 5
    musicbrainz_burst: Annotated[int, Field(ge=1, le=5)] = 1
    spotify_burst: Annotated[int, Field(ge=1, le=30)] = 25
    spotify_daily_calls: Annotated[int, Field(ge=50, le=1_000_000)] = 900
    service_pace: Annotated[float, Field(ge=1, le=100)] = 1
    spotify_api_url: Address = "https://api.spotify.com/v1"
    spotify_accounts_url: Address = "https://accounts.spotify.com"
    lastfm_api_url: Address = "https://ws.audioscrobbler.com/2.0"
    listenbrainz_labs_url: Address = "https://labs.api.listenbrainz.org"
    listenbrainz_api_url: Address = "https://api.listenbrainz.org"
    musicbrainz_api_url: Address = "https://musicbrainz.org/ws/2"
    telegram_api_url: Address = "https://api.telegram.org"

    @model_validator(mode="after")
    def _redirect_is_one_spotify_accepts(self) -> Settings:
        parts = urlsplit(self.spotify_redirect_uri)
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1"}:
            raise ValueError(
                "SPOTIFY_REDIRECT_URI must start with https://, or with http://127.0.0.1 or"
                " http://[::1]; Spotify refuses anything else"
            )
        return self

    @model_validator(mode="after")
    def _home_has_a_name_that_stores_can_have(self) -> Settings:
        if "?" in str(self.home):
            raise ValueError(
                "VIBE_HOME cannot lie in a folder with a question mark in its name: databases take"
                " what follows it for options"
            )
        return self

    @model_validator(mode="after")
    def _stores_have_a_database_each(self) -> Settings:
        dagsters = self.dagster_postgres_url
        if dagsters is not None and self.accounts_url is not None:
            ours, theirs = (
                DatabaseAddress.of(one.get_secret_value()) for one in (self.accounts_url, dagsters)
            )
            if ours == theirs:
                raise ValueError(
                    "DAGSTER_POSTGRES_URL must name another database than ACCOUNTS_URL: both note"
                    " their version in a table of the same name"
                )
        return self

    @property
    def home(self) -> Path:
        """The folder that holds all state, absolute."""
        return self.vibe_home.expanduser().absolute()

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file: ``DB_PATH``, else inside the home folder; or an address, as it stands.

        ``warehouse_form`` tells which.
        """
        if self.db_path is not None and warehouse_form(self.db_path) != FILE:
            return self.db_path
        return (self.db_path or self.home / "warehouse.duckdb").expanduser().absolute()

    @property
    def secrets(self) -> list[str]:
        """What must not be written anywhere, in clear: to strike it out of logs."""
        sealed = (
            self.telegram_bot_token,
            self.spotify_client_secret,
            self.lastfm_api_key,
            self.internal_job_token,
            self.vibe_secret_key,
            self.warehouse_token,
            *(databases := (self.accounts_url, self.dagster_postgres_url)),
        )
        known = [one.get_secret_value() for one in sealed if one is not None]
        addresses = [one.get_secret_value() for one in databases if one is not None]
        addresses += [str(getattr(self, name)) for name in _PLAIN_ADDRESSES]
        return [*known, *sorted({one for address in addresses for one in passwords_in(address)})]

    @property
    def accounts_address(self) -> str:
        """The account store's SQLAlchemy URL."""
        if self.accounts_url is not None:
            return self.accounts_url.get_secret_value()
        return sqlite_address(self.home / "accounts.sqlite")

    @property
    def compared_policies(self) -> tuple[str, str] | None:
        """The two ranking policies that people's lists alternate between, when they do."""
        if self.vibe_compare_policies is None:
            return None
        first, second = self.vibe_compare_policies.split(",")
        return first, second


_PLAIN_ADDRESSES = ("db_path", *(name for name in Settings.model_fields if name.endswith("_url")))
"""What is shown; a password in it is not."""


class _Told(Settings):
    """Settings that hold what they are told, whatever this process's environment says."""

    model_config = SettingsConfigDict(env_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class _HandedOn(Settings):
    """Settings as whoever started this process has read them; ``.env`` may be another by now."""

    model_config = SettingsConfigDict(env_file=None)


def handed_on(settings: Settings) -> dict[str, str]:
    """What tells a part of an installation these settings, whatever becomes of ``.env`` meanwhile.

    Parts and runs begin at any moment; one that found it empty, while somebody saves it, would take
    other stores for ours.
    """
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    told = {name: value for name, value in values.items() if value is not None}
    return {_HANDED_ON: "1", **{name.upper(): _written(told[name]) for name in sorted(told)}}


def _written(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def read_settings() -> Settings:
    """What the environment says now; raises ``SettingsInvalid`` with every wrong value named.

    A run asks twenty times, and to read them takes 2 ms: while the environment says the same, the
    same settings are given.
    """
    if os.environ.get(_HANDED_ON):
        return _settings_of(frozenset(os.environ.items()), None, _HandedOn)
    file = Path(str(Settings.model_config["env_file"]))
    written = file.read_bytes() if file.is_file() else None
    return _settings_of(frozenset(os.environ.items()), written, Settings)


@lru_cache(maxsize=1)
def _settings_of(
    _environment: frozenset[tuple[str, str]], _file: bytes | None, kind: type[Settings]
) -> Settings:
    """The settings read both themselves; they say when to read again."""
    try:
        return kind()
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error)) from None
    except UnicodeDecodeError:
        raise SettingsInvalid(NOT_PLAIN_TEXT) from None


def settings_from(environment: Mapping[str, str]) -> Settings:
    """What this environment says, and no other; raises ``SettingsInvalid``."""
    told = {name: environment.get(name.upper(), "") for name in Settings.model_fields}
    try:
        return _Told.model_validate({name: value for name, value in told.items() if value})
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error)) from None


def examined_settings() -> tuple[Settings, dict[str, str]]:
    """The settings with every wrong value left out, and what is wrong with each, by its name.

    Raises ``SettingsInvalid`` where leaving values out mends nothing.
    """
    wrong: dict[str, str] = {}
    told = {**_env_file(), **EnvSettingsSource(Settings)()}
    while True:
        try:
            return _Told.model_validate(told), wrong
        except ValidationError as error:
            found = _complaints(error)
            sentence = _sentence(error)
        wrong |= found
        kept = {name: value for name, value in told.items() if name.upper() not in wrong}
        if len(kept) == len(told):  # what is wrong is no value that could be left out
            raise SettingsInvalid(sentence)
        told = kept


def _env_file() -> dict[str, object]:
    try:
        return DotEnvSettingsSource(Settings)()
    except UnicodeDecodeError:
        return {}


def _complaints(error: ValidationError) -> dict[str, str]:
    """What is wrong, by the setting's name."""
    complaints = {}
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        name = "_".join(str(part) for part in item["loc"][:1]).upper()
        message = item["msg"].removeprefix("Value error, ").replace("Input should", "must")
        if not name:  # about the record as a whole: the message begins with the setting's name
            name, _, message = message.partition(" ")
        complaints[name] = message.partition(", unable to")[0]
    return complaints


def _sentence(error: ValidationError) -> str:
    complaints = [f"{name} {message}" for name, message in _complaints(error).items()]
    place = " (read from .env and the environment)" if ENV_FILE.exists() else ""
    return "Mend these settings" + place + ": " + "; ".join(complaints)
