"""From a configuration to an autoencoder."""

import functools
import pkgutil

import torch

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import SAEConfig
from engine.sae.traits import traits_of


def class_of(architecture: str) -> type[SparseAutoencoder]:
    """The class that an architecture's traits name. UserError where there is no such name."""
    implementation: type[SparseAutoencoder] = pkgutil.resolve_name(
        traits_of(architecture).implementation
    )
    return implementation


def build(config: SAEConfig, seed: int = 0) -> SparseAutoencoder:
    """An untrained autoencoder on the CPU; its weights depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _class_of(config.architecture, config.layer_norm)(config)


def outline(config: SAEConfig) -> SparseAutoencoder:
    """An untrained autoencoder that takes no memory: its tensors have shapes and no values (torch's
    meta device)."""
    with torch.device("meta"):
        return _class_of(config.architecture, config.layer_norm)(config)


@functools.cache
def _class_of(architecture: str, layer_norm: bool) -> type[SparseAutoencoder]:
    plain = class_of(architecture)
    if not layer_norm:
        return plain
    from engine.sae.architectures.normalised import ReadsNormalised

    return type(f"Normalised{plain.__name__}", (ReadsNormalised, plain), {})
