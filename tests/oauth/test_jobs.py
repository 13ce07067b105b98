"""The nightly trigger from outside."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from tests.support.oauth_site import Site, bearer, site
from vibe_oauth.jobs import KNOWN_A_MINUTE
from vibe_oauth.operator_token import GUESSES_A_MINUTE
from vibe_pipeline.accounts.records import Account, EditionKind, EditionState, FailureCause
from vibe_pipeline.nightly import ATTEMPTS
from vibe_pipeline.records import EditionId, Mode
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TODAY = "2026-11-23"


async def connected(here: Site, number: int = 0) -> Account:
    """Somebody connected since the evening before."""
    here.simulation.clock.set(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
    account = here.person(f"Person {number}", chat_id=100 + number)
    await here.connect(account, listener=here.listener(number))
    here.simulation.clock.set(MORNING)
    here.dagster.launches.clear()
    return account


async def trigger(here: Site, job: str = "nightly") -> dict[str, dict[str, object]]:
    answer = await here.browser.post(f"/internal/jobs/{job}", headers=bearer())
    assert answer.status_code == 200, answer.text
    said: dict[str, dict[str, object]] = answer.json()
    return said


def edition(
    here: Site, account: Account, state: EditionState, cause: FailureCause | None = None
) -> None:
    """An edition of today's night that stands there."""
    edition_id = EditionId(f"edition-of-{account.user_id}")
    here.store.editions.open(
        edition_id,
        account.user_id,
        vibe_date=MORNING.date(),
        occasion=f"nightly:{TODAY}",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )
    here.store.editions.advance(edition_id, EditionState.STARTED, state)
    if cause is not None:
        here.store.editions.fail(edition_id, cause)


@pytest.mark.parametrize("job", ["nightly", "dry-run"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {bearer()['Authorization'].removeprefix('Bearer ')}"},
        {"Authorization": "Bearer ünïcödé".encode().decode("latin-1")},
    ],
)
async def test_without_the_right_token_nothing_runs(
    here: Site, job: str, headers: dict[str, str]
) -> None:
    await connected(here)

    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await here.browser.post(f"/internal/jobs/{job}", headers=raw)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert here.dagster.launches == []


@pytest.mark.parametrize("token", ["pässwört-und-lang-genug-à", " with  spaces\t"])
async def test_every_letter_of_a_token_counts_but_spaces_around_it(
    token: str, tmp_path: Path, world: BuiltInWorld
) -> None:
    shown = {b"Authorization": b"Bearer " + token.encode()}
    async with site(tmp_path, Simulation(world), internal_job_token=token) as here:
        right = await here.browser.post("/internal/jobs/dry-run", headers=shown)
        wrong = await here.browser.post("/internal/jobs/dry-run", headers=bearer("wrong"))

    assert (right.status_code, wrong.status_code) == (200, 401)


async def test_without_a_configured_token_the_door_stays_shut(
    tmp_path: Path, world: BuiltInWorld
) -> None:
    async with site(tmp_path, Simulation(world), internal_job_token=None) as here:
        answer = await here.browser.post("/internal/jobs/nightly", headers=bearer(""))

    assert answer.status_code == 503
    assert "INTERNAL_JOB_TOKEN" in answer.text


async def test_who_guesses_tokens_is_slowed_down_and_who_knows_it_is_not(here: Site) -> None:
    guesses = [
        await here.browser.post(
            "/internal/jobs/dry-run",
            headers=bearer(f"guess {number}") | {"X-Forwarded-For": f"10.0.0.{number}"},
        )
        for number in range(GUESSES_A_MINUTE + 1)
    ]

    known = await here.browser.post("/internal/jobs/dry-run", headers=bearer())

    assert [one.status_code for one in guesses] == [401] * GUESSES_A_MINUTE + [429]
    assert int(guesses[-1].headers["Retry-After"]) >= 1
    assert known.status_code == 200


async def test_a_trigger_that_runs_wild_is_slowed_down(here: Site) -> None:
    answers = [
        await here.browser.post("/internal/jobs/dry-run", headers=bearer())
        for _ in range(KNOWN_A_MINUTE + 1)
    ]

    assert [one.status_code for one in answers] == [200] * KNOWN_A_MINUTE + [429]


