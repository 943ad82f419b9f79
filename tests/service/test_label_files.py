"""Files of labels, as others write them and as we do."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainsurg_tui.commands import label_files
from brainsurg_tui.commands.label_files import read_notes
from brainsurg_tui.commands.tables.notes import note_row
from brainsurg_tui.exports import csv_text, json_text
from engine.errors import UserError
from engine.features.notes import Note, canonical_note


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labels"


CITIES = [(7, Note(label="cities")), (12, Note(label="a, b"))]


@pytest.mark.parametrize(
    "text",
    [
        'feature,label\n7,cities\n12,"a, b"\n',
        '\ufeffFeature , LABEL,confidence\r\n7,cities,0.5\r\n12,"a, b",\r\n',
        "index,description\n7,cities\n12,'a, b'".replace("'", '"'),
        '[{"feature": 7, "label": "cities"}, {"feature": 12, "label": "a, b"}]',
        '{"7": "cities", "12": "a, b"}',
        '{"feature": 7, "label": "cities"}\n\n{"feature": "12", "label": "a, b"}\n',
        '[{"modelId": "gpt2-small", "layer": "8-res-jb", "index": "7", "description": "cities",'
        ' "explanationModelName": "gpt-4", "notes": null}, {"index": "12", "description": "a, b"}]',
    ],
)
def test_what_others_write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="")
    assert read_notes(file) == CITIES


EXPLANATIONS = [
    {"modelId": "m", "layer": "2-res", "index": "7", "description": "cities", "id": "cl1"},
    {"modelId": "m", "layer": "2-res", "index": "12", "description": "a, b", "id": "cl2"},
]
FEATURES = [
    {"modelId": "m", "index": "7", "explanations": [{"id": "cl1", "description": "cities"}]},
    {"modelId": "m", "index": "9", "explanations": []},
    {"modelId": "m", "index": "10", "explanations": None},
    {"modelId": "m", "index": "12", "explanations": EXPLANATIONS[1:]},
]
NULL = EXPLANATIONS[0] | {"index": "8", "description": None}


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"modelId": "m", "saeId": "2-res", "explanations": EXPLANATIONS}),
        json.dumps(FEATURES),
        lines(FEATURES),
        lines(EXPLANATIONS),
        json.dumps([NULL, *EXPLANATIONS]),
        lines([EXPLANATIONS[0], NULL, EXPLANATIONS[1]]),
        json.dumps({"explanations": [NULL, *EXPLANATIONS]}),
        '{"7": "cities", "8": null, "12": "a, b"}',
        json.dumps({"sae": "s", "features": [{"feature": 7, "label": "cities"}, EXPLANATIONS[1]]}),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_neuronpedia_writes_packed_or_not(file: Path, text: str, packed: bool) -> None:
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_notes(file) == CITIES


def test_a_null_beside_tags_is_no_label_and_the_tags_are_kept(file: Path) -> None:
    file.write_text('[{"feature": 7, "label": null, "tags": ["a"]}]')
    assert read_notes(file) == [(7, Note(tags=("a",)))]


def test_a_single_feature_with_its_explanations(file: Path) -> None:
    file.write_text(json.dumps(FEATURES[0]))
    assert read_notes(file) == CITIES[:1]


def test_a_single_object_is_a_row_and_not_a_map_of_numbers(file: Path) -> None:
    file.write_text('{"index": 7, "description": "cities"}')
    assert read_notes(file) == CITIES[:1]


def test_tags_stars_and_notes(file: Path) -> None:
    file.write_text('feature,label,tags,starred,note\n7,,"b, a",yes,"two\nlines"\n8,x,,,\n')
    assert read_notes(file) == [
        (7, Note(tags=("b", "a"), starred=True, text="two\nlines")),
        (8, Note(label="x")),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `feature`"),
        ("number,label\n7,cities\n", "no column `feature`"),
        ("feature,label\n7,cities\nx,verbs\n", "row 2: 'x' is not the number"),
        ("feature,label\n-1,cities\n", "row 1: '-1' is not the number"),
        ('feature,label\n7,"cities\n', "can't be read"),
        ('[{"label": "cities"}]', "row 1: it names no feature"),
        ('[{"feature": true, "label": "x"}]', "row 1: it names no feature"),
        ('[{"feature": 99999999999, "label": "x"}]', "row 1: 99999999999 is not the number"),
        ('[{"feature": 1, "label": ["x"]}]', "row 1: .*label"),
        ('[{"feature": 1, "tags": [2]}]', "row 1: .*tags"),
        ("[1, 2]", "can't be read"),
        ('{"feature": 1,', "can't be read"),
        ('{"explanations": 5}', "can't be read"),
        ('{"explanations": [1]}', "can't be read"),
        ('[{"feature": ' * 100_000, "nested beyond reason"),
        ('{"1": ' * 200_000, "nested beyond reason"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        read_notes(file)


def test_what_is_no_text_at_all(file: Path) -> None:
    with pytest.raises(UserError, match="can't be read: No such file"):
        read_notes(file)
    file.write_bytes(b"\x1f\x8b\x08\xff")
    with pytest.raises(UserError, match="no text in UTF-8"):
        read_notes(file)
    file.write_bytes(gzip.compress(b'{"7": "cities"}' * 99)[:-9])
    with pytest.raises(UserError, match="nor a whole one"):
        read_notes(file)


def test_a_small_file_that_unpacks_to_a_large_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_files, "_LONGEST", 1 << 20)
    file.write_bytes(gzip.compress(b"[" * (1 << 22)))
    assert file.stat().st_size < 1 << 13
    with pytest.raises(UserError, match="more than 1,048,576 bytes"):
        read_notes(file)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
tags = st.sets(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5), max_size=3)
notes = st.builds(
    Note, label=words, tags=tags.map(lambda some: tuple(sorted(some))), starred=st.booleans(),
    text=words,
).map(canonical_note)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 2**31 - 1), notes, min_size=1, max_size=5))
def test_what_was_exported_is_imported_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, written: dict[int, Note]
) -> None:
    rows: list[dict[str, Any]] = [{"feature": f, **note_row(note)} for f, note in written.items()]
    file = tmp_path_factory.mktemp("exported") / "labels"
    for text in (csv_text(rows), json_text(rows)):
        file.write_text(text, encoding="utf-8", newline="")
        assert {feature: canonical_note(note) for feature, note in read_notes(file)} == written
    lines = csv.DictReader(io.StringIO(csv_text(rows), newline=""))
    assert [int(line["feature"]) for line in lines] == list(written)
