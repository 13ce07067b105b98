"""What is said about measured numbers: percentiles, bars, the table, and what became slower."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks import table
from tests.benchmarks.comparison import compared
from tests.benchmarks.conditions import stock
from tests.benchmarks.crowd import Wait, overtakers
from tests.benchmarks.figures import Bar, Beside, Figure, Verdict, percentile, worst
from tests.benchmarks.report import Report, figures_in, written

SERIES = st.lists(st.floats(0, 1000), min_size=1, max_size=40)


def figure(*values: float, plain: tuple[float, ...] = (), name: str = "warm list") -> Figure:
    return Figure(name=name, unit="s", values=values, beside={Beside.PLAIN: plain})


@given(SERIES, st.floats(0.01, 1))
def test_a_percentile_is_exceeded_by_no_larger_share_than_it_says(
    values: list[float], share: float
) -> None:
    reached = percentile(values, share)

    assert reached in values
    assert sum(value <= reached for value in values) >= share * len(values) - 1e-9


def test_the_95th_of_twenty_is_the_second_largest() -> None:
    assert percentile(range(1, 21), 0.95) == 19


@pytest.mark.parametrize(
    ("median", "verdict"), [(2, Verdict.AIM), (3, Verdict.BAR), (3.6, Verdict.MISSED)]
)
def test_a_ratio_decides_against_the_median_of_the_other(median: float, verdict: Verdict) -> None:
    bar = Bar(most=0.35, aim=0.2, beside=Beside.PLAIN)

    assert bar.verdict(figure(median, plain=(9, 10, 99))) is verdict


def test_a_ratio_beside_nothing_is_not_called_good() -> None:
    assert Bar(most=1, aim=1, beside=Beside.PLAIN).verdict(figure(0.1)) is Verdict.UNKNOWN


def test_of_several_verdicts_the_worst_is_told() -> None:
    assert worst([Verdict.AIM, Verdict.MISSED, Verdict.BAR]) is Verdict.MISSED


def test_a_row_names_the_other_the_ratio_and_the_verdict() -> None:
    bars = {"warm list": [Bar(most=0.35, aim=0.2, beside=Beside.PLAIN)]}

    row = table.row(figure(3, 3, 4, plain=(12,)), bars)

    cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
    assert cells == [
        *("warm list", "3 s", "4 s", "3", "plain 12 s (n=1)", "0.25x"),
        *("<= 0.35x plain", "<= 0.2x plain", "bar met"),
    ]


def test_slower_by_a_quarter_and_steady_is_called_slower() -> None:
    (change,) = compared([figure(4.0, 4.1, 3.9)], [figure(5.0, 5.1, 4.9)])

    assert (change.slower, change.faster) == (True, False)


def test_slower_within_the_noise_is_not_called_slower() -> None:
    (change,) = compared([figure(3.0, 4.0, 8.0)], [figure(3.5, 5.0, 9.0)])

    assert not change.slower


@given(SERIES)
def test_the_same_figures_are_neither_slower_nor_faster(values: list[float]) -> None:
    (change,) = compared([figure(*values)], [figure(*values)])

    assert not change.slower
    assert not change.faster


def test_what_only_one_run_measured_is_not_compared() -> None:
    assert compared([figure(1, name="old")], [figure(1, name="new")]) == []


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    report = Report(conditions={"pace": "1"})
    report.figures.append(figure(1.5, 2.5, plain=(9.0,)))

    written(report, tmp_path / "bench" / "a.json", datetime(2026, 11, 28, tzinfo=UTC))

    assert figures_in(tmp_path / "bench" / "a.json") == report.figures
    kept = json.loads((tmp_path / "bench" / "a.json").read_text())
    assert kept["machine"]["cores"]


def test_the_stock_configuration_names_none_of_our_classes() -> None:
    ours = (Path(__file__).parents[2] / "dagster.yaml").read_text()

    theirs = yaml.safe_load(stock(ours))

    assert "vibe_pipeline" not in stock(ours)
    assert theirs["run_launcher"]["class"] == "DefaultRunLauncher"
    assert theirs["run_coordinator"]["config"] == yaml.safe_load(ours)["run_coordinator"]["config"]


def test_a_wait_is_as_silent_as_its_longest_gap_the_one_before_the_first_answer_too() -> None:
    assert Wait(changes=(0.25, 0.75, 4.0)).silence == 3.25
    assert Wait(changes=(2.0, 2.5)).silence == 2.0


def test_whoever_begins_clearly_before_an_earlier_one_was_served_out_of_order() -> None:
    assert overtakers([0.0, 0.2, 0.1, 5.0]) == 0
    assert overtakers([0.0, 9.0, 4.0, 5.0]) == 2
