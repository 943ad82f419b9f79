"""Filters let through exactly the features that plain Python would."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import UserError
from engine.features.filter.filter import FeatureMask, FilterContext, filter_mask
from engine.features.filter.grammar import LONGEST
from engine.features.notes import Note
from engine.features.text.patterns import TimedPattern
from engine.progress import Cancelled, Silent

NOTES = {
    1: Note(label="a big City", tags=("geo", "place"), text="seen in 3 stories"),
    2: Note(starred=True),
    3: Note(label="verbs", tags=("syntax",), starred=True),
    4: Note(label="city"),
    900: Note(label="city of a wider SAE that had this name", tags=("geo",), starred=True),
}
CATEGORIES = ["code", "story"]
COLUMNS = {
    "max": np.array([0, 1, 5, 9, 9.5], dtype=np.float32),
    "mean": np.array([0, 1, 2, 3, 2], dtype=np.float32),
    "std": np.array([0, 0.5, 0, 1, 2], dtype=np.float32),
    "density": np.array([0, 0.5, 0.001, 0.25, 0.0005], dtype=np.float32),
    "count": np.array([0, 1_500_000, 3000, 20_000, 3], dtype=np.int64),
    "documents": np.array([0, 3, 1, 2, 2], dtype=np.int32),
    "selectivity": np.array([0, 0.1, 1, 0.5, 0], dtype=np.float32),
    "category": np.array([-1, 0, 1, 1, 0], dtype=np.int32),
}
FEATURES = range(5)
WORDS = {
    "snippet": [[], ["the cat sat"], ["a dog", "a Cat"], ["dogs"], ["nothing"]],
    "peak": [[], ["cat", "cats"], ["dog"], ["dogs"], ["no"]],
    "promoted": [["a"], ["b", "cat"], ["c"], ["dog"], ["e"]],
    "suppressed": [["f"], ["g"], ["cat"], ["h"], ["i"]],
}


class Lists:
    """The texts of features, as lists."""

    def __getattr__(self, name: str) -> Callable[[TimedPattern], FeatureMask]:
        return lambda pattern: np.array([any(map(pattern.is_in, some)) for some in WORDS[name]])


SUBJECT = FilterContext(COLUMNS, NOTES, CATEGORIES, Lists())


def ids(text: str) -> list[int]:
    return np.flatnonzero(filter_mask(text, SUBJECT)).tolist()


def refusal(text: str, subject: FilterContext = SUBJECT) -> str:
    with pytest.raises(UserError) as caught:
        filter_mask(text, subject)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max > 5", [3, 4]),
        ("max >= 5", [2, 3, 4]),
        ("density < 0.001 and max > 5", [4]),
        ("documents = 2", [3, 4]),
        ("docs == 2", [3, 4]),
        ("documents != 2 and id > 0", [1, 2]),
        ("max < -1e3", []),
        ("max < 1e999 and max > -1e300", [0, 1, 2, 3, 4]),
        ("count > 10k", [1, 3]),
        ("count >= 1.5M", [1]),
        ("count = 3K", [2]),
        ("label ~ city", [1, 4]),
        ("label = city", [4]),
        ("label = City", []),
        ("label = ''", [0, 2]),
        ("label != ''", [1, 3, 4]),
        ('label ~ "big city"', [1]),
        ("label ~ cit(y|ies)$", [1, 4]),
        ("label ~ (^v|^c)", [3, 4]),
        ("label !~ city", [0, 2, 3]),
        ("label ~ ^$", [0, 2]),
        ("label ~ and", []),
        ("label ~ a=b", []),
        ("tag = geo", [1]),
        ("tag ~ ^p", [1]),
        ("tag != geo", [0, 2, 3, 4]),
        ("tag = ''", [0, 2, 4]),
        ("note ~ stories", [1]),
        ("category = story", [2, 3]),
        ("category != story", [0, 1, 4]),
        ("category ~ 'CODE|story'", [1, 2, 3, 4]),
        ("starred", [2, 3]),
        ("labelled and not starred", [1, 4]),
        ("labeled tagged", [1, 3]),
        ("alive", [1, 2, 3, 4]),
        ("snippet ~ cat", [1, 2]),
        ("snippet !~ cat", [0, 3, 4]),
        ("peak ~ ^cats?$", [1]),
        ("promoted ~ cat or suppressed ~ cat", [1, 2]),
        ("city", [1, 4]),
        ("'g c'", [1]),
        ("cit(y|ies)", [1, 4]),
        ("3", [3]),
        ("max>5 density<0.01 city", [4]),
        ("city or verbs max>5", [1, 3, 4]),
        ("!city", [0, 2, 3]),
        ("!starred !labelled", [0]),
        ("not(city)", [0, 2, 3]),
        ("mean-spirited", []),
        ("maximum", []),
        ("not label ~ city and max > 1", [2, 3]),
        ("id = 0 or id = 1 and max > 3", [0]),
        ("(id = 0 or id = 1) and max > 0", [1]),
        ("NOT (ID=0 OR not max>5)", [3, 4]),
        ("\tmax > 5\nstarred ", [3]),
    ],
)
def test_a_filter_lets_through(text: str, expected: list[int]) -> None:
    assert ids(text) == expected


NUMBERS = ["max", "mean", "std", "density", "count", "documents", "selectivity", "id"]
SIGNS = {
    "<": float.__lt__,
    "<=": float.__le__,
    ">": float.__gt__,
    ">=": float.__ge__,
    "=": float.__eq__,
    "!=": float.__ne__,
}
PATTERNS = ["city", "^a", "cit(y|ies)", "s$", "[aeiou]{2}", "(?i:CAT)", "dog.?", ".", "^$", "x|o"]


def texts_of(field: str, feature: int) -> list[str]:
    note = NOTES.get(feature, Note())
    match field:
        case "label":
            return [note.label]
        case "note":
            return [note.text]
        case "tag":
            return list(note.tags or ("",))
        case "category":
            kind = int(COLUMNS["category"][feature])
            return [CATEGORIES[kind] if kind >= 0 else ""]
    return WORDS[field][feature]


Expression = tuple[str, list[bool]]
"""A filter, and what it should say of each of the five features."""


@st.composite
def numeric(draw: st.DrawFn) -> Expression:
    field, sign = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(list(SIGNS)))
    number = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0, -3.0, 3000.0]))
    shown = draw(st.sampled_from([str(number), f"{number / 1000!r}k", f"{number:e}", f"+{number}"]))
    shown = shown.replace("+-", "-")
    column = FEATURES if field == "id" else COLUMNS[field].tolist()
    space = draw(st.sampled_from(["", " "]))
    return f"{field}{space}{sign}{space}{shown}", [SIGNS[sign](float(x), number) for x in column]


@st.composite
def textual(draw: st.DrawFn) -> Expression:
    field = draw(st.sampled_from(["label", "note", "tag", "category", *WORDS]))
    pattern, quote = draw(st.sampled_from(PATTERNS)), draw(st.sampled_from(["'", '"']))
    sign = draw(st.sampled_from(["~", "!~"]))
    holds = [
        any(re.search(pattern, text, re.IGNORECASE) for text in texts_of(field, f))
        for f in FEATURES
    ]
    return f"{field} {sign} {quote}{pattern}{quote}", [h == (sign == "~") for h in holds]


flags = st.sampled_from(
    [
        ("starred", [NOTES.get(f, Note()).starred for f in FEATURES]),
        ("labelled", [bool(NOTES.get(f, Note()).label) for f in FEATURES]),
        ("tagged", [bool(NOTES.get(f, Note()).tags) for f in FEATURES]),
        ("alive", [float(d) > 0 for d in COLUMNS["density"]]),
        ("'big'", ["big" in NOTES.get(f, Note()).label for f in FEATURES]),
    ]
)


def negated(expression: Expression) -> Expression:
    text, says = expression
    return f"not ({text})", [not x for x in says]


def joined(pair: tuple[Expression, Expression, str]) -> Expression:
    (left, says), (right, says_too), word = pair
    combine = any if word == "or" else all
    return f"({left}) {word} ({right})", [combine(x) for x in zip(says, says_too, strict=True)]


expressions = st.recursive(
    numeric() | textual() | flags,
    lambda inner: (
        inner.map(negated) | st.tuples(inner, inner, st.sampled_from(["and", "or", ""])).map(joined)
    ),
    max_leaves=6,
).filter(lambda expression: len(expression[0]) <= LONGEST)


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_filters_combine_as_logic_does(expression: Expression) -> None:
    text, expected = expression
    assert filter_mask(text, SUBJECT).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(numeric() | flags, min_size=1, max_size=5), st.data())
def test_without_parentheses_not_binds_closest_then_and_then_or(
    terms: list[Expression], data: st.DataObject
) -> None:
    words = [data.draw(st.sampled_from(["and", "or"])) for _ in terms[1:]]
    nots = [data.draw(st.booleans()) for _ in terms]
    text, python = "", ""
    for i, ((term, _), word, no) in enumerate(zip(terms, ["", *words], nots, strict=True)):
        text += f" {word} {'not ' * no}{term}"
        python += f" {word} {'not ' * no}says[{i}]"
    expected = [eval(python, {"says": [term_says[f] for _, term_says in terms]}) for f in FEATURES]
    assert filter_mask(text, SUBJECT).tolist() == expected
    without_and = text.replace(" and ", " ")
    assert filter_mask(without_and, SUBJECT).tolist() == expected


@pytest.mark.parametrize("text", ["label ~ cat", "category = code", "snippet ~ cat", "cat"])
def test_a_filter_can_be_given_up_while_it_looks(text: str) -> None:
    class Impatient(Silent):
        def __call__(self, *_: object) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        filter_mask(text, FilterContext(COLUMNS, NOTES, CATEGORIES, Lists(), Impatient()))


SIGNS_AND_LETTERS = "!~()'\"[]{}*+?^$.|&,- \n\0é\ud800\\a5k"
KEYWORDS = ["and", "or", "not", "label", "tag", "starred", "1e9", "(?"]
PIECES = st.sampled_from([*NUMBERS, *WORDS, *SIGNS, *SIGNS_AND_LETTERS, *KEYWORDS])


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=40) | st.lists(PIECES, max_size=14).map("".join))
@example("label ~ '" + "(" * 200 + ")" * 200 + "'")
@example("label ~ (?a)(?u)x")
def test_whatever_is_typed_is_evaluated_or_refused_at_a_column_of_it(text: str) -> None:
    try:
        said = ""
        assert filter_mask(text, SUBJECT).shape == (5,)
    except UserError as error:
        said = error.what
    if said:
        column = re.search(r"at column (\d+):", said)
        assert column, said
        assert 1 <= int(column[1]) <= len(text) + 1


CONDITION = "a condition such as max > 5, a word, a text in quotes"


@pytest.mark.parametrize(
    ("text", "column", "found", "expected"),
    [
        ("", 1, "the end", "a condition such as max > 5, a word or a text in quotes."),
        ("max >", 6, "the end", "a number."),
        ("max > five", 7, "'five'", "a number."),
        ("max > 5x", 7, "'5x'", "a number."),
        ("max > 5, starred", 7, "'5,'", "a number."),
        ("max", 4, "the end", "'<', '<=', '>', '>=', '=' or '!='."),
        ("max ~ 3", 5, "'~'", "'<', '<=', '>', '>=', '=' or '!='."),
        ("label < 3", 7, "'<'", "'=', '!=', '~' or '!~'."),
        ("snippet = cat", 9, "'='", "'~' or '!~'."),
        ("max > 5 && mean > 1", 9, "'&&'", f"{CONDITION}, 'and', 'or' or the end."),
        ("max > 5 and", 12, "the end", "a condition such as max > 5, a word or a text in quotes."),
        ("or max > 5", 1, "'or'", "a condition such as max > 5, a word or a text in quotes."),
        ("(max > 5", 9, "the end", f"{CONDITION}, ')', 'and' or 'or'."),
        ("max > 5)", 8, "')'", f"{CONDITION}, 'and', 'or' or the end."),
        ("label ~ 'open", 9, '"\'open"', "a word or a text in quotes."),
        ("label ~ cit(y (a|b))", 9, "'cit'", "a word or a text in quotes."),
    ],
)
def test_a_filter_that_cannot_be_read_says_where_and_what_was_expected(
    text: str, column: int, found: str, expected: str
) -> None:
    assert refusal(text) == (
        f"The filter can't be read at column {column}: {found} stands there. Expected {expected}"
    )


def test_what_is_no_column_is_said_with_what_it_may_have_meant() -> None:
    assert refusal("max > 1 densty < 3") == (
        "The filter can't be read at column 9: 'densty' is no column. Did you mean density?"
    )
    assert "There are id, max, mean, std," in refusal("xyz ~ 3")


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("label ~ [a", 11, "unterminated character set"),
        ("max > 1 and label !~ 'ab(c'", 27, "missing )"),
        ("max > 1 *", 9, "nothing to repeat"),
    ],
)
def test_a_regular_expression_that_cannot_be_read(text: str, column: int, what: str) -> None:
    said = refusal(text)
    assert f"at column {column}: {what}" in said
    assert "backslash" in said


def test_what_was_typed_is_not_echoed_raw() -> None:
    assert "\x1b" not in refusal("max > \x1b[31m")
    assert "\x1b" not in refusal("\x1b[31m > 5")


def test_a_filter_may_nest_as_deep_as_it_is_long_and_is_not_longer_than_that() -> None:
    assert "at most 500 characters" in refusal("not " * 124 + "max > 5")
    assert ids("!" * 493 + "max > 5") == [0, 1, 2]
    assert ids("(" * 246 + "max > 5" + ")" * 246) == [3, 4]
    assert ids("!(!(" * 81 + "max > 5" + "))" * 81) == [3, 4]


def test_columns_that_a_catalogue_lacks() -> None:
    few = {name: COLUMNS[name] for name in ("max", "mean", "density", "documents")}
    plain = FilterContext(few, {}, [], Lists())
    for text in ("max > 1 and category = code", "max > 1 and selectivity > 0.5"):
        assert "Column 13: these features have no" in refusal(text, plain)
        assert "no categories" in refusal(text, plain)
    assert refusal("std > 1", plain) == (
        "Column 1: these features have no std. Scan the SAE again."
    )
