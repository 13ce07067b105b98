"""What the catalogue says of each asset is true: its table, its columns, its code, its promise."""

from __future__ import annotations

from contextvars import Context
from pathlib import Path

import dagster as dg
import pytest

from vibe_pipeline.definitions import build
from vibe_pipeline.defs.tables import COLUMNS_OF, column_schema
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """Loaded whole, apart from the instance that a story before this one may have had."""
    loaded = build(read_settings())
    Context().run(loaded.get_repository_def)
    return loaded


def test_every_asset_names_its_table_its_place_and_its_code(definitions: dg.Definitions) -> None:
    without_table = set()
    for spec in definitions.resolve_all_asset_specs():
        references = spec.metadata["dagster/code_references"].code_references
        assert spec.code_version
        assert all(Path(one.file_path).is_file() and one.line_number for one in references)
        if "dagster/table_name" not in spec.metadata:
            without_table.add(spec.key.to_user_string())
            continue
        database, schema, table = spec.metadata["dagster/table_name"].split(".")
        assert spec.metadata["dagster/uri"].endswith(f"/{database}.duckdb#{schema}.{table}")
        assert spec.metadata["dagster/column_schema"].columns

    assert without_table == {"policy_comparison"}


@pytest.mark.parametrize("table", COLUMNS_OF)
def test_the_columns_are_those_of_the_warehouse(table: str, warehouse: Warehouse) -> None:
    schema, name = table.split(".")
    with warehouse.open() as tables:
        columns = tables.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE database_name = current_database() AND schema_name = ? AND table_name = ?"
            " ORDER BY column_index",
            [schema, name],
        ).fetchall()

    assert [(column.name, column.type) for column in column_schema(table).columns] == columns


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(tmp_path_factory.mktemp("tables") / "warehouse.duckdb")


def test_every_check_of_a_person_s_asset_is_answered_for_each_person(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()

    for key in graph.asset_check_keys:
        assert graph.get_check_spec(key).partitions_def == graph.get(key.asset_key).partitions_def


def test_the_nightly_promise_is_a_freshness_policy_of_the_playlist(
    definitions: dg.Definitions,
) -> None:
    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for spec in definitions.resolve_all_asset_specs()
        if spec.freshness_policy is not None
    }

    assert set(policies) == {"published_playlist"}
