"""How what the model says depends on the activations at a site, to first order."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from engine.model.edit import editing
from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.site import Site


class Sensitivity(NamedTuple):
    """What was at a site, what the model said, and how a figure of that changes with the former."""

    activations: Tensor
    """[tokens, d_model]"""
    logits: Tensor
    """[tokens, vocab_size]"""
    gradient: Tensor
    """[tokens, d_model]: ∂ figure / ∂ activations"""


def sensitivity(
    lm: LanguageModel, token_ids: Tensor, site: Site, figure: Callable[[Tensor], Tensor]
) -> Sensitivity:
    """The gradient of `figure`, a scalar made of logits [tokens, vocab_size], for one text.

    token_ids: [tokens]. All is in the model's dtype and on its device; the logits are those of the
    model without edits, bit for bit, and nothing below the site is differentiated.
    Raises UserError for a site that the model does not have and as `checked_ids`.
    """
    seen: list[Tensor] = []

    def start_here(x: Tensor, _: Tensor) -> Tensor:
        seen.append(x.detach().requires_grad_())
        return seen[0].clone()  # some models add to it in place, which a leaf doesn't take

    ids = checked_ids(lm, token_ids[None])
    with torch.enable_grad(), editing(lm, {site: start_here}):
        logits = lm.model(input_ids=ids, use_cache=False).logits[0]
        (gradient,) = torch.autograd.grad(figure(logits), seen[0])
    activations, gradient = (each[0].to(lm.device) for each in (seen[0].detach(), gradient))
    return Sensitivity(activations, logits.detach(), gradient)
