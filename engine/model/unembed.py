"""What a direction in the residual stream says about the next token, all else left aside."""

import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.device_map import loaded
from engine.model.load import LanguageModel
from engine.model.norms import measure_norm
from engine.model.residual import residual_directions
from engine.model.site import Site

_ROWS = 16384
"""Tokens whose unembedding is held in float32 at a time, to bound memory."""


@torch.no_grad()
def logit_effects(lm: LanguageModel, directions: Tensor, site: Site | None = None) -> Tensor:
    """How `directions` [n, width] at a site, None: in the residual stream, move the logits:
    [n, vocab_size], float32.

    The direct path of the logit lens: each direction times the weight of the final norm (centred
    first, where the norm centres), then the unembedding. The norm's division by the size of the
    whole residual stream, later layers, and what follows the unembedding (logit scale, softcap)
    are left out, so effects compare tokens and directions with one another and are no logits.

    Raises UserError for a model whose unembedding does not read the normed residual stream, and as
    `residual_directions`.
    """
    unembedding = lm.model.get_output_embeddings()
    weight = getattr(unembedding, "weight", None)
    if weight is None or weight.shape != (lm.vocab_size, lm.d_model):
        raise UserError(
            f"The unembedding of {lm.source} does not read the residual stream directly.",
            "Promoted and suppressed tokens can't be had for this model.",
        )
    towards = residual_directions(lm, directions, site).to(lm.device, torch.float32)
    if lm.anatomy.final_norm is not None:
        like = torch.empty(lm.d_model, dtype=lm.dtype, device=lm.device)
        norm = measure_norm(lm.anatomy.final_norm, like)
        if norm.centres:
            towards = towards - towards.mean(-1, keepdim=True)
        towards = norm.scale(towards)
    with loaded(unembedding):  # it may be kept on the CPU or the disk
        rows = unembedding.weight.split(_ROWS)
        return torch.cat([towards.to(w.device) @ w.float().T for w in rows], dim=-1).to(lm.device)
