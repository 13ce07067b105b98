"""The figures as tables a person reads, in Markdown. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from tests.benchmarks.bars import BARS
from tests.benchmarks.comparison import Change
from tests.benchmarks.figures import STATISTICS, Bar, Beside, Figure, worst

HEADINGS = ("what", "median", "p95", "n", "beside", "ratio", "bar", "aim", "verdict")


def header() -> str:
    """The two lines above the rows."""
    return _row(HEADINGS) + _row(["---"] * len(HEADINGS))


def row(figure: Figure, bars: Mapping[str, Sequence[Bar]] = BARS) -> str:
    """One figure: ours, what it was measured beside, and how it stands."""
    own = bars.get(figure.name, ())
    verdict = worst([bar.verdict(figure) for bar in own])
    return _row(
        (
            figure.name,
            _amount(statistics.median(figure.values), figure.unit),
            _amount(STATISTICS["p95"](figure.values), figure.unit),
            str(len(figure.values)),
            _others(figure) or "-",
            _ratios(figure) or "-",
            "; ".join(_limit(bar, bar.most, figure.unit) for bar in own) or "-",
            "; ".join(_limit(bar, bar.aim, figure.unit) for bar in own) or "-",
            verdict,
        )
    )


def whole(figures: Iterable[Figure]) -> str:
    """All figures, and below them what the timed ones consist of."""
    figures = list(figures)
    lines = [header(), *(row(figure) for figure in figures)]
    for figure in figures:
        if figure.parts:
            parts = ", ".join(f"{name} {_number(value)}" for name, value in figure.parts.items())
            lines.append(f"\n{figure.name}, by part: {parts}\n")
    return "".join(lines)


def changes(compared: Sequence[Change]) -> str:
    """Then and now, and which changes are more than noise."""
    lines = [_row(("what", "then", "now", "ratio", "")), _row(["---"] * 5)]
    for change in compared:
        word = "SLOWER" if change.slower else "faster" if change.faster else ""
        ratio = "-" if change.ratio is None else f"{change.ratio:.2f}x"
        then, now = _amount(change.then, change.unit), _amount(change.now, change.unit)
        lines.append(_row((change.name, then, now, ratio, word)))
    return "".join(lines)


def _others(figure: Figure) -> str:
    return "; ".join(
        f"{other} {_amount(statistics.median(values), figure.unit)} (n={len(values)})"
        for other, values in figure.beside.items()
        if values
    )


def _ratios(figure: Figure) -> str:
    def against(other: Beside) -> float | None:
        return Bar(most=0, aim=0, beside=other).reached(figure)

    return "; ".join(
        f"{ratio:.2f}x" for other in figure.beside if (ratio := against(other)) is not None
    )


def _limit(bar: Bar, limit: float, unit: str) -> str:
    how = "" if bar.statistic == "median" else f"{bar.statistic} "
    if bar.beside is not None:
        return f"{how}<= {limit:g}x {bar.beside}"
    return f"{how}<= {limit:g} {unit}".rstrip()


def _amount(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1_000_000:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"
