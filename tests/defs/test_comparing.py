"""Two policies compared on real use: who gets which, what counts, and the verdict as an asset."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from tests.support.vibe_world import VibeWorld, vibe_world
from vibe_pipeline.defs.automation import comparing
from vibe_pipeline.defs.learning import rows_by_policy
from vibe_pipeline.settings import SettingsInvalid, settings_from
from vibe_pipeline.taste.policy_comparison import (
    ComparedList,
    Preference,
    assigned_policy,
    lists_compared,
    tallies,
    verdict,
)

BOTH = ("default", "similar-sum")
MONDAY = date(2026, 11, 2)


@pytest.fixture
def world(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VibeWorld]:
    with vibe_world(tmp_path_factory.mktemp("world")) as running:
        monkeypatch.setenv("VIBE_COMPARE_POLICIES", ", ".join(BOTH))
        yield running


def lists(*, days: int = 28, people: int = 8, better: str = "default") -> list[ComparedList]:
    """Everybody gets a list a day; one policy is accepted more."""
    found = []
    for person in range(people):
        for number in range(days):
            day = MONDAY + timedelta(days=number)
            policy = assigned_policy(f"u{person}", day, BOTH)
            found.append(
                ComparedList(
                    user_id=f"u{person}",
                    vibe_date=day,
                    policy=policy,
                    offered=24,
                    liked=3 if policy == better else 1,
                    replayed=3,
                    skipped=1,
                )
            )
    return found


def test_the_policy_that_people_accept_more_wins() -> None:
    found = verdict(tallies(lists(), BOTH), *BOTH)
    other = verdict(tallies(lists(better="similar-sum"), BOTH), *BOTH)

    assert found.answer is Preference.FIRST_BETTER
    assert other.answer is Preference.SECOND_BETTER
    assert found.low > 0


def test_a_week_of_two_people_is_not_enough() -> None:
    found = verdict(tallies(lists(days=7, people=2), BOTH), *BOTH)

    assert found.answer is Preference.NOT_ENOUGH
    assert "Not enough evidence yet" in found.sentence


def test_lists_made_with_another_policy_than_the_day_s_do_not_count() -> None:
    made = lists(days=14, people=1)
    other = {BOTH[0]: BOTH[1], BOTH[1]: BOTH[0]}
    by_hand = ComparedList(
        user_id="u0",
        vibe_date=MONDAY,
        policy=other[assigned_policy("u0", MONDAY, BOTH)],
        offered=24,
        liked=24,
        replayed=0,
        skipped=0,
    )

    assert lists_compared([by_hand, *made], BOTH) == made


def test_the_table_of_policies_adds_up_lists_by_name_and_divides_by_no_zero() -> None:
    def compared(policy: str, user_id: str, offered: int, liked: int) -> ComparedList:
        return ComparedList(
            user_id=user_id,
            vibe_date=MONDAY,
            policy=policy,
            offered=offered,
            liked=liked,
            replayed=0,
            skipped=0,
        )

    rows = rows_by_policy(
        [compared("b", "u0", 0, 0), *(compared("a", user, 10, 3) for user in ("u0", "u1", "u1"))]
    )

    assert rows_by_policy([]) == []
    assert [row["policy"] for row in rows] == ["a", "b"]
    assert (rows[0]["people"], rows[0]["lists"], rows[0]["new tracks"]) == (2, 3, 30)
    assert [row["accepted"] for row in rows] == [0.3, 0]


@pytest.mark.parametrize("wrong", ["default", "default,default", "default,best", "a,b,c"])
def test_anything_but_two_known_policies_is_refused_with_their_names(wrong: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"VIBE_COMPARE_POLICIES.*similar-sum"):
        settings_from({"VIBE_COMPARE_POLICIES": wrong})


def test_nothing_is_compared_unless_told() -> None:
    assert settings_from({}).compared_policies is None
    told = settings_from({"VIBE_COMPARE_POLICIES": " default , similar-sum "})
    assert told.compared_policies == BOTH


def test_a_list_is_made_with_the_policy_of_its_day_and_compared_when_ripe(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=ago) for ago in (20, 13, 6, 0)]
    for day in days:
        world.run("daily_vibe", anna.user_id, tags={"vibe/vibe_date": day.isoformat()})

    result = world.definitions.resolve_job_def("compare_policies").execute_in_process(
        instance=world.instance
    )

    made = {}
    with world.warehouse.open() as tables:
        for edition in world.store.editions.history(anna.user_id):
            inputs = tables.selections.inputs(anna.user_id, edition.edition_id)
            assert inputs is not None
            made[edition.vibe_date] = inputs.policy["name"]
        ripe = tables.playlists.lists_by_policy(ripe_days=3)
    assert made == {day: assigned_policy(anna.user_id, day, BOTH) for day in days}
    assert set(made.values()) == set(BOTH)
    assert [row["vibe_date"] for row in ripe] == days[:3]
    assert all(row["policy"] == made[row["vibe_date"]] for row in ripe)
    (shown,) = result.get_asset_materialization_events()
    metadata = shown.step_materialization_data.materialization.metadata
    assert metadata["dagster/partition_row_count"].value == 3
    assert metadata["answer"].value == Preference.NOT_ENOUGH
    assert metadata["compared now"].value == "default, similar-sum"
    assert "by policy" in metadata


def test_the_weekly_comparison_is_begun_only_while_something_is_compared(
    world: VibeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=monday)

    asked = comparing(context)
    monkeypatch.delenv("VIBE_COMPARE_POLICIES")
    skipped = comparing(context)

    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == "2026-11-23"
    assert isinstance(skipped, dg.SkipReason)
