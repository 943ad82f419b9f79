"""How good an autoencoder is on the synthetic dictionary, measured alike for every library."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.training.messages import Score

CHUNK = 2_048
"""Vectors encoded at once."""
FOUND = 0.9
"""A true direction whose best cosine with a decoder row is above this counts as recovered."""


class Snapshot(NamedTuple):
    """An autoencoder at some step of its training, whichever library it comes from."""

    reconstruct: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Raw activations [n, d_in] to their reconstruction [n, d_in] and the acts it is made of,
    [n, d_sae] or only the kept ones [n, k], dense or sparse."""
    decoder: Tensor
    """[d_sae, d_in], in whatever units."""


@torch.no_grad()
def score(truth: Tensor, held: Tensor, sae: Snapshot) -> Score:
    """Of the true directions [n, d_in] and the held-out vectors [n, d_in]."""
    error, active = 0.0, 0
    for x in held.split(CHUNK):
        reconstruction, acts = sae.reconstruct(x)
        error += (x - reconstruction).double().square().sum().item()
        active += int((acts.to_dense() != 0).sum())
    spread = (held - held.mean(0)).double().square().sum().item()
    if not len(truth):
        return Score(fvu=error / spread, l0=active / len(held), recovered=0.0)
    written = torch.nn.functional.normalize(sae.decoder.float(), dim=1)
    closest = torch.cat([(part @ written.T).amax(1) for part in truth.split(CHUNK)])
    return Score(
        fvu=error / spread,
        l0=active / len(held),
        recovered=(closest > FOUND).double().mean().item(),
    )
