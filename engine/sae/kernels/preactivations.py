"""The one dense product of a sparse step: which features are active, looked for among all.

A dense step of an autoencoder costs six products of 2·batch·d·F operations; a sparse one costs one,
the encoder's forward pass, which has to look at every feature. It serves only to choose: what is
chosen is computed again, in fp32. So it may be taken in bf16, which is twice as fast on processors
and GPUs that multiply bf16 and sum in fp32.
"""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

CACHE_ELEMENTS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Pre-activations held at once: on a processor as many as its cache holds."""


def preactivations(x: Tensor, encoder: Tensor, bias: Tensor, *, parts: int = 1) -> Iterator[Tensor]:
    """x @ encoder.T + bias in blocks of rows [rows, F], each good until the next is asked for."""
    dtype = product_dtype(x.device) if x.dtype == torch.float32 else x.dtype
    x, encoder, bias = (tensor.detach().to(dtype) for tensor in (x, encoder, bias))
    rows = max(1, CACHE_ELEMENTS[x.device.type] // max(1, len(encoder)) // parts)
    space = x.new_empty(min(rows, len(x)), len(encoder))
    for block in torch.split(x, rows):
        yield torch.addmm(bias, block, encoder.T, out=space[: len(block)])


@cache
def product_dtype(device: torch.device) -> torch.dtype:
    """What the device multiplies fastest, with sums in fp32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        can = torch.cpu.get_capabilities()
        fast = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if fast else torch.float32
