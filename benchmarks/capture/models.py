"""The models that are captured from, as folders of transformers."""

import shutil
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3TextConfig,
    PreTrainedConfig,
    Qwen3Config,
)

from engine.model.source import DEMO, model_address


def random_gemma(folder: Path) -> Path:
    """A Gemma 3 of 1 billion random parameters in bfloat16, with the embedded model's tokenizer."""
    config = Gemma3TextConfig(
        vocab_size=262_144,
        hidden_size=1152,
        intermediate_size=6912,
        num_hidden_layers=26,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        max_position_embeddings=32_768,
        sliding_window=512,
    )
    return random_model(config, folder)


def random_qwen(folder: Path) -> Path:
    """A Qwen 3 of 1.7 billion random parameters, with the same tokenizer."""
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=2048,
        intermediate_size=6144,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=40_960,
        tie_word_embeddings=True,
    )
    return random_model(config, folder)


def random_model(config: PreTrainedConfig, folder: Path) -> Path:
    """A model of this configuration in bfloat16, made in `folder` if it isn't there."""
    if (folder / "whole").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model_address(DEMO).address).save_pretrained(folder)
    (folder / "whole").touch()
    return folder
