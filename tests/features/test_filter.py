"""Filters let through exactly the features that plain Python would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UserError
from engine.features.filter import LONGEST, matching

LABELS = {1: "a big City", 3: "verbs", 4: "city", 900: "of a wider SAE that had this name"}
CATEGORIES = ["code", "story"]
COLUMNS = {
    "max": np.array([0, 1, 5, 9, 9.5], dtype=np.float32),
    "mean": np.array([0, 1, 2, 3, 2], dtype=np.float32),
    "density": np.array([0, 0.5, 0.001, 0.25, 0.0005], dtype=np.float32),
    "documents": np.array([0, 3, 1, 2, 2], dtype=np.int32),
    "selectivity": np.array([0, 0.1, 1, 0.5, 0], dtype=np.float32),
    "category": np.array([-1, 0, 1, 1, 0], dtype=np.int32),
}


def ids(text: str) -> list[int]:
    return np.flatnonzero(matching(text, COLUMNS, LABELS, CATEGORIES)).tolist()


def refusal(text: str) -> str:
    with pytest.raises(UserError) as caught:
        matching(text, COLUMNS, LABELS, CATEGORIES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max > 5", [3, 4]),
        ("max >= 5", [2, 3, 4]),
        ("density < 0.001 and max > 5", [4]),
        ("documents = 2", [3, 4]),
        ("documents != 2 and id > 0", [1, 2]),
        ("max < -1e3", []),
        ("label ~ city", [1, 4]),
        ("label = city", [4]),
        ("label = ''", [0, 2]),
        ('label ~ "big city"', [1]),
        ("label ~ and", []),
        ("category = story", [2, 3]),
        ("category != story", [0, 1, 4]),
        ("not label ~ city and max > 1", [2, 3]),
        ("id = 0 or id = 1 and max > 3", [0]),
        ("(id = 0 or id = 1) and max > 0", [1]),
        ("NOT (ID=0 OR not max>5)", [3, 4]),
    ],
)
def test_a_filter_lets_through(text: str, expected: list[int]) -> None:
    assert ids(text) == expected


FIELDS = ["max", "mean", "density", "documents", "selectivity", "id"]
SIGNS = {
    "<": float.__lt__,
    "<=": float.__le__,
    ">": float.__gt__,
    ">=": float.__ge__,
    "=": float.__eq__,
    "!=": float.__ne__,
}


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, list[bool]]:
    """A filter, and what it should say of each of the five features."""
    kind = draw(st.sampled_from(["number", "not", "and", "or"] if depth else ["number"]))
    if kind == "number":
        field, sign = draw(st.sampled_from(FIELDS)), draw(st.sampled_from(list(SIGNS)))
        number = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0, -3.0]))
        column = range(5) if field == "id" else COLUMNS[field].tolist()
        return f"{field}{sign}{number}", [bool(SIGNS[sign](float(x), number)) for x in column]
    left, says = draw(expressions(depth=depth - 1))
    if kind == "not":
        return f"not ({left})", [not x for x in says]
    right, says_too = draw(expressions(depth=depth - 1))
    combine = all if kind == "and" else any
    both = [combine(pair) for pair in zip(says, says_too, strict=True)]
    return f"({left}) {kind} ({right})", both


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_filters_combine_as_logic_does(expression: tuple[str, list[bool]]) -> None:
    text, expected = expression
    assert matching(text, COLUMNS, LABELS, CATEGORIES).tolist() == expected


@pytest.mark.parametrize(
    ("text", "column", "found", "expected"),
    [
        ("", 1, "the end", "density"),
        ("densty < 3", 1, "'densty'", "density"),
        ("max >", 6, "the end", "a number"),
        ("max > five", 7, "'five'", "a number"),
        ("max ~ 3", 5, "'~'", "'<'"),
        ("label < 3", 7, "'<'", "'~'"),
        ("max > 5 && mean > 1", 9, "'&'", "'and'"),
        ("max > 5 mean > 1", 9, "'mean'", "'or'"),
        ("(max > 5", 9, "the end", "')'"),
        ("max > 5)", 8, "')'", "the end"),
        ("label ~ 'open", 9, '"\'"', "a text in quotes"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where_and_what_was_expected(
    text: str, column: int, found: str, expected: str
) -> None:
    said = refusal(text)
    assert f"at column {column}: {found} stands there" in said
    assert expected in said.partition("Expected")[2]


def test_what_was_typed_is_not_echoed_raw() -> None:
    assert "\x1b" not in refusal("max > \x1b[31m")


def test_a_very_long_filter_is_refused() -> None:
    assert str(LONGEST) in refusal("not " * LONGEST + "max > 1")
    deepest = "not " * ((LONGEST - 7) // 4) + "max > 5"
    assert ids(deepest) == [0, 1, 2]


def test_without_categories_there_is_nothing_to_ask_about_them() -> None:
    plain = {name: COLUMNS[name] for name in ("max", "mean", "density", "documents")}
    for text in ("max > 1 and category = code", "max > 1 and selectivity > 0.5"):
        with pytest.raises(UserError, match=r"Column 13: .*no categories"):
            matching(text, plain, {})
