"""The one dense product of a sparse step: which features are active, looked for among all.

A dense step of an autoencoder costs six products of 2·batch·d·F operations; a sparse one costs one,
the encoder's forward pass, which has to look at every feature. It serves only to choose: what is
chosen is computed again, in fp32. So it may be taken in bf16, which is faster on processors and
GPUs that multiply bf16 and sum in fp32 (`benchmarks.training.speed` gives both rates); or in 8-bit
integers, which is faster again on processors that have instructions for that
(`benchmarks.training.steps` gives its time beside that in bf16), and good enough to find a few more
than are wanted, of which the fp32 products then decide.
"""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

from engine.sae.kernels.support import Support, concatenate

CACHE_ELEMENTS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Pre-activations held at once: on a processor as many as its cache holds."""
INTEGER_ELEMENTS = 1 << 24
"""The same where they are made of integers of 32 bits: more, as each product begins with putting
the encoder in another order, which takes as long for few vectors as for many."""
SPARE = 4
"""One in so many candidates more than are wanted is looked for by estimates, and 8 at least."""
MEASURED = 256
"""Vectors by which it is told how large each dimension is."""
FOUND = 0.999
"""Share of the largest pre-activations that must be among such candidates."""


def preactivations(x: Tensor, encoder: Tensor, bias: Tensor, *, parts: int = 1) -> Iterator[Tensor]:
    """x @ encoder.T + bias in blocks of rows [rows, F], each good until the next is asked for."""
    dtype = product_dtype(x.device) if x.dtype == torch.float32 else x.dtype
    x, encoder, bias = (tensor.detach().to(dtype) for tensor in (x, encoder, bias))
    rows = max(1, CACHE_ELEMENTS[x.device.type] // max(1, len(encoder)) // parts)
    space = x.new_empty(min(rows, len(x)), len(encoder))
    for block in torch.split(x, rows):
        yield torch.addmm(bias, block, encoder.T, out=space[: len(block)])


def estimates(x: Tensor, encoder: Tensor, bias: Tensor, *, parts: int = 1) -> Iterator[Tensor]:
    """`preactivations` by a product of 8-bit integers, where `integers_serve`: fp32."""
    from engine.sae.kernels.cpu.estimates import from_integers

    for block in _integer_products(x, encoder, parts):
        yield from_integers(*block, bias)


def estimated_top_k(x: Tensor, encoder: Tensor, bias: Tensor, k: int, *, parts: int = 1) -> Support:
    """Of each row of `estimates` the k largest above 0."""
    from engine.sae.kernels.cpu.estimates import top_k_of_integers

    return concatenate(
        [top_k_of_integers(*block, bias, k) for block in _integer_products(x, encoder, parts)]
    )


def _integer_products(
    x: Tensor, encoder: Tensor, parts: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """x @ encoder.T in blocks [rows, F] int32, and what 1 is worth in each row and in each column.

    Each row of x [n, d] and of the encoder [F, d] is rounded to its own multiple of integers to
    ±127. Dimensions that are large throughout x would leave few integers to the others: the fourth
    root of their size is moved into the encoder first (a little of what SmoothQuant does, Xiao et
    al. 2023, arXiv:2211.10438).
    """
    from engine.sae.kernels.cpu.estimates import to_integers

    sizes = x[:: -(-len(x) // MEASURED)].abs().mean(0)  # [d]
    moved = (sizes / sizes.mean().clamp_min(1e-30)).clamp_min(1e-4).pow(1 / 4)
    x8, row_worth = to_integers(x, 1 / moved)
    encoder8, column_worth = to_integers(encoder, moved)
    rows = max(1, INTEGER_ELEMENTS // max(1, len(encoder)) // parts)
    space = torch.empty(min(rows, len(x)), len(encoder), dtype=torch.int32)
    for block, worth in zip(*(torch.split(part, rows) for part in (x8, row_worth)), strict=True):
        products = torch._int_mm(block, encoder8.T, out=space[: len(block)])
        yield products, worth, column_worth


def with_spare(wanted: int) -> int:
    """How many candidates to look for by estimates, so that those that are wanted are among them:
    the few that an estimate puts in the wrong order all lie at the border."""
    return wanted + max(8, wanted // SPARE)


def estimates_are_good(x: Tensor, encoder: Tensor) -> bool:
    """Whether `estimates` are precise enough to find candidates by, measured on some x [n, d].

    They aren't where dimensions that the encoder makes little of are far larger than all others.
    """
    if not integers_serve(x.device):
        return False
    k = max(1, min(32, len(encoder) // 64))
    wanted = (x @ encoder.T).topk(k).indices
    found = torch.cat([block.clone() for block in estimates(x, encoder, x.new_zeros(len(encoder)))])
    near = torch.zeros_like(found, dtype=torch.bool)
    near.scatter_(1, found.topk(min(len(encoder), with_spare(k))).indices, True)
    return near.gather(1, wanted).float().mean().item() >= FOUND


@cache
def product_dtype(device: torch.device) -> torch.dtype:
    """What the device multiplies fastest, with sums in fp32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        can = torch.cpu.get_capabilities()
        fast = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if fast else torch.float32


def integers_serve(device: torch.device) -> bool:
    """Whether products of 8-bit integers are faster here than those of `product_dtype`."""
    return product_dtype(device) == torch.bfloat16 and _multiplies_integers(device)


@cache
def _multiplies_integers(device: torch.device) -> bool:
    can = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(can.get(name) for name in ("avx512_vnni", "amx_int8"))
