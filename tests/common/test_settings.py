"""Settings, ``.env.example``, README and the product say the same about one another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from vibe_bot.handlers import COMMANDS as BOT_COMMANDS
from vibe_pipeline import settings as settings_module
from vibe_pipeline.cli import COMMANDS as SHELL_COMMANDS
from vibe_pipeline.commands.checks import SERVICES
from vibe_pipeline.settings import (
    Settings,
    SettingsInvalid,
    examined_settings,
    read_settings,
    settings_from,
)

ROOT = Path(__file__).parents[2]
TRANSCRIPT = ROOT / "docs" / "first-evening.md"
"""What programs said is no text of ours."""
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {TRANSCRIPT})
SETTINGS_FILE = Path(settings_module.__file__)
HOLDS_SETTINGS = re.compile(r"(^|\.)_?(settings|read_settings\(\))$")


def attributes_read(source: str, holder: re.Pattern[str]) -> Iterator[str]:
    """The names read from whatever is called ``settings``, ``it.settings`` or the like."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and holder.search(ast.unparse(node.value)):
            yield node.attr


def properties_of_settings() -> dict[str, set[str]]:
    """Each property of the record, with what it reads of the record itself."""
    (record,) = (
        node
        for node in ast.parse(SETTINGS_FILE.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    return {
        node.name: set(attributes_read(ast.unparse(node), re.compile(r"^self$")))
        for node in record.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "property" for decorator in node.decorator_list)
    }


def settings_nobody_reads(sources: Iterable[str]) -> set[str]:
    """Fields and properties that no source reads, directly or by a property that is read."""
    read = {name for source in sources for name in attributes_read(source, HOLDS_SETTINGS)}
    properties = properties_of_settings()
    waiting = list(read & properties.keys())
    while waiting:
        new = properties.get(waiting.pop(), set()) - read
        read |= new
        waiting += new
    return (Settings.model_fields.keys() | properties.keys()) - read


def product_sources() -> Iterator[str]:
    for package in ("vibe_pipeline", "vibe_bot", "vibe_oauth"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != SETTINGS_FILE:
                yield path.read_text("utf-8")


def test_no_secret_and_no_password_in_an_address_shows_or_escapes_the_redaction() -> None:
    hidden = {
        "ACCOUNTS_URL": "postgresql+psycopg://vibe:hush%40home@db.example:5432/vibe",
        "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://vibe:quiet@db.example:5432/dagster",
        "INTERNAL_JOB_TOKEN": "whisper",
    }

    settings = settings_from(hidden)

    assert not [one for one in ("hush", "quiet", "whisper") if one in repr(settings)]
    assert {"hush@home", "quiet", "whisper", *hidden.values()} <= set(settings.secrets)


def test_passwords_in_the_options_of_an_address_and_of_services_escape_no_redaction() -> None:
    settings = settings_from(
        {
            "ACCOUNTS_URL": "postgresql+psycopg://vibe@db/vibe?password=hu%23sh&sslpassword=calm",
            "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://vibe:s3/cr#t@db/dagster",
            "LASTFM_API_URL": "https://reader:mute@lastfm.example/2.0",
        }
    )

    assert {"hu#sh", "calm", "s3/cr#t", "mute"} <= set(settings.secrets)


@pytest.mark.parametrize("name", ["ACCOUNTS_URL", "DAGSTER_POSTGRES_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg2://vibe:s3cr@t@db/vibe",
        "postgresql+psycopg2://vibe:s3crt@db:port/vibe",
        "postgresql+psycopg2:vibe:s3crt@db/vibe",
    ],
)
def test_an_address_that_is_none_is_refused_by_name_and_never_repeated(
    name: str, address: str
) -> None:
    other = {
        "ACCOUNTS_URL": "postgresql+psycopg://vibe@db/vibe",
        "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://vibe@db/dagster",
    }

    with pytest.raises(SettingsInvalid, match=name) as refused:
        settings_from({**other, name: address})

    assert "s3cr" not in str(refused.value)


@pytest.mark.parametrize("password", ["s3cr#t", "s3/crt", "[s3crt", "s3:crt", "12#3"])
def test_a_password_that_the_driver_takes_as_it_stands_is_taken_by_us(password: str) -> None:
    ours = f"postgresql+psycopg://vibe:{password}@db/vibe"
    dagsters = f"postgresql+psycopg2://vibe:{password}@db/dagster"

    settings = settings_from({"ACCOUNTS_URL": ours, "DAGSTER_POSTGRES_URL": dagsters})

    assert password in settings.secrets
    with pytest.raises(SettingsInvalid, match="another database"):
        settings_from({"ACCOUNTS_URL": dagsters, "DAGSTER_POSTGRES_URL": dagsters})


def test_an_address_of_a_service_that_cannot_be_read_is_refused_in_our_own_words() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        settings_from({"LASTFM_API_URL": "https://u:s3crt@[lastfm.example"})

    assert "LASTFM_API_URL must be an address" in str(refused.value)
    assert "s3crt" not in str(refused.value)


@pytest.mark.parametrize("name", ["VIBE_HOME", "DB_PATH"])
def test_the_home_of_somebody_whom_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"{name} begins with ~"):
        settings_from({name: "~nosuchuser/vibe"})


def test_what_is_wrong_with_no_single_value_is_said_instead_of_looked_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "what?"
    odd.mkdir()
    monkeypatch.chdir(odd)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    with pytest.raises(SettingsInvalid, match="question mark"):
        examined_settings()


def test_settings_are_read_again_when_the_environment_or_its_file_says_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = read_settings()
    assert read_settings() is before

    Path(".env").write_text("DEFAULT_PLAYLIST_SIZE=40", "utf-8")
    assert read_settings().default_playlist_size == 40

    monkeypatch.setenv("DEFAULT_PLAYLIST_SIZE", "50")
    assert read_settings().default_playlist_size == 50


def test_a_home_that_no_database_could_lie_in_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="question mark"):
        settings_from({"VIBE_HOME": "/srv/what?/vibe"})


