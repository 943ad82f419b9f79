"""What ablating each feature of a text would do to what the model says, to first order.

Of a feature with acts z_t at the tokens t, and a figure of the model's output,

    attribution = Σ_t (0 − z_t) · ∂figure/∂z_t,   ∂figure/∂z_t = gain(x_t) · W_dec · ∂figure/∂y_t

(y is what the features write into: x itself, but for a transcoder) is the figure once the feature
is ablated minus the figure before, if that is linear in z: attribution patching (Nanda 2023; Syed
et al. 2023, arXiv:2310.10348), for features as the indirect effect of Marks et al. 2024
(arXiv:2403.19647), patched minus clean, with 0 for the patch. So it has the sign of the effect that
it estimates, and that of gradient times activation turned round. The derivative is that of x +
decode(z, x) − decode(z, x)', where the last term and x are held: the reconstruction error is kept,
as in every intervention here, and no other feature's act moves.
"""

import torch
from torch import Tensor

from engine.features.search.active_features import ActiveFeatures
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block


@torch.no_grad()
def attributions(
    sae: SparseAutoencoder, active: ActiveFeatures, x: Tensor, gradient: Tensor
) -> Tensor:
    """[active] float64: the attribution of each of `active.features`, in the figure's units.

    x [tokens, d_in] and the figure's gradient by what the features write into, [tokens, d_out].
    Memory: blocks of 64 MiB.
    """
    W_dec = sae.W_dec
    towards = gradient.to(W_dec.device).float() * sae.decoder_gain(x.to(W_dec.device))
    rows = active.row_of()
    totals = torch.zeros(len(active.features), dtype=torch.float64, device=W_dec.device)
    entries_at_once = rows_per_block(W_dec.shape[1])
    for entries in torch.split(torch.arange(len(rows), device=rows.device), entries_at_once):
        directions = W_dec[active.features[rows[entries]]]
        slopes = (directions * towards[active.tokens[entries]]).sum(-1, dtype=torch.float64)
        totals.index_add_(0, rows[entries], slopes * active.acts[entries], alpha=-1)
    return totals
