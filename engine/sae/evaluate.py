"""How good an autoencoder is on activations that it has not seen.

All sums are taken in fp64. Var(x) is the mean of ‖x − mean‖² over the same vectors.
"""

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from engine.activations.store import ActivationSet
from engine.errors import UserError
from engine.progress import Progress, Silent
from engine.sae.base import SparseAutoencoder

BLOCK_ELEMENTS = 1 << 24
"""Acts held at once: 64 MB."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """An autoencoder's figures over some vectors, in raw activation units."""

    mse: float
    """Mean of (x − x̂)² over vectors and dimensions."""
    fvu: float
    """Fraction of variance unexplained, E‖x − x̂‖² / Var(x)."""
    explained_variance: float
    """1 − fvu"""
    l0: float
    """Features above the active threshold, per vector."""
    active_threshold: float
    """The act above which a feature counts as active."""
    dead_fraction: float
    """Share of the features that are active in none of the vectors."""
    cosine: float
    """Mean cosine of x and x̂."""
    norm_ratio: float
    """Mean of ‖x̂‖ / ‖x‖."""
    vectors: int


@torch.no_grad()
def evaluate(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    rows: Tensor,
    *,
    progress: Progress = Silent(),  # noqa: B008 - it holds no state
) -> Metrics:
    """Figures of `sae` over the given rows of an activation set, on sae's device.

    Raises UserError for activations of another width, or no rows. fvu is not a number where all
    vectors are the same.
    """
    acts.check_width(sae.config.d_in)
    if not len(rows):
        raise UserError("There are no activations to evaluate on.", "Hold some documents out.")
    device = sae.W_dec.device
    d_in, d_sae, n = sae.config.d_in, sae.config.d_sae, len(rows)
    sums = torch.zeros(4, dtype=torch.float64, device=device)
    total = torch.zeros(d_in, dtype=torch.float64, device=device)
    fired = torch.zeros(d_sae, dtype=torch.int64, device=device)
    done = 0
    for some in torch.split(rows, max(1, BLOCK_ELEMENTS // d_sae)):
        progress("evaluate", done, n, "tokens")
        raw = acts.rows(some).to(device)
        codes = sae.encode(raw)
        fired += (codes > sae.active_threshold).sum(0)
        x, x_hat = raw.double(), sae.decode(codes).double()
        length, length_hat = x.norm(dim=1), x_hat.norm(dim=1)
        total += x.sum(0)
        sums += torch.stack(
            [
                (x - x_hat).square().sum(),
                x.square().sum(),
                functional.cosine_similarity(x, x_hat, dim=1).sum(),
                (length_hat / length.clamp_min(1e-30)).sum(),
            ]
        )
        done += len(some)
    progress("evaluate", n, n, "tokens")
    squared_error, squares, cosine, norm_ratio = (sums / n).tolist()
    variance = squares - (total / n).square().sum().item()
    fvu = squared_error / variance if variance > 0 else float("nan")
    return Metrics(
        mse=squared_error / d_in,
        fvu=fvu,
        explained_variance=1 - fvu,
        l0=fired.sum().item() / n,
        active_threshold=sae.active_threshold,
        dead_fraction=(fired == 0).double().mean().item(),
        cosine=cosine,
        norm_ratio=norm_ratio,
        vectors=n,
    )