def example() -> dict[str, str]:
    """What ``.env.example`` sets, in its order; a name that stands twice fails here."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    pairs = [line.partition("=")[::2] for line in lines if line and not line.startswith("#")]
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names))
    return dict(pairs)


def asked_by_compose() -> set[str]:
    """The variables that only docker-compose.yml asks for."""
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text("utf-8")))


def unknown_in(text: str) -> set[str]:
    """The settings, shell commands, targets of make and chat commands a text makes up."""
    code = "\n".join(re.findall(r"`[^`\n]+`|^    .*$", text, flags=re.MULTILINE))
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = {
        *re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text),
        *re.findall(r"(?:^|(?<=[`/\s]))vibe [a-z]+(?:-[a-z]+)*", code),
        *re.findall(r"(?:^|(?<=[`\s]))make [a-z]+", code),
        *re.findall(r"(?<=`)/[a-z_]+(?=[ `])", text),
    }
    return named - {
        *(name.upper() for name in Settings.model_fields),
        *asked_by_compose(),
        *re.findall(r"[A-Z]+(?:_[A-Z]+)+", (ROOT / "dagster.yaml").read_text("utf-8")),
        *(f"vibe {name}" for name in SHELL_COMMANDS),
        *(f"make {name}" for name in targets),
        *(f"/{name}" for name in BOT_COMMANDS),
    }


def test_every_setting_is_read_by_the_product() -> None:
    assert settings_nobody_reads(product_sources()) == set()


def test_a_setting_that_nobody_reads_is_noticed() -> None:
    sources = [text.replace(".recent_days_window", ".rest_days") for text in product_sources()]
    sources = [text.replace(".warehouse_path", ".somewhere") for text in sources]

    assert settings_nobody_reads(sources) == {"recent_days_window", "warehouse_path", "db_path"}


def test_the_example_names_every_setting_and_nothing_else() -> None:
    assert example().keys() == {name.upper() for name in Settings.model_fields}


def test_the_example_as_it_stands_means_what_holds_without_it() -> None:
    assert settings_from(example()) == settings_from({})


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_example_shows_every_default_but_the_addresses_of_real_services(name: str) -> None:
    default = Settings.model_fields[name].default
    unseen = default is None or name.upper() in SERVICES

    assert (example()[name.upper()] == "") is unseen


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_and_command_that_a_document_names_exists(document: Path) -> None:
    assert unknown_in(document.read_text("utf-8")) == set()


def test_a_setting_or_command_that_is_not_there_is_noticed() -> None:
    text = """`VIBE_HOME` and `NO_SUCH_SETTING`; `.venv/bin/vibe doctor`, `/start` and `/no NAME`.

    make demo
    make tea
    .venv/bin/vibe bake --slowly
"""

    assert unknown_in(text) == {"NO_SUCH_SETTING", "/no", "make tea", "vibe bake"}


def test_the_readme_names_every_command_of_the_chat() -> None:
    named = set(re.findall(r"`/([a-z_]+)[ `]", (ROOT / "README.md").read_text("utf-8")))

    assert BOT_COMMANDS.keys() - named == set()
