"""The benchmark of evaluations: which tokens are read, and when figures count as the same."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from benchmarks.evaluation.__main__ import ROUND_OFF, same_rows, table, windows_of
from benchmarks.evaluation.figures import SAME


def test_windows_are_whole_and_tokenised_to_the_same_again(
    stories_model_path: Path, stories_path: Path, tmp_path: Path
) -> None:
    stories = tmp_path / "stories.json"
    stories.write_text(json.dumps(json.loads(stories_path.read_text())[:20]))
    tokenizer = AutoTokenizer.from_pretrained(stories_model_path)
    windows = windows_of(stories_model_path, stories, 32, 12)
    assert len(windows.texts) == len(windows.tokens) == 12
    for text, tokens in zip(windows.texts, windows.tokens, strict=True):
        assert tokenizer(text)["input_ids"] == tokens
        assert len(tokens) == 32
        assert tokens.count(tokenizer.bos_token_id) == 1
    with pytest.raises(SystemExit, match="windows of 32 tokens, not 99999"):
        windows_of(stories_model_path, stories, 32, 99_999)


def test_a_figure_in_other_units_is_the_same_and_another_is_not() -> None:
    sizes = {"d_in": 4, "tokens": 10}
    ours = {same.ours: 0.5 for same in SAME}
    theirs = {same.theirs: 0.5 for same in SAME}
    peers = {
        "saelens": {"found": {"a": theirs | {"mse": 2.0}}},
        "saebench": {"found": {"a": theirs | {"mse": 0.2, "l0": 0.6}}},
    }
    rows = same_rows({"a": ours}, peers, sizes)
    assert len(rows) == sum(len(same.peers) for same in SAME)
    apart = {(row.figure, row.peer) for row in rows if row.apart > ROUND_OFF}
    assert apart == {("l0", "saebench")}
    (line,) = (line for line in table(rows, 2).splitlines() if "`l0`" in line)
    assert "0.50 | 0.50 | 0.60 | 2e-01" in line
