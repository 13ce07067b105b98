"""One warehouse for several machines: a server, clients that come, go and die, and each form."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from tests.support.warehouse_examples import ANNA, NOON, like, shell
from tests.support.warehouse_server import TOKEN, ServedWarehouse, served_warehouse
from vibe_pipeline.commands.supervisor import free_port
from vibe_pipeline.records import LikedTrack
from vibe_pipeline.settings import SettingsInvalid, settings_from
from vibe_pipeline.warehouse import Warehouse, WarehouseLocked, WarehouseUnreachable
from vibe_pipeline.warehouse.extensions import ExtensionMissing, load_extensions
from vibe_pipeline.warehouse.hosted import MotherDuckEngine
from vibe_pipeline.warehouse.server import serving
from vibe_pipeline.warehouse.writer_lock import ASK, GIVE_BACK, KEEP, WriterLock

WORK = """
import sys, time
from datetime import datetime, timedelta
from pathlib import Path
from vibe_pipeline.warehouse import Warehouse
address, token, times, sleep = sys.argv[1:]
warehouse = Warehouse(Path(address), config={"token": token}, patience=60)
for _ in range(int(times)):
    with warehouse.open() as tables:
        (count,) = tables.connection.execute(
            "SELECT count(*) FROM play_collections WHERE user_id = ?", ["counter"]
        ).fetchone()
        tables.connection.execute(
            "INSERT INTO play_collections VALUES (?, ?, NULL, ?, 0, false)",
            ["counter", datetime(2026, 1, 1) + timedelta(days=count), count],
        )
        print("in", flush=True)
        time.sleep(float(sleep))
