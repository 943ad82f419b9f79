"""How alike features' decoder directions are: two with a cosine near 1 learned the same thing."""

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from engine.progress import SILENT, Progress
from engine.sae.blocks import rows_per_block


class DecoderCosines(msgspec.Struct, frozen=True, kw_only=True):
    """Over features, the largest cosine with another feature; not a number where there is none."""

    mean_decoder_cosine: float
    max_decoder_cosine: float


def decoder_cosines(W_dec: Tensor, progress: Progress = SILENT) -> DecoderCosines:
    """The mean and the largest of `nearest_cosines`, from W_dec [d_sae, d_out]."""
    nearest = nearest_cosines(W_dec, progress).double()
    alone = len(nearest) < 2
    return DecoderCosines(
        mean_decoder_cosine=float("nan") if alone else nearest.mean().item(),
        max_decoder_cosine=float("nan") if alone else nearest.max().item(),
    )


@torch.no_grad()
def nearest_cosines(W_dec: Tensor, progress: Progress = SILENT) -> Tensor:
    """[d_sae] fp32: for each feature the largest cosine of its direction with another feature's.

    From W_dec [d_sae, d_out], a block of rows against all rows behind it at a time, so that the
    d_sae² cosines are neither held at once nor computed twice. A row of zeros has cosine 0.
    """
    directions = functional.normalize(W_dec.float(), dim=1)
    features = len(directions)
    nearest = directions.new_full((features,), -1.0)
    rows = rows_per_block(features)
    for first in range(0, features, rows):
        progress("compare decoder directions", first, features, "features")
        block = directions[first : first + rows]
        cosines = block @ directions[first:].T
        cosines.diagonal().fill_(-1.0)
        here, behind = nearest[first : first + rows], nearest[first:]
        torch.maximum(behind, cosines.amax(0), out=behind)
        torch.maximum(here, cosines.amax(1), out=here)
    progress("compare decoder directions", features, features, "features")
    return nearest
