"""Which kernels serve a tensor."""

from types import ModuleType

import torch
from torch import Tensor

from engine.sae.kernels import reference


def kernels_for(tensor: Tensor) -> ModuleType:
    """The fastest kernels there are for the device and dtype of `tensor`."""
    if tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.bfloat16):
        from engine.sae.kernels import cpu

        return cpu
    return reference
