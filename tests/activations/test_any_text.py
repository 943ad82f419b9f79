"""Texts of files of which nobody says whether they hold prompts or documents."""

from pathlib import Path

import pytest

from engine.activations.any_text import read_texts
from engine.errors import UserError


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.txt", "one\ntwo\n", ["one", "two"]),
        ("a.txt", "\n\none\ntwo\n \n\n", ["one", "two"]),
        ("a.txt", "one\nstill\n\ntwo\n", ["one\nstill", "two"]),
        ("a.jsonl", '{"prompt": "one", "category": "x"}\n{"prompt": "two"}\n', ["one", "two"]),
        ("a.jsonl", '\n{"text": "one"}\n{"text": "two"}\n', ["one", "two"]),
        ("a.jsonl", '"one"\n"two"\n', ["one", "two"]),
        ("a.jsonl", 'null\n{"prompt": "one"}\n{"prompt": null}\n', ["one"]),
        ("a.json", '[null, {"prompt": "one"}]', ["one"]),
        ("a.json", '[{"text": null}, {"text": "one"}]', ["one"]),
        ("a.json", '["one", "two"]', ["one", "two"]),
        ("a.json", '[{"prompt": "one"}, {"prompt": "two"}]', ["one", "two"]),
        ("a.json", '[{"text": "one"}, "two"]', ["one", "two"]),
    ],
)
def test_either_kind_is_read(name: str, content: str, texts: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert list(read_texts(tmp_path / name)) == texts


def test_a_folder_is_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo")
    (tmp_path / "b.txt").write_text("three")
    assert list(read_texts(tmp_path)) == ["one\ntwo", "three"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.jsonl", '{"prompt": "one"}\n{"text": "two"}\n', "line 2, is no prompt"),
        ("a.jsonl", '{"text": "one"}\n{"prompt": "two"}\n', "line 2, is no document"),
        ("a.jsonl", "{}", "line 1, is no document"),
        ("a.json", "{}", "not a list"),
        ("a.json", "[", "not JSON"),
        ("a.json", "[]", "no text"),
        ("a.txt", " \n", "holds no prompt"),
        ("a.pdf", "one", "unknown format"),
        ("a.txt", None, "There is no file"),
    ],
)
def test_the_complaint_is_about_what_the_file_seems_to_be(
    name: str, content: str | None, complaint: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=complaint):
        list(read_texts(tmp_path / name))
