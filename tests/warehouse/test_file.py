"""The warehouse's file: opened by one at a time, and every trouble told in a sentence."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import duckdb
import pytest

from tests.support.warehouse_examples import ANNA, NOON, like, shell
from vibe_pipeline.installation.warehouse_file import is_something_else
from vibe_pipeline.warehouse import (
    NotAWarehouse,
    Warehouse,
    WarehouseError,
    WarehouseFolderMissing,
    WarehouseFull,
    WarehouseLocked,
    WarehouseNewerThanUs,
    WarehouseReadOnly,
    damage,
)
from vibe_pipeline.warehouse.connection import FileEngine
from vibe_pipeline.warehouse.damage import set_aside_if_damaged, trouble_with
from vibe_pipeline.warehouse.schema import file_version, migrations

HOLD = """
import sys, time
from pathlib import Path
from vibe_pipeline.warehouse import Warehouse
with Warehouse(Path(sys.argv[1])).open():
    print("open", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that has the warehouse open."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def likes_in(path: Path) -> int:
    with Warehouse(path).open() as tables:
        return len(tables.library.likes(ANNA))


def _keep_a_like_and_fail(path: Path) -> None:
    with Warehouse(path).open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
        raise RuntimeError("half-way")


def test_a_fresh_file_gets_its_tables(path: Path) -> None:
    with Warehouse(path).open() as tables:
        version = file_version(tables.connection)

    assert version >= 1


def test_opening_again_applies_nothing_twice(path: Path) -> None:
    for _ in range(2):
        with Warehouse(path).open() as tables:
            rows = tables.connection.execute("SELECT count(*) FROM schema_version").fetchone()

    assert rows == (len(migrations()),)


def test_an_error_undoes_the_whole_transaction(path: Path) -> None:
    with pytest.raises(RuntimeError):
        _keep_a_like_and_fail(path)

    assert likes_in(path) == 0


def test_the_file_is_free_again_after_an_error(path: Path) -> None:
    with pytest.raises(RuntimeError), Warehouse(path).open():
        raise RuntimeError("half-way")

    duckdb.connect(path).close()


def test_the_file_is_free_between_two_openings_of_one_warehouse(path: Path) -> None:
    warehouse = Warehouse(path)
    with warehouse.open() as tables:
        tables.connection.execute("CREATE TEMP TABLE only_here (number INTEGER)")

    with Warehouse(path, patience=0.2).open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)

    with warehouse.open() as tables:
        assert len(tables.library.likes(ANNA)) == 1
        tables.connection.execute("CREATE TEMP TABLE only_here (number INTEGER)")


def test_a_warehouse_opens_again_after_an_error_and_another_file_in_its_place(path: Path) -> None:
    warehouse = Warehouse(path)
    with pytest.raises(RuntimeError), warehouse.open():
        raise RuntimeError("half-way")
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)

    path.unlink()

    with warehouse.open() as tables:
        assert tables.library.likes(ANNA) == []


