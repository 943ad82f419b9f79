"""Which kernels serve a tensor."""

import warnings
from functools import cache

import torch
from torch import Tensor

from engine.sae.kernels import reference
from engine.sae.kernels.protocol import Kernels


def kernels_for(tensor: Tensor) -> Kernels:
    """The fastest kernels there are for the device and dtype of `tensor`."""
    if tensor.dtype in (torch.float32, torch.bfloat16):
        if tensor.device.type == "cpu":
            from engine.sae.kernels import cpu

            return cpu
        if tensor.device.type == "cuda" and triton_serves(tensor.device):
            from engine.sae.kernels import cuda

            return cuda
    return reference


@cache
def triton_serves(device: torch.device) -> bool:
    """Whether a kernel runs on this GPU: there may be no Triton, no C compiler, an old GPU.

    Warns where none does, since everything is several times slower without.
    """
    if torch.version.hip:
        return False  # where these kernels were never tried
    try:
        from engine.sae.kernels import cuda

        cuda.normalise_rows(torch.ones(1, 1, device=device, dtype=torch.bfloat16))
    except Exception as error:  # a compiler's, its driver's, the system's: none has a common kind
        warnings.warn(f"Triton's fast kernels can't be had on {device}: {error}", stacklevel=2)
        return False
    return True
