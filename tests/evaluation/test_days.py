"""How well the profile foretells the next day, held to real plays and to invented ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.listening_example import real_plays
from tests.support.moving_tastes import moving_plays, steady_plays
from vibe_pipeline.evaluation.command import eval_command
from vibe_pipeline.evaluation.days import OF_OTHERS, PERSONAL, evaluate_days, foretold_days
from vibe_pipeline.ranking.activation import Decay, power_law
from vibe_pipeline.records import Play
from vibe_pipeline.taste.play_decay import half_life

FAST, SLOW = "power 1.5", "power 0.5"
TRIED: Mapping[str, Decay | None] = {
    PERSONAL: None,
    FAST: power_law(1.5),
    SLOW: power_law(0.5),
    "half-life": half_life(10),
}
BAR = 0.53


def test_the_profile_clears_the_bar_on_real_plays() -> None:
    folder = real_plays()
    if folder is None:
        pytest.skip("no real plays beside the project; invented ones are tried below")

    figures = evaluate_days(
        folder, {name: TRIED[name] for name in (PERSONAL, "half-life")}
    ).figures()

    assert figures[PERSONAL] >= BAR
    assert figures[PERSONAL] > figures["half-life"] + 0.05


def test_a_decay_of_ones_own_comes_near_the_best_for_a_steady_and_for_a_moving_taste() -> None:
    report = foretold_days(
        {"steady": steady_plays(1, days=50), "moving": moving_plays(1, days=50)}, TRIED
    )

    steady = {decay: report.share("steady", decay) for decay in TRIED}
    moving = {decay: report.share("moving", decay) for decay in TRIED}
    assert steady[SLOW] > steady[FAST]
    assert moving[FAST] > moving[SLOW]
    assert steady[PERSONAL] > (steady[SLOW] + steady[FAST]) / 2
    assert moving[PERSONAL] > (moving[SLOW] + moving[FAST]) / 2
    assert report.figures()[PERSONAL] > report.figures()[OF_OTHERS]


def test_nothing_is_foretold_from_what_came_later() -> None:
    plays = moving_plays(3, days=30)
    days = foretold_days({"somebody": plays}, TRIED).people["somebody"]

    until = next(n for n, play in enumerate(plays) if play.played_at >= days[5].day)
    known = foretold_days({"somebody": plays[:until]}, TRIED).people["somebody"]

    assert known == days[:5]


def test_the_command_prints_every_way_of_fading_and_ends_with_a_record(tmp_path: Path) -> None:
    _write(tmp_path, {"anna": moving_plays(4, days=17), "ben": steady_plays(5, days=17)})

    result = CliRunner().invoke(eval_command, ["--days", "--data", str(tmp_path), "--json"])

    assert result.exit_code == 0, result.output
    record = json.loads(result.output.splitlines()[-1])
    assert record["people"] == 2
    assert record["days"] == 6
    assert {PERSONAL, OF_OTHERS, "power 1", "half-life 10 d"} <= set(record["foretold"])
    assert all(name in result.output for name in record["foretold"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "holds no plays.csv"),
        ("user_id,played_at\n", "has no column artist_name, track_name"),
        ("user_id,played_at,artist_name,track_name\na,yesterday,b,c\n", "line 2: 'yesterday'"),
        ("user_id,played_at,artist_name,track_name\na,2026-01-01,b,c\n", "two weeks"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "plays.csv").write_text(text, encoding="utf-8")

    result = CliRunner().invoke(eval_command, ["--days", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert told in result.output


def _write(folder: Path, people: Mapping[str, list[Play]]) -> None:
    with (folder / "plays.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "played_at", "artist_name", "track_name"])
        for person, plays in people.items():
            for play in plays:
                moment = play.played_at.isoformat()
                rows.writerow([person, moment, play.track.artist, play.track.title])