async def test_everybody_whose_night_has_come_gets_a_run_of_their_own(here: Site) -> None:
    anna, ben = await connected(here, 0), await connected(here, 1)

    said = await trigger(here)

    assert set(said["launched"]) == {anna.user_id, ben.user_id}
    assert said["skipped"] == said["failed"] == {}
    tags = [launch["tags"] for launch in here.dagster.launches]
    assert {tag["dagster/partition"] for tag in tags} == {anna.user_id, ben.user_id}
    assert {tag["vibe/occasion"] for tag in tags} == {f"nightly:{TODAY}"}
    assert {tag["vibe/vibe_date"] for tag in tags} == {TODAY}
    assert {tag["vibe/asked_by"] for tag in tags} == {"schedule"}
    assert {launch["job"] for launch in here.dagster.launches} == {"daily_vibe"}


async def test_a_doubled_trigger_makes_no_second_run(here: Site) -> None:
    account = await connected(here)
    await trigger(here)

    said = await trigger(here)

    assert said["skipped"] == {account.user_id: "under_way"}
    assert len(here.dagster.launches) == 1


async def test_a_list_that_is_made_is_not_made_again(here: Site) -> None:
    account = await connected(here)
    edition(here, account, EditionState.RECORDED)

    said = await trigger(here)

    assert said["skipped"] == {account.user_id: "made"}


async def test_a_failure_that_waits_for_the_person_is_left_alone(here: Site) -> None:
    account = await connected(here)
    edition(here, account, EditionState.STARTED, FailureCause.NOTHING_TO_CHOOSE)

    said = await trigger(here)

    assert said["skipped"] == {account.user_id: "nothing_to_choose"}


async def test_a_run_that_ended_without_a_list_is_begun_again(here: Site) -> None:
    account = await connected(here)
    await trigger(here)
    here.dagster.statuses["run-1"] = "FAILURE"

    said = await trigger(here)

    assert set(said["launched"]) == {account.user_id}


async def test_one_persons_failure_stops_nobody(here: Site) -> None:
    anna, ben = await connected(here, 0), await connected(here, 1)
    here.dagster.fails_for.add(anna.user_id)

    said = await trigger(here)

    assert set(said["launched"]) == {ben.user_id}
    assert set(said["failed"]) == {anna.user_id}
    assert "no room" in str(said["failed"][anna.user_id])


async def test_dagster_being_down_is_told_for_everybody(here: Site) -> None:
    account = await connected(here)
    here.dagster.down = True

    answer = await here.browser.post("/internal/jobs/nightly", headers=bearer())

    assert answer.status_code == 502
    assert set(answer.json()["failed"]) == {account.user_id}


async def test_who_gets_none_is_named_with_the_reason(here: Site) -> None:
    off, gone = await connected(here, 0), await connected(here, 1)
    new = here.person("New", chat_id=300)
    here.store.people.change(off.user_id, nightly_at=None)
    here.store.people.change(gone.user_id, active=False)

    said = await trigger(here)

    assert said["launched"] == {}
    assert said["skipped"] == {
        off.user_id: "nightly_off",
        gone.user_id: "inactive",
        new.user_id: "not_connected",
    }


async def test_each_list_belongs_to_the_persons_own_date(here: Site) -> None:
    account = await connected(here)
    here.simulation.clock.set(MORNING - timedelta(hours=6))
    here.store.people.change(account.user_id, timezone="Pacific/Auckland", nightly_at=time(20, 0))
    here.simulation.clock.set(MORNING)

    said = await trigger(here)

    # 21:00 on the 23rd there.
    assert said["launched"][account.user_id] == {"vibe_date": TODAY, "run_id": "run-1"}


async def test_who_connected_after_their_hour_gets_todays_list(here: Site) -> None:
    here.simulation.clock.set(MORNING)
    account = here.person()
    await here.connect(account)

    said = await trigger(here)

    assert said["launched"][account.user_id]["vibe_date"] == TODAY  # type: ignore[index]


