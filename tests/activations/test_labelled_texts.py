"""Labelled texts from files of every format, and what is said of rows that hold none."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.labelled_texts import LabelledText, read_labelled_texts
from engine.errors import UserError

ROWS = [("one, two", "b"), ('he said "no"\nand left', "a"), ("  \u2028\x0c three\t", "b")]
EXPECTED = [LabelledText(*row) for row in ROWS]


def write(path: Path, rows: list[Any], header: tuple[str, ...] = ("text", "label")) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps([dict(zip(header, row, strict=True)) for row in rows]))
    elif path.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
        path.write_text("\n".join(lines))
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        columns = zip(*rows, strict=True)
        parquet.write_table(pyarrow.table(dict(zip(header, map(list, columns), strict=True))), path)
    else:
        with path.open("w", newline="") as file:
            table = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            table.writerows([header, *rows])
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".tsv", ".CSV", ".parquet"])
def test_every_format(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", ROWS)
    assert read_labelled_texts([path, path]) == EXPECTED * 2
    path = write(tmp_path / f"b{suffix}", [(1, *row) for row in ROWS], ("id", "review", "stars"))
    assert read_labelled_texts([path], text_key="review", label_key="stars") == EXPECTED


@settings(deadline=None)
@given(
    cells=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1)] * 2)
    )
)
def test_whatever_python_writes_as_a_table_is_read(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    rows = [(text, label) for text, label in cells if text.strip() and 0 < len(label.strip()) < 99]
    path = write(tmp_path_factory.mktemp("table") / "a.csv", [*rows, ("end", "of file")])
    found = read_labelled_texts([path])
    assert found == [LabelledText(t, one.strip()) for t, one in [*rows, ("end", "of file")]]


@pytest.mark.parametrize(
    ("label", "read"),
    [(True, "true"), (False, "false"), (3, "3"), (3.0, "3"), (" x ", "x"), (0, "0")],
)
def test_labels_of_other_types(tmp_path: Path, label: object, read: str) -> None:
    path = write(tmp_path / "a.jsonl", [("text", label)])
    assert read_labelled_texts([path]) == [LabelledText("text", read)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": "x"}', "line 2, has no label, but text"),
        ('{"label": "x"}', "line 2, has no text, but label"),
        ('{"text": null, "label": "x"}', "line 2, has no text, but text, label"),
        ('{"text": "  ", "label": "x"}', "line 2, has a text that is no text"),
        ('{"text": 3, "label": "x"}', "line 2, has a text that is no text"),
        ('{"text": "x", "label": 0.5}', "line 2, has a label that is no text, no whole"),
        ('{"text": "x", "label": ["y"]}', "line 2, has a label that is no text"),
        ('{"text": "x", "label": "%s"}' % ("y" * 101), "line 2, has a label of 101 characters"),
        ('"x"', "line 2, is no row"),
        ("{", "line 2, is not JSON"),
        ("\xff", "line 2, is not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_its_number(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"text": "one", "label": "a"}\n'
    path.write_bytes(f"{good}{line}\n{good}".encode("latin-1"))
    with pytest.raises(UserError) as error:
        read_labelled_texts([path])
    assert complaint in str(error.value)
    told: list[UserError] = []
    assert read_labelled_texts([path], left_out=told.append) == [LabelledText("one", "a")] * 2
    assert [complaint in str(each) for each in told] == [True]


def test_rows_of_a_table_are_named_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"two\nlines",a\nalone\n\n"x",b\n,b\n')
    told: list[str] = []
    found = read_labelled_texts([path], left_out=lambda error: told.append(error.what))
    assert found == [LabelledText("two\nlines", "a"), LabelledText("x", "b")]
    assert [" ".join(each.split(", ")[1:2]) for each in told] == ["line 4", "line 7"]


def test_a_file_whose_rows_are_bad_is_wrong_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("x", "")] * 11)
    with pytest.raises(UserError, match="11 of the first 11 rows can't be read"):
        read_labelled_texts([path], left_out=lambda error: None)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", "text", "unknown format"),
        ("a.json", "{}", "is not a list"),
        ("a.json", "[]", "There is no row"),
        ("a.csv", "", "has no column text, but none"),
        ("a.csv", "words,label\nx,y\n", "has no column text, but words, label"),
        ("a.csv", "text,label\n", "There is no row"),
    ],
)
def test_what_holds_no_rows(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        read_labelled_texts([path])
    with pytest.raises(UserError, match="There is no file"):
        read_labelled_texts([tmp_path / "none.csv"])
