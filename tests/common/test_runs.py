"""The contract of runs: stored strings stand, programs agree, and nobody else spells them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextvars import Context
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.accounts_site import KEY
from tests.support.dagster_storage import dagster_in_files
from tests.support.oauth_site import bearer, site
from vibe_pipeline import runs
from vibe_pipeline.definitions import build
from vibe_pipeline.defs import automation
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import read_settings
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

ROOT = Path(__file__).parents[2]
PROGRAMS = ("vibe_pipeline", "vibe_bot", "vibe_oauth")
ANNA = UserId("u1")
LIST = EditionId("e1")
DAY = date(2026, 11, 23)
EVENING = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

CHAT = {"vibe/asked_by": "chat", "vibe/person": "u1", "dagster/priority": "10"}
ITSELF = {"vibe/asked_by": "schedule", "dagster/priority": "-10"}
HERS = {"vibe/person": "u1", **ITSELF}
NIGHT = {"vibe/occasion": "nightly:2026-11-23", "vibe/vibe_date": "2026-11-23", **HERS}
AHEAD = {"vibe/asked_by": "ahead", "dagster/priority": "-20"}
FORGET = {"ops": {"forget": {"config": {"receipt": "R7"}}}}
REPLAY = {"ops": {"replay": {"config": {"vibe_date": "2026-11-23", "policy": "plain"}}}}

LAUNCHES: dict[str, tuple[LaunchRequest, str, Mapping[str, str]]] = {
    "an asked-for list": (LaunchRequest.asked_list(ANNA), "daily_vibe", CHAT),
    "a preview": (LaunchRequest.preview(ANNA), "preview_vibe", CHAT),
    "publishing a preview": (
        LaunchRequest.publication(ANNA, LIST),
        "publish_preview",
        {**CHAT, "vibe/edition": "e1"},
    ),
    "a sync": (LaunchRequest.sync(ANNA), "sync_library", CHAT),
    "the first preparation": (
        LaunchRequest.first_preparation(ANNA),
        "prepare_first_vibe",
        {"vibe/asked_by": "connecting", "dagster/priority": "5"},
    ),
    "putting a list back": (
        LaunchRequest.restoration(ANNA, LIST),
        "restore_edition",
        {**CHAT, "vibe/edition": "e1"},
    ),
    "taking a list back": (
        LaunchRequest.undoing(ANNA, LIST, stood_since=MORNING),
        "restore_edition",
        {
            **CHAT,
            "vibe/edition": "e1",
            "vibe/undo": "yes",
            "vibe/stood_since": "2026-11-23T08:00:00+00:00",
        },
    ),
    "an export": (LaunchRequest.export(ANNA), "export_person", CHAT),
    "taking a sent file in": (
        LaunchRequest.importing(ANNA, "ab-x.zip"),
        "import_history",
        {**CHAT, "vibe/file": "ab-x.zip"},
    ),
    "a nightly list": (LaunchRequest.nightly(ANNA, DAY), "daily_vibe", NIGHT),
    "collecting": (LaunchRequest.collecting(ANNA, MORNING), "collect_listening", HERS),
    "reading a history": (
        LaunchRequest.reading_history(ANNA, MORNING),
        "read_history",
        AHEAD,
    ),
    "reading a history just named": (
        LaunchRequest.reading_named_history(ANNA),
        "read_history",
        AHEAD,
    ),
    "preparing": (LaunchRequest.preparing(ANNA, "r1"), "prepare_vibe", AHEAD),
    "walking on": (LaunchRequest.walking(ANNA, "r1"), "walk_library", AHEAD),
    "a comparison": (LaunchRequest.comparison(DAY), "compare_policies", ITSELF),
    "retention": (LaunchRequest.retention(DAY), "nightly_retention", ITSELF),
    "forgetting, from the chat": (
        LaunchRequest.forgetting("R7", asked_by=runs.CHAT),
        "forget_person",
        {"vibe/asked_by": "chat", "vibe/receipt": "R7"},
    ),
    "forgetting, by itself": (
        LaunchRequest.forgetting("R7", asked_by=runs.SCHEDULE, attempt=2),
        "forget_person",
        {"vibe/asked_by": "schedule", "vibe/receipt": "R7"},
    ),
    "a replay": (
        LaunchRequest.replay(ANNA, DAY, policy="plain"),
        "replay_vibe",
        {"vibe/asked_by": "operator"},
    ),
}
"""Written out, so that what is stored with old runs cannot change unnoticed."""

dates = st.dates(min_value=date(2000, 1, 1))
ids = st.uuids().map(str)
attempts = st.integers(min_value=1, max_value=9)


class StoppedClock(ClockResource):
    """A clock that stands in the morning."""

    def now(self) -> datetime:
        """That morning."""
        return MORNING


@pytest.mark.parametrize(("launch", "job", "tags"), LAUNCHES.values(), ids=LAUNCHES.keys())
def test_a_launch_carries_the_job_and_the_tags_that_old_runs_carry(
    launch: LaunchRequest, job: str, tags: Mapping[str, str]
) -> None:
    assert launch.job == job
    assert launch.tags == tags


def test_what_is_about_one_person_and_names_nobody_has_no_partition() -> None:
    keys = {purpose: launch.partition_key for purpose, (launch, _, _) in LAUNCHES.items()}

    unnamed = {purpose for purpose, key in keys.items() if key is None}

    assert unnamed == {
        *("a comparison", "retention"),
        *("forgetting, from the chat", "forgetting, by itself"),
    }
    assert set(keys.values()) == {None, ANNA}


@pytest.mark.parametrize(
    ("launch", "run_key"),
    [
        (LaunchRequest.nightly(ANNA, DAY), "u1:2026-11-23"),
        (LaunchRequest.nightly(ANNA, DAY, attempt=3), "u1:2026-11-23:3"),
        (LaunchRequest.collecting(ANNA, MORNING), "u1:2026-11-23T08:00:00+00:00"),
        (LaunchRequest.preparing(ANNA, "r1"), "ahead:r1"),
        (LaunchRequest.comparison(DAY), "2026-11-23"),
        (LaunchRequest.retention(DAY), "2026-11-23"),
        (LaunchRequest.forgetting("R7", asked_by=runs.SCHEDULE, attempt=1), "R7:1"),
        (LaunchRequest.forgetting("R7", asked_by=runs.CHAT), None),
        (LaunchRequest.asked_list(ANNA), None),
    ],
)
def test_what_begins_by_itself_has_the_run_key_that_old_ticks_used(
    launch: LaunchRequest, run_key: str | None
) -> None:
    assert launch.run_key == run_key


def test_a_marked_launch_is_the_same_but_for_its_mark() -> None:
    launch = LaunchRequest.preview(ANNA)

    marked = launch.marked("m1")

    assert marked == replace(launch, tags={**CHAT, "vibe/request": "m1"})
    assert runs.request_tags("m1").items() <= marked.tags.items()


def test_dagster_has_exactly_these_jobs_and_this_partition_set() -> None:
    repository = _repository()

    jobs = {name for name in repository.job_names if not name.startswith("__")}

    assert jobs == set(runs.JOBS)
    assert {launch.job for launch, _, _ in LAUNCHES.values()} == set(runs.JOBS)
    assert repository.get_job("daily_vibe").partitions_def == dg.DynamicPartitionsDefinition(
        name=runs.USERS
    )


@pytest.mark.parametrize(
    ("launch", "config"),
    [
        (LaunchRequest.forgetting("R7", asked_by=runs.CHAT), FORGET),
        (LaunchRequest.replay(ANNA, DAY, policy="plain"), REPLAY),
    ],
)
def test_a_launch_is_configured_as_its_job_takes_it(
    launch: LaunchRequest, config: Mapping[str, object]
) -> None:
    job = _repository().get_job(launch.job)

    assert launch.run_config == config
    assert dg.validate_run_config(job, dict(launch.run_config))


def test_dagster_yaml_limits_by_the_same_tags() -> None:
    text = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    limits = yaml.safe_load(text)["run_coordinator"]["config"]["tag_concurrency_limits"]

    limited = [(limit["key"], limit["value"]) for limit in limits]

    assert limited == [
        (runs.PERSON, {"applyLimitPerUniqueValue": True}),
        (runs.ASKED_BY, runs.SCHEDULE),
        (runs.ASKED_BY, runs.AHEAD),
    ]


def test_what_is_done_ahead_of_time_takes_nobodys_turn() -> None:
    assert runs.PERSON in LaunchRequest.asked_list(ANNA).tags
    assert runs.PERSON not in LaunchRequest.preparing(ANNA, "r1").tags
    assert not runs.somebody_waits(LaunchRequest.preparing(ANNA, "r1").tags)


def test_what_was_launched_by_hand_takes_the_persons_turn_too() -> None:
    by_hand = {"dagster/partition": ANNA, "dagster/backfill": "b1"}

    assert runs.turn_tags(by_hand) == {"vibe/person": ANNA}
    assert runs.turn_tags({**by_hand, "vibe/person": ANNA}) == {}
    assert runs.turn_tags({**by_hand, "vibe/asked_by": "ahead"}) == {}
    assert runs.turn_tags({**by_hand, "vibe/asked_by": "connecting"}) == {}
    assert runs.turn_tags({"vibe/receipt": "r1"}) == {}


async def test_the_schedule_and_the_trigger_from_outside_launch_the_same_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    monkeypatch.setenv("VIBE_SECRET_KEY", KEY)
    world = BuiltInWorld(1, artists=64, listeners=1)
    async with site(tmp_path, Simulation(world)) as here:
        here.simulation.clock.set(EVENING)
        anna = here.person()
        await here.connect(anna)
        here.dagster.launches.clear()
        here.simulation.clock.set(MORNING)

        await here.browser.post("/internal/jobs/nightly", headers=bearer())
        scheduled = _tick(tmp_path)

    (triggered,) = here.dagster.launches
    assert triggered["job"] == "daily_vibe"
    hers = {"dagster/partition": anna.user_id, "vibe/person": anna.user_id}
    assert triggered["tags"] == {**NIGHT, **hers}
    assert scheduled == [run_request(LaunchRequest.nightly(anna.user_id, DAY))]
    assert {**scheduled[0].tags, "dagster/partition": scheduled[0].partition_key} == (
        triggered["tags"]
    )


def _tick(folder: Path) -> list[dg.RunRequest]:
    resources = {"accounts": AccountsResource(), "clock": StoppedClock()}
    with (
        dagster_in_files(folder) as instance,
        dg.build_schedule_context(
            instance, scheduled_execution_time=MORNING, resources=resources
        ) as context,
    ):
        requests = automation.nightly(context)
    assert isinstance(requests, list)
    return requests


@given(day=dates, attempt=attempts, run_id=ids)
def test_a_night_is_one_occasion_at_every_attempt(day: date, attempt: int, run_id: str) -> None:
    first, again = (
        LaunchRequest.nightly(ANNA, day),
        LaunchRequest.nightly(ANNA, day, attempt=attempt),
    )
    root = runs.root_edition(run_id, None)

    assert again.tags == first.tags
    assert (again.run_key == first.run_key) == (attempt == 1)
    assert runs.is_nightly(again.tags)
    assert runs.vibe_date_of(again.tags) == day
    assert runs.occasion_of(again.tags, root) == runs.nightly_occasion(day)
    assert (
        runs.occasion_tags(ANNA, runs.nightly_occasion(day)).items()
        <= {
            **again.tags,
            **runs.owner_tags(ANNA),
        }.items()
    )


@given(one=dates, other=dates)
def test_two_nights_are_two_occasions(one: date, other: date) -> None:
    assert (runs.nightly_occasion(one) == runs.nightly_occasion(other)) == (one == other)


@given(run_id=ids, other=ids)
def test_every_list_asked_for_is_an_occasion_of_its_own(run_id: str, other: str) -> None:
    tags = LaunchRequest.asked_list(ANNA).tags

    one = runs.occasion_of(tags, runs.root_edition(run_id, None))
    two = runs.occasion_of(tags, runs.root_edition(other, None))

    assert one == f"asked:{run_id}"
    assert (one == two) == (run_id == other)
    assert not runs.is_nightly(tags)
    assert runs.vibe_date_of(tags) is None


@given(run_id=ids, root_run_id=ids)
def test_a_rerun_goes_on_with_the_first_runs_edition(run_id: str, root_run_id: str) -> None:
    assert runs.edition_of({}, root_run_id, None) == root_run_id
    assert runs.edition_of({}, run_id, root_run_id) == root_run_id


@given(run_id=ids, root_run_id=st.none() | ids, named=ids)
def test_a_run_that_was_handed_an_edition_works_on_that(
    run_id: str, root_run_id: str | None, named: str
) -> None:
    tags = LaunchRequest.publication(ANNA, EditionId(named)).tags

    assert runs.edition_of(tags, run_id, root_run_id) == named
    assert runs.named_edition(tags) == named


@pytest.mark.parametrize(
    ("tags", "nightly"),
    [
        ({}, False),
        ({"vibe/asked_by": "operator"}, False),
        ({"vibe/asked_by": "chat", "vibe/occasion": "asked:r1"}, False),
        ({"vibe/occasion": "nightly:2026-11-20"}, True),
        ({"vibe/asked_by": "schedule"}, True),
    ],
)
def test_old_runs_are_understood_by_either_tag(tags: dict[str, str], *, nightly: bool) -> None:
    assert runs.is_nightly(tags) is nightly


def test_a_run_about_nobody_has_no_owner() -> None:
    assert runs.owner_of({}) is None
    assert runs.owner_of(runs.owner_tags(ANNA)) == ANNA


def spelled_out(source: str) -> Iterator[tuple[int, str]]:
    """Each string that repeats a job's name, a tag's name, or the beginning of an occasion."""
    names = {*runs.JOBS, *runs.TAGS}
    prefixes = (runs.NIGHTLY_PREFIX, runs.ASKED_PREFIX)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node.value in names or node.value.startswith(prefixes):
            yield node.lineno, node.value


def test_no_program_spells_a_job_or_a_tag_itself() -> None:
    outside = [
        path
        for program in PROGRAMS
        for path in sorted((ROOT / program).rglob("*.py"))
        if path != Path(runs.__file__) and ROOT / "vibe_pipeline" / "simulator" not in path.parents
    ]

    literals = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in outside
        for line, text in spelled_out(path.read_text(encoding="utf-8"))
    ]

    assert len(outside) > 100
    assert literals == []


@pytest.mark.parametrize(
    "source",
    [
        'dagster.launch("daily_vibe")',
        'tags = {"vibe/asked_by": x}',
        'occasion = f"nightly:{day}"',
        'occasion.startswith("nightly:")',
        'tags.get(OCCASION, f"asked:{root}")',
        'jobs = ("nightly_retention",)',
    ],
)
def test_every_way_to_spell_one_is_seen(source: str) -> None:
    assert list(spelled_out(source))


def test_what_only_sounds_like_one_is_let_be() -> None:
    source = (
        '"""Makes daily_vibe."""\n'
        "def daily_vibe() -> None: ...\n"
        'key = "dagster/partition_row_count"\n'
    )

    assert list(spelled_out(source)) == []


def _repository() -> dg.RepositoryDefinition:
    """Ours, loaded whole as a code server does, which refuses one name for a job and its step.

    Apart from any Dagster instance that another test has left in the context.
    """
    repository = Context().run(lambda: build(read_settings()).get_repository_def())
    repository.load_all_definitions()
    return repository


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        ([], 1),
        ([None], 2),
        (["u1:2026-11-23"], 2),
        (["u1:2026-11-23:2"], 3),
        ([None, "continue:e1:4"], 5),
        (["again:0b5c-11", None, None], 4),
    ],
)
def test_another_attempt_has_a_number_that_no_run_bears(
    keys: list[str | None], number: int
) -> None:
    earlier = [{} if key is None else {runs.RUN_KEY: key} for key in keys]

    assert runs.next_attempt(earlier) == number
