"""What a case of the other libraries' side is, and how its weights are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sae_lens
import torch
from torch import Tensor

from benchmarks.formats.sizes import D_IN, D_SAE, THRESHOLD

Seen = tuple[Tensor, Tensor]
"""Acts [n, d_sae] and what they are decoded to [n, d_out]."""


@dataclass(frozen=True)
class Case:
    """One architecture of one library."""

    make: Callable[[], Any]
    """An autoencoder, its weights yet to be drawn."""
    save: Callable[[Any, Path], object]
    load: Callable[[Path], Any]
    run: Callable[[Any, Tensor], Seen]


def draw(module: torch.nn.Module, seed: int) -> None:
    """Give every weight a random value, of a size at which some features are active."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
            if "threshold" in name:
                tensor.copy_(THRESHOLD + 0.1 * noise.clamp(-2, 2))
            else:
                tensor.copy_(noise / (6 if tensor.ndim > 1 else 3))


def sae_lens_case(architecture: str, **settings: Any) -> Case:
    """An architecture that is saved as it is used."""
    kind, config = sae_lens.registry.get_sae_class(architecture)
    return Case(
        make=lambda: kind(config(d_in=D_IN, d_sae=D_SAE, **settings)),
        save=lambda sae, folder: sae.save_model(folder),
        load=sae_lens.SAE.load_from_disk,
        run=lambda sae, x: (sae.encode(x), sae(x)),
    )
