"""How soon a process that died is started again."""

from __future__ import annotations

from vibe_pipeline.commands.restart_policy import RestartPolicy

POLICY = RestartPolicy()


def test_the_first_death_costs_no_second() -> None:
    assert POLICY.pause(1) < 1


def test_each_death_that_follows_soon_doubles_the_pause() -> None:
    pauses = [POLICY.pause(deaths) for deaths in range(1, 6)]

    assert pauses == [pauses[0] * 2**step for step in range(5)]


def test_six_deaths_in_a_row_are_failing_and_tried_ever_more_rarely() -> None:
    pauses = [POLICY.pause(deaths) for deaths in range(6, 12)]

    assert not POLICY.failing(5)
    assert POLICY.failing(6)
    assert pauses == [60, 120, 240, 480, 900, 900]


def test_however_often_it_died_there_is_a_next_try() -> None:
    assert POLICY.pause(10_000) == 900


def test_who_stayed_up_for_long_begins_anew() -> None:
    assert POLICY.deaths_in_a_row(5, up_for=119) == 6
    assert POLICY.deaths_in_a_row(5, up_for=120) == 1
