"""The Kubernetes chart as rendered: every object fits its schema, and Dagster its launcher's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from dagster_k8s import K8sRunLauncher

RENDERED = Path(__file__).parents[2] / "docs" / "deploy" / "kubernetes" / "rendered.yaml"
OBJECTS: list[dict[str, Any]] = [
    one for one in yaml.safe_load_all(RENDERED.read_text(encoding="utf-8")) if one
]
PARTS = {"bot", "code", "daemon", "oauth", "postgres", "proxy", "warehouse", "webserver"}


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_each_object_fits_the_schema_of_its_kind(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, "1.33", strict=True)


def test_every_part_is_there_and_every_pod_runs_without_rights() -> None:
    workloads = [one for one in OBJECTS if one["kind"] in {"Deployment", "StatefulSet"}]

    assert {one["metadata"]["name"].removeprefix("vibe-") for one in workloads} == PARTS
    assert {one["spec"]["replicas"] for one in workloads} == {1}
    for one in workloads:
        pod = one["spec"]["template"]["spec"]
        ours = "registry.example.org" in pod["containers"][0]["image"]
        assert not ours or pod["securityContext"]["runAsNonRoot"]


def test_whatever_a_pod_refers_to_is_rendered_or_the_operators_secret() -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in OBJECTS}
    text = RENDERED.read_text(encoding="utf-8")
    referred = {("ConfigMap", name) for name in _after(text, "configMap: {name: ")}
    referred |= {("PersistentVolumeClaim", name) for name in _after(text, "claimName: ")}

    assert referred <= there
    assert set(_after(text, "secretRef: {name: ")) == {"vibe"}


def test_dagsters_file_has_a_launcher_that_takes_its_configuration() -> None:
    told = yaml.safe_load(named("ConfigMap", "vibe-dagster")["data"]["dagster.yaml"])
    launcher = told["run_launcher"]

    accepted = K8sRunLauncher.config_type()  # type: ignore[no-untyped-call]

    @dg.op(config_schema=accepted)
    def launch() -> None:
        """Takes what the launcher takes."""

    @dg.job
    def launching() -> None:
        launch()

    def checked(config: dict[str, Any]) -> object:
        return dg.validate_run_config(launching, {"ops": {"launch": {"config": config}}})

    assert launcher["class"] == "K8sRunLauncher"
    assert checked(launcher["config"])
    with pytest.raises(dg.DagsterInvalidConfigError):
        checked({**launcher["config"], "image": "x"})
    assert told["storage"]["postgres"]["postgres_url"] == {"env": "DAGSTER_POSTGRES_URL"}


def _after(text: str, words: str) -> list[str]:
    return [rest.partition("}")[0].strip() for rest in text.split(words)[1:]]
