"""How what the model says depends on the activations at a site, to first order."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from engine.model.edit import editing, reading_edits
from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.site import Site


class Sensitivity(NamedTuple):
    """What was at a site, what the model said, and how a figure of that changes with the former."""

    read: Tensor
    """[tokens, width], at the site that was to be read besides"""
    activations: Tensor
    """[tokens, width]"""
    logits: Tensor
    """[tokens, vocab_size]"""
    gradient: Tensor
    """[tokens, width]: ∂ figure / ∂ activations"""


def sensitivity(
    lm: LanguageModel,
    token_ids: Tensor,
    site: Site,
    figure: Callable[[Tensor], Tensor],
    *,
    read: Site | None = None,
) -> Sensitivity:
    """The gradient of `figure`, a scalar made of logits [tokens, vocab_size], for one text.

    token_ids: [tokens]. What is at `read`, which comes before the site, is given, too; None: the
    same site. All is in the model's dtype and on its device; the logits are those of the model
    without edits, bit for bit, and nothing below the site is differentiated.
    Raises UserError for a site that the model does not have and as `checked_ids`.
    """
    seen: list[Tensor] = []

    def start_here(x: Tensor, y: Tensor, _: Tensor) -> Tensor:
        seen.extend((y.detach().requires_grad_(), x.detach()))
        return seen[0].clone()  # some models add to it in place, which a leaf doesn't take

    ids = checked_ids(lm, token_ids[None])
    with torch.enable_grad(), editing(lm, reading_edits(read or site, site, start_here)):
        logits = lm.model(input_ids=ids, use_cache=False).logits[0]
        (gradient,) = torch.autograd.grad(figure(logits), seen[0])
    read_there, here, gradient = (x[0].to(lm.device) for x in (seen[1], seen[0].detach(), gradient))
    return Sensitivity(read_there, here, logits.detach(), gradient)
