"""What is written into SQL is read back as what it was, whatever it holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.warehouse.literals import with_literals


class Colour(StrEnum):
    GREEN = "green"


def read_back(*values: object) -> tuple[object, ...]:
    places = ", ".join("?" for _ in values)
    row = duckdb.execute(with_literals(f"SELECT {places}", values)).fetchone()
    assert row is not None
    return row


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text("'\"?\\\0$-;\n"))
def test_a_text_comes_back_whatever_signs_it_holds(text: str, signs: str) -> None:
    assert read_back(text, signs) == (text, signs)


@given(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.datetimes(),
        st.dates(),
        st.booleans(),
    )
)
def test_numbers_moments_and_days_come_back(values: tuple[object, ...]) -> None:
    assert read_back(*values) == values


def test_what_is_nested_none_or_named_comes_back() -> None:
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)

    assert read_back(None, ["a", "o'b"], [[1], [2, 3]], (date(2026, 1, 2),), Colour.GREEN) == (
        None,
        ["a", "o'b"],
        [[1], [2, 3]],
        [date(2026, 1, 2)],
        "green",
    )
    (moment,) = read_back(noon)
    assert isinstance(moment, datetime)
    assert moment == noon


def test_a_question_mark_inside_a_text_a_name_or_a_comment_is_no_place() -> None:
    query = "SELECT 'what?', \"why?\" FROM t -- who?\nWHERE a = ?"

    assert with_literals(query, [1]) == query[:-1] + "1"


@pytest.mark.parametrize("values", [[], [1, 2]])
def test_too_many_or_too_few_values_are_refused(values: list[int]) -> None:
    with pytest.raises(ValueError, match="values than places"):
        with_literals("SELECT ?", values)


def test_a_value_that_no_table_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="dict"):
        with_literals("SELECT ?", [{"a": 1}])
