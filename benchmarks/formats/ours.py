"""Our side: what we save in each library's layout, and what we make of what it saved."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.formats.sizes import D_IN, D_OUT, D_SAE, GROUPS, THRESHOLD, K
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import library, read_sae, recognise
from engine.sae.formats.metadata import SAEMetadata


@dataclass(frozen=True)
class Case:
    """One architecture of one library."""

    format: str
    architecture: str = ""
    """Ours; empty where the library alone writes this kind."""
    settings: dict[str, Any] = field(default_factory=dict)
    k: int | None = None
    """Stated where the files don't tell it."""

    def save(self, folder: Path, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Write one with random weights, and tell what it makes of x: acts and decoded."""
        if not self.architecture:
            return None
        shape = {"architecture": self.architecture, "d_in": D_IN, "d_sae": D_SAE}
        sae = build(SAEConfig(**shape, **self.settings)).requires_grad_(False)
        draw(sae)
        metadata = SAEMetadata(model="google/gemma-3-1b-pt", trained_as=sae.config)
        folder.mkdir(parents=True)
        library(self.format).write(at_inference(sae), folder, metadata)
        return sae.encode(x), sae(x)

    def load(self, folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
        """Read what the library wrote, and tell what it makes of x."""
        inner = [path for path in folder.rglob("*") if path.suffix in (".npz", ".safetensors")]
        deep = len(inner) == 1 and self.format == "gemma_scope"
        format, path = recognise(inner[0].parent if deep else folder, None)
        assert format == self.format
        sae, _ = read_sae(format, path, k=self.k)
        return sae.encode(x), sae(x)


def draw(sae: SparseAutoencoder) -> None:
    """Give every weight a random value, of a size at which some features are active."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in sae.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name == "threshold":
            tensor.fill_(THRESHOLD)
        elif name == "log_threshold":
            tensor.copy_(math.log(THRESHOLD) + 0.2 * noise)
        else:
            tensor.copy_(noise / (6 if tensor.ndim > 1 else 3))


COUNTED = {"k": K}
GROUPED = {"k": K, "groups": GROUPS}
ELSEWHERE = {"d_out": D_OUT}
ELSEWHERE_SKIPPING = {"d_out": D_OUT, "skip": True}

CASES = {
    "sae_lens/standard": Case("sae_lens", "relu"),
    "sae_lens/topk": Case("sae_lens", "topk", COUNTED),
    "sae_lens/topk, rescaled": Case("sae_lens"),
    "sae_lens/topk, layer_norm": Case("sae_lens", "topk", {"k": K, "layer_norm": True}),
    "sae_lens/jumprelu": Case("sae_lens", "jumprelu"),
    "sae_lens/jumprelu, uncentred": Case("sae_lens"),
    "sae_lens/gated": Case("sae_lens", "gated"),
    "sae_lens/gated, uncentred": Case("sae_lens"),
    "sae_lens/batchtopk": Case("sae_lens", "batchtopk", COUNTED),
    "sae_lens/matryoshka_batchtopk": Case("sae_lens", "matryoshka", GROUPED),
    "sae_lens/transcoder": Case("sae_lens", "relu", ELSEWHERE),
    "sae_lens/skip_transcoder": Case("sae_lens", "relu", ELSEWHERE_SKIPPING),
    "sae_lens/jumprelu_transcoder": Case("sae_lens", "jumprelu", ELSEWHERE),
    "sae_lens/jumprelu_skip_transcoder": Case("sae_lens", "jumprelu", ELSEWHERE_SKIPPING),
    "sparsify/SAE": Case("sparsify", "topk", COUNTED),
    "sparsify/SAE, expansion_factor": Case("sparsify"),
    "sparsify/transcoder": Case("sparsify", "topk", {"k": K, "d_out": D_IN}),
    "sparsify/skip transcoder of EleutherAI": Case("sparsify"),
    "sparsify/skip transcoder": Case("sparsify", "topk", {"k": K, "d_out": D_IN, "skip": True}),
    "dictionary_learning/AutoEncoder": Case("dictionary_learning"),
    "dictionary_learning/AutoEncoderNew": Case("dictionary_learning", "relu"),
    "dictionary_learning/AutoEncoderTopK": Case("dictionary_learning", "topk", COUNTED),
    "dictionary_learning/BatchTopKSAE": Case("dictionary_learning", "batchtopk", COUNTED),
    "dictionary_learning/MatryoshkaBatchTopKSAE": Case(
        "dictionary_learning", "matryoshka", GROUPED
    ),
    "dictionary_learning/JumpReluAutoEncoder": Case("dictionary_learning", "jumprelu"),
    "dictionary_learning/GatedAutoEncoder": Case("dictionary_learning", "gated"),
    "gemma_scope/1": Case("gemma_scope", "jumprelu"),
    "gemma_scope/2": Case("gemma_scope"),
    "gemma_scope/2, transcoder": Case("gemma_scope", "jumprelu", ELSEWHERE),
    "gemma_scope/2, affine transcoder": Case("gemma_scope", "jumprelu", ELSEWHERE_SKIPPING),
    "gemma_scope/1, attention": Case("gemma_scope"),
    "gemma_scope/1, transcoder": Case("gemma_scope"),
    "gemma_scope/1, transcoder, read by circuit-tracer": Case("gemma_scope"),
    "gemma_scope/2, affine transcoder, read by circuit-tracer": Case("gemma_scope"),
    "qwen_scope/TopK": Case("qwen_scope", k=K),
    "goodfire/ReLU": Case("goodfire"),
    "qresearch/ReLU": Case("qresearch"),
    "circuit_tracer/ReLU": Case("circuit_tracer"),
    "circuit_tracer/ReLU, skip": Case("circuit_tracer"),
    "circuit_tracer/JumpReLU": Case("circuit_tracer"),
    "circuit_tracer/JumpReLU, skip": Case("circuit_tracer"),
    "circuit_tracer/TopK": Case("circuit_tracer", k=K),
    "llama_scope/1, read by SAELens": Case("llama_scope"),
    "llama_scope/2, read by SAELens": Case("llama_scope"),
    "llama_scope/3, jumprelu": Case("llama_scope"),
    "llama_scope/3, jumprelu transcoder": Case("llama_scope"),
    "llama_scope/3, jumprelu without lengths": Case("llama_scope"),
    "llama_scope/3, topk": Case("llama_scope"),
    "llama_scope/3, relu transcoder": Case("llama_scope"),
    "openai/TopK": Case("openai", "topk", {"k": K, "layer_norm": True}),
    "openai/ReLU": Case("openai", "relu"),
}
"""The same names as in `peers`."""
