"""Other libraries are told which activations an SAE that was trained here has not seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.activations.store.row_summary import RowCounts, RowSummary, SinkRule
from engine.sae.formats.libraries import library
from engine.sae.formats.metadata import SAEMetadata
from tests.sae.formats.made import made

ROWS = RowSummary(rule=SinkRule.of_median(3.0), counts=RowCounts(text=90, start=5, sink=5))
WITHOUT_BOS = RowSummary(rule=ROWS.rule, counts=RowCounts(text=95, sink=5))


@pytest.mark.parametrize(
    ("about", "lens", "learning"),
    [
        ({"row_summary": ROWS}, True, {"remove_bos": True, "max_activation_norm_multiple": 10.0}),
        ({"row_summary": WITHOUT_BOS}, None, {"max_activation_norm_multiple": 10.0}),
        ({"row_summary": ROWS, "keep_sinks": True}, None, {}),
        ({}, None, {}),
    ],
)
def test_what_was_left_out_is_told(
    tmp_path: Path, about: dict[str, Any], lens: bool | None, learning: dict[str, Any]
) -> None:
    metadata = SAEMetadata(model="m", site="resid_post.2", **about)
    library("sae_lens").write(made("topk"), tmp_path, metadata)
    told = json.loads((tmp_path / "cfg.json").read_text())["metadata"]
    assert told.get("exclude_special_tokens") == lens
    library("dictionary_learning").write(made("topk"), tmp_path, metadata)
    buffer = json.loads((tmp_path / "config.json").read_text())["buffer"]
    assert {name: buffer[name] for name in buffer if name != "ctx_len"} == learning


def test_what_a_library_told_is_told_again_as_it_was(tmp_path: Path) -> None:
    kept = {"dictionary_learning": {"max_activation_norm_multiple": 7, "remove_bos": False}}
    metadata = SAEMetadata(library_fields=kept)
    library("dictionary_learning").write(made("topk"), tmp_path, metadata)
    buffer = json.loads((tmp_path / "config.json").read_text())["buffer"]
    assert buffer.items() >= kept["dictionary_learning"].items()
