"""Dagster by GraphQL: questions its schema accepts, and answers read for what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.outside_world import Naps, answering, said, said_in_words
from vibe_pipeline.clients import dagster_queries as queries
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.errors import (
    KeyRefused,
    NotThere,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.transport import Transport
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

ANNA = UserId("u1")
PLACE = {"repositoryName": "__repository__", "repositoryLocationName": "vibe"}


def data(**said_: object) -> dict[str, object]:
    return {"data": {"said": said_}}


def repositories(*jobs: str, location: str = "vibe") -> dict[str, object]:
    nodes = [
        {"name": "__repository__", "location": {"name": "other"}, "jobs": [{"name": "theirs"}]},
        {
            "name": "__repository__",
            "location": {"name": location},
            "jobs": [{"name": job} for job in jobs],
        },
    ]
    return data(__typename="RepositoryConnection", nodes=nodes)


LAUNCHED = data(__typename="LaunchRunSuccess", run={"runId": "r1"})


def dagster_answering(
    *answers: httpx.Response | Exception,
) -> tuple[DagsterGraphQL, Callable[[], list[dict[str, Any]]]]:
    """A client, and what it asked: the variables of each question."""
    http, received = answering(*answers)
    transport = Transport(http, service="dagster", address="http://d.example/graphql", sleep=Naps())
    return (
        DagsterGraphQL(transport),
        lambda: [json.loads(request.content)["variables"] for request in received],
    )


def test_questions_are_ones_that_dagsters_schema_accepts() -> None:
    graphql = pytest.importorskip("graphql")
    graphene = pytest.importorskip("dagster_graphql.schema").create_schema()
    schema = graphql.build_schema(str(graphene))
    asked = {
        name: text for name, text in vars(queries).items() if name.isupper() and name[0] != "_"
    }

    complaints = {
        name: graphql.validate(schema, graphql.parse(text)) for name, text in asked.items()
    }

    assert len(asked) >= 8
    assert {name: found for name, found in complaints.items() if found} == {}


async def test_a_job_is_launched_where_it_is_defined_for_one_person() -> None:
    dagster, asked = dagster_answering(said(repositories("daily_vibe")), said(LAUNCHED))

    run_id = await dagster.launch(LaunchRequest.asked_list(ANNA))

    assert run_id == "r1"
    params = asked()[1]["params"]
    assert params["selector"] == {**PLACE, "jobName": "daily_vibe"}
    assert {"key": "dagster/partition", "value": "u1"} in params["executionMetadata"]["tags"]
    assert {"key": "vibe/asked_by", "value": "chat"} in params["executionMetadata"]["tags"]


async def test_the_place_of_a_job_is_looked_up_once() -> None:
    dagster, asked = dagster_answering(
        said(repositories("daily_vibe", "sync_library")), said(LAUNCHED)
    )

    await dagster.launch(LaunchRequest.asked_list(ANNA))
    await dagster.launch(LaunchRequest.sync(ANNA))

    assert len(asked()) == 3


async def test_a_job_that_moved_is_found_again() -> None:
    gone = data(__typename="PipelineNotFoundError", message="Could not find it")
    dagster, asked = dagster_answering(
        said(repositories("daily_vibe")),
        said(gone),
        said(repositories("daily_vibe", location="new")),
        said(LAUNCHED),
    )

    assert await dagster.launch(LaunchRequest.asked_list(ANNA)) == "r1"
    assert asked()[3]["params"]["selector"]["repositoryLocationName"] == "new"


async def test_a_job_that_is_nowhere_is_not_there() -> None:
    dagster, _ = dagster_answering(said(repositories("sync_library")))

    with pytest.raises(NotThere):
        await dagster.launch(LaunchRequest.asked_list(ANNA))


async def test_a_job_that_dagster_denies_after_all_is_not_there() -> None:
    gone = said(data(__typename="PipelineNotFoundError", message="Could not find it"))
    dagster, _ = dagster_answering(
        said(repositories("daily_vibe")), gone, said(repositories("daily_vibe")), gone
    )

    with pytest.raises(NotThere):
        await dagster.launch(LaunchRequest.asked_list(ANNA))


@pytest.mark.parametrize(
    "trouble",
    [
        data(__typename="PythonError", message="Boom\n  File secrets.py"),
        data(__typename="RunConfigValidationInvalid", errors=[{"message": "Boom"}]),
        data(__typename="UnauthorizedError", message="Boom"),
    ],
)
async def test_what_dagster_refuses_is_told_in_one_line(trouble: dict[str, object]) -> None:
    dagster, _ = dagster_answering(said(repositories("daily_vibe")), said(trouble))

    with pytest.raises(UnexpectedResponse) as caught:
        await dagster.launch(LaunchRequest.asked_list(ANNA))

    assert "Boom" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_question_it_does_not_understand_says_why() -> None:
    body = {"errors": [{"message": "Unknown argument 'x' on field 'launchRun'."}]}
    dagster, _ = dagster_answering(said(body, 400))

    with pytest.raises(UnexpectedResponse, match="Unknown argument"):
        await dagster.followed(["r1"])


@pytest.mark.parametrize("body", ["", "<html>proxy</html>", "null", "[]"])
async def test_an_answer_that_is_no_graphql_is_typed(body: str) -> None:
    dagster, _ = dagster_answering(said_in_words(body))

    with pytest.raises((ServiceUnavailable, UnexpectedResponse)):
        await dagster.followed(["r1"])


def workspace(**outcomes: str | None) -> dict[str, object]:
    entries = [
        {"name": name, "locationOrLoadError": outcome and {"__typename": outcome}}
        for name, outcome in outcomes.items()
    ]
    return data(__typename="Workspace", locationEntries=entries)


@pytest.mark.parametrize(
    ("outcomes", "loaded"),
    [
        ({"vibe": "RepositoryLocation"}, True),
        ({"vibe": None}, False),
        ({"vibe": "RepositoryLocation", "other": None}, False),
        ({}, False),
    ],
)
async def test_code_is_there_once_every_location_has_loaded(
    outcomes: dict[str, str | None], *, loaded: bool
) -> None:
    dagster, _ = dagster_answering(said(workspace(**outcomes)))

    assert await dagster.code_loaded() is loaded


async def test_a_webserver_that_found_no_code_is_told_to_look_again() -> None:
    reloading = data(__typename="WorkspaceLocationEntry")
    dagster, asked = dagster_answering(said(workspace(vibe="PythonError")), said(reloading))

    assert not await dagster.code_loaded()

    assert asked()[1] == {"name": "vibe"}


@pytest.mark.parametrize(
    ("beats", "oldest"),
    [([1000.5, 970.0], 970.0), ([1000.5, None], None), ([], None)],
)
async def test_the_daemon_is_as_quiet_as_the_quietest_of_its_loops(
    beats: list[float | None], oldest: float | None
) -> None:
    needless = {"required": False, "lastHeartbeatTime": None}
    told = [needless, *({"required": True, "lastHeartbeatTime": beat} for beat in beats)]
    health = data(__typename="Instance", daemonHealth={"allDaemonStatuses": told})
    dagster, _ = dagster_answering(said(health))

    heard = await dagster.oldest_heartbeat()

    assert (heard and heard.timestamp()) == oldest


async def test_dagster_being_down_is_said_and_never_raised_by_reachable() -> None:
    dagster, _ = dagster_answering(httpx.ConnectError("refused"))

    assert not await dagster.reachable()
    with pytest.raises(ServiceUnavailable) as caught:
        await dagster.launch(LaunchRequest.asked_list(ANNA))
    assert not caught.value.may_have_happened


async def test_a_token_that_was_made_anew_meanwhile_is_shown_the_second_time() -> None:
    http, received = answering(httpx.Response(401), said(data(__typename="Query")))
    transport = Transport(http, service="dagster", address="http://d.example/graphql", sleep=Naps())
    kept = iter(["former", "anew"])
    dagster = DagsterGraphQL(transport, token=lambda: next(kept))

    assert await dagster.reachable()

    shown = [request.headers["authorization"] for request in received]
    assert shown == ["Bearer former", "Bearer anew"]


async def test_a_webserver_that_does_not_know_us_is_no_webserver_that_is_down() -> None:
    dagster, _ = dagster_answering(httpx.Response(401))

    with pytest.raises(KeyRefused, match="does not know our token"):
        await dagster.reachable()


async def test_a_lost_answer_to_a_launch_is_not_repeated() -> None:
    dagster, asked = dagster_answering(said(repositories("daily_vibe")), httpx.ReadTimeout("late"))

    with pytest.raises(ServiceUnavailable) as caught:
        await dagster.launch(LaunchRequest.asked_list(ANNA))

    assert caught.value.may_have_happened
    assert len(asked()) == 2


@pytest.mark.parametrize("kind", ["AddDynamicPartitionSuccess", "DuplicateDynamicPartitionError"])
async def test_a_person_may_be_added_twice(kind: str) -> None:
    dagster, asked = dagster_answering(
        said(repositories("daily_vibe")), said(data(__typename=kind))
    )

    await dagster.add_user(ANNA)

    assert asked()[1] == {"repo": PLACE, "name": "users", "key": "u1"}


async def test_a_run_is_seen_with_its_steps_and_whose_it_is() -> None:
    run = {
        "runId": "r1",
        "jobName": "daily_vibe",
        "status": "STARTED",
        "rootRunId": None,
        "startTime": 1_795_000_000.5,
        "endTime": None,
        "tags": [{"key": "dagster/partition", "value": "u1"}],
        "stepStats": [
            {"stepKey": "library", "status": "SUCCESS"},
            {"stepKey": "seed_profile", "status": None},
        ],
    }
    dagster, _ = dagster_answering(said(data(__typename="Runs", results=[run])))

    seen = (await dagster.followed(["r1"]))["r1"]

    assert [(step.key, step.status) for step in seen.steps] == [
        ("library", "SUCCESS"),
        ("seed_profile", None),
    ]
    assert seen.user_id == ANNA
    assert not seen.ended
    assert seen.started_at is not None
    assert seen.started_at.tzinfo is not None


async def test_a_run_nobody_knows_is_not_there() -> None:
    dagster, _ = dagster_answering(said(data(__typename="RunNotFoundError", message="none")))

    with pytest.raises(NotThere):
        await dagster.figures("r1")


async def test_runs_are_found_by_their_tags() -> None:
    results = [{"runId": "r2", "status": "SUCCESS", "tags": [], "jobName": "daily_vibe"}]
    dagster, asked = dagster_answering(said(data(__typename="Runs", results=results)))

    (run,) = await dagster.runs(tags={"a": "b"}, statuses=("SUCCESS",), job="daily_vibe", limit=3)

    assert run.succeeded
    assert asked()[0] == {
        "filter": {
            "tags": [{"key": "a", "value": "b"}],
            "statuses": ["SUCCESS"],
            "pipelineName": "daily_vibe",
        },
        "limit": 3,
    }


async def test_many_runs_are_looked_at_with_one_question() -> None:
    results = [
        {"runId": name, "status": "STARTED", "stepStats": [{"stepKey": "library", "status": None}]}
        for name in ("r2", "r1")
    ]
    dagster, asked = dagster_answering(said(data(__typename="Runs", results=results)))

    views = await dagster.followed(["r2", "r1", "r3"])

    assert asked() == [{"filter": {"runIds": ["r1", "r2", "r3"]}}]
    assert {name: [step.key for step in view.steps] for name, view in views.items()} == {
        "r1": ["library"],
        "r2": ["library"],
    }
    assert await dagster.followed([]) == {}


async def test_the_queue_comes_in_the_order_it_was_formed() -> None:
    results = [{"runId": name, "status": "QUEUED"} for name in ("newest", "oldest")]
    dagster, asked = dagster_answering(said(data(__typename="Runs", results=results)))

    queue = await dagster.queue({"a": "b"})

    assert [run.run_id for run in queue] == ["oldest", "newest"]
    assert asked()[0]["filter"]["statuses"] == ["QUEUED"]


@pytest.mark.parametrize(
    ("kind", "ended"), [("TerminateRunSuccess", True), ("TerminateRunFailure", False)]
)
async def test_ending_a_run_says_whether_it_could_be(kind: str, ended: bool) -> None:  # noqa: FBT001
    dagster, _ = dagster_answering(said(data(__typename=kind, message="m")))

    assert await dagster.terminate("r1") is ended
