"""How fast this machine multiplies matrices: what a training step can't beat."""

import statistics

import torch

from benchmarks.training.clock import now
from benchmarks.training.sizes import Size

SQUARE = 2_048
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def product_rates(size: Size, seconds: float = 2.0, *, processor: bool = False) -> dict[str, float]:
    """Floating-point operations per second in fp32 and bf16, within about `seconds`, which are the
    processor's or the wall's.

    The better of the encoder's own product (batch × d_in × width) and a square one.
    """
    shapes = ((size.batch, size.d_in, size.width), (SQUARE, SQUARE, SQUARE))
    share = seconds / len(DTYPES) / len(shapes)
    return {
        name: max(_rate(shape, dtype, share, processor=processor) for shape in shapes)
        for name, dtype in DTYPES.items()
    }


def reference_gflops(seconds: float = 0.3, *, processor: bool = False) -> float:
    """The rate of a square fp32 product right now."""
    return _rate((SQUARE, SQUARE, SQUARE), torch.float32, seconds, processor=processor) / 1e9


def _rate(
    shape: tuple[int, int, int], dtype: torch.dtype, seconds: float, *, processor: bool
) -> float:
    """Operations per second in the median product of an m × n by an n × p matrix."""
    m, n, p = shape
    left, right = torch.randn(m, n).to(dtype), torch.randn(n, p).to(dtype)
    out = torch.empty(m, p, dtype=dtype)
    torch.mm(left, right, out=out)
    taken: list[float] = []
    while sum(taken) < seconds:
        began = now(processor=processor)
        torch.mm(left, right, out=out)
        taken.append(now(processor=processor) - began)
    return 2 * m * n * p / statistics.median(taken)
