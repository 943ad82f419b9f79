"""How good an autoencoder is on activations that it has not seen.

All sums are taken in fp64. Var(y) is the mean of ‖y − mean‖² over the same vectors. y is what
should be decoded: x itself, or what a transcoder is to make of x.
"""

import math
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import UserError
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block
from engine.sae.evaluation.vectors import Vectors


class ReconstructionMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """How well an autoencoder reconstructs some vectors, in raw activation units."""

    mse: float
    """Mean of (y − ŷ)² over vectors and dimensions."""
    fvu: float
    """Fraction of variance unexplained, E‖y − ŷ‖² / Var(y)."""
    explained_variance: float
    """1 − fvu"""
    l0: float
    """Features above the active threshold, per vector."""
    active_threshold: float
    """The act above which a feature counts as active."""
    dead_fraction: float
    """Share of the features that are active in none of the vectors."""
    cosine: float
    """Mean cosine of y and ŷ."""
    norm_ratio: float
    """Mean of ‖ŷ‖ / ‖y‖."""
    vectors: int
    """How many the means are over."""


@dataclass(frozen=True)
class Evaluation:
    """What one pass over some vectors measures."""

    metrics: ReconstructionMetrics
    density: Tensor
    """[d_sae] float64: in which share of the vectors each feature is active."""


@torch.no_grad()
def evaluate(
    sae: SparseAutoencoder,
    vectors: Vectors,
    *,
    progress: Progress = SILENT,
) -> Evaluation:
    """Measure `sae`, as it is at inference, on any vectors of its widths, on sae's device.

    fvu is not a number where all targets are the same. Raises UserError for no vectors.
    """
    if not len(vectors):
        raise UserError("There are no activations to evaluate on.", "Hold some documents out.")
    device, n, done = sae.W_dec.device, len(vectors), 0
    sums = _Sums(sae)
    for x, target in vectors.blocks(rows_per_block(sae.config.d_sae)):
        progress("evaluate", done, n, "tokens")
        sums.add(x.to(device), target.to(device))
        done += len(x)
    progress("evaluate", n, n, "tokens")
    return Evaluation(sums.metrics(), sums.fired.double() / n)


def finite_metrics(
    metrics: msgspec.Struct, *, training_l0: float | None = None
) -> dict[str, float]:
    """Metrics by name, as an SAE's metadata holds them: without those that are no finite number.

    With `training_l0`, the mean number of active features in training, also `l0_gap`: how many more
    there are at inference, where a threshold may stand for a choice among the whole batch.
    """
    named = msgspec.structs.asdict(metrics)
    if training_l0 is not None:
        named |= {"training_l0": training_l0, "l0_gap": named["l0"] - training_l0}
    return {name: float(value) for name, value in named.items() if math.isfinite(value)}


class _Sums:
    """The sums over vectors from which the metrics follow."""

    def __init__(self, sae: SparseAutoencoder) -> None:
        self._sae = sae
        self._n = 0
        self._pivot: Tensor | None = None
        device = sae.W_dec.device
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)
        self._centred_sum = torch.zeros(sae.W_dec.shape[1], dtype=torch.float64, device=device)
        self.fired = torch.zeros(sae.config.d_sae, dtype=torch.int64, device=device)

    def add(self, x: Tensor, target: Tensor) -> None:
        """Add vectors x [n, d_in] and what should be decoded, target [n, d_out]."""
        codes = self._sae.encode(x)
        self.fired += (codes > self._sae.active_threshold).sum(0)
        y, y_hat = target.double(), self._sae.decode(codes, x).double()
        if self._pivot is None:
            self._pivot = y[0]
        centred = y - self._pivot  # a large common mean would cost the variance its digits
        self._centred_sum += centred.sum(0)
        ratio = y_hat.norm(dim=1) / y.norm(dim=1)
        self._sums += torch.stack(
            [
                (y - y_hat).square().sum(),
                centred.square().sum(),
                functional.cosine_similarity(y, y_hat, dim=1).sum(),
                ratio.nan_to_num(0, posinf=0).sum(),
            ]
        )
        self._n += len(x)

    def metrics(self) -> ReconstructionMetrics:
        """The metrics of all vectors that were added."""
        squared_error, squares, cosine, norm_ratio = (self._sums / self._n).tolist()
        variance = squares - (self._centred_sum / self._n).square().sum().item()
        fvu = squared_error / variance if variance > 0 else math.nan
        return ReconstructionMetrics(
            mse=squared_error / len(self._centred_sum),
            fvu=fvu,
            explained_variance=1 - fvu,
            l0=self.fired.sum().item() / self._n,
            active_threshold=self._sae.active_threshold,
            dead_fraction=(self.fired == 0).double().mean().item(),
            cosine=cosine,
            norm_ratio=norm_ratio,
            vectors=self._n,
        )
