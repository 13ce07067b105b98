"""What a materialization shows people in the Dagster UI: counts, tables, bars.

Shapes only; which figures are shown is decided by the asset.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import dagster as dg

from vibe_pipeline.records import Source

Cell = str | int | float | bool | None

ROWS_SHOWN = 50
"""What may be longer than any list is cut there, and says so."""
_WIDEST_BAR = 280
_LINE = 21
_COLOURS = ("#4f7cff", "#59b98c", "#c9a227", "#d1606f", "#8f6fd1", "#5fa8c9", "#a0795a")


def counted(rows: int, **more: Any) -> dict[str, Any]:
    """Metadata that begins with the count every materialization reports."""
    return {"dagster/partition_row_count": rows, **more}


def table(rows: Sequence[Mapping[str, Cell]], columns: Sequence[str]) -> dg.TableMetadataValue:
    """Every row, as a table one can sort in the UI."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _cell(row.get(name)) for name in columns}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in columns]),
    )


def source_cell(source: Source) -> str:
    """A source beside titles, in words that may be broken where the page is narrow."""
    return source.replace("_", " ")


def excerpt(
    name: str, rows: Sequence[Mapping[str, Cell]], columns: Sequence[str]
) -> dict[str, dg.TableMetadataValue | str]:
    """The first rows under this name, and beside it how many there are, where some are left out."""
    shown = table(rows[:ROWS_SHOWN], columns)
    if len(rows) <= ROWS_SHOWN:
        return {name: shown}
    return {name: shown, f"{name} shown": f"the first {ROWS_SHOWN} of {len(rows)}"}


def bars(amounts: Mapping[str, float], *, title: str) -> dg.MarkdownMetadataValue:
    """A bar for each amount, longest first, as a picture inside the metadata itself."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
    top = max((amount for _, amount in ordered), default=0) or 1
    lines = [
        _line(number, name, amount, amount / top) for number, (name, amount) in enumerate(ordered)
    ]
    height = _LINE * len(ordered) + 8
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}"'
        f' font-family="sans-serif" font-size="13">{"".join(lines)}</svg>'
    )
    encoded = base64.b64encode(picture.encode()).decode()
    caption = ", ".join(f"{name} {amount:g}" for name, amount in ordered) or "nothing"
    return dg.MetadataValue.md(
        f"**{_quiet(title)}** ({_quiet(caption)})\n\n"
        f"![{_quiet(title)}](data:image/svg+xml;base64,{encoded})"
    )


def stacked(
    amounts: Mapping[str, Mapping[str, float]], parts: Sequence[str], *, title: str
) -> dg.MarkdownMetadataValue:
    """A bar for each name in the order given, made of its parts; what is below zero is told only.

    The colours of the parts are named above the bars.
    """
    shown = list(amounts.items())
    sums = [sum(max(by_part.get(part, 0.0), 0.0) for part in parts) for _, by_part in shown]
    scale = _WIDEST_BAR / (max(sums, default=0.0) or 1.0)
    lines = [_legend(parts)]
    for number, (name, by_part) in enumerate(shown, start=1):
        lines.append(_stack(number, name, by_part, parts, scale))
    height = _LINE * (len(shown) + 1) + 8
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}"'
        f' font-family="sans-serif" font-size="13">{"".join(lines)}</svg>'
    )
    encoded = base64.b64encode(picture.encode()).decode()
    return dg.MetadataValue.md(
        f"**{_quiet(title)}**\n\n![{_quiet(title)}](data:image/svg+xml;base64,{encoded})"
    )


def _legend(parts: Sequence[str]) -> str:
    return "".join(
        f'<rect x="{10 + index * 92}" y="6" width="10" height="10" fill="{_colour(index)}"/>'
        f'<text x="{24 + index * 92}" y="16" fill="#808090">{escape(part)}</text>'
        for index, part in enumerate(parts)
    )


def _stack(
    number: int, name: str, by_part: Mapping[str, float], parts: Sequence[str], scale: float
) -> str:
    y, x = number * _LINE + 4, 210.0
    drawn = [
        f'<text x="200" y="{y + 14}" text-anchor="end" fill="#808090">{escape(name[:30])}</text>'
    ]
    for index, part in enumerate(parts):
        width = max(by_part.get(part, 0.0), 0.0) * scale
        drawn.append(
            f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="15"'
            f' fill="{_colour(index)}"/>'
        )
        x += width
    drawn.append(
        f'<text x="{x + 6:.1f}" y="{y + 14}" fill="#808090">{sum(by_part.values()):.2f}</text>'
    )
    return "".join(drawn)


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _line(number: int, name: str, amount: float, share: float) -> str:
    y = number * _LINE + 4
    return (
        f'<text x="200" y="{y + 14}" text-anchor="end" fill="#808090">{escape(name[:30])}</text>'
        f'<rect x="210" y="{y + 2}" width="{round(_WIDEST_BAR * share, 1)}" height="15" rx="2"'
        f' fill="#4f7cff"/>'
        f'<text x="{round(216 + _WIDEST_BAR * share, 1)}" y="{y + 14}" fill="#808090">'
        f"{amount:g}</text>"
    )


def _cell(value: Cell) -> str | int | float | bool:
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)  # a name of an enumeration becomes plain text, which Dagster can store
    return round(value, 4) if isinstance(value, float) else value


def _quiet(text: str) -> str:
    """Text that markdown leaves alone."""
    return "".join(f"\\{sign}" if sign in "\\|`*_[]<>#!" else sign for sign in text)
