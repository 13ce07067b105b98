"""A Dagster that only answers: the few GraphQL questions we ask, and runs that tests move on."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

JOBS = (
    *("daily_vibe", "preview_vibe", "publish_preview", "sync_library"),
    *("prepare_first_vibe", "read_history", "import_history"),
    *("restore_edition", "export_person", "forget_person"),
)


@dataclass(slots=True, kw_only=True)
class StandInRun:
    """One run as the stand-in shows it."""

    run_id: str
    job: str
    tags: dict[str, str]
    status: str = "QUEUED"
    steps: dict[str, str] = field(default_factory=dict)
    figures: dict[str, dict[str, int]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    root_run_id: str | None = None
    """The first run, where this is another run of it."""

    def shown(self) -> dict[str, Any]:
        return {
            "__typename": "Run",
            "runId": self.run_id,
            "jobName": self.job,
            "status": self.status,
            "rootRunId": self.root_run_id or self.run_id,
            "startTime": None,
            "endTime": None,
            "tags": [{"key": key, "value": value} for key, value in self.tags.items()],
            "stepStats": [{"stepKey": key, "status": it} for key, it in self.steps.items()],
            "assetMaterializations": [
                {
                    "assetKey": {"path": asset.split("/")},
                    "metadataEntries": [
                        {"__typename": "IntMetadataEntry", "label": label, "intValue": value}
                        for label, value in figures.items()
                    ],
                }
                for asset, figures in self.figures.items()
            ],
        }


class PipelineStandIn:
    """Remembers what was launched; ``down`` makes it answer 503, ``on_launch`` plays a run.

    ``loaded`` is false while its code is not there yet: it answers, and knows no job.

    ``asked`` counts the questions by name; a launch waits as long as ``launches_hang``.
    """

    def __init__(self) -> None:
        self.runs: dict[str, StandInRun] = {}
        self.partitions: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.launches_hang = False
        self.down = False
        self.loaded = True
        self.on_launch: Callable[[StandInRun], None] | None = None
        self._numbers = itertools.count(1)

    def routes(self) -> list[BaseRoute]:
        return [Route("/graphql", self.answer, methods=["POST"])]

    @property
    def launched(self) -> list[StandInRun]:
        return list(self.runs.values())

    def begin(self, job: str, user_id: str, *, status: str = "STARTED") -> StandInRun:
        """A run that somebody else started."""
        run_id = f"00000000-0000-4000-8000-{next(self._numbers):012d}"
        run = StandInRun(run_id=run_id, job=job, tags={"dagster/partition": user_id}, status=status)
        self.runs[run_id] = run
        return run

    async def answer(self, request: Request) -> Response:
        if self.down:
            return Response("no", status_code=503)
        try:
            body = await request.json()
        except ClientDisconnect:
            return Response(status_code=400)
        name = re.match(r"\s*(?:query|mutation)\s+(\w+)", body["query"])
        assert name is not None, body["query"]
        self.asked[name[1]] += 1
        while name[1] == "Launch" and self.launches_hang:  # noqa: ASYNC110 - a thread ends it
            await asyncio.sleep(0.02)
        said = getattr(self, f"_{name[1].lower()}")(body.get("variables") or {})
        return JSONResponse({"data": {"said": said}})

    def _version(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"__typename": "RepositoryConnection"}

    def _repositories(self, _: dict[str, Any]) -> dict[str, Any]:
        jobs = [{"name": job} for job in JOBS if self.loaded]
        node = {"name": "__repository__", "location": {"name": "vibe"}, "jobs": jobs}
        return {"__typename": "RepositoryConnection", "nodes": [node]}

    def _addpartition(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["key"] in self.partitions:
            return {"__typename": "DuplicateDynamicPartitionError"}
        self.partitions.add(given["key"])
        return {"__typename": "AddDynamicPartitionSuccess"}

    def _launch(self, given: dict[str, Any]) -> dict[str, Any]:
        params = given["params"]
        tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
        run = self.begin(
            params["selector"]["jobName"], tags.get("dagster/partition", ""), status="QUEUED"
        )
        run.tags |= tags
        run.config = params["runConfigData"]
        if self.on_launch is not None:
            self.on_launch(run)
        return {"__typename": "LaunchRunSuccess", "run": {"runId": run.run_id}}

    def _terminate(self, given: dict[str, Any]) -> dict[str, Any]:
        self.runs[given["runId"]].status = "CANCELED"
        return {"__typename": "TerminateRunSuccess"}

    def _figures(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(given["runId"])
        if run is None:
            return {"__typename": "RunNotFoundError", "message": "no such run"}
        return run.shown()

    def _someruns(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = given["filter"]
        found = [
            run.shown()
            for run in reversed(self.runs.values())
            if all(run.tags.get(tag["key"]) == tag["value"] for tag in wanted.get("tags", []))
            and run.status in wanted.get("statuses", [run.status])
            and run.run_id in wanted.get("runIds", [run.run_id])
        ]
        return {"__typename": "Runs", "results": found[: given.get("limit") or 10]}

    _followedruns = _someruns
