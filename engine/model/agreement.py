"""Whether a model says the same in two ways of running it, but for rounding."""

import torch
from torch import Tensor

_ROUNDINGS = 8
_LEAST = 1e-3


def agree(logits: Tensor, expected: Tensor, computed_in: torch.dtype) -> bool:
    """Whether logits are those that were expected of a model that computes in a dtype.

    They may differ by `_ROUNDINGS` roundings of the dtype, and by at least `_LEAST`, as shares of
    the largest logit. What goes wrong in a model, such as a state that is lost or another row's,
    makes a difference of another order.
    """
    if logits.shape != expected.shape:
        return False
    found, wanted = logits.float(), expected.float()
    allowed = max(_LEAST, _ROUNDINGS * torch.finfo(computed_in).eps) * wanted.abs().max()
    return bool((found - wanted).abs().max() <= allowed)
