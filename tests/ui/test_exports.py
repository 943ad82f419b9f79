"""Texts in exported tables stay texts: spreadsheets run none, and Markdown follows none."""

import csv
import io
import itertools

import pytest
from markdown_it import MarkdownIt

from brainsurg_tui.exports import csv_text, markdown_text, plain_cell

LIVE = [
    '=HYPERLINK("http://evil.example","here")',
    "+1",
    "-",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\uff1d1+1",
    "'=1",
    "''+1",
    "=1\r=2\n=3",
]
TEXTS = [
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "see https://evil.example/?a=b, www.evil.example or evil.example",
    "mail me@evil.example",
    "**bold** _it_ `code` ~~gone~~",
    "a \\| b | c \\\\",
    "&lt;b&gt; &amp;",
    "<http://evil.example>",
    "\\[x](http://evil.example)",
]


@pytest.mark.parametrize("text", LIVE)
def test_no_cell_is_a_formula_to_a_spreadsheet_and_each_is_read_as_it_was(text: str) -> None:
    lines = csv_text([{"label": text, "tags": [text, "b"], "max": -1.5}])
    (row,) = csv.DictReader(io.StringIO(lines, newline=""))
    assert row["label"][0] == row["tags"][0] == "'"
    assert row["max"] == "-1.5"
    assert (plain_cell(row["label"]), plain_cell(row["tags"])) == (text, f"{text} b")


@pytest.mark.parametrize("text", ["", "cities", "a=1", "'tis", "don't", "1-2"])
def test_other_cells_are_written_as_they_are(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text([{"feature": 1, "label": text}])))
    assert row["label"] == plain_cell(text) == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_markdown_is_seen_as_it_is(text: str) -> None:
    page = markdown_text([{"feature": 1, "label": text, "max": 0.5}], "Features")
    tokens = MarkdownIt("gfm-like").parse(page)
    cells = [
        [inner.type for inner in token.children or ()]
        for before, token in itertools.pairwise(tokens)
        if before.type == "td_open"
    ]
    assert [set(types) for types in cells] == [{"text"}] * 3
    assert [token.content for token in tokens if token.type == "inline"][-1] == "0.500"
    shown = [
        "".join(inner.content for inner in token.children or ())
        for token in tokens
        if token.type == "inline"
    ]
    assert text in shown
