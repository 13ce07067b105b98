"""The service as a whole: headers, logs, health, start-up, weight."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError, CompletedProcess
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog
from cryptography.fernet import Fernet
from sqlalchemy import event
from starlette.requests import Request

from tests.support.accounts_site import tokens
from tests.support.oauth_site import ORIGIN, Site, site, token_on, words
from tests.support.warehouse_examples import NOON, chosen, edition
from vibe_oauth.__main__ import usual_place
from vibe_oauth.app import create_app
from vibe_oauth.health import Health, ListsLooks, WholeLooks
from vibe_pipeline.accounts.lost_accounts import lists_of_nobody, nobody_left
from vibe_pipeline.accounts.records import StateKind
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.installation.process_status import (
    ProcessState,
    ProcessStatus,
    StatusFile,
    Troubles,
)
from vibe_pipeline.locales import say
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.warehouse import Warehouse

ROOT = Path(__file__).parents[2]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """An environment in which only these settings are made."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "VIBE_HOME": str(folder), "PYTHONPATH": str(ROOT), **settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def every_kind_of_answer(here: Site) -> list[httpx.Response]:
    account = here.person()
    confirmation = await here.back(account)
    return [
        confirmation,
        await here.browser.get(here.link(account)),
        await here.browser.get("/connect/unknown"),
        await here.browser.get("/nowhere"),
        await here.browser.put("/confirm"),
        await here.browser.get("/health"),
        await here.browser.post("/internal/jobs/nightly"),
        await here.browser.post("/confirm", data={"token": token_on(confirmation)}),
    ]


async def test_every_answer_carries_the_strict_headers(here: Site) -> None:
    answers = await every_kind_of_answer(here)

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers


async def test_an_https_address_is_pinned(tmp_path: Path, world: BuiltInWorld) -> None:
    async with site(tmp_path, Simulation(world), public_url="https://vibe.example") as here:
        answer = await here.browser.get("/health/live")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_no_page_holds_script_or_loads_anything(here: Site) -> None:
    pages = [answer for answer in await every_kind_of_answer(here) if "html" in answer.text]

    assert pages
    for page in pages:
        assert "<script" not in page.text
        assert " src=" not in page.text
        assert "@import" not in page.text
        assert "url(" not in page.text


async def test_an_unforeseen_error_is_a_kind_page_with_all_headers(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(here.store.people), "get", lambda *_: 1 / 0)

    page = await here.browser.get(here.link(here.person()))

    assert page.status_code == 500
    assert say("en", "oauth.trouble.title") in words(page)
    assert "ZeroDivision" not in page.text
    assert page.headers["x-frame-options"] == "DENY"