"""
_NUMBERS = "SELECT returned FROM play_collections ORDER BY returned"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWarehouse]:
    try:
        load_extensions(duckdb.connect(), "httpfs", "quack")
    except ExtensionMissing as reason:
        pytest.skip(str(reason))
    with served_warehouse(tmp_path_factory.mktemp("served")) as here:
        yield here


@pytest.fixture(autouse=True)
def nothing_kept(request: pytest.FixtureRequest) -> None:
    if "served" in request.fixturenames:
        here: ServedWarehouse = request.getfixturevalue("served")
        with here.client().open() as tables:
            tables.connection.execute("DELETE FROM play_collections")
            tables.forget(ANNA)


def worker(served: ServedWarehouse, times: int, sleep: float = 0) -> subprocess.Popen[str]:
    """A process of another machine that reads a number and writes the next one."""
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(served.address), TOKEN, str(times), str(sleep)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_a_server_that_starts_waits_for_who_looks_into_the_file(
    tmp_path: Path, served: ServedWarehouse
) -> None:
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path).open():
        pass
    looking = shell(path, 0.7, read_only=True)

    with serving(path, listen=f"quack:127.0.0.1:{free_port()}", token=TOKEN, patience=20):
        assert looking.wait(5) == 0


def keep_likes(warehouse: Warehouse, likes: Sequence[LikedTrack]) -> None:
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=likes, gone=(), total=len(likes), seen_at=NOON)


def numbers(served: ServedWarehouse) -> list[int]:
    with served.client().open() as tables:
        return [row[0] for row in tables.connection.execute(_NUMBERS).fetchall()]


def test_what_is_kept_through_the_server_is_read_and_an_error_undoes_it(
    served: ServedWarehouse,
) -> None:
    warehouse = served.client()
    likes = [like(number) for number in range(3)]
    keep_likes(warehouse, likes)

    with pytest.raises(KeyError), warehouse.open() as tables:  # noqa: PT012 - undone together
        tables.forget(ANNA)
        raise KeyError

    with served.client().open() as tables:
        assert tables.library.likes(ANNA) == likes


def test_two_machines_count_together_and_no_number_is_lost_or_doubled(
    served: ServedWarehouse,
) -> None:
    workers = [worker(served, 40) for _ in range(2)]

    for one in workers:
        one.communicate(timeout=60)

    assert numbers(served) == list(range(80))


def test_a_client_killed_inside_a_transaction_is_undone_and_others_go_on(
    served: ServedWarehouse,
) -> None:
    doomed = worker(served, 1, sleep=60)
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "in\n"
    waiting = worker(served, 1)

    doomed.kill()
    waiting.communicate(timeout=30)

    assert numbers(served) == [0]
    doomed.wait()


def test_a_client_that_slept_through_its_lease_writes_nothing_any_more(
    served: ServedWarehouse,
) -> None:
    sleeper = worker(served, 1, sleep=0.2)
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "in\n"
    sleeper.send_signal(signal.SIGSTOP)
    with served.client().open() as tables:
        overtaken = tables.connection.execute(_NUMBERS).fetchall()

    sleeper.send_signal(signal.SIGCONT)
    sleeper.communicate(timeout=30)

    assert overtaken == []
    assert sleeper.returncode != 0
    assert numbers(served) == []


def test_a_server_killed_and_started_again_has_all_that_was_kept(served: ServedWarehouse) -> None:
    warehouse = served.client()
    keep_likes(warehouse, [like(1)])

    served.kill()
    with pytest.raises(WarehouseUnreachable, match="does not answer"):  # noqa: SIM117
        with served.client(patience=0.3).open():
            pass
    served.start()

    with warehouse.open() as tables:
        assert len(tables.library.likes(ANNA)) == 1


def test_a_copy_for_a_backup_holds_what_the_server_holds(
    served: ServedWarehouse, tmp_path: Path
) -> None:
    warehouse = served.client()
    keep_likes(warehouse, [like(1)])

    warehouse.copy_to(tmp_path / "copy.duckdb")

    with Warehouse(tmp_path / "copy.duckdb").open() as tables:
        assert len(tables.library.likes(ANNA)) == 1


def test_whoever_has_another_token_is_told_so(served: ServedWarehouse) -> None:
    stranger = Warehouse(served.address, config={"token": "some other token"})

    with pytest.raises(WarehouseUnreachable, match="WAREHOUSE_TOKEN"), stranger.open():
        pass


def test_a_file_that_a_server_keeps_is_nobody_elses(served: ServedWarehouse) -> None:
    with pytest.raises(WarehouseLocked), Warehouse(served.path, patience=0.05).open():
        pass


def test_whose_client_is_gone_loses_the_turn_and_who_waited_asks_again() -> None:
    now = 0.0
    lock = WriterLock(lease=10, clock=lambda: now)
    assert lock.allows("one", ASK)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(lock.allows("two", ASK)))
    waiting.start()

    now = 11.0
    assert lock.overdue() == "one"
    lock.revoke()
    waiting.join()
    late = lock.allows("one", KEEP)
    lock.resume()

    assert answers == [False]
    assert not late
    assert lock.allows("three", ASK)
    assert lock.allows("three", GIVE_BACK)
    assert lock.overdue() is None


def test_a_hosted_warehouse_gives_turns_by_a_row_of_its_own(tmp_path: Path) -> None:
    database = duckdb.connect(tmp_path / "hosted.duckdb")

    class Hosted(MotherDuckEngine):
        """The same with a file in the place of MotherDuck, which is not to be had here."""

        def _opened(self) -> duckdb.DuckDBPyConnection:
            return database.cursor()

    first, second = Hosted(Path("md:vibe")), Hosted(Path("md:vibe"))
    with first.transaction(patience=1):
        pass

    with (
        first.transaction(patience=1),
        pytest.raises(WarehouseLocked),
        second.transaction(patience=0.05),
    ):
        pass

    with second.transaction(patience=1) as connection:
        assert connection.execute("SELECT turns FROM vibe_turn").fetchone() == (3,)


@pytest.mark.parametrize("address", ["quack:warehouse:9494", "md:vibe"])
def test_an_address_stays_as_it_is_written(address: str) -> None:
    assert str(settings_from({"DB_PATH": address}).warehouse_path) == address


def test_one_database_for_accounts_and_dagster_is_refused() -> None:
    accounts, dagsters = (f"postgresql+{driver}://db/vibe" for driver in ("psycopg", "psycopg2"))

    with pytest.raises(SettingsInvalid, match="another database"):
        settings_from({"ACCOUNTS_URL": accounts, "DAGSTER_POSTGRES_URL": dagsters})


def test_ducklake_is_refused_with_the_reason() -> None:
    with pytest.raises(SettingsInvalid, match="primary keys"):
        settings_from({"DB_PATH": "ducklake:postgres:dbname=vibe"})