def test_reading_and_writing_imports_no_pandas_and_leaves_it_importable(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from vibe_pipeline.warehouse import Warehouse\n"
        "with Warehouse(Path(sys.argv[1])).open() as tables:\n"
        "    print(tables.rows_of('u1'))\n"
        "print('pandas' in sys.modules)\n"
        "import pandas\n"
        "with Warehouse(Path(sys.argv[1])).open() as tables:\n"
        "    print(tables.rows_of('u1'))\n"
        "print(pandas is sys.modules['pandas'])\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert told.stdout.split() == ["0", "False", "0", "True"]


def test_rows_join_small_groups_also_in_a_file_written_in_large_ones(path: Path) -> None:
    with Warehouse(path).open():
        pass
    rows = "INSERT INTO kept_before SELECT 'u' || i FROM range({rows}) r(i)"
    with duckdb.connect(str(path)) as as_before:
        as_before.execute("CREATE TABLE kept_before (user_id VARCHAR)")
        as_before.execute(rows.format(rows=100_000))

    with Warehouse(path).open() as tables:
        tables.connection.execute(rows.format(rows=20_000))

    with duckdb.connect(str(path)) as after:
        groups = after.execute(
            "SELECT sum(count) FROM pragma_storage_info('kept_before')"
            " WHERE segment_type = 'VARCHAR' GROUP BY row_group_id ORDER BY row_group_id"
        ).fetchall()
    assert groups[0] == (100_000,)
    assert max(groups[1:]) <= (16_384,)


def test_another_process_is_waited_for(path: Path) -> None:
    process = holder(path, 1.0)

    assert likes_in(path) == 0
    assert process.wait(10) == 0


def test_the_wait_for_another_process_is_bounded(path: Path) -> None:
    process = holder(path, 30.0)
    try:
        with pytest.raises(WarehouseLocked, match="close whatever reads it"):
            Warehouse(path, patience=0.2).open().__enter__()
    finally:
        process.kill()
        process.wait()


def test_a_killed_process_leaves_the_file_usable(path: Path) -> None:
    process = holder(path, 30.0)
    process.kill()
    process.wait()

    assert likes_in(path) == 0


@pytest.mark.parametrize("read_only", [True, False])
def test_a_shell_that_has_the_file_open_for_a_moment_is_waited_for(
    path: Path, *, read_only: bool
) -> None:
    likes_in(path)
    process = shell(path, 1.0, read_only=read_only)

    assert likes_in(path) == 0
    assert process.wait(10) == 0


def test_a_shell_that_keeps_the_file_open_is_named_as_the_reason(path: Path) -> None:
    process = shell(path, 30.0)
    try:
        with pytest.raises(WarehouseLocked, match="Another process keeps"):
            Warehouse(path, patience=0.3).open().__enter__()
    finally:
        process.kill()
        process.wait()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseFolderMissing, match="nowhere for the warehouse does not exist"):
        likes_in(tmp_path / "nowhere" / "w.duckdb")


@pytest.mark.parametrize("content", [b"hi", b"this is a text, not a database. " * 400])
def test_a_file_of_another_kind_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(NotAWarehouse, match="not a DuckDB database"):
        likes_in(path)

    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir()

    with pytest.raises(NotAWarehouse, match=r"is a folder .*, and the warehouse has to be a file"):
        likes_in(path)
    assert isinstance(trouble_with(path), NotAWarehouse)
    assert set_aside_if_damaged(Warehouse(path), now=NOON) is None


def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)

    with pytest.raises(NotAWarehouse, match="is no file, and the warehouse has to be a file"):
        likes_in(path)
    assert isinstance(trouble_with(path), NotAWarehouse)
    assert set_aside_if_damaged(Warehouse(path), now=NOON) is None
    assert is_something_else(path)


def test_a_link_that_leads_back_to_itself_is_named(path: Path) -> None:
    path.symlink_to(path)

    with pytest.raises(NotAWarehouse, match="leads back to itself"):
        likes_in(path)
    assert set_aside_if_damaged(Warehouse(path), now=NOON) is None


def test_a_link_whose_disk_is_away_is_named_with_where_it_leads(path: Path) -> None:
    path.symlink_to("disk/w.duckdb")

    with pytest.raises(WarehouseFolderMissing, match=r"link .* leads to .*/disk/w\.duckdb"):
        likes_in(path)


def test_a_link_to_where_a_file_can_be_made_makes_it_there(path: Path) -> None:
    (path.parent / "disk").mkdir()
    path.symlink_to("disk/w.duckdb")

    assert likes_in(path) == 0
    assert (path.parent / "disk" / "w.duckdb").is_file()


def spoiled(path: Path) -> bytes:
    """A damaged warehouse is put there; gives what it holds."""
    with Warehouse(path).open():
        pass
    damaged = bytearray(path.read_bytes())
    damaged[-4000:] = bytes(4000)
    damaged[20] ^= 0xFF
    path.write_bytes(damaged)
    return bytes(damaged)


def test_what_is_set_aside_is_never_put_in_another_ones_place(path: Path) -> None:
    contents, names = [], []
    for _ in range(3):
        contents.append(spoiled(path))
        names.append(set_aside_if_damaged(Warehouse(path), now=NOON))

    assert [name.read_bytes() for name in names if name is not None] == contents


