"""The model as both programs want it: TransformerLens's."""

import json
from pathlib import Path
from typing import Any

import torch
import transformer_lens.loading_from_pretrained as loading
from torch import Tensor


def let_in(model: str) -> None:
    """TransformerLens reads a folder only if its list of official models has the folder's name."""
    loading.OFFICIAL_MODEL_NAMES.append(model)


def tokens_of(texts: Path, tokenizer: Any) -> Tensor:
    """[prompts, tokens]: every line of a corpus."""
    lines = [json.loads(line)["text"] for line in texts.read_text().splitlines()]
    return torch.tensor(tokenizer(lines)["input_ids"])
