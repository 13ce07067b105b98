"""Dagster from outside: launching, watching and ending runs by GraphQL, without its libraries.

Dagster's own client would import all of Dagster. What is launched, and how runs are tagged, says
``vibe_pipeline.runs``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from vibe_pipeline import runs
from vibe_pipeline.clients import dagster_queries as queries
from vibe_pipeline.clients.errors import (
    KeyRefused,
    NotThere,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.json_fields import Fields, fields, number, objects, text
from vibe_pipeline.clients.transport import Again, Call, ServiceAnswer, Transport
from vibe_pipeline.installation.access_token import bearer
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

SERVICE = "dagster"

QUEUE_LIMIT = 500
"""More runs than this are not counted: nobody is told such a place in a queue."""

UNKNOWN_TO_IT = (
    "the webserver does not know our token; both have to read the same webserver.token in VIBE_HOME"
)
_UNAUTHORIZED = 401

ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """How one step of a run stands: SKIPPED, SUCCESS, FAILURE, IN_PROGRESS, or not begun."""

    key: str
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as seen from outside."""

    run_id: str
    job: str
    status: str
    steps: tuple[StepView, ...] = ()
    tags: Mapping[str, str]
    root_run_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == "SUCCESS"

    @property
    def vanished(self) -> bool:
        """Whether nothing is known of it any more: it was deleted, or Dagster's storage lost it."""
        return not self.job

    @property
    def called_off(self) -> bool:
        """Whether somebody ended it."""
        return self.status == "CANCELED"

    @property
    def user_id(self) -> UserId | None:
        """Whose run it is."""
        return runs.owner_of(self.tags)

    @classmethod
    def from_api(cls, data: Fields) -> Self:
        """The run; raises when it has no id or status."""
        run_id, status = text(data.get("runId")), text(data.get("status"))
        if run_id is None or status is None:
            raise UnexpectedResponse(SERVICE, "a run came without id or status")
        steps = tuple(
            StepView(key=key, status=text(step.get("status")))
            for step in objects(data.get("stepStats"))
            if (key := text(step.get("stepKey"))) is not None
        )
        tags = {
            key: text(tag.get("value")) or ""
            for tag in objects(data.get("tags"))
            if (key := text(tag.get("key"))) is not None
        }
        return cls(
            run_id=run_id,
            job=text(data.get("jobName")) or "",
            status=status,
            steps=steps,
            tags=tags,
            root_run_id=text(data.get("rootRunId")),
            started_at=_moment(data.get("startTime")),
            ended_at=_moment(data.get("endTime")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a job is defined."""

    repository: str
    location: str

    def selector(self) -> dict[str, str]:
        return {"repositoryName": self.repository, "repositoryLocationName": self.location}


class DagsterGraphQL:
    """What the bot, the OAuth service and the command line ask of the deployment.

    Run ids are Dagster's; statuses are its own words (``SUCCESS``, ``FAILURE``, ``CANCELED``, ...);
    moments are aware and in UTC. ``token`` is what the guard in front of the webserver knows us by.

    Raises:
        ServiceUnavailable: the webserver is out of reach. With ``may_have_happened`` a launch may
            have started all the same: look for it before launching again.
        NotThere: it knows no such run, or no code location offers the job now.
        KeyRefused: it does not know our token.
        UnexpectedResponse: it answered something else than its schema says.
    """

    def __init__(
        self, transport: Transport, *, token: Callable[[], str | None] = lambda: None
    ) -> None:
        self._transport = transport
        self._token = token
        self._places: dict[str, _Place] = {}

    async def reachable(self) -> bool:
        """Whether the webserver answers; never raises for it being down.

        Raises: ``KeyRefused`` when it answers, and not to us.
        """
        try:
            await self._ask(queries.VERSION, {}, endpoint="version")
        except (ServiceUnavailable, UnexpectedResponse):
            return False
        return True

    async def count_runs(self, *statuses: str) -> int:
        """How many runs stand so now, of those Dagster still keeps."""
        given = {"filter": {"statuses": list(statuses)}}
        said = await self._ask(queries.COUNTED_RUNS, given, endpoint="runsOrError")
        _expect(said, "Runs")
        return int(number(said.get("count")) or 0)

    async def code_loaded(self) -> bool:
        """Whether it has our code; a run asked for before that is refused.

        A webserver that was up before the code server holds an error until it is told to look
        again, which it is told here.
        """
        said = await self._ask(queries.LOCATIONS, {}, endpoint="workspaceOrError")
        _expect(said, "Workspace")
        loaded = {
            text(entry.get("name")): text(
                fields(entry.get("locationOrLoadError")).get("__typename")
            )
            for entry in objects(said.get("locationEntries"))
        }
        for name, outcome in loaded.items():
            if outcome == "PythonError":
                await self._ask(queries.RELOAD, {"name": name}, endpoint="reloadRepositoryLocation")
        return bool(loaded) and set(loaded.values()) == {"RepositoryLocation"}

    async def oldest_heartbeat(self) -> datetime | None:
        """When the one of its daemon's loops went round that is silent longest; ``None``: never."""
        said = await self._ask(queries.HEARTBEATS, {}, endpoint="daemonHealth")
        _expect(said, "Instance")
        statuses = objects(fields(said.get("daemonHealth")).get("allDaemonStatuses"))
        beats = [
            number(one.get("lastHeartbeatTime")) or 0 for one in statuses if one.get("required")
        ]
        return _moment(min(beats, default=0) or None)

    async def add_user(self, user_id: UserId) -> None:
        """Make sure the person's partition exists; a run for an unknown one would fail late."""
        place = await self._any_place()
        given = {"repo": place.selector(), "name": runs.USERS, "key": user_id}
        said = await self._ask(queries.ADD_PARTITION, given, endpoint="addDynamicPartition")
        if said["__typename"] != "DuplicateDynamicPartitionError":
            _expect(said, "AddDynamicPartitionSuccess")

    async def launch(self, request: LaunchRequest) -> str:
        """Start a run and give its id; the person's partition must exist (``add_user``).

        Not repeated when Dagster's answer is lost: ``ServiceUnavailable.may_have_happened``.
        """
        answer = await self._launch(await self._place_of(request.job), request)
        if answer["__typename"] == "PipelineNotFoundError":
            self._places.clear()
            answer = await self._launch(await self._place_of(request.job), request)
        _expect(answer, "LaunchRunSuccess")
        return RunView.from_api({"status": "STARTING", **fields(answer.get("run"))}).run_id

    async def followed(self, run_ids: Collection[str]) -> dict[str, RunView]:
        """How these runs stand, step by step, asked in one question; unknown ones are left out."""
        if not run_ids:
            return {}
        given = {"filter": {"runIds": sorted(run_ids)}}
        answer = await self._ask(queries.FOLLOWED_RUNS, given, endpoint="runsOrError")
        _expect(answer, "Runs")
        views = (RunView.from_api(run) for run in objects(answer.get("results")))
        return {view.run_id: view for view in views}

    async def queue(self, tags: Mapping[str, str], *, limit: int = QUEUE_LIMIT) -> list[RunView]:
        """The queued runs that carry all these tags, in the order they were put there."""
        return (await self.runs(tags=tags, statuses=("QUEUED",), limit=limit))[::-1]

    async def figures(self, run_id: str) -> dict[str, dict[str, int]]:
        """The whole numbers a run reported, by asset (``candidates/listenbrainz``) and label."""
        said = await self._ask(queries.FIGURES, {"runId": run_id}, endpoint="runOrError")
        _expect(said, "Run")
        found: dict[str, dict[str, int]] = {}
        for made in objects(said.get("assetMaterializations")):
            path = fields(made.get("assetKey")).get("path")
            name = "/".join(str(part) for part in path) if isinstance(path, list) else ""
            for entry in objects(made.get("metadataEntries")):
                label, value = text(entry.get("label")), entry.get("intValue")
                if label is not None and isinstance(value, int):
                    found.setdefault(name, {})[label] = value
        return found

    async def runs(
        self,
        *,
        tags: Mapping[str, str] | None = None,
        statuses: tuple[str, ...] = (),
        job: str | None = None,
        limit: int = 10,
    ) -> list[RunView]:
        """The newest runs that carry all these tags, newest first; without their steps."""
        wanted: dict[str, Any] = {"tags": _tags(tags or {})}
        if statuses:
            wanted["statuses"] = list(statuses)
        if job is not None:
            wanted["pipelineName"] = job
        given = {"filter": wanted, "limit": limit}
        said = await self._ask(queries.RUNS, given, endpoint="runsOrError")
        _expect(said, "Runs")
        return [RunView.from_api(run) for run in objects(said.get("results"))]

    async def terminate(self, run_id: str) -> bool:
        """Ask a run to end; false when it cannot be ended, for instance because it has."""
        said = await self._ask(queries.TERMINATE, {"runId": run_id}, endpoint="terminateRun")
        if said["__typename"] == "TerminateRunFailure":
            return False
        _expect(said, "TerminateRunSuccess")
        return True

    async def _launch(self, place: _Place, request: LaunchRequest) -> Fields:
        tags = dict(request.tags)
        if request.partition_key is not None:
            tags |= runs.owner_tags(request.partition_key)
        params = {
            "selector": {**place.selector(), "jobName": request.job},
            "runConfigData": dict(request.run_config),
            "executionMetadata": {"tags": _tags(tags)},
        }
        return await self._ask(
            queries.LAUNCH, {"params": params}, endpoint="launchRun", again=Again.NEVER
        )

    async def _place_of(self, job: str) -> _Place:
        """The code location that offers the job, looked up once."""
        if job not in self._places:
            self._places = await self._discover()
        if job not in self._places:
            raise NotThere(SERVICE, f"no code location offers the job {job} now")
        return self._places[job]

    async def _any_place(self) -> _Place:
        """The code location that holds our jobs, for what belongs to no job."""
        return await self._place_of(runs.DAILY_VIBE)

    async def _discover(self) -> dict[str, _Place]:
        said = await self._ask(queries.REPOSITORIES, {}, endpoint="repositoriesOrError")
        _expect(said, "RepositoryConnection")
        found: dict[str, _Place] = {}
        for node in objects(said.get("nodes")):
            location = text(fields(node.get("location")).get("name"))
            repository = text(node.get("name"))
            if location is None or repository is None:
                continue
            place = _Place(repository=repository, location=location)
            jobs = (text(job.get("name")) for job in objects(node.get("jobs")))
            found.update({job: place for job in jobs if job is not None})
        return found

    async def _ask(
        self,
        query: str,
        variables: Mapping[str, Any],
        *,
        endpoint: str,
        again: Again = Again.FREELY,
    ) -> dict[str, Any]:
        """The one result of a query or mutation, an object with its ``__typename``."""
        shown = self._token()
        call = Call(
            method="POST",
            path="",
            endpoint=endpoint,
            body={"query": query, "variables": variables},
            headers=bearer(shown),
            again=again,
        )
        answer = await self._transport.send(call)
        if answer.status == _UNAUTHORIZED and (anew := self._token()) != shown:
            answer = await self._transport.send(replace(call, headers=bearer(anew)))
        if answer.status == _UNAUTHORIZED:
            raise KeyRefused(SERVICE, UNKNOWN_TO_IT)
        body = fields(answer.json())
        complaint = _complaint(body)
        if not answer.good or complaint is not None:
            raise UnexpectedResponse(SERVICE, f"{endpoint}: {complaint or _status(answer)}")
        said = fields(fields(body.get("data")).get("said"))
        if text(said.get("__typename")) is None:
            raise UnexpectedResponse(SERVICE, f"{endpoint} answered with nothing")
        return dict(said)


def _expect(said: Fields, wanted: str) -> None:
    """Raise what a result of another type stands for."""
    found = said.get("__typename")
    if found == wanted:
        return
    sentence = _first_line(said) or str(found)
    if found in {"PipelineNotFoundError", "RunNotFoundError"}:
        raise NotThere(SERVICE, sentence)
    raise UnexpectedResponse(SERVICE, f"{found}: {sentence}")


def _first_line(said: Fields) -> str | None:
    message = text(said.get("message"))
    if message is None:
        inside = next(objects(said.get("errors")), {})
        message = text(inside.get("message"))
    return message.splitlines()[0][:300] if message else None


def _complaint(body: Fields) -> str | None:
    """What GraphQL itself found wrong with the question."""
    first = next(objects(body.get("errors")), None)
    return None if first is None else (_first_line(first) or "refused without a reason")


def _status(answer: ServiceAnswer) -> str:
    return f"HTTP {answer.status}"


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _moment(value: object) -> datetime | None:
    seconds = number(value)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
