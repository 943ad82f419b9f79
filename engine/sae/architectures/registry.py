"""From a configuration to an autoencoder."""

import functools

import torch

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.batchtopk import BatchTopK
from engine.sae.architectures.gated import Gated
from engine.sae.architectures.jumprelu import JumpReLU
from engine.sae.architectures.matryoshka import Matryoshka
from engine.sae.architectures.normalised import ReadsNormalised
from engine.sae.architectures.relu import ReLU
from engine.sae.architectures.seed import SeedBasic, SeedOptimised
from engine.sae.architectures.topk import TopK
from engine.sae.config import SAEConfig

CLASSES: dict[str, type[SparseAutoencoder]] = {
    "topk": TopK,
    "batchtopk": BatchTopK,
    "matryoshka": Matryoshka,
    "jumprelu": JumpReLU,
    "gated": Gated,
    "relu": ReLU,
    "seed-basic": SeedBasic,
    "seed-optimised": SeedOptimised,
}


def build(config: SAEConfig, seed: int = 0) -> SparseAutoencoder:
    """An untrained autoencoder on the CPU; its weights depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _class_of(config.architecture, config.layer_norm)(config)


def outline(config: SAEConfig) -> SparseAutoencoder:
    """The same without memory: its tensors have shapes and no values (torch's meta device)."""
    with torch.device("meta"):
        return _class_of(config.architecture, config.layer_norm)(config)


@functools.cache
def _class_of(architecture: str, layer_norm: bool) -> type[SparseAutoencoder]:
    plain = CLASSES[architecture]
    if not layer_norm:
        return plain
    return type(f"Normalised{plain.__name__}", (ReadsNormalised, plain), {})
