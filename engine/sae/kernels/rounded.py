"""Looking for what is active by products in bf16, without missing any.

A product of a vector x and a row w that are rounded to x' and w' is off by no more than

    |x · w − x' · w'| ≤ ‖x − x'‖ ‖w‖ + ‖x'‖ ‖w − w'‖

(Cauchy and Schwarz), beside what sums of d terms in fp32 lose, d · 2⁻²⁴ · ‖x‖ ‖w‖ (Higham, Accuracy
and Stability of Numerical Algorithms, 3.1). So whatever could be active, whichever way its rounding
went, is found among the rounded products, and of it the fp32 products decide. Where bf16 is
multiplied twice as fast as fp32 that takes about half of the time of products in fp32.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.sae.kernels.preactivations import CACHE_ELEMENTS, product_dtype
from engine.sae.kernels.support import Support, concatenate

FEWEST = 512
"""Features from which on rounded products are worth their trouble."""
MANY = 8
"""Where a vector has more candidates than one in so many features, products in fp32 are quicker."""
SUMS = 2**-22
"""What a sum of products may lose for each of its terms, with room for pairs that are summed before
they are rounded."""
MARGIN = 1.02
"""For what is lost in working out the bounds themselves."""


def rounded_products_serve(encoder: Tensor) -> bool:
    """Whether products with these rows [F, d] are taken faster in bf16, and kernels go with it."""
    device = encoder.device
    return (
        device.type == "cpu"
        and encoder.dtype == torch.float32
        and len(encoder) >= FEWEST
        and product_dtype(device) == torch.bfloat16
    )


class RoundedEncoder:
    """Rows [F, d] and their biases [F], rounded to bf16 once for many batches of vectors.

    Memory: 2 bytes for each number of the rows.
    """

    def __init__(self, encoder: Tensor, bias: Tensor) -> None:
        self.encoder, self.bias = encoder.bfloat16(), bias.bfloat16()
        self._lengths = encoder.norm(dim=1)  # [F]
        parts = zip(*(torch.split(rows, FEWEST) for rows in (encoder, self.encoder)), strict=True)
        self._lost = torch.cat([(rows - near).norm(dim=1) for rows, near in parts])  # ‖w − w'‖ [F]
        self._lost += encoder.shape[1] * SUMS * self._lengths
        # added to a product in bf16 a bias may be rounded once more, with the product
        self._lost_bias = (bias - self.bias).abs() + bias.abs() / 256  # [F]

    def top_k(self, x: Tensor, k: int) -> Support | None:
        """The features that may be among the k largest x · w + bias above 0 of each of the vectors
        [n, d]. None where there are many of them, or no bounds."""
        from engine.sae.kernels.cpu.bounded import top_k_within

        found = []
        for pre, block in self._products(x):
            lost, length = _lost(block)
            off = lost * self._lengths.max() + length * self._lost.max() + self._lost_bias.max()
            if not off.isfinite().all():
                return None
            support = top_k_within(pre, k, off * MARGIN, self._most(k))
            if support is None:
                return None
            found.append(support)
        return concatenate(found)

    def above(self, x: Tensor, least: Tensor) -> Support | None:
        """The features whose x · w + bias may be above `least` [F], which is no less than 0. None
        where there are many of them, or no bounds."""
        from engine.sae.kernels.cpu.bounded import at_least

        found = []
        for pre, block in self._products(x):
            lost, length = (part.max() for part in _lost(block))
            off = lost * self._lengths + length * self._lost + self._lost_bias  # [F]
            if not off.isfinite().all():
                return None
            support = at_least(pre, least * (1 - 1 / 128) - off * MARGIN, self._most(1))
            if support is None:
                return None
            found.append(support)
        return concatenate(found)

    def _products(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """x @ rows.T + bias in bf16, in blocks [rows, F] for the cache, and their vectors."""
        features = len(self.encoder)
        rows = max(1, CACHE_ELEMENTS["cpu"] // features)
        space = x.new_empty(min(rows, len(x)), features, dtype=torch.bfloat16)
        for block in torch.split(x, rows):
            out = space[: len(block)]
            yield torch.addmm(self.bias, block.bfloat16(), self.encoder.T, out=out), block

    def _most(self, k: int) -> int:
        return min(len(self.encoder), max(4 * k, len(self.encoder) // MANY))


def _lost(x: Tensor) -> tuple[Tensor, Tensor]:
    """‖x − x'‖ and ‖x'‖ of each vector: [n]."""
    rounded = x.bfloat16().float()
    return (x - rounded).norm(dim=1), rounded.norm(dim=1)