def test_a_new_file_is_not_set_aside_because_the_one_before_it_was_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs find the same damage; while one reads, the other has made a new file already."""

    def meanwhile(_: Warehouse) -> bool:
        path.rename(path.with_name("aside"))
        with Warehouse(path).open():
            pass
        return True

    spoiled(path)
    monkeypatch.setattr(damage, "is_damaged", meanwhile)

    assert set_aside_if_damaged(Warehouse(path), now=NOON) is None
    with Warehouse(path).open():
        pass
    assert [*path.parent.glob("*.damaged-*")] == []


def test_a_damaged_file_is_refused(path: Path) -> None:
    likes_in(path)
    damaged = bytearray(path.read_bytes())
    damaged[20] ^= 0xFF
    path.write_bytes(damaged)

    with pytest.raises(NotAWarehouse):
        likes_in(path)


def test_a_folder_that_cannot_be_written_is_named() -> None:
    folder = Path("/sys/kernel")
    if not folder.is_dir():
        pytest.skip("needs a folder that nobody may write")

    with pytest.raises(WarehouseReadOnly, match="cannot be written"):
        likes_in(folder / "w.duckdb")


def test_a_file_by_a_newer_program_is_refused(path: Path) -> None:
    with Warehouse(path).open() as tables:
        tables.connection.execute("INSERT INTO schema_version (version, name) VALUES (999, 'x')")

    with pytest.raises(WarehouseNewerThanUs, match="upgrade"):
        likes_in(path)


@pytest.mark.skipif(duckdb.__version__ >= "2", reason="this DuckDB can read it")
def test_a_file_by_a_newer_duckdb_is_refused_in_words(path: Path) -> None:
    path.write_bytes(zlib.decompress(base64.b64decode(BY_DUCKDB_2)))

    with pytest.raises(WarehouseNewerThanUs, match="written by a DuckDB newer than ours"):
        likes_in(path)


def test_a_full_disk_is_told_and_loses_nothing(path: Path) -> None:
    likes_in(path)
    script = (
        "import resource, sys; from pathlib import Path;"
        "from tests.support.warehouse_examples import *;"
        "from vibe_pipeline.warehouse import *;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000));\n"
        "try:\n"
        " with Warehouse(Path(sys.argv[1])).open() as tables:\n"
        "  tables.library.change_likes(ANNA, added=[like(n) for n in range(40_000)], gone=(),"
        " total=1, seen_at=NOON)\n"
        "except WarehouseFull as error: print(error.sentence)\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert "no room left" in told.stdout, told.stderr
    assert likes_in(path) == 0


def test_who_ends_the_process_in_the_middle_of_a_question_ends_it(
    path: Path,
) -> None:
    class Ended(BaseException):
        """As Dagster tells a run that it is to end."""

    def end(_: int, __: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Ended), FileEngine(path).transaction(patience=0) as connection:
            connection.execute("SELECT count(*) FROM range(1000000000000)").fetchall()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert likes_in(path) == 0


def test_every_error_is_one_that_callers_know() -> None:
    kinds = {
        NotAWarehouse,
        WarehouseFolderMissing,
        WarehouseFull,
        WarehouseLocked,
        WarehouseNewerThanUs,
        WarehouseReadOnly,
    }

    assert all(issubclass(kind, WarehouseError) for kind in kinds)


BY_DUCKDB_2 = (
    "eNrt3L1qU2EYB/DnJJV2sNAL8Bpq8APBRdFaQaciDtLJJm80Q+0SbDZ7AY7i6CI4iIMXIZj2Cjq4i4OLU8Hh9XwkVI"
    "IRqQoKvx8H3o/nOeGQTP/3QDY+v/9wtth4tnb3+u2P7fglj8+tdlY78+u9ixe6W1vpfK//88958fLo2tenB63LndNv"
    "dhc/LQcAAADwVxxeGo3ObK5dKX5cbh3vLzTDUjPc8NUBAADAf+P5rS833915tT5d5xlxgvzv/T8AAAD8W+49eb15au"
    "Xt+jTv96LVjVYvinIyiNiJclzYvj94NDkZ6FaV6iqL21FPy45+1D05p2gPd3eqxurOdrWoK8Uw53EUw/2Y3J3KyXLO"
    "DyIeTg8dqq29iSLFUs79iKZh0PT4uQAAAOBEjnN/UUf5SBF17B5XST3V9cWc95tVFc1H07Re9OtTghRX/8xDpPpkIH"
    "23W+6MY29F9AcAAIDfy/2z+7P/A3A0pw8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG"
    "Ceb9cNs2g="
)
"""The empty database that DuckDB 2.0.0 writes, packed."""
