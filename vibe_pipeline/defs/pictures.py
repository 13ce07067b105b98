"""Pictures (SVG charts) inside the metadata of a materialization: what a sum is made of, and days.

Written by hand rather than by a plotting library: they are drawn while a list is made. Matplotlib
takes 0.7 s of the processor and 50 MB to import, pygal 60 ms and 90 kB a picture; these take a
millisecond. Shapes only; which figures are shown is decided by the asset. Plain bars are
``metadata``'s.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

import dagster as dg

COLOURS = (
    *("#4f7cff", "#59b98c", "#c9a227", "#d1606f", "#8f6fd1", "#5fa8c9"),
    *("#a0795a", "#7f8c3a", "#d98b4a", "#b06ab3", "#4a8a8a", "#9097a6"),
)
_GREY = "#808090"
_LINE = "#e0457b"
_WIDTH = 760
_LEAST = 0.4
"""Narrower than this nothing is seen."""
_LEGEND_LINE = 20
_LEGEND_IN_A_LINE = 4
DAYS_DRAWN = 60

Amounts = Mapping[str, float]


def sums(rows: Mapping[str, Amounts], *, title: str) -> dg.MarkdownMetadataValue:
    """A bar for each name, in the order given, of what its sum is made of.

    What is below zero stands to the left of the line, and the sum at the end.
    """
    parts = _parts(rows.values())
    below = max((-_total(row, above=False) for row in rows.values()), default=0.0)
    above = max((_total(row, above=True) for row in rows.values()), default=0.0)
    scale = 430 / ((below + above) or 1.0)
    zero, top = 240 + below * scale, _legend_height(parts)
    drawn = [_legend(parts)]
    for number, (name, row) in enumerate(rows.items()):
        y = top + 20 * number
        drawn.append(_text(230, y + 13, name[:36], anchor="end"))
        left = right = zero
        for index, part in enumerate(parts):
            width = row.get(part, 0.0) * scale
            if width < 0:
                left += width
            drawn.append(_box(left if width < 0 else right, y, abs(width), 15, _colour(index)))
            right += max(width, 0.0)
        drawn.append(_text(right + 6, y + 13, f"{sum(row.values()):.2f}"))
    height = top + 20 * len(rows)
    drawn.append(f'<path d="M{zero:.1f} {top - 4}V{height}" stroke="{_GREY}"/>')
    return _markdown("".join(drawn), height + 8, title)


def days(
    amounts: Mapping[str, Amounts], shares: Mapping[str, float], *, title: str, line: str
) -> dg.MarkdownMetadataValue:
    """A column for each of the last days, made of its parts, and a line of shares from 0 to 1.

    Both by day, in order; every day of ``amounts`` has a share.
    """
    last = list(amounts)[-DAYS_DRAWN:]
    parts, tall = _parts(amounts[day] for day in last), 180
    top = _legend_height((*parts, line))
    most = max((sum(amounts[day].values()) for day in last), default=0.0) or 1.0
    step = min(48.0, 640 / (len(last) or 1))
    drawn, points = [_legend(parts, line=line)], []
    for number, day in enumerate(last):
        x, y = 60 + number * step, float(top + tall)
        for index, part in enumerate(parts):
            height = amounts[day].get(part, 0.0) / most * tall
            y -= height
            drawn.append(_box(x, y, step * 0.8, height, _colour(index)))
        points.append((x + step * 0.4, top + tall * (1 - shares[day])))
        if number % max(1, round(64 / step)) == 0:
            drawn.append(_text(x, top + tall + 16, day[5:]))
    drawn += [_text(52, top + 10, f"{most:g}", anchor="end"), _text(712, top + 10, "100%")]
    drawn += [_text(52, top + tall, "0", anchor="end"), _text(712, top + tall, "0%")]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn.append(
        f'<g fill="{_LINE}"><polyline points="{path}" fill="none" stroke="{_LINE}"'
        f' stroke-width="2"/>{dots}</g>'
    )
    return _markdown("".join(drawn), top + tall + 26, title)


def _total(row: Amounts, *, above: bool) -> float:
    return sum(amount for amount in row.values() if (amount > 0) is above)


def _parts(rows: Iterable[Amounts]) -> list[str]:
    """Every part that counts anywhere, the weightiest first."""
    weights: dict[str, float] = {}
    for row in rows:
        for part, amount in row.items():
            weights[part] = weights.get(part, 0.0) + abs(amount)
    return sorted((part for part in weights if weights[part]), key=lambda part: -weights[part])


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _legend_height(parts: Sequence[str]) -> int:
    return _LEGEND_LINE * -(-len(parts) // _LEGEND_IN_A_LINE) + 12


def _legend(parts: Sequence[str], *, line: str | None = None) -> str:
    named = [(part, _colour(index)) for index, part in enumerate(parts)]
    if line is not None:
        named.append((line, _LINE))
    drawn = []
    for index, (name, colour) in enumerate(named):
        row, column = divmod(index, _LEGEND_IN_A_LINE)
        x, y = 10 + column * (_WIDTH // _LEGEND_IN_A_LINE), 6 + row * _LEGEND_LINE
        drawn += [_box(x, y, 10, 10, colour), _text(x + 16, y + 10, name.replace("_", " "))]
    return "".join(drawn)


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    if min(width, height) < _LEAST:
        return ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_GREY}">{escape(text)}</text>'
    )


def _markdown(drawn: str, height: float, title: str) -> dg.MarkdownMetadataValue:
    """The picture as an address that holds it, so that nothing has to be served beside it."""
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}"'
        f' font-family="sans-serif" font-size="12">{drawn}</svg>'
    )
    encoded = base64.b64encode(picture.encode()).decode()
    return dg.MetadataValue.md(f"**{title}**\n\n![{title}](data:image/svg+xml;base64,{encoded})")
