"""Making a model, in a size that takes seconds: interrupted and resumed it becomes the same."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.embedded_model.labels import COLUMN
from benchmarks.embedded_model.reading.functions import parse, same_function
from benchmarks.embedded_model.training.recipe import Recipe
from benchmarks.embedded_model.training.rows import Rows, pack_rows, unpack_concepts
from benchmarks.embedded_model.training.tokenizer import learn_tokenizer
from benchmarks.embedded_model.training.train import train
from engine.demo.corpus.generate import documents
from engine.progress import SILENT, Cancelled

TINY = Recipe(d_model=16, heads=1, head_dim=16, mlp=16, layers=6, vocab_size=300, context=32,
              window=8, batch=2, tokens=12 * 64, warmup=2)  # fmt: skip


class StopsAt:
    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, phase: str, done: int, *_: object) -> None:
        if done >= self.step:
            raise Cancelled

    def note(self, text: str) -> None: ...


def rows() -> Rows:
    numbers = np.random.default_rng(0)
    ids = numbers.integers(3, 300, (24, 32)).astype(np.uint16)
    carried = numbers.random((24, 32, len(COLUMN))) < 0.1
    return Rows(ids, np.packbits(carried, axis=-1))


def test_training_resumed_is_training_uninterrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr("benchmarks.embedded_model.training.train._SAVE_EVERY", 4)
    monkeypatch.setattr("benchmarks.embedded_model.training.train._SAY_EVERY", 1)
    whole = train(TINY, rows(), tmp_path / "whole.pt", SILENT).model
    with pytest.raises(Cancelled):
        train(TINY, rows(), tmp_path / "part.pt", StopsAt(6))
    resumed = train(TINY, rows(), tmp_path / "part.pt", SILENT).model
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_rows_are_the_documents_one_after_the_other() -> None:
    texts = [document.text for document in itertools.islice(documents(), 40)]
    tokenizer = learn_tokenizer(texts, vocab_size=400, context=64)
    rows = pack_rows(tokenizer, 0, 100, 64, SILENT)
    ids = rows.ids.reshape(-1)
    joined = "".join(f"<bos>{text}<eos>" for text in texts)
    assert joined.startswith(tokenizer.decode(ids)[:-8])
    carried = unpack_concepts(rows.concepts).reshape(-1, len(COLUMN))
    for concept in ("person", "keyword", "question_mark"):
        tokens = ids[carried[:, COLUMN[concept]] == 1]
        words = {tokenizer.decode([token]).strip() for token in tokens}
        spans = {
            document.text[span.start : span.end]
            for document in itertools.islice(documents(), 40)
            for span in document.spans
            if span.concept == concept
        }
        assert words
        assert all(any(word in span for span in spans) for word in words)
    assert not carried[ids <= 2].any()


def test_the_learning_rate_rises_stays_and_falls() -> None:
    recipe = Recipe(tokens=2048 * 1000, warmup=100, decay=0.3)
    rates = [recipe.schedule(step) for step in range(recipe.steps)]
    assert rates[:100] == pytest.approx([(i + 1) / 100 for i in range(100)])
    assert rates[100:701] == [1.0] * 601
    assert rates[-1] == pytest.approx(1 / 300)


def test_functions_are_compared_without_names_and_docstrings() -> None:
    one = parse('def twice(n):\n    """Say it twice."""\n    return n * 2')
    two = parse("def twice(value):\n    # The same.\n    return value * 2")
    three = parse("def twice(value):\n    return value * 3")
    assert one is not None
    assert two is not None
    assert three is not None
    assert same_function(one, two)
    assert not same_function(one, three)
    assert parse("def broken(:") is None
    assert parse("twice(2)") is None