async def test_the_access_log_names_places_not_people(
    here: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.reset_defaults()

    await here.browser.get("/connect/some-secret-state?code=abc")
    await here.browser.get("/some-secret-path?code=abc")

    printed = "".join(capsys.readouterr())
    assert "/connect/{link}" in printed
    assert "secret" not in printed
    assert "abc" not in printed


@pytest.mark.parametrize("path", ["/connect/{link}/", "/connect/{link}/x", "/x/{link}"])
async def test_no_link_that_is_still_good_is_logged_where_it_is_published_under_a_path(
    tmp_path: Path, world: BuiltInWorld, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    structlog.reset_defaults()
    address = "https://home.example/vibe"
    redirect = f"{address}/callback"
    async with site(
        tmp_path, Simulation(world), public_url=address, spotify_redirect_uri=redirect
    ) as here:
        link = here.link(here.person()).rpartition("/")[2]

        answer = await here.browser.get("/vibe" + path.format(link=link))

        assert answer.status_code == 404
        assert here.store.oauth_states.whose(link, StateKind.LINK) is not None
    printed = "".join(capsys.readouterr())
    assert "(unknown)" in printed
    assert link not in printed


async def test_a_healthy_service_says_so(here: Site) -> None:
    answer = await here.browser.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "account_store": {"ok": True},
        "home": {"ok": True},
        "warehouse": {"ok": True},
        "dagster": {"ok": True},
    }


async def test_a_look_at_our_health_makes_no_new_key_where_the_right_one_was_deleted(
    tmp_path: Path, world: BuiltInWorld
) -> None:
    async with site(tmp_path, Simulation(world), vibe_secret_key=None) as here:
        await here.connect(here.person("Ann", chat_id=7))
        held = here.services.home / "secret.key"
        former = held.read_text("ascii")
        held.unlink()

        told = await here.browser.get("/health")

        assert not held.exists()
        assert "sealed with another key" in told.text
        held.write_text(former, "ascii")
        assert "sealed with another key" not in (await here.browser.get("/health")).text


def account_files(here: Site) -> list[Path]:
    path = Path(here.services.store.database.engine.url.database or "")
    return list(path.parent.glob(f"{path.name}*"))


async def test_health_tells_of_an_account_store_that_is_gone_and_no_page_makes_a_new_one(
    here: Site,
) -> None:
    for file in account_files(here):
        file.unlink()

    answer = await here.browser.get("/health")
    await here.browser.get("/connect/unknown")

    assert answer.status_code == 503
    assert "is not there" in answer.json()["account_store"]["reason"]
    assert account_files(here) == []


async def test_health_tells_of_a_key_that_was_exchanged_while_we_hold_the_right_one(
    here: Site,
) -> None:
    here.services.store.people.connect(
        here.person().user_id, "spotify-1", "Name", tokens(here.services.now())
    )
    well = await here.browser.get("/health")

    health = Health(replace(here.services, key=lambda: Fernet.generate_key().decode()))
    answer = await health.ready(Request({"type": "http"}))

    assert well.status_code == 200
    assert answer.status_code == 503
    assert b"sealed with another key" in bytes(answer.body)


async def test_health_tells_of_another_file_in_the_warehouse_s_place(here: Site) -> None:
    here.services.warehouse.write_text("notes of somebody else\n")

    answer = await here.browser.get("/health")

    assert answer.status_code == 503
    assert "not a DuckDB database" in answer.json()["warehouse"]["reason"]


async def test_health_tells_of_lists_whose_people_are_gone_as_the_doctor_does(here: Site) -> None:
    warehouse = here.services.warehouse
    with Warehouse(warehouse).open() as tables:
        tables.playlists.replace_history(edition("e1"), [chosen(1)], recorded_at=NOON)

    lost = await here.browser.get("/health")
    here.person()
    known = await here.browser.get("/health")

    assert (lost.status_code, known.status_code) == (503, 200)
    assert lost.json()["account_store"]["reason"] == nobody_left(warehouse.name, 1)
    assert str(warehouse.parent) not in lost.text


@pytest.mark.parametrize("trouble", [CalledProcessError(1, "count"), OSError(), None])
async def test_a_warehouse_that_cannot_be_read_is_not_looked_into_at_each_question(
    here: Site, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    looks: list[object] = []

    def run(command: object, **_: object) -> CompletedProcess[str]:
        looks.append(command)
        if trouble is not None:
            raise trouble
        return CompletedProcess([], 0, "no number")

    with Warehouse(here.services.warehouse).open():
        pass
    health = Health(here.services, lists_looks=ListsLooks(pause_seconds=60.0))
    monkeypatch.setattr(subprocess, "run", run)

    first = await health.ready(Request({"type": "http"}))
    with here.services.warehouse.open("ab") as warehouse:
        warehouse.write(bytes(4096))
    again = await health.ready(Request({"type": "http"}))

    assert (first.status_code, again.status_code, len(looks)) == (200, 200, 1)


def test_a_warehouse_that_could_not_be_read_is_looked_into_again_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, answers = tmp_path / "vibe.duckdb", ["no number", "3"]
    looks = ListsLooks(pause_seconds=0.0)
    missing = looks.look(warehouse)
    warehouse.write_bytes(b"rows")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: CompletedProcess([], 0, answers.pop(0)))

    counted = [looks.look(warehouse) for _ in range(3)]

    assert missing is None
    assert counted == [None, 3, 3]


def test_a_warehouse_that_goes_away_while_it_is_looked_at_has_no_lists_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: True)

    assert lists_of_nobody(None, tmp_path / "vibe.duckdb", lambda _: 3) == 0


async def test_lists_of_whoever_is_just_being_forgotten_are_no_loss(here: Site) -> None:
    account = here.person()
    with Warehouse(here.services.warehouse).open() as tables:
        tables.playlists.replace_history(edition("e1"), [chosen(1)], recorded_at=NOON)
    here.store.erasures.forget(account.user_id)

    answer = await here.browser.get("/health")

    assert answer.status_code == 200


async def test_an_installation_that_is_new_and_empty_is_well(here: Site) -> None:
    with Warehouse(here.services.warehouse).open():
        pass

    answer = await here.browser.get("/health")

    assert answer.status_code == 200


async def test_health_tells_of_damage_inside_the_account_store_until_it_is_put_right(
    here: Site,
) -> None:
    health = Health(here.services, WholeLooks(pause_seconds=0.0, share=1e9))
    path = here.services.store.database.engine.url.database or ""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    well = await health.ready(Request({"type": "http"}))
    whole = _zero_the_last_third(path)
    damaged = await health.ready(Request({"type": "http"}))
    _write(path, whole)
    mended = await health.ready(Request({"type": "http"}))

    assert (well.status_code, damaged.status_code, mended.status_code) == (200, 503, 200)
    assert b"damaged" in bytes(damaged.body)


