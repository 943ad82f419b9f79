"""What a direction in the residual stream says about the next token, all else left aside."""

import torch
from torch import Tensor, nn

from engine.errors import UserError
from engine.model.device_map import loaded
from engine.model.load import LanguageModel

_ROWS = 16384
"""Tokens whose unembedding is held in float32 at a time, to bound memory."""


@torch.no_grad()
def logit_effects(lm: LanguageModel, directions: Tensor) -> Tensor:
    """How residual `directions` [n, d_model] move the logits: [n, vocab_size], float32.

    The direct path of the logit lens: each direction times the weight of the final norm (centred
    first, where the norm centres), then the unembedding. The norm's division by the size of the
    whole residual stream, later layers, and what follows the unembedding (logit scale, softcap)
    are left out, so effects compare tokens and directions with one another and are no logits.

    Raises UserError for a model whose unembedding does not read the normed residual stream.
    """
    unembedding = lm.model.get_output_embeddings()
    weight = getattr(unembedding, "weight", None)
    if weight is None or weight.shape != (lm.vocab_size, lm.d_model):
        raise UserError(
            f"The unembedding of {lm.source} does not read the residual stream directly.",
            "Promoted and suppressed tokens can't be had for this model.",
        )
    towards = directions.to(lm.device, torch.float32)
    if lm.anatomy.final_norm is not None:
        if _centres(lm.anatomy.final_norm, lm):
            towards = towards - towards.mean(-1, keepdim=True)
        towards = towards * _norm_weight(lm.anatomy.final_norm, lm)
    with loaded(unembedding):  # it may be kept on the CPU or the disk
        rows = unembedding.weight.split(_ROWS)
        return torch.cat([towards.to(w.device) @ w.float().T for w in rows], dim=-1).to(lm.device)


def _norm_weight(norm: nn.Module, lm: LanguageModel) -> Tensor:
    """[d_model]: what `norm` multiplies each dimension by, once centred and divided.

    Norms keep their weight as it is, as one plus it, or have none; so it is measured. For an x of
    mean 0 and size 1, norm(x) = weight * x + bias, and norm(-x) = -weight * x + bias.
    """
    x = torch.ones(lm.d_model, device=lm.device)
    x[::2] = -1
    x = x - x.mean()
    x = (1024 * x / x.square().mean().sqrt()).to(lm.dtype)
    size = x.float().square().mean().sqrt()
    odd: Tensor = norm(x[None]) - norm(-x[None])
    return odd[0].to(x.device).float() * size / (2 * x.float())


def _centres(norm: nn.Module, lm: LanguageModel) -> bool:
    """Whether `norm` subtracts the mean: then a constant vector is nothing to it."""
    ones = torch.full((1, lm.d_model), 64.0, device=lm.device, dtype=lm.dtype)
    return torch.equal(norm(ones), norm(-ones))
