"""Streaming a data set; a local folder stands for the hub."""

import sys

import pytest

from engine.activations.hub_dataset import stream_dataset
from engine.errors import UserError


def test_texts_are_streamed_and_blank_ones_left_out(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "train.jsonl").write_text('{"text": "a\\u001b[1m"}\n{"text": " "}\n{"text": "b"}\n')
    assert list(stream_dataset(str(tmp_path))) == ["a\x1b[1m", "b"]


def test_a_data_set_without_text_is_refused(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "train.jsonl").write_text('{"words": "a"}\n')
    with pytest.raises(UserError, match="no column text"):
        list(stream_dataset(str(tmp_path)))
    with pytest.raises(UserError, match="can't be read"):
        list(stream_dataset(str(tmp_path / "nowhere")))


def test_nulls_are_left_out_and_a_malformed_row_is_named(monkeypatch):
    class Errors:
        DatasetsError = LookupError

    class Library:
        exceptions = Errors
        rows = ({"text": "a"}, {"text": None}, {"text": ""}, {"text": "b"}, {"text": 5})

        @classmethod
        def load_dataset(cls, *_, **__):
            return iter(cls.rows)

    monkeypatch.setitem(sys.modules, "datasets", Library)
    texts = stream_dataset("some/stories")
    assert [next(texts), next(texts)] == ["a", "b"]
    with pytest.raises(UserError, match=r"Row 5 of .*some/stories is no document"):
        next(texts)


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"needs the library datasets.*brainsurg\[data\]"):
        list(stream_dataset("some/stories"))