def _zero_the_last_third(path: str) -> bytes:
    """What stood there before."""
    whole = Path(path).read_bytes()
    third = len(whole) // 3
    _write(path, whole[:-third] + bytes(third))
    return whole


def _write(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


async def test_the_account_store_is_seldom_read_as_a_whole(here: Site) -> None:
    health = Health(here.services)
    statements: list[str] = []
    event.listen(
        here.services.store.database.engine,
        "before_cursor_execute",
        lambda *given: statements.append(given[2]),
    )

    for _ in range(3):
        await health.ready(Request({"type": "http"}))

    assert sum("integrity_check" in statement for statement in statements) == 1


async def test_health_names_a_process_that_is_being_restarted(here: Site) -> None:
    home, now = here.services.home, here.services.now()
    running = ProcessStatus(state=ProcessState.RUNNING, since=now, restarts=1, reason="was ended")
    failing = replace(running, state=ProcessState.FAILING)

    StatusFile(home).write({"Telegram bot": running, "Dagster daemon": failing})
    answer = await here.browser.get("/health")

    assert answer.status_code == 503
    assert answer.json()["telegram_bot"]["ok"] is True
    assert answer.json()["dagster_daemon"]["ok"] is False
    assert answer.json()["dagster_daemon"]["state"] == "failing"


async def test_health_repeats_what_a_process_complains_of(here: Site) -> None:
    home, now = here.services.home, here.services.now()

    Troubles(home).note("Telegram bot", "Another program polls.", now=now)
    answer = await here.browser.get("/health")

    assert answer.status_code == 503
    assert answer.json()["telegram_bot"] == {"ok": False, "reason": "Another program polls."}


async def test_a_lost_dagster_is_a_failing_health_but_still_a_living_service(here: Site) -> None:
    here.dagster.down = True

    health, live = await here.browser.get("/health"), await here.browser.get("/health/live")

    assert health.status_code == 503
    assert health.json()["dagster"]["ok"] is False
    assert live.status_code == 200


async def test_a_full_disk_is_told_by_health_until_there_is_room_again(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("vibe_pipeline.installation.home.ROOM_FOR_A_LIST", 1 << 60)
        answer = await here.browser.get("/health")
    again = await here.browser.get("/health")

    assert answer.status_code == 503
    assert "no room" in answer.json()["home"]["reason"]
    assert again.status_code == 200


async def test_a_broken_account_store_is_told_by_health_and_by_every_page(
    here: Site, tmp_path: Path
) -> None:
    link = here.link(here.person())
    (tmp_path / "accounts.sqlite").write_bytes(b"this is no database at all" * 100)

    health, page = await here.browser.get("/health"), await here.browser.get(link)

    assert health.status_code == 503
    assert "not an account store" in health.json()["account_store"]["reason"]
    assert page.status_code == 500
    assert say("en", "oauth.trouble.title") in words(page)


async def test_health_names_neither_the_database_nor_its_password(here: Site) -> None:
    address = "postgresql+psycopg://vibe@127.0.0.1:9/vibe?password=TOPSECRET&connect_timeout=2"
    key = here.services.key()
    services = replace(here.services, store=open_store(address, key, now=here.services.now))
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as browser:
        answer = await browser.get("/health")

    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["account_store"]["reason"]
    assert not [one for one in ("TOPSECRET", "127.0.0.1", "psycopg") if one in answer.text]


async def test_it_can_be_published_under_a_path(tmp_path: Path, world: BuiltInWorld) -> None:
    async with site(
        tmp_path,
        Simulation(world),
        public_url="https://home.example/vibe",
        spotify_redirect_uri="https://home.example/vibe/callback",
    ) as here:
        account = here.person()
        start = await here.browser.get(f"/vibe{here.link(account)}")
        address = urlsplit(await here.decide(start.headers["location"]))

        page = await here.browser.get(f"{address.path}?{address.query}")

        assert 'action="/vibe/confirm"' in page.text
        done = await here.browser.post("/vibe/confirm", data={"token": token_on(page)})
        assert say("en", "oauth.connected.title") in words(done)


def test_it_listens_at_a_loopback_address_and_else_behind_a_proxy() -> None:
    assert usual_place("http://127.0.0.1:8123/x") == ("127.0.0.1", 8123)
    assert usual_place("http://[::1]:9000") == ("::1", 9000)
    assert usual_place("https://vibe.example") == ("127.0.0.1", 8000)


def test_it_serves_and_ends_on_request(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "vibe_oauth", "--port", str(port)],
        env=environment(tmp_path / "home"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        health = _first_answer(f"http://127.0.0.1:{port}/health/live", process)

        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()

    assert health.json() == {"status": "ok"}
    assert "server" not in health.headers
    assert "listening" in said
    assert (tmp_path / "home" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_whole_connection_leaves_no_secret_in_the_log(
    tmp_path: Path, world: BuiltInWorld
) -> None:
    key, port = Fernet.generate_key().decode(), free_port()
    with running(Simulation(world)) as simulator:
        origin = f"http://127.0.0.1:{port}"
        settings = {
            **simulator.environment(),
            "VIBE_SECRET_KEY": key,
            "PUBLIC_URL": origin,
            "SPOTIFY_REDIRECT_URI": f"{origin}/callback",
            "DAGSTER_GRAPHQL_URL": f"http://127.0.0.1:{free_port()}/graphql",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "vibe_oauth"],
            env=environment(tmp_path, **settings),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _first_answer(f"{origin}/health/live", process)
            secrets = _walk(open_store(f"sqlite:///{tmp_path}/accounts.sqlite", key), origin, world)

            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()

    assert "/connect/{link}" in said
    assert "/callback" in said
    assert "connected" in said
    secrets += [key, settings["SPOTIFY_CLIENT_SECRET"], settings["TELEGRAM_BOT_TOKEN"]]
    assert [secret for secret in secrets if secret in said] == []


def _walk(store: AccountStore, origin: str, world: BuiltInWorld) -> list[str]:
    """Connect somebody; gives everything that was secret on the way."""
    account = store.people.register(100, "Anna Lastname", "en")
    link = store.oauth_states.make(account.user_id, StateKind.LINK)
    with httpx.Client(timeout=20) as browser:
        authorize = browser.get(f"{origin}/connect/{link}").headers["location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize).query).items()}
        form = asked | {"listener": world.listeners[0].id, "decision": "agree"}
        page = f"{authorize.partition('?')[0]}/decision"
        address = browser.post(page, data=form).headers["location"]
        confirmation = browser.get(address)
        browser.get(address)
        done = browser.post(f"{origin}/confirm", data={"token": token_on(confirmation)})
    assert done.status_code == 200, done.text
    tokens = store.tokens.get(account.user_id)
    assert tokens is not None
    code = parse_qs(urlsplit(address).query)["code"][0]
    on_the_way = [link, asked["state"], asked["code_challenge"], code, token_on(confirmation)]
    return [*on_the_way, tokens.access_token, tokens.refresh_token, "Anna Lastname"]


def _first_answer(url: str, process: subprocess.Popen[str]) -> httpx.Response:
    end = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url, timeout=2)
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("settings", "words_said"),
    [
        ({"SPOTIFY_REDIRECT_URI": "http://localhost/callback"}, "SPOTIFY_REDIRECT_URI"),
        ({"VIBE_SECRET_KEY": "not a key"}, "VIBE_SECRET_KEY"),
        ({"ACCOUNTS_URL": "nonsense"}, "ACCOUNTS_URL"),
        ({"ACCOUNTS_URL": "postgresql+psycopg://a:b@host:port/vibe"}, "ACCOUNTS_URL"),
    ],
)
def test_wrong_settings_are_one_sentence_and_exit_code_two(
    tmp_path: Path, settings: dict[str, str], words_said: str
) -> None:
    ended = _run(tmp_path, **settings)

    assert ended.returncode == 2
    assert words_said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_an_occupied_port_is_one_sentence_and_exit_code_two(tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()

        ended = _run(tmp_path, VIBE_OAUTH_PORT=str(occupied.getsockname()[1]))

    assert ended.returncode == 2
    assert "VIBE_OAUTH_PORT" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_a_store_that_is_none_is_one_sentence_and_exit_code_two(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "accounts.sqlite").write_text("hello " * 500)

    ended = _run(tmp_path, VIBE_OAUTH_PORT=str(free_port()))

    assert ended.returncode == 2
    assert "not an account store" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_service_started_again_while_the_store_is_away_makes_no_empty_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret.key").write_bytes(Fernet.generate_key())

    ended = _run(tmp_path)

    assert ended.returncode == 2
    assert str(home / "accounts.sqlite") in ended.stderr
    assert not (home / "accounts.sqlite").exists()


def _run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vibe_oauth"],
        env=environment(folder / "home", **{"VIBE_OAUTH_PORT": str(free_port()), **settings}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_the_service_takes_no_dagster_duckdb_or_pandas() -> None:
    code = "import sys, json, vibe_oauth.__main__; print(json.dumps(sorted(sys.modules)))"

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    loaded = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert not loaded & {"dagster", "duckdb", "pandas", "numpy", "telegram", "alembic"}
