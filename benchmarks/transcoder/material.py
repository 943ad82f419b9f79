"""Models of the real shape and transcoders of a published shape, all their numbers random."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file

from benchmarks.capture.models import random_gemma, random_qwen

GEMMA_SCOPE_WIDTH = 16_384
QWEN_WIDTH = 163_840
"""What we take the features of a layer of mwhanna/qwen3-1.7b-transcoders for."""
_ABOVE = 2.9
"""Deviations of a pre-activation above which a feature of Gemma's is active: 31 of 16,384."""
_ABOVE_RELU = 3.3
"""The same of Qwen's: 79 of 163,840."""


class Pair(NamedTuple):
    """A model and a transcoder for one of its layers."""

    model: Callable[[Path], Path]
    """Makes it in a folder, if it isn't there."""
    transcoder: Callable[[Path, int], Path]
    """Makes it in a folder, with so many features."""
    width: int
    """Features of the published one."""
    layer: int
    described: str


def gemma_scope_2(folder: Path, width: int) -> Path:
    """Gemma Scope 2's layout: JumpReLU with an affine skip connection, in float32."""
    d = 1152
    generator = torch.Generator().manual_seed(0)
    w_enc = torch.randn(d, width, generator=generator) / d**0.5
    weights = {
        "w_enc": w_enc,
        "w_dec": torch.randn(width, d, generator=generator) / d**0.5,
        "b_enc": torch.zeros(width),
        "b_dec": torch.zeros(d),
        "threshold": torch.full((width,), _ABOVE),
        "affine_skip_connection": torch.randn(d, d, generator=generator) / d,
    }
    config = {
        "architecture": "jump_relu",
        "type": "transcoder",
        "width": width,
        "model_name": "gemma-v3-1b-pt",
        "hf_hook_point_in": "model.layers.13.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.13.post_feedforward_layernorm.output",
        "affine_connection": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "params.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def qwen_transcoder(folder: Path, width: int) -> Path:
    """A ReLU transcoder in SAELens's layout, in bfloat16."""
    d = 2048
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.empty(width, d, dtype=torch.bfloat16) for _ in range(2)]
    for weight in drawn:
        weight.normal_(0, d**-0.5, generator=generator)
    weights = {
        "W_enc": drawn[0].T.contiguous(),
        "W_dec": drawn[1],
        "b_enc": torch.full((width,), -_ABOVE_RELU, dtype=torch.bfloat16),
        "b_dec": torch.zeros(d, dtype=torch.bfloat16),
    }
    config = {
        "architecture": "transcoder",
        "d_in": d,
        "d_out": d,
        "d_sae": width,
        "dtype": "bfloat16",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.0",
            "model_name": "Qwen/Qwen3-1.7B",
            "hook_name": "blocks.14.mlp.hook_in",
            "hook_name_out": "blocks.14.hook_mlp_out",
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


PAIRS = {
    "gemma3-1b": Pair(
        random_gemma,
        gemma_scope_2,
        GEMMA_SCOPE_WIDTH,
        13,
        "Gemma 3 1B (26 layers, d_model 1152, 262,144 tokens) with a skip transcoder in Gemma Scope"
        " 2's layout (JumpReLU)",
    ),
    "qwen3-1.7b": Pair(
        random_qwen,
        qwen_transcoder,
        QWEN_WIDTH,
        14,
        "Qwen 3 1.7B (28 layers, d_model 2048, 151,936 tokens) with a ReLU transcoder in SAELens's"
        " layout (bfloat16)",
    ),
}
