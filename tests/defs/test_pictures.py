"""Pictures in metadata: whole SVG in an address, parts named, what is below zero on the left."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import dagster as dg
import pytest

from vibe_pipeline.defs.pictures import days, sums

RECTANGLE = "{http://www.w3.org/2000/svg}rect"


def svg_of(shown: dg.MarkdownMetadataValue) -> ElementTree.Element:
    found = re.search(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", shown.value or "")
    assert found is not None
    return ElementTree.fromstring(base64.b64decode(found[1]))  # noqa: S314 - drawn by us


def boxes(picture: ElementTree.Element, *, tall: float) -> list[tuple[float, float]]:
    """Where each box of a height begins, and how wide it is."""
    found = (box.attrib for box in picture.iter(RECTANGLE))
    return [(float(one["x"]), float(one["width"])) for one in found if float(one["height"]) == tall]


def test_what_a_sum_is_made_of_stands_on_either_side_of_the_line() -> None:
    picture = svg_of(
        sums({"<A> & B": {"artist": 2.0, "popularity": -1.0, "thumbs": 0.0}}, title="Scores")
    )

    (up, up_wide), (down, down_wide) = boxes(picture, tall=15)
    texts = [text for text in picture.itertext() if text]
    assert up == pytest.approx(down + down_wide, abs=0.2)
    assert up_wide == pytest.approx(2 * down_wide, abs=0.2)
    assert texts == ["artist", "popularity", "<A> & B", "1.00"]


def test_each_day_has_its_column_of_parts_and_its_share() -> None:
    amounts = {f"2026-11-{day:02}": {"lastfm": 20.0, "likes": 10.0} for day in range(1, 4)}

    picture = svg_of(days(amounts, dict.fromkeys(amounts, 0.5), title="Days", line="new"))

    assert len(boxes(picture, tall=120)) == len(boxes(picture, tall=60)) == 3
    assert [text for text in picture.itertext() if text][:3] == ["lastfm", "likes", "new"]


def test_a_picture_of_nothing_is_still_one() -> None:
    assert svg_of(sums({}, title="Scores")).tag.endswith("svg")
    assert svg_of(days({}, {}, title="Days", line="new")).tag.endswith("svg")