async def test_an_hour_that_was_set_for_later_today_is_kept_to(here: Site) -> None:
    account = await connected(here)
    here.store.people.change(account.user_id, timezone="UTC", nightly_at=time(22, 0))

    here.simulation.clock.set(MORNING + timedelta(minutes=15))
    early = [await trigger(here), await trigger(here, "dry-run")]
    here.simulation.clock.set(MORNING.replace(hour=22, minute=5))
    late = await trigger(here)

    assert [said["skipped"] for said in early] == [{account.user_id: "not_yet"}] * 2
    assert late["launched"] == {account.user_id: {"vibe_date": TODAY, "run_id": "run-1"}}


async def test_an_hour_that_had_passed_when_it_was_set_counts_from_tomorrow(here: Site) -> None:
    account = await connected(here)
    here.store.people.change(account.user_id, timezone="UTC", nightly_at=time(7, 0))

    here.simulation.clock.set(MORNING + timedelta(minutes=15))

    assert (await trigger(here))["skipped"] == {account.user_id: "not_yet"}


async def test_who_connected_after_yesterdays_hour_gets_todays_list_at_todays_hour(
    here: Site,
) -> None:
    account = await connected(here)
    with here.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE accounts SET timezone = 'UTC', nightly_at = '19:00:00'")

    assert (await trigger(here))["skipped"] == {account.user_id: "not_yet"}
    here.simulation.clock.set(MORNING.replace(hour=19, minute=5))
    assert set((await trigger(here))["launched"]) == {account.user_id}


async def test_while_spotify_rests_nobody_is_begun_and_everybody_due_is_told_once(
    here: Site,
) -> None:
    account = await connected(here)
    until = MORNING + timedelta(hours=8)
    here.store.budget.block("spotify", until, "quota")

    looked = await trigger(here, "dry-run")
    connecting = {message.key for message in here.store.outbox.take_due()}
    said = [await trigger(here) for _ in range(2)]
    told = [message.key for message in here.store.outbox.take_due()]
    here.simulation.clock.set(until + timedelta(minutes=5))
    after = await trigger(here)

    assert looked["skipped"] == {account.user_id: "spotify_rests"}
    assert connecting == {"bot.connected", "bot.zone_question"}
    assert [one["skipped"] for one in said] == [looked["skipped"]] * 2
    assert told == ["bot.failed.quota"]
    assert set(after["launched"]) == {account.user_id}


async def test_a_run_that_somebody_ended_is_not_begun_again(here: Site) -> None:
    account = await connected(here)
    await trigger(here)
    here.dagster.statuses["run-1"] = "CANCELED"

    said = [await trigger(here), await trigger(here, "dry-run")]

    assert [one["skipped"] for one in said] == [{account.user_id: "called_off"}] * 2
    assert len(here.dagster.launches) == 1


async def test_a_night_is_given_up_after_as_many_attempts_as_the_schedule_makes(
    here: Site,
) -> None:
    account = await connected(here)
    for attempt in range(1, ATTEMPTS + 1):
        assert set((await trigger(here))["launched"]) == {account.user_id}
        here.dagster.statuses[f"run-{attempt}"] = "FAILURE"

    assert (await trigger(here))["skipped"] == {account.user_id: "given_up"}


async def test_a_dry_run_says_of_whom_it_cannot_tell(here: Site) -> None:
    account = await connected(here)
    here.dagster.down = True

    said = await trigger(here, "dry-run")

    assert said == {"would_launch": {}, "skipped": {account.user_id: "unknown"}}


async def test_a_dry_run_says_who_and_launches_nothing(here: Site) -> None:
    account = await connected(here)
    new = here.person("New", chat_id=300)

    said = await trigger(here, "dry-run")

    assert said == {
        "would_launch": {account.user_id: {"vibe_date": TODAY, "occasion": f"nightly:{TODAY}"}},
        "skipped": {new.user_id: "not_connected"},
    }
    assert here.dagster.launches == []


@pytest.mark.parametrize("job", ["nightly", "dry-run"])
async def test_looking_is_not_triggering(here: Site, job: str) -> None:
    answer = await here.browser.get(f"/internal/jobs/{job}", headers=bearer())

    assert answer.status_code == 405
