"""The norms of activations, by which sinks are told (`engine.activations.row_kinds`)."""

import torch
from torch import Tensor


def row_norms(acts: Tensor) -> Tensor:
    """The norms [...] of activations [..., d_model], float32 on their device.

    NaN for one that holds NaN or infinity. One that is finite has a finite norm, also where its
    squares are beyond float32; norms end at float32's largest number.
    """
    norms: Tensor = torch.linalg.vector_norm(acts, dim=-1, dtype=torch.float32)
    beyond = ~norms.isfinite()
    if beyond.any():
        exact = torch.linalg.vector_norm(acts[beyond].double(), dim=-1)
        exact = exact.clamp_max(torch.finfo(torch.float32).max).where(exact.isfinite(), torch.nan)
        norms[beyond] = exact.float()
    return norms
